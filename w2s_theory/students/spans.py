"""The arithmetic behind classes of linear heads: one factorisation, two ways to bound a head, one way to certify it.

Everything is in weighted coordinates, sqrt(p) times values on the n samples, where <u, v>_P is the dot product. NumPy float64
of any array library; ``bounded_heads`` NumPy only.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import scipy.linalg
import scipy.optimize

from .._array import array_namespace, machine_epsilon
from .._validation import SolverFailure, finite
from ..linalg import rank_tolerance
from ..problems.convexity import on_sample


def rounding(features: np.ndarray) -> float:
    """Singular values that rounding alone gives to a matrix of shape (n, d), relative to its largest: 4 eps sqrt(n + d)."""
    n, d = features.shape
    return rank_tolerance(n, d, epsilon=float(np.finfo(np.float64).eps))


class Span(NamedTuple):
    """Thin SVD of the weighted columns, sqrt(p) X = basis @ diag(scales) @ heads, cut at the numerical rank r.

    ``basis`` (n, r), ``scales`` (r,), ``heads`` (r, d). A singular value counts as zero up to ``rounding`` times the largest.
    So rank deficiency is cut, and a condition number of 1e12 is not.
    """

    basis: np.ndarray
    scales: np.ndarray
    heads: np.ndarray


def span(features: Any, p: Any) -> Span:
    """Factorise features of shape (n, d) under the measure p of shape (n,)."""
    xp = array_namespace(features)
    decompose = scipy.linalg.svd if isinstance(features, np.ndarray) else xp.linalg.svd
    basis, scales, heads = decompose(xp.sqrt(p)[:, None] * features, full_matrices=False)
    rank = int(xp.sum(xp.astype(scales > rounding(features) * scales[:1], xp.int64)))
    return Span(basis[:, :rank], scales[:rank], heads[:rank, :])


def gap_of_heads(
    design: Any,
    lower: Any,
    upper: Any,
    residual: Any,
    student: Any,
    along: Any,
    radius: Any,
    scales: Any,
    offset: Any = None,
) -> Any:
    """Bound <z, v - s> for v = offset + X b with lower <= b <= upper and ||v|| <= radius; z = weak - s, all times sqrt(p).

    V = V0 + K: the heads with their finite ends, and the cone K of the infinite ones. For any y (``along``; best is the
    projection of z on K) and g = X'(z - y),

        <z, v> <= radius ||y|| + max over V0 of <z - y, v0> + (||g_bad|| + e) (radius + max ||v0||) / sigma,

    where g_bad are the entries of g that point to an infinite end (rounding, when y projects), e is the rounding error of g, and
    sigma is the smallest singular value of the columns of K (``scales``), which bounds their heads. The last term is the error
    estimate: it grows with the condition number.
    """
    xp = array_namespace(design)
    outside = residual - along
    slopes = outside @ design
    start = xp.where(xp.isfinite(lower), lower, xp.where(xp.isfinite(upper), upper, 0.0))
    end = xp.where(xp.isfinite(upper), upper, start)
    support = xp.sum(xp.maximum(start * slopes, end * slopes), axis=-1)
    reach = radius
    if offset is not None:
        support, reach = support + xp.sum(outside * offset, axis=-1), radius + xp.sqrt(offset @ offset)
    reach = reach + xp.linalg.vector_norm(design, axis=0) @ xp.maximum(xp.abs(start), xp.abs(end))
    bad = xp.where(xp.isinf(upper), xp.clip(slopes, min=0.0), 0.0) + xp.where(xp.isinf(lower), xp.clip(-slopes, min=0.0), 0.0)
    largest, smallest = (float(scales[0]), float(scales[-1])) if scales.shape[0] else (0.0, math.inf)
    error = rounding(design) * largest * xp.linalg.vector_norm(outside, axis=-1)
    leak = (xp.linalg.vector_norm(bad, axis=-1) + error) * reach / smallest
    bound = radius * xp.linalg.vector_norm(along, axis=-1) + support + leak
    return xp.clip(bound - xp.sum(residual * student, axis=-1), min=0.0)


def bounded_heads(factors: Span, goal: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """Return argmin ||sqrt(p) X b - goal|| over lower <= b <= upper (lower < upper), shape (..., d); ``factors`` of sqrt(p) X.

    The problem is first turned into the r coordinates of the span and scaled to size one, because the solver's stopping rule is
    absolute. A solve that stops early is not raised here: its gap tells.
    """
    basis, scales, heads = factors
    if len(scales) == 0:
        return np.broadcast_to(np.clip(0.0, lower, upper), (*goal.shape[:-1], len(lower))).copy()
    largest = scales[0]
    small, coordinates = (scales / largest)[:, None] * heads, goal @ basis
    result = np.empty((*goal.shape[:-1], len(lower)))
    for task in np.ndindex(goal.shape[:-1]):
        unit = np.linalg.norm(coordinates[task]) or 1.0
        bounds = lower * (largest / unit), upper * (largest / unit)
        solution = scipy.optimize.lsq_linear(
            small, coordinates[task] / unit, bounds, method="bvls", tol=np.finfo(np.float64).eps, max_iter=10 * len(lower)
        )
        result[task] = np.clip(solution.x * (unit / largest), lower, upper)
    return result


def secular_root(coordinates: Any, scales: Any, radius: Any) -> Any:
    """Return lam >= 0 with ||b(lam)|| = radius, b_i = scales_i coordinates_i / (scales_i^2 + lam); 0 where b(0) fits.

    ``coordinates`` (..., r), ``scales`` > 0 (r,), ``radius`` a number or (...); any array library. 1 / ||b(lam)|| is concave and
    increasing, so Newton's method on 1 / ||b|| = 1 / radius climbs to the root from lam = 0 and never passes it: no safeguard is
    needed, and all tasks go together.
    """
    xp = array_namespace(coordinates)
    multiplier = xp.zeros_like(coordinates[..., 0]) if coordinates.shape[-1] else xp.sum(coordinates, axis=-1)
    for _ in range(200):
        heads = coordinates * scales / (scales**2 + multiplier[..., None])
        length = xp.linalg.vector_norm(heads, axis=-1)
        slope = xp.sum(heads**2 / (scales**2 + multiplier[..., None]), axis=-1)
        long = length > radius
        step = xp.where(long, length**2 / xp.where(long, slope, 1.0) * (length / radius - 1), 0.0)
        multiplier = multiplier + step
        if bool(xp.all(step <= 4 * machine_epsilon(multiplier) * multiplier)):
            return multiplier
    raise SolverFailure(
        f"the secular equation of a ball of radius {radius} did not converge in 200 steps; scale the labels to order one."
    )


def as_features(features: Any, name: str = "features", *, on_devices: bool = False) -> Any:
    """Return a matrix, features (n, d) or members (k, n), as float64: NumPy's, or with ``on_devices`` of any library; raise for NaN,
    emptiness or another shape."""
    array = finite(name, features, ndim=2)
    return on_sample(name, array, array.shape[1], like=array if on_devices else None)


def apply_heads(features: Any, coefficients: Any) -> Any:
    """Return X b for heads of shape (..., d): shape (..., n)."""
    heads = finite("coefficients", coefficients, min_ndim=1)
    if heads.shape[-1] != features.shape[1]:
        raise ValueError(
            f"coefficients must have {features.shape[1]} entries on their last axis; their shape is {tuple(heads.shape)}. Pass one each."
        )
    return heads @ features.T
