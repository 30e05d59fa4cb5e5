"""Gaussian teachers: linear heads with Gaussian noise, and students that are ridge heads, best subsets, or heads of fixed length.

Three worlds in which E gain, E misfit and E residual have closed forms, and from which whole teachers and students can be drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._validation import frozen, generator, positive, whole
from ..montecarlo import in_pieces


@dataclass(frozen=True, eq=False)
class GaussianTeacher:
    """A linear teacher xᵀθ, θ ~ N(``mean``, ``spread``² I), seen with noise; the student is a ridge head on what it says.

    The student trains on labels Xθ + ``noise``·ε, minimises ‖Xb − labels‖² + ``penalty`` ‖b‖² (sums, not means), and is compared
    with the noiseless teacher and with the target xᵀ``target`` on new points. Coordinates are principal axes of XᵀX, with
    eigenvalues ``strengths`` (d,) ≥ 0; new points have uncorrelated coordinates of variance ``test_variances`` (d,) ≥ 0. With a
    mean of zero, the student is the teacher's posterior mean when penalty = noise²/spread². ``posterior_penalty`` is that number.
    Raises ``ValueError`` for negative or non-finite numbers, a penalty or spread of zero, and vectors of other lengths.
    """

    strengths: np.ndarray
    test_variances: np.ndarray
    mean: np.ndarray
    target: np.ndarray
    spread: float
    noise: float
    penalty: float

    def __post_init__(self) -> None:
        names = ("strengths", "test_variances", "mean", "target")
        for name in names:
            object.__setattr__(self, name, frozen(name, getattr(self, name), ndim=1))
            if len(getattr(self, name)) != len(self.strengths):
                raise ValueError(
                    f"{name} must have {len(self.strengths)} entries, as strengths; it has {len(getattr(self, name))}."
                )
        for name in names[:2]:
            if getattr(self, name).min() < 0.0:
                raise ValueError(f"{name} must be >= 0; the smallest is {getattr(self, name).min():.6g}. Pass variances.")
        for name in ("spread", "noise", "penalty"):
            object.__setattr__(self, name, positive(name, getattr(self, name), strict=name != "noise"))

    @property
    def posterior_penalty(self) -> float:
        """noise²/spread²."""
        return self.noise**2 / self.spread**2

    def is_posterior_mean(self) -> bool:
        """True when the teacher's mean is zero and the penalty is that of its posterior mean."""
        return not self.mean.any() and abs(self.penalty - self.posterior_penalty) <= 1e-12 * self.penalty

    def simulate(self, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """(gain, misfit) of ``count`` teachers, each (count,): labels on d + 2 rows are drawn, and a ridge problem is solved."""
        d = len(self.strengths)
        axes = np.linalg.qr(generator(rng).standard_normal((d + 2, d)))[0]
        features = axes * np.sqrt(self.strengths)
        ridge = np.linalg.solve(features.T @ features + self.penalty * np.eye(d), features.T)
        theta = self.mean + self.spread * rng.standard_normal((whole("count", count), d))
        labels = theta @ features.T + self.noise * rng.standard_normal((count, d + 2))
        student = labels @ ridge.T
        error, left = (np.square(heads - self.target) @ self.test_variances for heads in (theta, student))
        return error - left, np.square(student - theta) @ self.test_variances


@dataclass(frozen=True)
class SphereTeacher:
    """The target is a head of length ``radius``, the teacher adds N(0, ``noise``² I) to it, the student is the nearest head of
    that length.

    Heads in ``dimension`` ≥ 1 dimensions, on uncorrelated features of variance one. The class {b: ‖b‖ = radius} is not convex
    (for one dimension it is two points); its hull is the ball, ``hull=True``, whose student keeps a teacher that is shorter.
    Raises ``ValueError`` for numbers that are not positive.
    """

    dimension: int
    radius: float
    noise: float
    hull: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "dimension", whole("dimension", self.dimension))
        for name in ("radius", "noise"):
            object.__setattr__(self, name, positive(name, getattr(self, name)))

    def simulate(self, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """(gain, misfit) of ``count`` teachers, each (count,)."""
        target = np.zeros(self.dimension)
        target[0] = self.radius

        def draw(m: int) -> np.ndarray:
            teacher = target + self.noise * generator(rng).standard_normal((m, self.dimension))
            length = np.linalg.norm(teacher, axis=1, keepdims=True)
            factor = self.radius / length
            student = teacher * (np.minimum(factor, 1.0) if self.hull else factor)
            return _gain_and_misfit(teacher, student, target)

        return _pair(in_pieces(draw, count, numbers=4 * self.dimension))


@dataclass(frozen=True)
class SparseTeacher:
    """The target has ``kept`` coordinates equal to ``size`` and zeros elsewhere; the student keeps the teacher's ``kept`` largest
    coordinates.

    Heads in ``dimension`` > kept dimensions on uncorrelated features of variance one; the teacher adds N(0, ``noise``² I). The
    student is the nearest head with ``kept`` non-zero coordinates (best subset). Raises ``ValueError`` for numbers that are not
    positive, or kept ≥ dimension.
    """

    dimension: int
    kept: int
    size: float
    noise: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "kept", whole("kept", self.kept))
        object.__setattr__(self, "dimension", whole("dimension", self.dimension, at_least=self.kept + 1))
        for name in ("size", "noise"):
            object.__setattr__(self, name, positive(name, getattr(self, name)))

    def simulate(self, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """(gain, misfit) of ``count`` teachers, each (count,)."""
        target = np.where(np.arange(self.dimension) < self.kept, self.size, 0.0)

        def draw(m: int) -> np.ndarray:
            teacher = target + self.noise * generator(rng).standard_normal((m, self.dimension))
            large = np.argpartition(np.abs(teacher), -self.kept, axis=1)[:, -self.kept :]
            student = np.zeros_like(teacher)
            np.put_along_axis(student, large, np.take_along_axis(teacher, large, axis=1), axis=1)
            return _gain_and_misfit(teacher, student, target)

        return _pair(in_pieces(draw, count, numbers=4 * self.dimension))


def _gain_and_misfit(teacher: np.ndarray, student: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Columns gain and misfit of rows of heads, (m, 2)."""
    error, left, misfit = (np.square(a - b).sum(axis=1) for a, b in ((teacher, target), (student, target), (student, teacher)))
    return np.stack([error - left, misfit], axis=1)


def _pair(columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return columns[:, 0], columns[:, 1]
