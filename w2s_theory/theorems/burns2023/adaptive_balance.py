"""The adaptive threshold gives hard labels the class balance of the weak labels: |share of class 1 − mean y| ≤ max(q, 1 − q)/n, q = mean y.

Proof: without ties, and with the quantile at q interpolated between the n sorted predictions, ⌈q (n − 1)⌉ of them lie below it, and
q (n − 1) ≤ ⌈q (n − 1)⌉ < q (n − 1) + 1. So whatever the student believes, its hard labels can't collapse to one class, as they can at a
fixed threshold of ½. Ties can: rows that tie with the threshold are all class 0. Derived here.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...problems.classification import two_columns
from ...statements import Assumption, Sides, Statement
from ...students.batch_loss import END
from ...students.confidence import Confidence
from ...students.free_scores import FreeScores
from .._burns import SOURCE, TWO_CLASSES, is_loss, memoriser

#: Predictions closer than this tie up to rounding: the interpolated quantile may round onto one of them.
TIE = 1e-9


def spacing(rows: FreeScores) -> float:
    """The smallest distance between two of the predictions; 1 where there is only one."""
    return float(np.min(np.diff(np.sort(rows.start[:, 0])), initial=1.0))


def _sides(rows: FreeScores) -> Sides:
    q, n = rows.labels[:, 1].mean(), len(rows.labels)
    # With coefficient 1 the target of the loss is its hard labels.
    hard = replace(rows.loss, highest=1.0).target(rows.start, rows.scores, rows.labels, END)  # type: ignore[attr-defined,type-var]
    # A quantile that is rounded by a few units stands for a share of class 1 that is off by as much, relative to the spacing.
    rounding = 4.0 * np.finfo(np.float64).eps / (spacing(rows) * n)
    return Sides(abs(hard[:, 1].mean() - q), max(q, 1.0 - q) / n, scale=1.0, size=1.0 / n, solver_error=rounding)


def _examples(rng: np.random.Generator) -> tuple[FreeScores, ...]:
    unsure = np.linspace(0.02, 0.2, 33)
    attained = FreeScores(Confidence(), two_columns(1.0 - unsure), np.tile([1.0 / 32.0, 31.0 / 32.0], (33, 1)))
    return memoriser(Confidence(), rng, rows=32), attained


ADAPTIVE_BALANCE = Statement(
    name="burns2023.adaptive_balance",
    says="adaptive threshold without ties: the hard labels have the batch's weak class balance to within max(q, 1 − q)/n",
    relation="<=",
    sides=_sides,
    about=FreeScores,
    assumptions=(
        TWO_CLASSES,
        is_loss(
            Confidence,
            "the confidence loss with hard labels by the batch's threshold",
            lambda loss: loss.threshold == "batch" and not loss.soft,  # type: ignore[attr-defined]
        ),
        Assumption("no two predictions tie, up to a billionth", lambda rows: spacing(rows) > TIE),
    ),
    source=SOURCE,
    tightness="attained when q ≥ ½ and q (n − 1) is a whole number",
    examples=_examples,
)
