"""Confidence loss, memorising student: p ends at (1 − a) y + a s, s its own label where c < ½/(1 − a) or both agree, else the weak label.

y is the weak probability of class 1, c = max(y, 1 − y), a the coefficient, the threshold ½. Proof: m' = 2 (t − p), so p moves monotonically
towards the target t of its side; one on its own side is reached, one on the other is left behind only for a target that is further the same
way. The same holds for descent with steps up to 2, which can't overshoot. A check computes the left side from that descent, until p is
within 1e-9 of its target. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...quantities.confidence_loss import settled_probability
from ...statements import Sides, Statement
from ...students.free_scores import FreeScores, settle
from .._burns import FIXED_THRESHOLD, OFF_THE_BORDER, SOFT_LABELS, SOURCE, TWO_CLASSES, confidence_rows


def _sides(rows: FreeScores) -> Sides:
    settled = settle(rows)
    right = settled_probability(rows.start[:, 1], rows.labels[:, 1], rows.loss.highest)  # type: ignore[attr-defined]
    return Sides(settled.predictions[:, 1], right, scale=1.0, solver_error=settled.residual)


def _examples(rng: np.random.Generator) -> tuple[FreeScores, ...]:
    return confidence_rows(rng)


CONFIDENCE_END = Statement(
    name="burns2023.confidence_end",
    says="confidence loss with threshold ½: p ends at (1 − a) y + a·(own label if the weak confidence is below ½/(1 − a), else weak label)",
    relation="==",
    sides=_sides,
    about=FreeScores,
    assumptions=(TWO_CLASSES, FIXED_THRESHOLD, SOFT_LABELS, OFF_THE_BORDER),
    source=SOURCE,
    tightness="an equality",
    examples=_examples,
)
