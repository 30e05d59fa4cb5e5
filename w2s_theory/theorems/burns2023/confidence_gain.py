"""Accuracy gain of the confidence loss over the weak labels: P(only the student right, c < κ) − P(only the weak label right, c < κ).

κ = ½/(1 − a). A memorising student ends with its own earlier decision on weak labels less confident than κ and with the weak label on the
others. So the loss helps exactly when the student's decisions at the end of the warm-up beat the weak labels on the disagreements that it
overrides, and it hurts a student whose decisions are worse. A check computes the left side from all cases of the population, each with
scores of its own that descend the loss. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.confident_labels import ConfidentLabels
from ...quantities.confidence_loss import CONFIDENCE_GAIN, gains
from ...statements import Assumption, Sides, Statement
from .._burns import SOURCE, clear_of_border, confident_worlds


def _sides(world: ConfidentLabels) -> Sides:
    cases = world.cases()
    return Sides(np.sum(cases.weights * gains(world, cases)), CONFIDENCE_GAIN.closed_form(world), scale=1.0)


CONFIDENCE_GAIN_STATEMENT = Statement(
    name="burns2023.confidence_gain",
    says="accuracy gain of the confidence loss = P(only student right) − P(only weak right), over weak confidences below ½/(1 − a)",
    relation="==",
    sides=_sides,
    about=ConfidentLabels,
    assumptions=(
        Assumption(
            "no level is as confident as the border ½/(1 − a), up to a thousandth",
            lambda world: clear_of_border(world.confidence, world.coefficient),
        ),
    ),
    source=SOURCE,
    tightness="an equality",
    examples=confident_worlds,
)
