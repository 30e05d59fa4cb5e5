"""Area under the ROC curve, for weighted points: P(positive scores higher) + ½ P(tie), its placement values and its resamples.

With placement values V_i = share of the other class that point i beats (ties half), the influence of a positive is (n/n₁)(V_i − AUC),
of a negative (n/n₀)(V_i − AUC): what DeLong, DeLong and Clarke-Pearson's variance is made of. NumPy only.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def area_under_curve(
    scores: np.ndarray, positive: np.ndarray
) -> tuple[np.ndarray, np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    """Value (...), influence (..., n) and value at weights (B, n) -> (..., B), averaged over k one-against-rest tasks.

    ``scores`` (..., k, n): higher is more positive; ``positive`` (k, n): true where the point is, with both kinds in every row.
    """
    positive = np.broadcast_to(positive, scores.shape)
    n = scores.shape[-1]
    order = np.argsort(scores, axis=-1, kind="stable")
    first, last = _ties(np.take_along_axis(scores, order, axis=-1))
    is_positive = np.take_along_axis(positive, order, axis=-1)
    beaten = _mid_sums((~is_positive).astype(np.float64), first, last)
    lost = _mid_sums(is_positive.astype(np.float64), first, last)
    positives, negatives = (np.sum(kind, axis=-1, keepdims=True) for kind in (is_positive, ~is_positive))
    placement = np.where(is_positive, beaten / negatives, 1.0 - lost / positives)
    value = np.sum(placement * is_positive, axis=-1, keepdims=True) / positives
    sorted_influence = (placement - value) * n / np.where(is_positive, positives, negatives)
    influence = np.empty_like(scores)
    np.put_along_axis(influence, order, sorted_influence, axis=-1)

    def at(weights: np.ndarray) -> np.ndarray:
        flat = [array.reshape(-1, n) for array in (order, first, last, is_positive)]
        areas = [_weighted(weights[:, ranks], *of_task) for ranks, *of_task in zip(*flat, strict=True)]
        return np.mean(np.reshape(areas, (*scores.shape[:-1], len(weights))), axis=-2)

    return value[..., 0].mean(axis=-1), influence.mean(axis=-2), at


def _ties(ordered: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First index and one past the last of the group of equal scores that each sorted point belongs to."""
    n = ordered.shape[-1]
    starts = np.ones(ordered.shape, dtype=bool)
    starts[..., 1:] = ordered[..., 1:] != ordered[..., :-1]
    index = np.arange(n)
    first = np.maximum.accumulate(np.where(starts, index, 0), axis=-1)
    ends = np.ones(ordered.shape, dtype=bool)
    ends[..., :-1] = starts[..., 1:]
    last = np.minimum.accumulate(np.where(ends, index + 1, n)[..., ::-1], axis=-1)[..., ::-1]
    return first, last


def _mid_sums(weights: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """For each sorted point the weight below it, plus half of what is tied with it."""
    sums = np.zeros((*weights.shape[:-1], weights.shape[-1] + 1))
    np.cumsum(weights, axis=-1, out=sums[..., 1:])
    return 0.5 * (np.take_along_axis(sums, first, axis=-1) + np.take_along_axis(sums, last, axis=-1))


def _weighted(weights: np.ndarray, first: np.ndarray, last: np.ndarray, is_positive: np.ndarray) -> np.ndarray:
    """The area for each row of ``weights`` (B, n), whose points are sorted; NaN where a class has no weight."""
    sums = np.zeros((len(weights), weights.shape[1] + 1))
    np.cumsum(weights * ~is_positive, axis=-1, out=sums[:, 1:])
    below = sums[:, first[is_positive]] + sums[:, last[is_positive]]
    own = weights[:, is_positive]
    with np.errstate(invalid="ignore"):
        return 0.5 * np.sum(own * below, axis=-1) / (own.sum(axis=-1) * sums[:, -1])
