"""Hypotheses, source and small examples of the statements about losses on weak labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ..problems.confident_labels import ConfidentLabels
from ..quantities.confidence_loss import override_confidence
from ..statements import Assumption, Source
from ..students.batch_loss import Loss
from ..students.confidence import Confidence
from ..students.free_scores import FreeScores

SOURCE = Source("burns2023", "loss on weak labels", derived=True)
TWO_CLASSES = Assumption("two classes", FreeScores.has_two_classes)
SOFT_LABELS = Assumption(
    "weak labels are soft: strictly between 0 and 1, which free scores never reach", lambda rows: bool(rows.labels.min() > 0.0)
)
FIXED_THRESHOLD = Assumption(
    "the confidence loss with threshold ½ and hard labels of the student's own",
    lambda rows: isinstance(rows.loss, Confidence) and rows.loss.threshold == "half" and not rows.loss.soft,
)
#: Nearer to the border than this the flow takes too long to follow.
BORDER = 1e-3


def clear_of_border(confidence: np.ndarray, coefficient: float) -> bool:
    """True when a is below 1 and no weak confidence is at the border κ, where nothing draws the student to either side."""
    return coefficient < 1.0 and bool(np.min(np.abs(confidence - override_confidence(coefficient))) > BORDER)


OFF_THE_BORDER = Assumption(
    "no weak label is as confident as the border ½/(1 − a), up to a thousandth",
    lambda rows: isinstance(rows.loss, Confidence) and clear_of_border(rows.labels.max(axis=1), rows.loss.highest),
)


def is_loss(kind: type[Loss], says: str, holds: Callable[[Loss], bool] = lambda loss: True) -> Assumption:
    """The hypothesis that ``loss`` is of a kind."""
    return Assumption(says, lambda rows: isinstance(rows.loss, kind) and holds(rows.loss))


def memoriser(loss: Loss, rng: np.random.Generator, *, rows: int = 40, classes: int = 2) -> FreeScores:
    """Rows with uniform starts and weak labels."""
    start, labels = (0.96 * rng.dirichlet(np.ones(classes), rows) + 0.04 / classes for _ in range(2))
    return FreeScores(loss, start, labels)


def confidence_rows(rng: np.random.Generator) -> tuple[FreeScores, ...]:
    """Coefficients on both sides of the transition, labels kept clear of the border."""
    found = []
    for a in (0.75, 0.25, 0.4):
        rows = memoriser(Confidence(highest=a, warmup=0.0, threshold="half"), rng, rows=200)
        clear = np.abs(rows.labels.max(axis=1) - override_confidence(a)) > 2.0 * BORDER
        found.append(replace(rows, start=rows.start[clear], labels=rows.labels[clear]))
    return tuple(found)


def confident_worlds(rng: np.random.Generator) -> tuple[ConfidentLabels, ...]:
    """A student that loses to the weak labels on disagreements, one that wins, and one that wins where they are unsure."""
    confidence = np.array([0.55, 0.65, 0.75, 0.85, 0.95])
    shares = rng.dirichlet(10.0 * np.ones(5))
    poor, good = ([[0.3, 0.6]] * 5, [[0.8, 0.95]] * 5)
    return (
        ConfidentLabels(confidence, shares, confidence, np.array(poor), 0.3),
        ConfidentLabels(confidence, shares, np.full(5, 0.7), np.array(good), 0.75),
        ConfidentLabels(confidence, shares, confidence, np.array(good), 0.4),
    )
