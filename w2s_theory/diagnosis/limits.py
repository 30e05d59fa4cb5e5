"""What the labels at hand leave possible without any assumption on how their points were chosen: no draw is needed.

At a labelled point the gain is what it is; at any other it lies between its least and its largest value over the truths there
could be:

    accuracy        −1 to 1 where weak and student differ, else 0
    cross-entropy   the smallest to the largest log(s_k/w_k) over classes k
    squared         (w − s)(w + s − 2y) at the ends of the range of y, if one is stated; over classes for probabilities

Their means over all points bound the gain of the pool, sharply: any truths at the unlabelled points are compatible.
"""

from __future__ import annotations

import math

import numpy as np

from ..quantities.label_efficiency.no_labels import GainRange
from .answers import Answers
from .record import differs

UNASSUMED = "nothing is assumed of the points without a label"


def pointwise_gain(answers: Answers, loss: str, rows: np.ndarray) -> np.ndarray:
    """Error of the weak model less that of the student at labelled ``rows``."""
    gold = answers.gold[rows]
    if loss == "accuracy":
        return (answers.hard("student")[rows] == gold).astype(np.float64) - (answers.hard("weak")[rows] == gold)
    if loss == "cross_entropy":
        return _log_ratio(answers)[rows, gold.astype(np.int64)]
    if answers.has_probabilities:
        return _brier(answers)[rows, gold.astype(np.int64)]
    return (answers.weak[rows] - gold) ** 2 - (answers.student[rows] - gold) ** 2


def limits(answers: Answers, loss: str, *, label_range: tuple[float, float] | None = None) -> GainRange:
    """Sharp bounds of the gain of these points; infinite for squared loss on numbers without a ``label_range``."""
    if loss == "accuracy":
        high = differs(answers).astype(np.float64)
        low = -high
    elif answers.has_probabilities:
        table = _log_ratio(answers) if loss == "cross_entropy" else _brier(answers)
        low, high = table.min(axis=1), table.max(axis=1)
    elif label_range is not None:
        ends = np.sort(
            [(answers.weak - answers.student) * (answers.weak + answers.student - 2.0 * end) for end in label_range], axis=0
        )
        low, high = ends
    else:
        apart = np.where(answers.weak != answers.student, math.inf, 0.0)
        low, high = -apart, apart
    rows = answers.labelled
    if rows.size:
        low, high = low.copy(), high.copy()
        low[rows] = high[rows] = pointwise_gain(answers, loss, rows)
    assumes = UNASSUMED
    if label_range is not None and loss == "squared" and answers.kind == "regression":
        assumes = f"every label lies between {label_range[0]:g} and {label_range[1]:g}"
    return GainRange(float(np.mean(low)), float(np.mean(high)), misfit(answers, loss), loss, assumes)


def misfit(answers: Answers, loss: str) -> float:
    """How far the student is from its teacher: the share of points where they differ, E KL(s‖w), or the mean squared distance."""
    if loss == "accuracy":
        return float(np.mean(differs(answers)))
    if loss == "cross_entropy":
        return float(np.mean(np.sum(answers.soft("student") * _log_ratio(answers), axis=1)))
    square = (answers.weak - answers.student) ** 2
    return float(np.mean(square.sum(axis=1) if answers.has_probabilities else square))


def _log_ratio(answers: Answers) -> np.ndarray:
    return np.log(answers.soft("student")) - np.log(answers.soft("weak"))


def _brier(answers: Answers) -> np.ndarray:
    """Gain in squared distance to each class's corner, (N, C)."""
    weak, student = answers.weak, answers.student
    sizes = np.sum(weak**2 - student**2, axis=1, keepdims=True)
    return sizes - 2.0 * (weak - student)
