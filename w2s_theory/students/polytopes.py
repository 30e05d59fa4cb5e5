"""Boxes and simplices of heads, as the solver in ``accelerated`` sees them: how to project on one, and what a head in it proves.

R (r, d) are the features in r coordinates, z (r, T) the labels in them, w (d, T) heads. Whatever w is, and wherever it came from,
``certify`` bounds how far R w can be from the projection of z: by duality, from the residual z − R w alone. Generic in the array
library; float64.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from .._array import array_namespace, machine_epsilon
from ..linalg import rank_tolerance

#: Attempts to make a dual point feasible.
CORRECTIONS = 10


class Goal(NamedTuple):
    """Labels z (r, T) in the coordinates of the features, ‖labels‖² (T,), and Σv · mean² (T,) that an intercept took out of it."""

    values: Any
    square: Any
    shift: Any

    def take(self, tasks: Any) -> Goal:
        """The same for some of the tasks."""
        return Goal(*(array_namespace(array).take(array, tasks, axis=-1) for array in self))


class Members(Protocol):
    """A closed convex set of heads."""

    matrix: Any
    """R (r, d)."""
    gram: Any
    """RᵀR (d, d)."""
    sums_to_one: bool

    def project(self, heads: Any) -> Any:
        """The closest members, (d, T)."""
        ...

    def is_free(self, heads: Any) -> Any:
        """Which heads of members are at no end, (d, T)."""
        ...

    def certify(self, heads: Any, goal: Goal) -> tuple[Any, Any]:
        """An upper bound (T,) of (z − R w)ᵀ(v − R w) over the functions v of members, and ‖R w‖² (T,), for members w.

        Both in the coordinates of ``matrix`` and goals: for mixtures, without what all members share.
        """
        ...


class Ends:
    """lower ≤ w ≤ upper, (d, 1) each; infinite ends allowed.

    Bounded heads: with h = Rᵀ(z − R w), the largest (z − R w)ᵀ R (w' − w) is Σ_j max(h_j (lower − w)_j, h_j (upper − w)_j).
    Unbounded ones: only v with ‖v‖ ≤ ‖labels‖ + ‖R w‖ = ρ count, among which is the minimiser. For any a in R^r,

        (z − R w)ᵀ(v − R w) ≤ ρ ‖a‖ − aᵀ R w + the sum above with h = Rᵀ(z − R w − a),

    if h pulls no head towards an infinite end. Entries h⁺ that do are removed by a = pinv(R_∞ᵀ) h⁺, with R_∞ the columns with an
    infinite end: at once where these are independent, by repetition else. What is left is then of rounding size, and is charged its norm
    over the smallest singular value of R_∞, times the length of functions. (Where the columns are dependent that is an
    estimate, of this rounding alone: heads of the same function can be longer.) Where more is left, a = z − R w (Cauchy and Schwarz).
    """

    sums_to_one = False

    def __init__(self, matrix: Any, lower: Any, upper: Any) -> None:
        xp = array_namespace(matrix)
        self.matrix, self.lower, self.upper = matrix, lower, upper
        self.gram = matrix.T @ matrix
        self._below, self._above = xp.isinf(lower), xp.isinf(upper)
        loose = self._below | self._above
        self._rounding = rank_tolerance(*matrix.shape, epsilon=machine_epsilon(matrix)) * largest_eigenvalue(self.gram) ** 0.5
        lengths = xp.linalg.vector_norm(matrix, axis=0)[:, None]
        width = xp.where(loose, 0.0, xp.where(loose, 0.0, upper) - xp.where(loose, 0.0, lower))
        self._width, self._reach = xp.linalg.vector_norm(width), xp.sum(width * lengths)
        self._inverse = None
        if bool(xp.any(loose)):
            columns = matrix * xp.astype(loose, matrix.dtype).T
            self._inverse = xp.linalg.pinv(columns.T, rtol=rank_tolerance(*matrix.shape, epsilon=machine_epsilon(matrix)))
            self._longest = xp.linalg.matrix_norm(self._inverse, ord=2)

    def project(self, heads: Any) -> Any:
        xp = array_namespace(heads)
        return xp.minimum(xp.maximum(heads, self.lower), self.upper)

    def is_free(self, heads: Any) -> Any:
        return (heads > self.lower) & (heads < self.upper)

    def certify(self, heads: Any, goal: Goal) -> tuple[Any, Any]:
        xp = array_namespace(heads)
        student = self.matrix @ heads
        residual, square = goal.values - student, xp.sum(student**2, axis=0)
        if self._inverse is None:
            return self._support(heads, residual) + self._rounding * self._width * column_norms(residual), square
        reach = xp.sqrt(goal.square + goal.shift) + xp.sqrt(square + goal.shift)
        along, rounding = xp.zeros_like(residual), self._rounding * column_norms(residual)
        outward = self._outward(residual)
        for k in range(CORRECTIONS):
            if bool(xp.all(column_norms(outward) <= rounding)):
                break
            along = along + (1.0 if k == 0 else 1.5) * (self._inverse @ outward)
            outward = self._outward(residual - along)
        left = column_norms(outward)
        leak = (left + rounding) * (reach + xp.sqrt(square) + self._reach) * self._longest
        bound = reach * column_norms(along) - xp.sum(along * student, axis=0) + self._support(heads, residual - along)
        bound = bound + leak + self._rounding * self._width * column_norms(residual - along)
        direct = reach * column_norms(residual) - xp.sum(residual * student, axis=0)
        return xp.where((left <= rounding) & (bound < direct), bound, direct), square

    def _support(self, heads: Any, residual: Any) -> Any:
        """The largest residualᵀ R (w' − w) over the finite ends."""
        xp = array_namespace(heads)
        slopes = self.matrix.T @ residual
        down = slopes * (xp.where(self._below, heads, self.lower) - heads)
        up = slopes * (xp.where(self._above, heads, self.upper) - heads)
        return xp.sum(xp.maximum(down, up), axis=0)

    def _outward(self, residual: Any) -> Any:
        """The entries of Rᵀ residual that pull to an infinite end."""
        xp = array_namespace(residual)
        slopes = self.matrix.T @ residual
        return xp.where(self._above & (slopes > 0) | self._below & (slopes < 0), slopes, 0.0)


class Mixtures:
    """w ≥ 0, Σ w = 1. The largest (z − R w)ᵀ R (w' − w) is Σ_j w_j (max h − h_j) with h = Rᵀ(z − R w).

    ``matrix`` holds the columns with their mean taken out, and goals are for it: mixtures do not see what all members share.
    """

    sums_to_one = True

    def __init__(self, columns: Any) -> None:
        xp = array_namespace(columns)
        self.centre = xp.mean(columns, axis=1, keepdims=True)
        self.matrix = columns - self.centre
        self.gram = self.matrix.T @ self.matrix
        lengths = xp.linalg.vector_norm(self.matrix, axis=0)
        self._rounding = 2.0 * rank_tolerance(*columns.shape, epsilon=machine_epsilon(columns)) * xp.max(lengths)

    def project(self, heads: Any) -> Any:
        """w = (u − θ)₊ with θ = max_j (u_(1) + … + u_(j) − 1)/j over the sorted entries (Held, Wolfe and Crowder 1974)."""
        xp = array_namespace(heads)
        heads = heads - xp.max(heads, axis=0, keepdims=True)
        count = xp.arange(1, heads.shape[0] + 1, dtype=heads.dtype, device=heads.device)[:, None]
        sums = xp.cumulative_sum(xp.sort(heads, axis=0, descending=True), axis=0)
        members = xp.clip(heads - xp.max((sums - 1.0) / count, axis=0, keepdims=True), min=0.0)
        return members / xp.sum(members, axis=0, keepdims=True)

    def is_free(self, heads: Any) -> Any:
        return heads > 0

    def certify(self, heads: Any, goal: Goal) -> tuple[Any, Any]:
        xp = array_namespace(heads)
        residual = goal.values - self.matrix @ heads
        slopes = self.matrix.T @ residual
        gap = xp.sum(heads * (xp.max(slopes, axis=0, keepdims=True) - slopes), axis=0)
        return gap + self._rounding * column_norms(residual), xp.sum((self.matrix @ heads) ** 2, axis=0)


def largest_eigenvalue(gram: Any) -> float:
    """Of a Gram matrix: not below zero."""
    return max(float(array_namespace(gram).linalg.eigvalsh(gram)[-1]), 0.0)


def column_norms(columns: Any) -> Any:
    """‖column‖ of every task, (T,)."""
    return array_namespace(columns).linalg.vector_norm(columns, axis=0)
