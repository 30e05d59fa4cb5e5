"""KL(y‖p) has the slope of cross-entropy, p − y: they differ by the entropy of the weak labels, which no student changes.

So training runs that differ in this choice only are the same runs. A check computes the left side from derivatives of Σ y log(y/p) as it is
written, by complex steps in the scores, which have no truncation to speak of, and the slopes that the loss gives to a training loop.
Derived here.
"""

from __future__ import annotations

import numpy as np

from ...statements import Sides, Statement
from ...students.free_scores import FreeScores
from ...students.loss_menu import CrossEntropy, ForwardKL
from .._burns import SOFT_LABELS, SOURCE, is_loss, memoriser

STEP = 1e-100


def _sides(rows: FreeScores) -> Sides:
    classes = rows.start.shape[1]
    shifted = rows.scores[:, None, :] + 1j * STEP * np.eye(classes)
    p = np.exp(shifted) / np.exp(shifted).sum(axis=-1, keepdims=True)
    divergence = (rows.labels[:, None, :] * np.log(rows.labels[:, None, :] / p)).sum(axis=-1)
    left = np.stack([divergence.imag / STEP, rows.loss.terms(rows.scores, rows.labels)[1]])
    right = np.broadcast_to(CrossEntropy().terms(rows.scores, rows.labels)[1], left.shape)
    return Sides(left, right, scale=1.0)


def _examples(rng: np.random.Generator) -> tuple[FreeScores, ...]:
    return memoriser(ForwardKL(), rng, classes=5), memoriser(ForwardKL(), rng)


KL_IS_CROSS_ENTROPY = Statement(
    name="burns2023.kl_is_cross_entropy",
    says="the slope of KL(y‖p) in the scores is that of cross-entropy, p − y, for any number of classes",
    relation="==",
    sides=_sides,
    about=FreeScores,
    assumptions=(SOFT_LABELS, is_loss(ForwardKL, "the loss KL(y‖p)")),
    source=SOURCE,
    tightness="an equality",
    examples=_examples,
)
