"""Sufficient statistics of the features: all that linear heads need to know of n rows.

For features x (d,) with sample weights v ≥ 0 and their mean x̄, taken out when ``centred`` (heads with an intercept) and 0 otherwise,

    gram = Σ v (x − x̄)(x − x̄)ᵀ       (d, d)

adds over disjoint rows and subtracts again (Chan, Golub and LeVeque 1983), so its size never depends on n. Sums are float64. float32
rows are multiplied in float32, ``SHORT_BLOCK`` rows at a time with their mean taken out, and put together in float64. The rounding
error is kept beside the sums. Generic in the array library.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._array import array_namespace, machine_epsilon
from .._validation import finite
from .rows import slices

#: Rows multiplied at once in float32. Products run at full speed, and the errors of the blocks average out.
SHORT_BLOCK = 1024

#: Rows summed at once, so that copies of them stay in cache.
SUM_BLOCK = 512


@dataclass(frozen=True, eq=False)
class FeatureMoments:
    """``rows`` n, ``seen`` rows of positive weight, ``mass`` Σ v, ``mean`` x̄ (d,), ``gram`` (d, d) or ``None``, ``noise``.

    ``mean`` is 0 unless ``centred``. ``noise`` estimates ‖gram − exact gram‖₂ to a small factor.
    """

    rows: int
    seen: int
    mass: float
    mean: Any
    gram: Any
    noise: float
    centred: bool

    def plus(self, other: FeatureMoments, sign: int = 1) -> FeatureMoments:
        """Moments of both sets of rows (``sign`` = 1), or of those of self that are not in other (−1)."""
        seen = self.seen + sign * other.seen
        mass = self.mass + sign * other.mass if seen > 0 else 0.0
        mean, gram, slip = self.mean, self.gram + sign * other.gram, 0.0
        if self.centred:
            mean, shift, share = merged(self, other, self.mean, other.mean, sign)
            gram = gram + sign * share * shift[:, None] * shift[None, :]
            norm = array_namespace(mean).linalg.vector_norm
            slip = float(mean_slip(norm(shift), norm(self.mean) + norm(other.mean), share, mass, other.mass))
        largest = max(size(part) for part in (self.gram, other.gram, gram))
        noise = math.hypot(self.noise, other.noise, machine_epsilon(gram) * largest, slip)
        return FeatureMoments(self.rows + sign * other.rows, seen, mass, mean, gram, noise, self.centred)


def merged(mine: FeatureMoments, theirs: FeatureMoments, first: Any, second: Any, sign: int) -> tuple[Any, Any, float]:
    """Mean of the result, difference of the means of its parts, and the weight of the outer product of differences.

    Adding A and B: δ = b − a, weight m_A m_B/m. Taking B from A: the rest C has mean c, and A = B + C gives δ = b − c,
    weight m_B m_C/m_A. The sign of the product is that of the operation.
    """
    mass = mine.mass + sign * theirs.mass
    if mass <= 0.0 or mine.seen + sign * theirs.seen <= 0:
        return first * 0.0, first * 0.0, 0.0
    mean = first + sign * (theirs.mass / mass) * (second - first)
    if sign > 0:
        return mean, second - first, mine.mass * theirs.mass / mass
    return mean, second - mean, theirs.mass * mass / mine.mass


def mean_slip(shift: Any, means: Any, share: float, mass: float, part: float) -> Any:
    """What rounding of the means, of this size, makes of share · ‖shift‖²; the less is left of the whole, the more."""
    wrong = machine_epsilon(shift) * means * (1.0 + part / mass if mass > 0 else 0.0)
    return share * (2.0 * shift * wrong + wrong**2)


@np.errstate(over="ignore", invalid="ignore")  # what is not finite is refused
def feature_moments(features: Any, weights: Any, centred: bool, *, with_gram: bool = True) -> FeatureMoments:
    """Moments of ``features`` (n, d), float32 or float64, with float64 ``weights`` (n,) or ``None`` for one each.

    Raises ``ValueError`` for NaN, infinity, or features whose squares leave the range of the dtype.
    """
    xp = array_namespace(features)
    n, d = features.shape
    mass, seen = float(n), n
    if weights is not None:
        mass, seen = float(xp.sum(weights)), int(xp.sum(xp.astype(weights > 0, xp.int64)))
    mean, shift = xp.zeros(d, dtype=xp.float64, device=features.device), None
    if centred and mass > 0:
        # In the rows' own dtype first, which is subtracted exactly where it matters; then what that missed.
        shift = xp.astype(sums(features, weights) / mass, features.dtype)
        mean = xp.astype(shift, xp.float64) + sums(features, weights, shift) / mass
    if not with_gram:
        refuse_nonfinite("features", features, mean if centred else sums(features, weights))
        return FeatureMoments(n, seen, mass, mean, None, math.nan, centred)
    is_short = machine_epsilon(features) > machine_epsilon(mean)
    step = SHORT_BLOCK if is_short else n
    inside = xp.zeros((d, d), dtype=xp.float64, device=features.device)
    away, totals = [], []
    for block in slices(n, step):
        rows, v = features[block, :], None if weights is None else weights[block]
        if is_short:
            shift = xp.mean(rows, axis=0)
        rows = weighted(rows, v, shift)
        product = rows.T @ rows
        inside = product if step == n else add(inside, product)
        if shift is not None:
            weight = float(rows.shape[0]) if v is None else float(xp.sum(v))
            total = xp.sum(rows, axis=0) if v is None else xp.astype(xp.sqrt(v), rows.dtype, copy=False) @ rows
            # Σ v (r + a)(r + a)ᵀ of rows r around a shift that is a away from the mean: Σ v r rᵀ + t aᵀ + a tᵀ, t = Σ v r + a Σv / 2.
            away.append(xp.astype(shift, xp.float64, copy=False) - mean)
            totals.append(xp.astype(total, xp.float64, copy=False) + 0.5 * weight * away[-1])
    own, gram = size(inside), xp.astype(inside, xp.float64, copy=False)
    if away:
        outer = xp.stack(totals).T @ xp.stack(away)
        gram = gram + outer + outer.T
    refuse_nonfinite("features", features, gram)
    smallest = float(xp.finfo(features.dtype).smallest_normal) / machine_epsilon(features)
    if own < smallest and mass > 0:
        largest = float(xp.max(xp.abs(features if shift is None else features - shift)))
        if largest > 0:
            raise ValueError(
                f"features must vary by more than {largest:.3g}: their squares are lost to underflow. Rescale to order one."
            )
    noise = machine_epsilon(features) * own / (math.sqrt(max(n / step, 1.0)) if is_short else 1.0)
    return FeatureMoments(n, seen, mass, mean, gram, max(noise, machine_epsilon(gram) * size(gram)), centred)


def weighted(rows: Any, weights: Any, shift: Any = None) -> Any:
    """√v (x − shift): the rows that plain sums of products see. Without weights and shift, the rows themselves."""
    if shift is not None:
        rows = rows - array_namespace(rows).astype(shift, rows.dtype, copy=False)
    if weights is not None:
        xp = array_namespace(rows)
        rows = rows * xp.astype(xp.sqrt(weights), rows.dtype, copy=False)[:, None]
    return rows


def sums(rows: Any, weights: Any, shift: Any = None) -> Any:
    """Σ v (x − shift) over the rows, in float64."""
    xp = array_namespace(rows)
    n = rows.shape[0]
    total = xp.zeros(rows.shape[1], dtype=xp.float64, device=rows.device)
    for block in slices(n, SUM_BLOCK):
        part = rows[block, :] if shift is None else rows[block, :] - shift
        part = xp.astype(part, xp.float64, copy=False)
        total = total + (xp.sum(part, axis=0) if weights is None else weights[block] @ part)
    return total


def size(matrix: Any) -> float:
    """Frobenius norm of a matrix."""
    return float(array_namespace(matrix).linalg.matrix_norm(matrix))


def add(total: Any, part: Any) -> Any:
    """``total + part`` in the memory of ``total``."""
    total += part
    return total


def refuse_nonfinite(name: str, array: Any, result: Any) -> None:
    """Raise when ``result``, sums that every entry of ``array`` enters, is not finite.

    NaN and infinity spread to the sums, so the array itself is read only when something is wrong.
    """
    xp = array_namespace(result)
    if not bool(xp.all(xp.isfinite(result))):
        finite(name, array)
        raise ValueError(f"{name} must stay in a range whose squares can be summed in {array.dtype}. Rescale to order one.")
