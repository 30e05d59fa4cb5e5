"""Sufficient statistics of squared-loss learning: everything a linear head and its errors need to know of n rows.

For features x (d,), label arrays y_k (K of them, T tasks each) and sample weights v ≥ 0, with means x̄, ȳ taken out when
``centred`` (a head with an intercept) and 0 otherwise:

    gram      Σ v (x − x̄)(x − x̄)ᵀ       (d, d)
    cross     Σ v (x − x̄)(y_k − ȳ_k)     (K, d, T)
    products  Σ v (y_k − ȳ_k)(y_l − ȳ_l)  (K, K, T)

They add over disjoint rows and subtract again (Chan, Golub and LeVeque 1983), so their size never depends on n. Sums are float64. Products have the
dtype of the features: float32 rows are multiplied in float32, ``SHORT_BLOCK`` rows at a time, and the blocks summed in float64.
Generic in the array library.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._array import array_namespace, machine_epsilon
from .._validation import finite
from .rows import Batch, slices

#: Rows multiplied at once in float32. Rounding of a block's sum is about eps √rows / 10, and shrinks as 1/√blocks in the whole.
SHORT_BLOCK = 1024

#: Rows of labels multiplied at once: copies of them stay in cache, and the products still run at full speed.
LABEL_BLOCK = 512

#: Numbers multiplied entry by entry at once, so that the copies stay in cache.
PRODUCT_BLOCK = 2**15

#: A Gram matrix smaller than this has lost its entries, squares of features, to underflow.
SMALLEST = 1e-200


@dataclass(frozen=True, eq=False)
class FeatureMoments:
    """``rows`` n, ``seen`` rows of positive weight, ``mass`` Σ v, ``mean`` x̄ (d,), ``gram`` (d, d), ``noise``: its rounding error.

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
        xp = array_namespace(self.gram)
        mass = self.mass + sign * other.mass
        mean, shift, share = self.mean, None, 0.0
        if self.centred:
            mean, shift, share = _merged(self, other, self.mean, other.mean, sign)
        gram = self.gram + sign * other.gram
        if shift is not None:
            gram = gram + sign * share * shift[:, None] * shift[None, :]
        noise = math.hypot(self.noise, other.noise, machine_epsilon(gram) * float(xp.linalg.matrix_norm(self.gram)))
        return FeatureMoments(self.rows + sign * other.rows, self.seen + sign * other.seen, mass, mean, gram, noise, self.centred)


@dataclass(frozen=True, eq=False)
class LabelMoments:
    """``mean`` ȳ (K, T), ``cross`` (K, d, T), ``products`` (K, K, T), and ``single``: the labels came as (n,), without a task axis."""

    mean: Any
    cross: Any
    products: Any
    single: bool

    def of(self, tasks: slice) -> LabelMoments:
        """The moments of some of the tasks."""
        return LabelMoments(self.mean[:, tasks], self.cross[:, :, tasks], self.products[:, :, tasks], self.single)

    def plus(self, other: LabelMoments, mine: FeatureMoments, theirs: FeatureMoments, sign: int = 1) -> LabelMoments:
        """As ``FeatureMoments.plus``; ``mine`` and ``theirs`` are the moments of the features of the same rows."""
        cross, products = self.cross + sign * other.cross, self.products + sign * other.products
        if not mine.centred:
            return LabelMoments(self.mean, cross, products, self.single)
        mean, shift, share = _merged(mine, theirs, self.mean, other.mean, sign)
        _, features, _ = _merged(mine, theirs, mine.mean, theirs.mean, sign)
        cross = cross + sign * share * features[:, None] * shift[:, None, :]
        products = products + sign * share * shift[:, None, :] * shift[None, :, :]
        return LabelMoments(mean, cross, products, self.single)


def _merged(mine: FeatureMoments, theirs: FeatureMoments, first: Any, second: Any, sign: int) -> tuple[Any, Any, float]:
    """Mean of the result, difference of the means of its parts, and the weight of the outer product of differences.

    Adding A and B: δ = b − a, weight m_A m_B/m. Taking B from A: the rest C has mean c, and A = B + C gives δ = b − c,
    weight m_B m_C/m_A. The sign of the product is that of the operation.
    """
    mass = mine.mass + sign * theirs.mass
    if mass <= 0.0:
        return first * 0.0, first * 0.0, 0.0
    mean = first + sign * (theirs.mass / mass) * (second - first)
    if sign > 0:
        return mean, second - first, mine.mass * theirs.mass / mass
    return mean, second - mean, theirs.mass * mass / mine.mass


def weighted(rows: Any, weights: Any, shift: Any = None) -> Any:
    """√v (x − shift): the rows that plain sums of products see. Without weights and shift, the rows themselves."""
    if shift is not None:
        rows = rows - array_namespace(rows).astype(shift, rows.dtype, copy=False)
    if weights is not None:
        xp = array_namespace(rows)
        rows = rows * xp.astype(xp.sqrt(weights), rows.dtype, copy=False)[:, None]
    return rows


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
    mean = xp.zeros(d, dtype=xp.float64, device=features.device)
    shift = None
    if centred and mass > 0:
        # The mean in the rows' own dtype comes off first, which is exact where it matters; what it misses is corrected below.
        shift = xp.astype(sums(features, weights) / mass, features.dtype)
        left = sums(features, weights, shift) / mass
        mean = xp.astype(shift, xp.float64) + left
    if not with_gram:
        refuse_nonfinite("features", features, mean if centred else sums(features, weights))
        return FeatureMoments(n, seen, mass, mean, None, math.nan, centred)
    step = SHORT_BLOCK if machine_epsilon(features) > machine_epsilon(mean) else n
    gram = xp.zeros((d, d), dtype=xp.float64, device=features.device)
    for block in slices(n, step):
        rows = weighted(features[block, :], None if weights is None else weights[block], shift)
        product = rows.T @ rows
        gram = product if step == n else _add(gram, xp.astype(product, xp.float64, copy=False))
    refuse_nonfinite("features", features, gram)
    size = float(xp.linalg.matrix_norm(gram))
    if size < SMALLEST:
        largest = float(xp.max(xp.abs(features if shift is None else features - shift)))
        if largest > 0 and mass > 0:
            raise ValueError(
                f"features must vary by more than {largest:.3g}: their squares are lost to underflow. Rescale to order one."
            )
    if shift is not None:
        gram = gram - mass * left[:, None] * left[None, :]
    noise = machine_epsilon(features) * size / math.sqrt(max(n / step, 1.0))
    return FeatureMoments(n, seen, mass, mean, gram, max(noise, machine_epsilon(gram) * size), centred)


@np.errstate(over="ignore", invalid="ignore")
def label_moments(batch: Batch, moments: FeatureMoments, *, products: bool = True, cross: bool = True) -> LabelMoments:
    """Moments of the labels of a ``batch`` whose features have ``moments``. What isn't asked for stays 0.

    Raises ``ValueError`` for NaN and infinity.
    """
    features = batch.features
    xp = array_namespace(features)
    n, tasks = batch.weak.shape
    count = range(1 if batch.target is None else 2)
    shift = moments.mean if moments.centred else None
    blocks = [batch.rows(block) for block in slices(n, LABEL_BLOCK)]

    def zeros(*shape: int) -> Any:
        return xp.zeros(shape, dtype=xp.float64, device=features.device)

    means = xp.stack([zeros(tasks) for _ in count])
    if moments.centred and moments.mass > 0:
        for block in blocks:
            means = means + xp.stack([sums(values, block.weights) for values in block.labels()]) / moments.mass
    sides, inner = [zeros(features.shape[1], tasks) for _ in count], {(k, l): zeros(tasks) for k in count for l in range(k + 1)}
    for block in blocks:
        centres = [means[k, :] if moments.centred else None for k in count]
        columns = [weighted(values, block.weights, centre) for values, centre in zip(block.labels(), centres, strict=True)]
        if cross:
            rows = weighted(block.features, block.weights, shift)
            for k in count:
                sides[k] = _add(sides[k], xp.astype(rows.T @ columns[k], xp.float64, copy=False))
        if products:
            for k, l in inner:
                inner[k, l] = _add(inner[k, l], column_products(columns[k], columns[l]))
    table = xp.stack([xp.stack([inner[max(k, l), min(k, l)] for l in count]) for k in count])
    moments_of_labels = LabelMoments(means, xp.stack(sides), table, batch.single)
    refuse_nonfinite_labels(batch, moments_of_labels.cross if cross else means)
    return moments_of_labels


def refuse_nonfinite_labels(batch: Batch, result: Any) -> None:
    """``refuse_nonfinite`` for the weak labels and the target, whichever is at fault."""
    if not bool(array_namespace(result).all(array_namespace(result).isfinite(result))):
        for name in ("weak", "target"):
            if getattr(batch, name) is not None:
                finite(name, getattr(batch, name))
        refuse_nonfinite("weak", batch.weak, result)


def column_products(first: Any, second: Any) -> Any:
    """Σ_i first_it second_it for every column t, in float64."""
    xp = array_namespace(first)
    n, tasks = first.shape
    step = max(PRODUCT_BLOCK // tasks, 1)
    total = xp.zeros(tasks, dtype=xp.float64, device=first.device)
    for block in slices(n, step):
        parts = (xp.astype(array[block, :], xp.float64, copy=False) for array in (first, second))
        total = total + xp.sum(next(parts) * next(parts), axis=0)
    return total


def sums(rows: Any, weights: Any, shift: Any = None) -> Any:
    """Σ v (x − shift) over the rows, in float64."""
    xp = array_namespace(rows)
    n = rows.shape[0]
    total = xp.zeros(rows.shape[1], dtype=xp.float64, device=rows.device)
    for block in slices(n, LABEL_BLOCK):
        part = rows[block, :] if shift is None else rows[block, :] - shift
        part = xp.astype(part, xp.float64, copy=False)
        total = total + (xp.sum(part, axis=0) if weights is None else weights[block] @ part)
    return total


def _add(total: Any, part: Any) -> Any:
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
