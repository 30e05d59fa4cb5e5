"""Sufficient statistics of labels beside those of their features (see ``moments``).

With ȳ the mean of the labels, taken out when the features are centred and 0 otherwise, for K label arrays of T tasks each

    cross     Σ v (x − x̄)(y_k − ȳ_k)      (K, d, T)
    products  Σ v (y_k − ȳ_k)(y_l − ȳ_l)  (K, K, T)

The arrays are the weak labels and, with a target, their error weak − target. Generic in the array library.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._array import array_namespace, machine_epsilon
from .._validation import finite
from .moments import FeatureMoments, add, mean_slip, merged, refuse_nonfinite, sums, weighted
from .rows import Batch, slices

#: Rows of labels multiplied at once: copies of them stay in cache, and the products still run at full speed.
LABEL_BLOCK = 512

#: Numbers multiplied entry by entry at once, so that the copies stay in cache.
PRODUCT_BLOCK = 2**15


@dataclass(frozen=True, eq=False)
class LabelMoments:
    """``mean`` ȳ (K, T), ``cross`` (K, d, T), ``products`` (K, K, T), their rounding error ``noise`` (T,), and ``single``.

    ``single`` says that the labels came as (n,), without a task axis.
    """

    mean: Any
    cross: Any
    products: Any
    noise: Any
    single: bool

    def of(self, tasks: slice) -> LabelMoments:
        """The moments of some of the tasks."""
        return LabelMoments(
            self.mean[:, tasks], self.cross[:, :, tasks], self.products[:, :, tasks], self.noise[tasks], self.single
        )

    def plus(self, other: LabelMoments, mine: FeatureMoments, theirs: FeatureMoments, sign: int = 1) -> LabelMoments:
        """As ``FeatureMoments.plus``; ``mine`` and ``theirs`` are the moments of the features of the same rows."""
        mean, cross, products = self.mean, self.cross + sign * other.cross, self.products + sign * other.products
        xp, slip = array_namespace(products), 0.0
        if mine.centred:
            mean, shift, share = merged(mine, theirs, self.mean, other.mean, sign)
            _, features, _ = merged(mine, theirs, mine.mean, theirs.mean, sign)
            cross = cross + sign * share * features[:, None] * shift[:, None, :]
            products = products + sign * share * shift[:, None, :] * shift[None, :, :]
            means = xp.abs(self.mean) + xp.abs(other.mean)
            mass = mine.mass + sign * theirs.mass
            slip = xp.sum(mean_slip(xp.abs(shift), means, share, mass, theirs.mass), axis=0)
        noise = xp.sqrt(self.noise**2 + other.noise**2 + (rounding(products) + slip) ** 2)
        return LabelMoments(mean, cross, products, noise, self.single)

    def relative_noise(self) -> float:
        """Rounding error of the weak labels' products relative to them, the worst task: many units where a difference ate digits."""
        xp = array_namespace(self.products)
        own = xp.abs(self.products[0, 0, :])
        return float(xp.max(xp.where(self.noise > 0, self.noise / xp.where(own > 0, own, 1e-300), 0.0)))


def rounding(products: Any) -> Any:
    """eps · Σ_k ‖y_k‖² for every task, (T,)."""
    xp = array_namespace(products)
    total = xp.abs(products[0, 0, :])
    for k in range(1, products.shape[0]):
        total = total + xp.abs(products[k, k, :])
    return machine_epsilon(products) * total


@np.errstate(over="ignore", invalid="ignore")
def label_moments(batch: Batch, moments: FeatureMoments, *, products: bool = True, cross: bool = True) -> LabelMoments:
    """Moments of the labels of a ``batch`` whose features have ``moments``. What isn't asked for stays 0.

    Raises ``ValueError`` for NaN, infinity, and labels that the dtype of the features, or their squares that float64, can't hold.
    """
    features = batch.features
    xp = array_namespace(features)
    n, tasks = batch.weak.shape
    count = range(1 if batch.target is None else 2)
    shift = moments.mean if moments.centred else None
    is_narrow = features.dtype != xp.float64
    # Blocks keep copies in cache; where there are no copies to make, one product is faster still.
    is_plain = batch.weights is None and batch.target is None and not (moments.centred or products or is_narrow)
    blocks = [batch.rows(block) for block in slices(n, n if is_plain else LABEL_BLOCK)]

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
                product = rows.T @ xp.astype(columns[k], rows.dtype, copy=False)
                sides[k] = add(sides[k], xp.astype(product, xp.float64, copy=False))
        if products or is_narrow:
            for k, l in inner:
                inner[k, l] = add(inner[k, l], column_products(columns[k], columns[l]))
    table = xp.stack([xp.stack([inner[max(k, l), min(k, l)] for l in count]) for k in count])
    found = LabelMoments(means, xp.stack(sides), table, rounding(table), batch.single)
    for result in (means, found.cross, table):
        refuse_labels(batch, result)
    if products or is_narrow:
        # Squares below the first are lost in float64; labels below the square root of the second in float32.
        _refuse_small(batch, columns_squared=table, least=1e-60 if is_narrow else 1e-280)
    return found


def _refuse_small(batch: Batch, columns_squared: Any, least: float) -> None:
    xp = array_namespace(columns_squared)
    if bool(xp.any(columns_squared[0, 0, :] < least)):
        largest = xp.max(xp.abs(batch.weak), axis=0)
        lost = (largest > 0) & (largest**2 < least)
        if bool(xp.any(lost)):
            raise ValueError(
                f"weak must be of a size whose squares can be summed in {batch.features.dtype}; the largest entry of a task is "
                f"{float(xp.min(xp.where(lost, largest, float('inf')))):.3g}. Rescale it to order one."
            )


def refuse_labels(batch: Batch, result: Any) -> None:
    """``refuse_nonfinite`` for the weak labels and the target, whichever is at fault."""
    xp = array_namespace(result)
    if not bool(xp.all(xp.isfinite(result))):
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
