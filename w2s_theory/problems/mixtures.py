"""Latent concept shift on finite mixtures: the strong model's prior over concepts is wrong, and all it gets are weak labels.

    source (strong model)   K ~ π,  Y ~ f_K           target   K ~ q,  Y ~ f_K           weak labels   K ~ q,  Y' ~ f^w_K

Only the prior over K shifts, and labels are replaced by weak ones. The f_k are Gaussian on the line or distributions over V tokens; an input
x on which everything depends would only be a name for several such worlds. The setting is that of somerstep2025limitations. NumPy float64.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from .._validation import frozen, generator, positive, shares, whole
from ..montecarlo import categorical, cumulative, inverted

#: A Gaussian expectation is a sum over nodes up to this many standard deviations away: 2e-23 of the mass lies beyond.
REACH = 10.0
#: At most this many nodes for a Gaussian (32 MiB for each concept); sharper posteriors are refused.
MOST_NODES = 2**22


@dataclass(frozen=True, eq=False)
class FiniteMixture:
    """The two priors of a latent concept shift. ``source`` π and ``target`` q: (K,), non-negative, summing to one; π positive.

    Subclasses give the components. Raises ``ValueError`` for anything else.
    """

    source: np.ndarray
    target: np.ndarray

    def __post_init__(self) -> None:
        for name in ("source", "target"):
            object.__setattr__(self, name, shares(name, getattr(self, name)))
        if self.source.shape != self.target.shape:
            raise ValueError(
                f"source and target must be priors over the same concepts; they have {self.source.size} and {self.target.size}."
            )
        if not np.all(self.source > 0):
            raise ValueError(
                "source must be positive: a concept that the strong model rules out is never found. Drop the concept."
            )

    @property
    def count(self) -> int:
        """K, the number of concepts."""
        return int(self.source.size)

    def log_densities(self, labels: np.ndarray) -> np.ndarray:
        """log f_k of the strong model at ``labels`` (...): (..., K)."""
        raise NotImplementedError

    def draw(self, concepts: np.ndarray, *, rng: np.random.Generator) -> np.ndarray:
        """One label y ~ f_k for each of ``concepts``, in their shape."""
        raise NotImplementedError

    def draw_weak(self, concepts: np.ndarray, *, rng: np.random.Generator) -> np.ndarray:
        """One weak label y' ~ f^w_k for each of ``concepts``, in their shape."""
        raise NotImplementedError

    def nodes(self) -> tuple[np.ndarray, np.ndarray]:
        """Labels and weights (K, G) with E[g(Y') | K = j] = Σ_i weights_ji g(labels_ji) for weak labels Y'."""
        raise NotImplementedError

    def is_faithful(self) -> bool:
        """True when weak labels follow the strong model's own components: f^w = f."""
        raise NotImplementedError

    def faithful(self) -> FiniteMixture:
        """The same world with f^w = f: what the second round of refinement meets."""
        raise NotImplementedError

    def sample(self, count: int, *, rng: np.random.Generator, examples: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """``count`` prompts of weak labels that share a concept: concepts (count,) and weak labels (count, examples)."""
        generator(rng)
        shape = (whole("count", count), whole("examples", examples))
        concepts = categorical(self.target, rng=rng, shape=shape[:1])
        return concepts, self.draw_weak(np.broadcast_to(concepts[:, None], shape), rng=rng)


@dataclass(frozen=True, eq=False)
class GaussianMixture(FiniteMixture):
    """f_k = N(means_k, noise²) and f^w_k = N(weak_means_k, weak_noise²).

    ``means``: (K,); ``noise`` > 0; ``weak_means`` and ``weak_noise`` are the strong model's when ``None``. Raises ``ValueError`` otherwise.
    """

    means: np.ndarray
    noise: float = 1.0
    weak_means: np.ndarray | None = None
    weak_noise: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("means", "weak_means"):
            value = self.means if getattr(self, name) is None else getattr(self, name)
            object.__setattr__(self, name, frozen(name, value, ndim=1))
            if getattr(self, name).shape != self.source.shape:
                raise ValueError(
                    f"{name} must have one entry per concept, {self.count}; its shape is {getattr(self, name).shape}."
                )
        object.__setattr__(self, "noise", positive("noise", self.noise))
        object.__setattr__(self, "weak_noise", positive("weak_noise", self.noise if self.weak_noise is None else self.weak_noise))

    @property
    def weak_centres(self) -> np.ndarray:
        """The means of the weak labels, (K,)."""
        assert self.weak_means is not None
        return self.weak_means

    @property
    def weak_scale(self) -> float:
        """Standard deviation of the weak labels given the concept."""
        assert self.weak_noise is not None
        return self.weak_noise

    def log_densities(self, labels: np.ndarray) -> np.ndarray:
        """log N(labels; means_k, noise²): (..., K)."""
        return _log_normal(labels, self.means, self.noise)

    def weak_log_densities(self, labels: np.ndarray) -> np.ndarray:
        """log f^w_k at ``labels`` (...): (..., K)."""
        return _log_normal(labels, self.weak_centres, self.weak_scale)

    def draw(self, concepts: np.ndarray, *, rng: np.random.Generator) -> np.ndarray:
        """Labels N(means_k, noise²)."""
        return self.means[concepts] + self.noise * rng.standard_normal(np.shape(concepts))

    def draw_weak(self, concepts: np.ndarray, *, rng: np.random.Generator) -> np.ndarray:
        """Weak labels N(weak_means_k, weak_noise²)."""
        return self.weak_centres[concepts] + self.weak_scale * rng.standard_normal(np.shape(concepts))

    @cached_property
    def _grid(self) -> np.ndarray:
        """Standard normal nodes: the trapezium rule, which converges exponentially for functions that are analytic near the line.

        Log ratios of components are linear with slope at most Δ/σ², so a posterior has no pole within πσ²/Δ of the line: a step h leaves
        errors of order exp(−2π² σ²/(Δh)), below 2⁻⁵² for h ≤ σ²/(2Δ); the normal density itself asks for h ≤ τ/5.
        """
        slope = float(np.ptp(self.means)) / self.noise**2
        step = min(0.2, 0.5 / (slope * self.weak_scale)) if slope > 0 else 0.2
        half = int(np.ceil(REACH / step))
        if 2 * half + 1 > MOST_NODES:
            raise ValueError(
                f"means must lie within about {MOST_NODES / 40:.0f} noise²/weak_noise of each other for the quadrature; they span "
                f"{np.ptp(self.means):.3g} at noise {self.noise:.3g}. Components that far apart don't overlap: drop the far ones."
            )
        return step * np.arange(-half, half + 1)

    def nodes(self) -> tuple[np.ndarray, np.ndarray]:
        """Nodes of the trapezium rule around each weak mean, (K, G)."""
        weights = np.exp(-0.5 * self._grid**2)
        labels = self.weak_centres[:, None] + self.weak_scale * self._grid
        return labels, np.broadcast_to(weights / weights.sum(), labels.shape)

    def is_faithful(self) -> bool:
        """True when means and noise of the weak labels are the strong model's."""
        return bool(np.array_equal(self.means, self.weak_centres)) and self.noise == self.weak_scale

    def faithful(self) -> GaussianMixture:
        """The same world with f^w = f."""
        return replace(self, weak_means=self.means, weak_noise=self.noise)

    def pooled(self, examples: int) -> GaussianMixture:
        """The world of the mean of ``examples`` labels that share a concept, which is sufficient: both noises divided by √n."""
        root = np.sqrt(whole("examples", examples))
        return replace(self, noise=self.noise / root, weak_noise=self.weak_scale / root)


@dataclass(frozen=True, eq=False)
class TokenMixture(FiniteMixture):
    """Components over V tokens: ``tables`` (K, V) holds f_k(v), ``weak_tables`` f^w_k(v) (the same when ``None``).

    Rows are non-negative and sum to one. A token that weak labels can show and that no component gives is refused: the strong model's
    posterior would not exist there. Raises ``ValueError``.
    """

    tables: np.ndarray
    weak_tables: np.ndarray | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("tables", "weak_tables"):
            value = self.tables if getattr(self, name) is None else getattr(self, name)
            object.__setattr__(self, name, shares(name, value, ndim=2))
        if self.tables.shape != self.weak.shape or len(self.tables) != self.count:
            raise ValueError(
                f"tables and weak_tables must have shape (K, V) with K = {self.count}; they are {self.tables.shape}, {self.weak.shape}."
            )
        orphans = (self.tables.sum(axis=0) == 0) & (self.weak.sum(axis=0) > 0)
        if np.any(orphans):
            raise ValueError(
                f"tables must give every token that weak labels show; no concept gives token {int(np.argmax(orphans))}."
            )

    @property
    def weak(self) -> np.ndarray:
        """f^w, (K, V)."""
        assert self.weak_tables is not None
        return self.weak_tables

    def log_densities(self, labels: np.ndarray) -> np.ndarray:
        """log f_k(labels), −∞ for impossible tokens: (..., K)."""
        with np.errstate(divide="ignore"):
            return np.log(self.tables.T)[labels]

    def draw(self, concepts: np.ndarray, *, rng: np.random.Generator) -> np.ndarray:
        """Tokens of f_k."""
        return inverted(cumulative(self.tables)[concepts], rng=rng)

    def draw_weak(self, concepts: np.ndarray, *, rng: np.random.Generator) -> np.ndarray:
        """Tokens of f^w_k."""
        return inverted(cumulative(self.weak)[concepts], rng=rng)

    def nodes(self) -> tuple[np.ndarray, np.ndarray]:
        """The tokens that some concept gives, weighted by f^w_j: expectations are finite sums."""
        tokens = np.flatnonzero(self.tables.sum(axis=0))
        return np.broadcast_to(tokens, (self.count, tokens.size)), self.weak[:, tokens]

    def is_faithful(self) -> bool:
        """True when both tables are equal."""
        return bool(np.array_equal(self.tables, self.weak))

    def faithful(self) -> TokenMixture:
        """The same world with f^w = f."""
        return replace(self, weak_tables=self.tables)


@dataclass(frozen=True, eq=False)
class Refinement:
    """``rounds`` rounds of label refinement with a frozen prior, each prompt holding ``examples`` labels that share a concept.

    Several examples need a Gaussian ``world``, whose mean label is sufficient. Raises ``ValueError`` otherwise.
    """

    world: FiniteMixture
    rounds: int = 1
    examples: int = 1

    def __post_init__(self) -> None:
        whole("rounds", self.rounds)
        if whole("examples", self.examples) > 1 and not isinstance(self.world, GaussianMixture):
            raise ValueError(f"examples must be 1 unless the world is a GaussianMixture; it is {self.examples}.")

    @property
    def effective(self) -> FiniteMixture:
        """The world whose single labels carry what a prompt carries."""
        return self.world.pooled(self.examples) if isinstance(self.world, GaussianMixture) else self.world


def _log_normal(labels: np.ndarray, means: np.ndarray, noise: float) -> np.ndarray:
    return -0.5 * np.square((np.asarray(labels)[..., None] - means) / noise) - np.log(noise * np.sqrt(2.0 * np.pi))
