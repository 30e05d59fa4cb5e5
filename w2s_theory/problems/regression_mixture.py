"""Latent concept shift in regression: which of K linear functions labels a point is hidden, and the target mixes them in other shares.

    x ~ N(0, I_d),    label y = β_K·x + σ ξ  with K ~ π (source) or q (target),    weak label y' = β^w_K·x + τ ξ  with K ~ q

The target regression function is β_q·x, β_q = Σ q_k β_k. The setting is that of somerstep2025limitations. NumPy float64.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._validation import frozen, generator, positive, shares, whole
from ..montecarlo import categorical


@dataclass(frozen=True, eq=False)
class RegressionMixture:
    """``concepts`` β: (K, d); ``source`` π (positive) and ``target`` q: (K,); ``noise`` σ > 0, of the strong model's components.

    ``weak_concepts`` β^w: (K, d), and ``weak_noise`` τ > 0: the same as the strong model's when ``None``. Raises ``ValueError`` otherwise.
    """

    concepts: np.ndarray
    source: np.ndarray
    target: np.ndarray
    noise: float
    weak_concepts: np.ndarray | None = None
    weak_noise: float | None = None

    def __post_init__(self) -> None:
        for name in ("concepts", "weak_concepts"):
            value = self.concepts if getattr(self, name) is None else getattr(self, name)
            object.__setattr__(self, name, frozen(name, value, ndim=2))
        for name in ("source", "target"):
            object.__setattr__(self, name, shares(name, getattr(self, name)))
        if not len(self.concepts) == self.source.size == self.target.size or self.concepts.shape != self.weak.shape:
            raise ValueError(
                f"concepts, weak_concepts, source and target must agree on the number of concepts (and of features); their shapes are "
                f"{self.concepts.shape}, {self.weak.shape}, {self.source.shape}, {self.target.shape}."
            )
        if not np.all(self.source > 0):
            raise ValueError(
                "source must be positive: a concept that the strong model rules out is never found. Drop the concept."
            )
        object.__setattr__(self, "noise", positive("noise", self.noise))
        object.__setattr__(self, "weak_noise", positive("weak_noise", self.noise if self.weak_noise is None else self.weak_noise))

    @property
    def weak(self) -> np.ndarray:
        """β^w, (K, d)."""
        assert self.weak_concepts is not None
        return self.weak_concepts

    @property
    def weak_scale(self) -> float:
        """τ."""
        assert self.weak_noise is not None
        return self.weak_noise

    @property
    def d(self) -> int:
        """Number of features."""
        return int(self.concepts.shape[1])

    @property
    def target_head(self) -> np.ndarray:
        """β_q = Σ q_k β_k, (d,)."""
        return self.target @ self.concepts

    @property
    def mean_bias(self) -> np.ndarray:
        """Σ q_k (β^w_k − β_k), (d,): what a student trained on weak labels is off by."""
        return self.target @ (self.weak - self.concepts)

    def is_balanced_pair(self) -> bool:
        """True for two different concepts with equal source priors."""
        if self.source.size != 2 or self.source[0] != self.source[1]:
            return False
        return bool(np.sum(np.square(self.concepts[0] - self.concepts[1])) > 0)

    def is_unbiased(self) -> bool:
        """True when the weak concepts are the strong ones: weak labels are noisy only."""
        return bool(np.array_equal(self.concepts, self.weak))

    def has_common_orthogonal_bias(self) -> bool:
        """True when all weak concepts are off by one vector, orthogonal (up to 1e-9) to the differences of the concepts."""
        bias = self.weak - self.concepts
        along = (self.concepts - self.concepts[0]) @ bias[0]
        return bool(np.allclose(bias, bias[0], rtol=0.0, atol=1e-12)) and bool(np.all(np.abs(along) <= 1e-9))

    def log_densities(self, features: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """log N(labels; β_k·x, σ²) at ``features`` (..., d) and ``labels`` (...), up to a constant: (..., K)."""
        return -0.5 * np.square((np.asarray(labels)[..., None] - features @ self.concepts.T) / self.noise)

    def draw(self, features: np.ndarray, concepts: np.ndarray, *, rng: np.random.Generator) -> np.ndarray:
        """The strong model's labels of ``concepts`` (...) at ``features`` (..., d)."""
        means = np.sum(features * self.concepts[concepts], axis=-1)
        return means + self.noise * rng.standard_normal(concepts.shape)

    def weak_labels(self, features: np.ndarray, *, rng: np.random.Generator) -> np.ndarray:
        """Weak labels at ``features`` (..., d), each with a concept of its own: (...)."""
        generator(rng)
        shape = features.shape[:-1]
        concepts = categorical(self.target, rng=rng, shape=shape)
        return np.sum(features * self.weak[concepts], axis=-1) + self.weak_scale * rng.standard_normal(shape)


@dataclass(frozen=True, eq=False)
class RegressionTraining:
    """Students of a ``world`` that are fitted to ``labels`` n weak labels each. Raises ``ValueError`` or ``TypeError`` otherwise."""

    world: RegressionMixture
    labels: int = 100

    def __post_init__(self) -> None:
        if not isinstance(self.world, RegressionMixture):
            raise TypeError(f"world must be a RegressionMixture; it is a {type(self.world).__name__}.")
        whole("labels", self.labels)

    def has_enough_labels(self, spare: int = 1) -> bool:
        """True when least squares has a mean error: labels > d + ``spare``."""
        return self.labels > self.world.d + spare
