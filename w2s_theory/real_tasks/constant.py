"""What a constant answer costs on the test rows, and by how much weak model, student and ceiling beat it: whether anything was learnt.

    squared          the mean: 1, as squared errors are in units of the labels' variance
    cross-entropy    the transfer rows' shares π of the classes: −log π_y at a test row with label y; about the labels' entropy, in nats
    accuracy         the commonest class of the transfer rows: 1[y is another one]

A margin is the constant's cost minus a model's error, row by row, so that its interval allows for both being measured on the same rows.
Other transfer rows would change π, but the cost to first order not: every part has the classes in their shares, and the mean of −log p_y
over rows with shares π is least, so flat, at p = π.
"""

from __future__ import annotations

import numpy as np

from ..problems.empirical import Split
from .intervals import NEW_DATA, averages
from .report import Number

MODELS = ("weak", "student", "ceiling")


def cost_of_constant(loss: str, split: Split, classes: np.ndarray | None) -> np.ndarray:
    """The constant's cost (m,) at the m test rows; ``classes`` (N,) from 0, which squared loss does not need."""
    if loss == "squared" or classes is None:
        return np.ones(len(split.test))
    counts = np.bincount(classes[split.transfer])
    if loss == "accuracy":
        return (classes[split.test] != np.argmax(counts)).astype(np.float64)
    return -np.log(counts / counts.sum())[classes[split.test]]


def margins(
    loss: str,
    splits: list[Split],
    values: list[np.ndarray],
    influence: np.ndarray,
    *,
    classes: np.ndarray | None,
    groups: np.ndarray,
) -> list[Number]:
    """The "baseline" and the "weak_margin", "student_margin" and "ceiling_margin", with intervals for a new data set.

    ``values``: for each split (k, m), ``influence`` (S, k, N), both in the order of ``losses.NAMES``; ``groups`` as in ``averages``.
    A model that has no error under this loss has no margin.
    """
    classes = None if classes is None else classes.astype(np.int64)
    costs = [cost_of_constant(loss, split, classes) for split in splits]
    own = np.zeros((len(splits), influence.shape[2]))
    for k, (split, cost) in enumerate(zip(splits, costs, strict=True)):
        own[k, split.test] = (cost - cost.mean()) / len(cost)
    numbers = []
    for k, name in enumerate(("baseline", *(f"{model}_margin" for model in MODELS))):
        # One number at a time: together, noise in the covariance of one would widen another's interval.
        measured = [cost if k == 0 else cost - found[k - 1] for cost, found in zip(costs, values, strict=True)]
        acting = own if k == 0 else own - influence[:, k - 1]
        made = averages([each[None, :] for each in measured], [split.test for split in splits], acting[:, None, :], groups)
        if np.isfinite(made.mean[0]):
            numbers.append(Number(loss, name, *made.of(np.ones(1), NEW_DATA), NEW_DATA))
    return numbers
