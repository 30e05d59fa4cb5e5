"""A convex class of functions on a finite weighted sample, and what a projection on it must bring back.

A function is known by its values on n samples: a vector in R^n with inner product <u, v>_P = sum_i p_i u_i v_i, where p is the
normalised weights. The student of weak labels w in a convex class V is the P-projection s of w on V. It is characterised by its
variational inequality <w - s, v - s>_P <= 0 for all v in V, so the largest value of the left side, the *gap*, says how far a
computed student can be from one: for any s and any target f* in V with ||f*||_P <= radius,

    gain - misfit = 2 <w - s, s - f*>_P >= -2 gap.

A statement about projections is checked with that slack, and a failed solve can never pass for a violated theorem. NumPy
float64, and for the classes whose ``lives_on_devices`` is true float64 of any array library, where the class's features are.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from .._array import array_namespace, is_array
from .._validation import finite, is_same_library, sample_weights


@dataclass(frozen=True, eq=False)
class Projection:
    """A student in a convex class, with the residual of its variational inequality.

    values
        Predictions of the student, shape (..., n): one row per task.
    gap
        Shape (...), >= 0: an upper bound of <weak - s, v - s>_P over the members v with ||v||_P <= ||weak||_P + ||s||_P (over
        all members where the class is bounded). Rounding level for an exact projection. For a target of another size call
        ``gap`` of the class with ``radius=||target||_P``.
    coefficients
        Heads or mixture weights, shape (..., k), where the class has them.
    rank
        Numerical rank of the weighted features, where the class has features.
    """

    values: np.ndarray
    gap: np.ndarray
    coefficients: np.ndarray | None = None
    rank: int | None = None


class ConvexClass(ABC):
    """A closed convex set V of functions on n samples. Implementations are frozen; ``students`` holds them.

    Labels have shape (..., n): any number of tasks in front. Weights have shape (n,), are normalised to sum to one, and mean
    1/n each when None; one measure serves all tasks of a call. A projection is not determined on samples of zero weight: there
    a class with coefficients gives the value of the function it fitted, and the others say what they do.
    """

    is_affine: ClassVar[bool] = False
    """True when V is an affine subspace, so that gain equals misfit for every target in it."""

    lives_on_devices: ClassVar[bool] = False
    """True when the class can be made of, and project, arrays of another library than NumPy; all of one library then."""

    size: int
    """Number of samples n."""

    @abstractmethod
    def project(self, weak: Any, weights: Any = None) -> Projection:
        """Return argmin over v in V of ||v - weak||_P^2, for every task. Raises ``SolverFailure`` when no answer was found."""

    @abstractmethod
    def gap(self, weak: Any, student: Any, weights: Any, radius: Any) -> np.ndarray:
        """Upper bound, shape (...), of max(0, <weak - s, v - s>_P) over v in V with ||v||_P <= radius, for ANY student s.

        It is computed from the definition of the class and not from what ``project`` did. ``radius`` (one number, or one per
        task, >= 0) is ignored where the class is bounded. The bound certifies the theorem, not membership: s = weak has gap 0.
        """

    def local_gap(self, weak: Any, student: Any, weights: Any, reach: Any) -> np.ndarray:
        """Upper bound, shape (...), of <weak - s, v - s>_P over v in V with ||v - s||_P <= reach; of its size when V is affine.

        Around the student the bound is not spoilt by the rounding that a large common offset brings. By Cauchy and Schwarz it is
        never more than reach * ||weak - s||_P.
        """
        weak, student, p, reach = candidate(weak, student, weights, reach, self.size, like=self.like)
        far = self.gap(weak, student, p, norm(student, p) + reach)
        return array_namespace(far).minimum(far, reach * norm(weak - student, p))

    @property
    def like(self) -> Any:
        """An array of the library and on the device that the class lives in, ``None`` for NumPy only."""
        return None

    def magnitude(self, weights: Any) -> float:
        """Norm of the fixed functions that every member is made of, an offset or the corners of a hull: members are rounded to it."""
        return 0.0

    def predict(self, coefficients: Any) -> np.ndarray:
        """Return the functions, shape (..., n), that ``coefficients`` of shape (..., k) stand for."""
        raise TypeError(
            f"{type(self).__name__} has no coefficients to predict from. To learn from resampled rows and predict on all "
            "samples, project with weights=numpy.bincount(rows, minlength=n)."
        )

    def distance(self, target: Any, weights: Any = None) -> np.ndarray:
        """Return the approximation error ||f* - Proj_V f*||_P^2, shape (...): zero when the target is realizable."""
        target = on_sample("target", target, self.size, like=self.like)
        p = measure(weights, self.size, like=self.like)
        return norm(target - self.project(target, p).values, p) ** 2


def on_sample(name: str, value: Any, size: int, *, like: Any = None) -> Any:
    """Return ``value`` as a float64 array whose last axis runs over the ``size`` samples, of the library of ``like`` (``None``: NumPy);
    raise otherwise."""
    array = finite(name, value, min_ndim=1)
    if like is not None and not isinstance(like, np.ndarray):
        xp = array_namespace(like)
        if not is_array(value):
            array = xp.asarray(array, dtype=xp.float64, device=like.device)
        array_namespace(array, like)  # raises, naming both libraries, where they differ
    elif not isinstance(array, np.ndarray):
        raise TypeError(f"{name} must be a NumPy array here; it is a {type(array).__name__}. Pass tensor.numpy(force=True).")
    if array.shape[-1] != size:
        raise ValueError(
            f"{name} must have {size} samples on its last axis; its shape is {tuple(array.shape)}. Build the class on the same samples."
        )
    xp = array_namespace(array)
    return xp.astype(array, xp.float64)


def measure(weights: Any, size: int, *, like: Any = None) -> Any:
    """Return the weights p of shape (size,), non-negative and summing to one, beside ``like``; None means 1/size each."""
    return sample_weights(weights, np.empty(0) if like is None else like, (size,))


class Candidate(NamedTuple):
    """The checked arguments of ``gap``: weak and student of one shape (..., n), the measure p (n,), the radius, of shape () or (...)."""

    weak: Any
    student: Any
    p: Any
    radius: Any


def candidate(weak: Any, student: Any, weights: Any, radius: Any, size: int, *, like: Any = None) -> Candidate:
    """Check the arguments of ``gap`` on ``size`` samples; raise ``ValueError`` for NaN, wrong shapes or a negative radius."""
    weak, student = on_sample("weak", weak, size, like=like), on_sample("student", student, size, like=like)
    xp = array_namespace(weak)
    weak, student = xp.broadcast_arrays(weak, student)
    radius = finite("radius", radius)
    if not is_same_library(radius, weak):
        radius = xp.asarray(radius, dtype=xp.float64, device=weak.device)
    radius = xp.astype(radius, xp.float64)
    if bool(xp.any(radius < 0)):
        raise ValueError(f"radius must be >= 0; the smallest is {float(xp.min(radius)):.6g}. Pass the P-norm of the target.")
    return Candidate(weak, student, measure(weights, size, like=like), radius)


def inner(first: Any, second: Any, p: Any) -> Any:
    """Inner product <u, v>_P = sum_i p_i u_i v_i over the last axis."""
    return array_namespace(p).sum(p * first * second, axis=-1)


def norm(values: Any, p: Any) -> Any:
    """Norm ||v||_P over the last axis."""
    return array_namespace(p).sqrt(inner(values, values, p))
