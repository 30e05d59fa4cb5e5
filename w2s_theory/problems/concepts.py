"""The world of latent concepts: a strong model that knows several linear regressions, and a weak one that knows which of them is meant.

    x ~ N(0, I_d),   strong model: K concepts β_1 … β_K with prior α,   weak label y' = β_w·x + τ ξ, ξ ~ N(0, 1),   target β_*·x

The weak model is aligned (it means concept k*), not accurate: β_w differs from β_* (biased), or τ is large (noisy), or both. Errors are
expected squared distances of regression functions, so a head β has error ‖β − β_*‖². A general covariance Σ is this world after whitening.
The setting is that of somerstep2025; NumPy float64.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from .._validation import frozen, generator, positive, shares, whole


@dataclass(frozen=True, eq=False)
class ConceptWorld:
    """What nature fixes in a weak-to-strong problem with latent concepts.

    ``concepts``: (K, d), the strong model's regression vectors β_k, K ≥ 1; ``weak``: (d,), β_w; ``weak_noise``: τ ≥ 0, standard deviation
    of the weak labels' noise; ``belief``: σ > 0, the standard deviation that the strong model believes labels to have (it need not be
    τ); ``prior``: α (K,), equal when ``None``; ``aligned``: the index k* of the concept that the weak model means; ``target``: β_* (d,),
    the truth, ``concepts[aligned]`` when ``None`` (anything else is a strong model whose own concept is imperfect); ``spread``: ψ ≥ 0,
    the strong model believes that a concept is N(β_k, ψ² I) rather than the point β_k; ``features``: "gaussian", or "uniform" on
    [−√3, √3]^d, which has the same covariance. Raises ``ValueError`` otherwise.
    """

    concepts: np.ndarray
    weak: np.ndarray
    weak_noise: float = 0.0
    belief: float = 1.0
    prior: np.ndarray | None = None
    aligned: int = 0
    target: np.ndarray | None = None
    spread: float = 0.0
    features: Literal["gaussian", "uniform"] = "gaussian"

    def __post_init__(self) -> None:
        object.__setattr__(self, "concepts", frozen("concepts", self.concepts, ndim=2))
        object.__setattr__(self, "aligned", whole("aligned", self.aligned, at_least=0))
        if not self.aligned < self.count:
            raise ValueError(f"aligned must be the index of one of {self.count} concepts; it is {self.aligned}.")
        prior = np.full(self.count, 1.0 / self.count) if self.prior is None else self.prior
        object.__setattr__(self, "prior", shares("prior", prior))
        if self.alpha.shape != (self.count,):
            raise ValueError(f"prior must have one share for each of {self.count} concepts; its shape is {self.alpha.shape}.")
        if self.alpha[self.aligned] == 0.0:
            raise ValueError("prior of the aligned concept must be positive: a concept that is ruled out can't be identified.")
        object.__setattr__(self, "target", self.concepts[self.aligned] if self.target is None else self.target)
        for name in ("weak", "target"):
            vector = frozen(name, getattr(self, name), ndim=1)
            if vector.shape != (self.d,):
                raise ValueError(f"{name} must have {self.d} coefficients, as the concepts; its shape is {vector.shape}.")
            object.__setattr__(self, name, vector)
        for name, strict in (("weak_noise", False), ("belief", True), ("spread", False)):
            object.__setattr__(self, name, positive(name, getattr(self, name), strict=strict))
        if self.belief**2 == 0.0:
            raise ValueError(f"belief must have a square that is not zero in float64; it is {self.belief!r}. Rescale the world.")
        if self.features not in ("gaussian", "uniform"):
            raise ValueError(f"features must be 'gaussian' or 'uniform'; it is {self.features!r}.")

    @property
    def count(self) -> int:
        """K, the number of concepts."""
        return int(self.concepts.shape[0])

    @property
    def d(self) -> int:
        """Number of features."""
        return int(self.concepts.shape[1])

    @property
    def alpha(self) -> np.ndarray:
        """The prior over concepts, (K,)."""
        assert self.prior is not None
        return self.prior

    @property
    def truth(self) -> np.ndarray:
        """β_*, (d,)."""
        assert self.target is not None
        return self.target

    @property
    def source(self) -> np.ndarray:
        """β_P = Σ α_k β_k, what the strong model predicts before it sees anything, (d,)."""
        return self.alpha @ self.concepts

    @property
    def competitors(self) -> np.ndarray:
        """The indices of the other concepts, (K − 1,)."""
        return np.delete(np.arange(self.count), self.aligned)

    def error(self, heads: np.ndarray) -> np.ndarray:
        """‖β − β_*‖² of heads (..., d): expected squared error of the regression function, noise left out."""
        if np.shape(heads)[-1:] != (self.d,):
            raise ValueError(f"heads must have {self.d} coefficients on their last axis; their shape is {np.shape(heads)}.")
        return np.sum(np.square(heads - self.truth), axis=-1)

    @property
    def weak_error(self) -> float:
        """ε_w² = ‖β_w − β_*‖²: what naive fine-tuning tends to."""
        return float(self.error(self.weak))

    @property
    def source_error(self) -> float:
        """ε_P² = ‖β_P − β_*‖²: the strong model before fine-tuning."""
        return float(self.error(self.source))

    @property
    def strong_error(self) -> float:
        """‖β_{k*} − β_*‖²: the strong model told which concept is meant. Zero when ``target`` is the aligned concept."""
        return float(self.error(self.concepts[self.aligned]))

    def is_gaussian(self) -> bool:
        """True when features are Gaussian: only the span of the concepts, β_w and β_* matters then."""
        return self.features == "gaussian"

    def is_sharp(self) -> bool:
        """True when concepts are points (ψ = 0)."""
        return self.spread == 0.0

    def is_orthonormal(self) -> bool:
        """True when the concepts are orthonormal, up to 1e-9."""
        return bool(np.allclose(self.concepts @ self.concepts.T, np.eye(self.count), rtol=0.0, atol=1e-9))

    def is_paper_geometry(self) -> bool:
        """True for orthonormal concepts, a weak vector orthogonal to every other concept, and the target among the concepts."""
        others = self.concepts[self.competitors] @ self.weak
        return (
            self.is_orthonormal()
            and self.is_on_concept()
            and bool(np.all(np.abs(others) <= 1e-12 * (1.0 + np.linalg.norm(self.weak))))
        )

    def is_on_concept(self) -> bool:
        """True when the target is the aligned concept, so that the strong model, told which, is exact."""
        meant = self.concepts[self.aligned]
        return bool(np.all(np.abs(self.truth - meant) <= 1e-12 * np.linalg.norm(meant)))

    @cached_property
    def reduced(self) -> ConceptWorld:
        """The same world in an orthonormal basis of the span of concepts, β_w and β_*: at most K + 2 features carry everything.

        For Gaussian features every law of weights and errors is the same in it, for sharp concepts (a soft concept also learns the
        other directions). Raises ``ValueError`` for uniform features or soft concepts.
        """
        if not (self.is_gaussian() and self.is_sharp()):
            raise ValueError("only a Gaussian world with sharp concepts can be reduced; use all features.")
        vectors = np.vstack([self.concepts, self.weak, self.truth])
        _, sizes, axes = np.linalg.svd(vectors, full_matrices=False)
        axes = axes[: max(1, int(np.sum(sizes > 1e-12 * sizes[0])))].T
        return replace(self, concepts=self.concepts @ axes, weak=self.weak @ axes, target=self.truth @ axes)

    def draw_features(self, shape: tuple[int, ...], *, rng: np.random.Generator) -> np.ndarray:
        """Features of ``shape``, whose last axis should be d."""
        if self.is_gaussian():
            return rng.standard_normal(shape)
        return rng.uniform(-np.sqrt(3.0), np.sqrt(3.0), shape)

    def sample(self, prompts: int, n: int, *, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """``prompts`` independent sets of n weakly labelled examples: features (prompts, n, d) and labels (prompts, n)."""
        generator(rng)
        features = self.draw_features((whole("prompts", prompts), whole("n", n), self.d), rng=rng)
        return features, features @ self.weak + self.weak_noise * rng.standard_normal((prompts, n))


def orthonormal_world(
    count: int,
    *,
    alignment: float = 1.0,
    length: float | None = None,
    weak_noise: float = 0.0,
    belief: float = 1.0,
    prior: np.ndarray | None = None,
    d: int | None = None,
) -> ConceptWorld:
    """The geometry of somerstep2025: K orthonormal concepts and a weak vector orthogonal to the K − 1 wrong ones.

    ``alignment`` c = β_*·β_w; ``length`` m = ‖β_w‖² ≥ c², c² when ``None`` (no component outside the concepts); ``d`` ≥ K + 1 features,
    K + 1 when ``None``. ε_w² = 1 + m − 2c. Raises ``ValueError`` otherwise.
    """
    d = whole("count", count) + 1 if d is None else d
    square = alignment**2 if length is None else length
    if not np.isfinite(alignment) or not np.isfinite(square):
        raise ValueError(f"alignment and length must be finite; they are {alignment!r} and {length!r}.")
    if whole("d", d) < count + 1:
        raise ValueError(f"d must be at least count + 1 = {count + 1}, for a weak direction outside the concepts; it is {d}.")
    if square < alignment**2:
        raise ValueError(f"length (‖β_w‖²) must be at least alignment² = {alignment**2:.6g}; it is {square!r}.")
    weak = np.zeros(d)
    weak[0], weak[-1] = alignment, np.sqrt(square - alignment**2)
    return ConceptWorld(np.eye(count, d), weak, weak_noise, belief, prior)
