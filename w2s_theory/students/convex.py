"""Students in a convex class of linear heads: a subspace, heads in a ball, heads in a box.

Each class projects weak labels on V = {X b} for its heads b, under a weighted measure on the sample (``problems.convexity`` has the
setting of Theorem 1 of Charikar, Pabbaraju and Shiragur, 2024). Features are factorised once per call for all tasks, by the SVD of
sqrt(p) X: never a Gram matrix, so that a condition number of 1e12 stays 1e12. Hulls and monotone functions are in ``shapes``, a set
written in cvxpy in ``cvxpy_set``. ``Subspace`` and ``Ball`` are generic in the array library (float64, where
their features are); ``Box`` is NumPy only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import scipy.linalg

from .._array import array_namespace
from .._validation import positive
from ..problems.convexity import ConvexClass, Projection, candidate, measure, norm, on_sample
from .spans import apply_heads, as_features, bounded_heads, gap_of_heads, secular_root, span


@dataclass(frozen=True, eq=False)
class Subspace(ConvexClass):
    """The affine class V = {offset + X b : b in R^d}: ordinary least squares, where gain equals misfit.

    ``features`` X has shape (n, d); n < d and rank deficiency are allowed. ``offset`` has shape (n,), None for a linear
    subspace. Coefficients are the heads b of least 2-norm.
    """

    features: Any
    offset: Any = None
    size: int = field(init=False)

    is_affine: ClassVar[bool] = True
    lives_on_devices: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "features", as_features(self.features, on_devices=True))
        object.__setattr__(self, "size", self.features.shape[0])
        if self.offset is not None:
            offset = on_sample("offset", self.offset, self.size, like=self.features)
            if offset.ndim != 1:
                raise ValueError(f"offset must have shape ({self.size},); its shape is {tuple(offset.shape)}. Pass one function.")
            object.__setattr__(self, "offset", offset)

    @property
    def like(self) -> Any:
        return self.features

    def project(self, weak: Any, weights: Any = None) -> Projection:
        weak, p = on_sample("weak", weak, self.size, like=self.features), measure(weights, self.size, like=self.features)
        xp = array_namespace(p)
        basis, scales, heads = span(self.features, p)
        root, offset = xp.sqrt(p), self.predict(xp.zeros_like(self.features[0, :]))
        coordinates = (root * (weak - offset)) @ basis
        coefficients = (coordinates / scales) @ heads
        # X b loses digits as the condition number grows and the orthonormal basis does not, but it is silent where p = 0.
        seen = root > 0
        fitted = offset + (coordinates @ basis.T) / xp.where(seen, root, 1.0)
        values = xp.where(seen, fitted, self.predict(coefficients))
        return Projection(values, self.gap(weak, values, p, norm(weak, p) + norm(values, p)), coefficients, scales.shape[0])

    def gap(self, weak: Any, student: Any, weights: Any, radius: Any) -> np.ndarray:
        """See ``gap_of_heads``; no head is bounded, and y comes from a QR, not from the SVD that projects: pivoted in NumPy; of as many
        combinations of the columns as the rank elsewhere."""
        weak, student, p, radius = candidate(weak, student, weights, radius, self.size, like=self.features)
        xp = array_namespace(p)
        root = xp.sqrt(p)
        design, (_, scales, heads) = root[:, None] * self.features, span(self.features, p)
        if isinstance(design, np.ndarray):
            basis = np.asarray(scipy.linalg.qr(design, mode="economic", pivoting=True)[0])[:, : len(scales)]
        else:
            basis = xp.linalg.qr(design @ heads.T)[0]
        residual = root * (weak - student)
        along = (residual @ basis) @ basis.T
        offset = root * self.predict(xp.zeros_like(self.features[0, :]))
        free = xp.full_like(self.features[0, :], xp.inf)
        return gap_of_heads(design, -free, free, residual, root * student, along, radius, scales, offset)

    def local_gap(self, weak: Any, student: Any, weights: Any, reach: Any) -> np.ndarray:
        """``gap`` of the linear subspace of differences v - s, whose signs come in pairs: a bound of the size."""
        weak, student, p, reach = candidate(weak, student, weights, reach, self.size, like=self.features)
        return type(self)(self.features).gap(weak - student, 0.0 * student, p, reach)

    def magnitude(self, weights: Any) -> float:
        return 0.0 if self.offset is None else float(norm(self.offset, measure(weights, self.size, like=self.features)))

    def predict(self, coefficients: Any) -> np.ndarray:
        values = apply_heads(self.features, coefficients)
        return values if self.offset is None else values + self.offset


@dataclass(frozen=True, eq=False)
class Ball(ConvexClass):
    """Heads of bounded norm, V = {X b : ||b||_2 <= radius}: the constrained form of ridge regression.

    ``features`` X has shape (n, d), ``radius`` > 0. Where the least-norm least-squares head is too long, the head is
    b = (X'PX + lam I)^-1 X'P w with the lam > 0 that gives it length ``radius`` (the secular equation, solved in the SVD basis).
    """

    features: Any
    radius: float
    size: int = field(init=False)

    lives_on_devices: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "features", as_features(self.features, on_devices=True))
        object.__setattr__(self, "size", self.features.shape[0])
        object.__setattr__(self, "radius", positive("radius", self.radius))

    @property
    def like(self) -> Any:
        return self.features

    def project(self, weak: Any, weights: Any = None) -> Projection:
        weak, p = on_sample("weak", weak, self.size, like=self.features), measure(weights, self.size, like=self.features)
        xp = array_namespace(p)
        basis, scales, heads = span(self.features, p)
        coordinates = (xp.sqrt(p) * weak) @ basis
        multiplier = secular_root(coordinates, scales, self.radius)[..., None]
        short = coordinates * scales / (scales**2 + multiplier)
        length = xp.linalg.vector_norm(short, axis=-1, keepdims=True)
        coefficients = (short * (self.radius / xp.clip(length, min=self.radius))) @ heads
        values = self.predict(coefficients)
        return Projection(values, self.gap(weak, values, p, 0.0), coefficients, scales.shape[0])

    def gap(self, weak: Any, student: Any, weights: Any, radius: Any) -> np.ndarray:
        """The maximum over the whole ball, self.radius ||X'P(w - s)||_2 - <w - s, s>_P. ``radius`` is not used."""
        weak, student, p, radius = candidate(weak, student, weights, radius, self.size, like=self.features)
        xp = array_namespace(p)
        residual = p * (weak - student)
        support = self.radius * xp.linalg.vector_norm(residual @ self.features, axis=-1)
        return xp.clip(support - xp.sum(residual * student, axis=-1), min=0.0)

    def predict(self, coefficients: Any) -> np.ndarray:
        return apply_heads(self.features, coefficients)


@dataclass(frozen=True, eq=False)
class Box(ConvexClass):
    """Bounded heads, V = {X b : lower <= b <= upper} entry by entry; ``Box(X, 0, inf)`` has the non-negative heads.

    ``features`` X has shape (n, d); ``lower`` and ``upper`` are numbers or of shape (d,), infinities allowed, equal ends
    allowed. Solved by bounded-variable least squares (active set), task by task. ``rank`` is that of the features whose heads
    may move.
    """

    features: np.ndarray
    lower: Any
    upper: Any
    size: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "features", as_features(self.features))
        object.__setattr__(self, "size", self.features.shape[0])
        for name, wrong in (("lower", np.inf), ("upper", -np.inf)):
            value, d = np.asarray(getattr(self, name), dtype=np.float64), self.features.shape[1]
            if value.shape not in ((), (d,)) or np.any(np.isnan(value)) or np.any(value == wrong):
                raise ValueError(
                    f"{name} must be a number or have shape ({d},), without NaN or {wrong}; it is {value}. Pass one per head."
                )
            object.__setattr__(self, name, np.broadcast_to(value, (d,)))
        if np.any(self.lower > self.upper):
            j = int(np.argmax(self.lower > self.upper))
            raise ValueError(f"lower must be <= upper; at head {j} they are {self.lower[j]} and {self.upper[j]}. Swap them.")

    def project(self, weak: Any, weights: Any = None) -> Projection:
        weak, p = on_sample("weak", weak, self.size), measure(weights, self.size)
        free = self.lower < self.upper
        coefficients = np.tile(np.where(free, 0.0, self.lower), (*weak.shape[:-1], 1))
        factors = span(self.features[:, free], p)
        goal = np.sqrt(p) * (weak - self.predict(coefficients))
        coefficients[..., free] = bounded_heads(factors, goal, self.lower[free], self.upper[free])
        values = self.predict(coefficients)
        return Projection(values, self.gap(weak, values, p, norm(weak, p) + norm(values, p)), coefficients, len(factors.scales))

    def gap(self, weak: Any, student: Any, weights: Any, radius: Any) -> np.ndarray:
        """See ``gap_of_heads``. With every head bounded it is the maximum over V and ``radius`` is not used."""
        weak, student, p, radius = candidate(weak, student, weights, radius, self.size)
        root = np.sqrt(p)
        design, residual = root[:, None] * self.features, root * (weak - student)
        loose = np.isinf(self.lower) | np.isinf(self.upper)
        recession = span(self.features[:, loose], p)
        lower, upper = (np.where(np.isinf(end), end, 0.0)[loose] for end in (self.lower, self.upper))
        along = np.zeros_like(residual)
        for _ in range(2):  # the second pass removes the rounding of the first
            along = along + bounded_heads(recession, residual - along, lower, upper) @ design[:, loose].T
        return gap_of_heads(design, self.lower, self.upper, residual, root * student, along, radius, recession.scales)

    def magnitude(self, weights: Any) -> float:
        ends = np.maximum(*(np.where(np.isfinite(end), abs(end), 0.0) for end in (self.lower, self.upper)))
        return float(norm(self.features.T, measure(weights, self.size)) @ ends)

    def predict(self, coefficients: Any) -> np.ndarray:
        return apply_heads(self.features, coefficients)
