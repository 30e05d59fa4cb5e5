"""What needs the rows again: leave-one-out errors, and squared errors too small to be differences of inner products.

Rows are read block by block, so that predictions never take more than ``PREDICTION_BLOCK`` numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from .._array import array_namespace
from .report import Numbers, gain_of_errors
from .rows import Batch, slices

#: Numbers in a block of predictions (64 MiB of float64).
PREDICTION_BLOCK = 2**23

#: 1 − h below this is rounding: the row decides its own prediction.
SMALLEST_LEFT = 1e-11


class Learner(NamedTuple):
    """Heads in the eigenbasis: ``basis`` (d, r), ``inverse`` filters (L, r), the features' ``mean`` (d,), ``values`` b (K, r, T) and
    ``label_mean`` (K, T).
    """

    basis: Any
    inverse: Any
    mean: Any
    values: Any
    label_mean: Any


def blocks(batches: Iterable[Batch], width: int) -> Iterator[Batch]:
    """The rows in blocks for which ``width`` numbers a row fit ``PREDICTION_BLOCK``."""
    step = max(PREDICTION_BLOCK // max(width, 1), 1)
    for batch in batches:
        for block in slices(batch.features.shape[0], step):
            yield batch.rows(block)


def leave_one_out(learner: Learner, batches: Iterable[Batch], mass: float | None) -> Any:
    """Σ v (y − ŷ)²/(1 − h)² / Σ v, (L, T); ``mass`` Σ v where there is an intercept, which adds v/Σv to the hat diagonal h.

    NaN where some h is 1: without that row there is no unique head.
    """
    xp, b = array_namespace(learner.basis), learner.values[0, :, :]
    size, tasks = learner.inverse.shape[0], b.shape[1]
    heads = xp.reshape(xp.permute_dims(learner.inverse[:, :, None] * b, (1, 0, 2)), (b.shape[0], size * tasks))
    total, seen = xp.zeros((size, tasks), dtype=xp.float64, device=b.device), 0.0
    for batch in blocks(batches, size * tasks):
        v = _weights(batch)
        scores = (xp.astype(batch.features, xp.float64) - learner.mean) @ learner.basis
        hat = v[:, None] * (scores**2 @ learner.inverse.T)
        if mass is not None:
            hat = hat + v[:, None] / mass
        fitted = xp.reshape(scores @ heads, (v.shape[0], size, tasks)) + learner.label_mean[0, :]
        left = 1.0 - hat
        left = xp.where(left > SMALLEST_LEFT, left, float("nan"))
        errors = (xp.astype(batch.labels()[0], xp.float64, copy=False)[:, None, :] - fitted) / left[:, :, None]
        total = total + xp.sum(v[:, None, None] * errors**2, axis=0)
        seen += float(xp.sum(v))
    return total / seen


def numbers(learner: Learner, batches: Iterable[Batch], tasks: np.ndarray) -> Numbers:
    """Misfit and GainReport of the ``tasks`` (whole numbers) from predictions: differences first, then squares."""
    xp = array_namespace(learner.basis)
    chosen = xp.asarray(tasks, device=learner.basis.device)
    values, label_mean = xp.take(learner.values, chosen, axis=2), xp.take(learner.label_mean, chosen, axis=1)
    size = learner.inverse.shape[0]
    total: list[Any] | None = None
    seen = 0.0
    for batch in blocks(batches, 2 * size * len(tasks)):
        scores = (xp.astype(batch.features, xp.float64) - learner.mean) @ learner.basis
        weak, *rest = (xp.astype(xp.take(array, chosen, axis=1), xp.float64) for array in batch.labels())
        v = _weights(batch)
        student = scores @ (learner.inverse[:, :, None] * values[0, :, :]) + label_mean[0, :]
        misfit = student - weak
        pairs = [(misfit, misfit)]
        if rest and values.shape[0] > 1:
            target_values, target_mean = values[0, :, :] - values[1, :, :], label_mean[0, :] - label_mean[1, :]
            ceiling = scores @ (learner.inverse[:, :, None] * target_values) + target_mean
            delta = xp.broadcast_to(rest[0], misfit.shape)
            error, apart = misfit + delta, ceiling - weak + delta
            pairs += [(delta, delta), (error, error), (apart, apart)]
            pairs += [(-2.0 * misfit, error), (-2.0 * misfit, apart), (-2.0 * misfit, student - ceiling)]
        sums = [xp.sum(v[:, None] * first * second, axis=1) for first, second in pairs]
        total = sums if total is None else [old + new for old, new in zip(total, sums, strict=True)]
        seen += float(xp.sum(v))
    assert total is not None
    misfit, *errors = (sums / seen for sums in total)
    return Numbers(misfit, gain_of_errors(misfit, *errors) if errors else None, None)


def _weights(batch: Batch) -> Any:
    xp = array_namespace(batch.features)
    if batch.weights is not None:
        return batch.weights
    return xp.ones(batch.features.shape[0], dtype=xp.float64, device=batch.features.device)
