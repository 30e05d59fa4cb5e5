"""The entropy loss with coefficient a is cross-entropy with the step times 1 − a: it only slows training down.

Proof: its target (1 − a) y + a p is held fixed, so the slope is p − (1 − a) y − a p = (1 − a)(p − y). Adam, which divides by the size of
the slope, hardly notices. A check computes the left side from 50 steps of descent on the entropy loss, the right side from 50 of
cross-entropy with the smaller step. Derived here.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...statements import Sides, Statement
from ...students.batch_loss import END
from ...students.confidence import Confidence
from ...students.free_scores import FreeScores, settle
from ...students.loss_menu import CrossEntropy
from .._burns import SOURCE, is_loss, memoriser

STEP, STEPS = 0.5, 50


def _sides(rows: FreeScores) -> Sides:
    coefficient = rows.loss.coefficient(END.progress)  # type: ignore[attr-defined]
    slowed = replace(rows, loss=CrossEntropy())
    # Tolerance 0: no side stops before its last step, unless nothing moves.
    left = settle(rows, step=STEP, most=STEPS, tolerance=0.0).predictions
    return Sides(left, settle(slowed, step=(1.0 - coefficient) * STEP, most=STEPS, tolerance=0.0).predictions, scale=1.0)


def _examples(rng: np.random.Generator) -> tuple[FreeScores, ...]:
    return memoriser(Confidence(highest=0.75, soft=True), rng, classes=4), memoriser(Confidence(soft=True), rng)


ENTROPY_IS_A_SMALLER_STEP = Statement(
    name="burns2023.entropy_is_a_smaller_step",
    says="descent on the entropy loss with coefficient a is descent on cross-entropy with 1 − a of the step",
    relation="==",
    sides=_sides,
    about=FreeScores,
    assumptions=(
        is_loss(
            Confidence,
            "the entropy loss with a coefficient below 1, at which there is no step",
            lambda loss: loss.soft and loss.highest < 1.0,  # type: ignore[attr-defined]
        ),
    ),
    source=SOURCE,
    tightness="an equality",
    examples=_examples,
)
