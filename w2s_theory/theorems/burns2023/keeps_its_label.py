"""Phase transition of the confidence loss: a student keeps its label against a weak one exactly where the weak confidence is below ½/(1 − a).

For a < ½ unsure weak labels are overridden, and all of them for a > ½, hard ones too. The left side is the share of the disagreements in
which descent ends on the student's side, the right side is the share of weak labels below the border. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...quantities.confidence_loss import kept_share
from ...statements import Assumption, Sides, Statement
from ...students.free_scores import FreeScores, settle
from .._burns import FIXED_THRESHOLD, OFF_THE_BORDER, SOURCE, TWO_CLASSES, confidence_rows

#: p within this of its target tells the side it is on, as targets are further than BORDER·(1 − a) from ½.
NEAR = 1e-4


def _apart(rows: FreeScores) -> np.ndarray:
    return (rows.start[:, 1] > 0.5) != (rows.labels[:, 1] > 0.5)


def _sides(rows: FreeScores) -> Sides:
    settled = settle(rows, tolerance=NEAR).predictions[:, 1] > 0.5
    kept = (settled == (rows.start[:, 1] > 0.5))[_apart(rows)]
    right = kept_share(rows.start[:, 1], rows.labels[:, 1], rows.loss.highest)  # type: ignore[attr-defined]
    return Sides(np.mean(kept), right, scale=1.0)


KEEPS_ITS_LABEL = Statement(
    name="burns2023.keeps_its_label",
    says="confidence loss with threshold ½: the student keeps its own label against a weak one iff that has confidence below ½/(1 − a)",
    relation="==",
    sides=_sides,
    about=FreeScores,
    assumptions=(
        TWO_CLASSES,
        FIXED_THRESHOLD,
        OFF_THE_BORDER,
        Assumption("the coefficient is at most 0.9, so that targets are clear of ½", lambda rows: rows.loss.highest <= 0.9),
        Assumption("student and weak label disagree somewhere", lambda rows: bool(_apart(rows).any())),
    ),
    source=SOURCE,
    tightness="an equality",
    examples=confidence_rows,
)
