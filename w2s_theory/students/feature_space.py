"""Features brought to the coordinates in which many heads are fitted by descent: centred, reduced to their row space, factorised once."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .._array import array_namespace, machine_epsilon
from ..design.moments import feature_moments
from ..design.rows import as_features, as_weights, slices

#: Features and weights of size 1/this to this are tried in float32: products of them with heads stay in its range.
SHORT_RANGE = 1e10

#: Scores worked on at once: a few copies of them fit the cache of a processor; a graphics card wants large pieces.
CACHED, STREAMED = 2**15, 2**24

#: Rows multiplied at once, at least: adding their products up then costs little.
MULTIPLIED = 256


@dataclass(frozen=True, eq=False)
class FeatureSpace:
    """``rows`` Z (n, p) with ``weights`` v (n,) or ``None``; ``basis`` (p, p), ``squares`` (p,): eigenvectors and -values of Σ v z zᵀ.

    ``penalised`` (p,) is 0 for the intercept, whose column of ones comes last behind centred features, and 1 for the others. Where
    n < d, Z are coordinates in the row space of the features, and heads are ``lift`` (d, n) times theirs. ``mass`` is Σ v.
    """

    rows: Any
    weights: Any
    basis: Any
    squares: Any
    penalised: Any
    mean: Any
    lift: Any
    mass: float
    intercept: bool

    @property
    def size(self) -> int:
        """p, the number of coordinates of a head."""
        return int(self.rows.shape[1])

    def has_short(self, penalty: Any) -> bool:
        """Whether float32 is shorter than the rows, holds them, and sees the curvature of the objective in every direction."""
        xp = array_namespace(self.rows)
        noise = float(xp.finfo(xp.float32).eps) * self._largest
        weakest = float(xp.min(self.squares + self.penalised * xp.min(penalty)))
        sizes = [xp.max(xp.abs(self.rows))] + ([] if self.weights is None else [xp.max(self.weights)])
        fits = all(1.0 / SHORT_RANGE < float(size) < SHORT_RANGE for size in sizes)
        return self.rows.dtype == xp.float64 and weakest >= noise and fits

    @property
    def _largest(self) -> float:
        return float(array_namespace(self.squares).max(self.squares * self.penalised))

    def short(self) -> FeatureSpace:
        """The same in float32."""
        xp = array_namespace(self.rows)
        weights = None if self.weights is None else xp.astype(self.weights, xp.float32)
        return dataclasses.replace(self, rows=xp.astype(self.rows, xp.float32), weights=weights)

    def blocks(self, width: int) -> Iterator[tuple[slice, list[tuple[slice, slice]]]]:
        """Blocks of rows to multiply by, and pieces of them whose ``width`` scores a row are good to work on.

        A piece is a slice of the block and the same slice of all rows.
        """
        numbers = STREAMED if "cuda" in str(self.rows.device) else CACHED
        step = max(numbers // width, 1)
        for block in slices(self.rows.shape[0], max(step, MULTIPLIED)):
            inner = list(slices(block.stop - block.start, step))
            yield block, [(piece, slice(block.start + piece.start, block.start + piece.stop)) for piece in inner]

    def precondition(self, gradient: Any, curvature: Any, penalty: Any) -> Any:
        """(c Σ v z zᵀ + λ)⁻¹ of ``gradient`` (p, q, t) for ``curvature`` c and ``penalty`` λ > 0, (q, t) or broadcast to it.

        Eigenvalues below the rounding of the rows can't be told from it, and count as that much: steps along them would be noise / λ.
        """
        xp = array_namespace(gradient)
        flat = xp.reshape(self.basis.T @ xp.reshape(gradient, (self.size, -1)), gradient.shape)
        squares = xp.clip(self.squares, min=machine_epsilon(self.rows) * self._largest)
        flat = flat / (curvature * squares[:, None, None] + penalty * self.penalised[:, None, None])
        return xp.reshape(self.basis @ xp.reshape(flat, (self.size, -1)), gradient.shape)

    def restore(self, points: Any) -> tuple[Any, Any]:
        """Heads (d, q, t) on the features themselves, and intercepts (q, t), in the dtype of the features; ``points`` (p, q, t)."""
        xp = array_namespace(points)
        _, q, t = points.shape
        heads, offset = points, xp.zeros_like(points[0, :, :])
        if self.intercept:
            heads, offset = points[:-1, :, :], points[-1, :, :]
        heads = xp.reshape(heads, (-1, q * t))
        if self.lift is not None:
            heads = self.lift @ heads
        if self.intercept:
            offset = offset - xp.reshape(self.mean @ heads, (q, t))
        dtype = self.rows.dtype
        return xp.astype(xp.reshape(heads, (-1, q, t)), dtype), xp.astype(offset, dtype)


def feature_space(features: Any, weights: Any, intercept: bool) -> FeatureSpace:
    """Check and factorise ``features`` (n, d) with ``weights`` v ≥ 0 (n,) or ``None`` for one each.

    Raises ``ValueError`` for NaN, infinity, emptiness, other shapes or weights that are negative or all zero.
    """
    features = as_features(features)
    xp = array_namespace(features)
    n, d = features.shape
    if weights is not None:
        weights = as_weights(weights, features)
        if not float(xp.max(weights)) > 0:
            raise ValueError("weights must have a positive sum; they are all zero. Pass at least one positive weight.")
    moments = feature_moments(features, weights, intercept, with_gram=n >= d)
    rows, gram, lift = features, moments.gram, None
    if intercept:
        rows = xp.astype(xp.astype(rows, xp.float64) - moments.mean, rows.dtype)
    if n < d:
        lift, triangle = xp.linalg.qr(xp.astype(rows, xp.float64).T)
        root = triangle if weights is None else triangle * xp.sqrt(weights)
        rows, gram = xp.astype(triangle.T, rows.dtype), root @ root.T
    squares, basis = xp.linalg.eigh(gram)
    squares = xp.clip(squares, min=0.0)
    penalised = xp.ones_like(squares)
    if intercept:
        one, edge = xp.ones_like(squares[:1]), xp.zeros_like(basis[:, :1])
        rows = xp.concat([rows, xp.ones_like(rows[:, :1])], axis=1)
        squares, penalised = xp.concat([squares, moments.mass * one]), xp.concat([penalised, 0.0 * one])
        basis = xp.concat([xp.concat([basis, edge], axis=1), xp.concat([edge.T, one[:, None]], axis=1)], axis=0)
    weights = None if weights is None else xp.astype(weights, rows.dtype)
    return FeatureSpace(rows, weights, basis, squares, penalised, moments.mean, lift, moments.mass, intercept)
