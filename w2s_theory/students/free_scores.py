"""A student that memorises: every row has scores of its own, which follow the slope of a loss. What a loss asks for, without features.

Gradient descent, scores ← scores − step·slope, or its flow in continuous time. NumPy only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .._validation import SolverFailure, class_probabilities, positive, whole
from .batch_loss import END, Loss, Moment
from .softmax_losses import log_softmax


@dataclass(frozen=True, eq=False)
class FreeScores:
    """n rows with predictions ``start`` (n, C), all positive, weak ``labels`` (n, C), and the ``loss`` that is followed from there.

    Raises ``ValueError`` for rows that are no probabilities, a start of exactly 0 (which scores can't express), or labels the loss refuses.
    """

    loss: Loss
    start: np.ndarray
    labels: np.ndarray

    def __post_init__(self) -> None:
        start, labels = class_probabilities("start", self.start), class_probabilities("labels", self.labels)
        if start.shape != labels.shape:
            raise ValueError(f"start must have the shape of labels, {labels.shape}; it is {start.shape}. One row per example.")
        if start.min() <= 0.0:
            raise ValueError(f"start must be positive; {np.sum(start == 0.0)} entries are 0. Scores reach 0 never.")
        self.loss.accept(labels)
        object.__setattr__(self, "start", start)
        object.__setattr__(self, "labels", labels)

    @property
    def scores(self) -> np.ndarray:
        """Scores whose softmax is ``start``: its logarithms."""
        return np.log(self.start)

    def has_two_classes(self) -> bool:
        """True when C = 2."""
        return self.start.shape[1] == 2


@dataclass(frozen=True, eq=False)
class Settled:
    """Where descent ended: predictions (n, C), and the largest slope of each row there (n,)."""

    predictions: np.ndarray
    residual: np.ndarray


def settle(rows: FreeScores, *, step: float = 2.0, most: int = 20_000, tolerance: float = 1e-9, moment: Moment = END) -> Settled:
    """Gradient descent from the start until no slope exceeds ``tolerance``, or ``most`` steps are done; ``moment`` stays what it is.

    With cross-entropy of two classes the score difference m moves by 2·step·(t − p), so that for step ≤ 2 it never overshoots a fixed
    target: |dp/dm| ≤ ¼.
    """
    positive("step", step)
    whole("most", most)
    scores = rows.scores.copy()
    for _ in range(most):
        p, logs = log_softmax(scores, axis=-1)
        slopes = rows.loss.evaluate(p, logs, rows.labels, moment)[1]
        if np.abs(slopes).max() <= tolerance:
            break
        scores -= step * slopes
    p, logs = log_softmax(scores, axis=-1)
    return Settled(p, np.abs(rows.loss.evaluate(p, logs, rows.labels, moment)[1]).max(axis=1))


def flow(rows: FreeScores, time: float, *, until: Callable[[np.ndarray], float] | None = None) -> np.ndarray:
    """Scores (n, C) after following −slope for ``time``, each row by an adaptive solver (relative error 1e-10 a step).

    ``until`` of a row's predictions (C,): a row stops where it changes sign. Rows must not depend on each other through the loss.
    Raises ``SolverFailure`` when the solver gives up.
    """
    from scipy.integrate import solve_ivp

    positive("time", time)
    ends = []
    for scores, label in zip(rows.scores, rows.labels, strict=True):

        def slope(_, z, label=label):
            return -rows.loss.evaluate(*log_softmax(z[None], axis=-1), label[None], END)[1][0]

        def stop(_, z):
            return 1.0 if until is None else until(log_softmax(z, axis=-1)[0])

        setattr(stop, "terminal", True)  # noqa: B010
        done = solve_ivp(slope, (0.0, time), scores, method="LSODA", rtol=1e-10, atol=1e-12, events=stop)
        if not done.success:
            raise SolverFailure(f"the flow could not be followed: {done.message}")
        ends.append(done.y[:, -1])
    return np.stack(ends)
