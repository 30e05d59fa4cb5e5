"""A fixed design: features that stay as they are, weak labels from a weak head plus noise, and a ridge student of given penalty."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .._validation import finite, frozen, generator, positive
from ..linalg import rank_tolerance

#: Squared singular values closer than this, relatively, are one value: rounding alone tells them apart.
EQUAL = 1e-9


@dataclass(frozen=True, eq=False)
class FixedDesign:
    """Weak labels on n fixed points, and what is fitted to them.

        weak label = x·a + σ ε,    target = x·β,    ε standard normal;    risk of a head b = ‖b − β‖²

    (the mean squared error on fresh points whose features have identity covariance). ``features`` X: (n, d), any rank;
    ``target_head`` β and ``weak_head`` a: (d,), so that a − β is the weak bias; ``noise`` σ ≥ 0; ``penalty`` λ ≥ 0 of the objective
    ‖X b − labels‖² + λ‖b‖²; ``mixings`` ξ_1, …, ξ_k: how much of its teacher's predictions each self-distilled student is trained on.
    Raises ``ValueError`` for NaN, wrong shapes or features that are all zero.
    """

    features: np.ndarray
    target_head: np.ndarray
    weak_head: np.ndarray
    noise: float
    penalty: float
    mixings: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "features", frozen("features", self.features, ndim=2))
        for name in ("target_head", "weak_head"):
            head = frozen(name, getattr(self, name), ndim=1)
            if head.shape != (self.d,):
                raise ValueError(f"{name} must have one coefficient per feature, ({self.d},); its shape is {head.shape}.")
            object.__setattr__(self, name, head)
        if not np.any(self.features):
            raise ValueError("features must not be all zero; nothing can be learnt from them. Pass a design of rank at least 1.")
        positive("noise", self.noise, strict=False)
        positive("penalty", self.penalty, strict=False)
        if np.shape(self.mixings) != (0,):
            finite("mixings", self.mixings, ndim=1)
        object.__setattr__(self, "mixings", tuple(float(xi) for xi in self.mixings))

    @property
    def n(self) -> int:
        """Number of points."""
        return int(self.features.shape[0])

    @property
    def d(self) -> int:
        """Number of features."""
        return int(self.features.shape[1])

    @cached_property
    def _decomposition(self) -> tuple[np.ndarray, np.ndarray]:
        _, values, right = np.linalg.svd(self.features, full_matrices=False)
        kept = values > rank_tolerance(self.n, self.d, float(np.finfo(np.float64).eps)) * values[0]
        return values[kept] ** 2, right[kept].T

    @property
    def squares(self) -> np.ndarray:
        """Squared singular values s² of the features (r,), largest first, r their rank."""
        return self._decomposition[0]

    @property
    def basis(self) -> np.ndarray:
        """Right singular vectors V (d, r)."""
        return self._decomposition[1]

    @cached_property
    def groups(self) -> np.ndarray:
        """For each singular value, which distinct one it is (r,): 0, …; those within ``EQUAL`` of each other are one."""
        falls = np.diff(self.squares) < -EQUAL * self.squares[:-1]
        return np.concatenate([[0], np.cumsum(falls)])

    def is_penalised(self) -> bool:
        """True when λ > 0: without a penalty a student reproduces its teacher on the sample, and distillation changes nothing."""
        return self.penalty > 0

    def is_noisy(self) -> bool:
        """True when σ > 0."""
        return self.noise > 0

    def sample(self, count: int, *, rng: np.random.Generator) -> np.ndarray:
        """``count`` independent draws of the weak labels on the design: (count, n)."""
        generator(rng)
        return self.features @ self.weak_head + self.noise * rng.standard_normal((count, self.n))

    def risk(self, heads: np.ndarray) -> np.ndarray:
        """‖b − β‖² of heads (..., d): shape (...)."""
        return np.sum((heads - self.target_head) ** 2, axis=-1)
