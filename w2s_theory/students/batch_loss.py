"""A loss of a batch of soft labels: values row by row, slopes in the student's scores, and the moment of training it may depend on.

Rows are examples: scores z and weak soft labels y are (n, C), p = softmax(z). NumPy only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .._validation import class_probabilities, finite
from .softmax_losses import log_softmax

Rows = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, eq=False)
class Moment:
    """A moment of training: ``progress``, the share of steps done, in [0, 1]; ``past``, predictions (m, C) on earlier batches."""

    progress: float = 1.0
    past: np.ndarray | None = None

    def __post_init__(self) -> None:
        if not 0.0 <= self.progress <= 1.0:
            raise ValueError(f"progress must lie in [0, 1]; it is {self.progress!r}. Divide the step by the number of steps.")


END = Moment()


class Loss:
    """A loss of a batch: ``terms`` checks its arguments; ``evaluate`` is the same without, for a training loop that has."""

    #: True when a label of exactly 0 would make the loss infinite.
    needs_positive_labels: ClassVar[bool] = False

    def terms(self, scores: np.ndarray, labels: np.ndarray, moment: Moment = END) -> Rows:
        """Values (n,) and slopes in the scores (n, C); targets are held fixed, as gradients do not flow through them.

        Raises ``ValueError`` for NaN, shapes that differ, labels or past predictions that are no probabilities, and labels of 0 where the
        loss is infinite.
        """
        labels = self.accept(labels)
        scores = finite("scores", scores, ndim=2)
        if scores.shape != labels.shape:
            raise ValueError(f"scores must have the shape of labels, {labels.shape}; it is {scores.shape}. One row per example.")
        if moment.past is not None and len(moment.past) and class_probabilities("past", moment.past).shape[1] != labels.shape[1]:
            raise ValueError(f"past must have the {labels.shape[1]} columns of labels; the shape is {np.shape(moment.past)}.")
        return self.evaluate(*log_softmax(scores, axis=-1), labels, moment)

    def accept(self, labels: np.ndarray) -> np.ndarray:
        """Soft labels (n, C), C ≥ 2, as float64 rows that sum to 1 (see ``class_probabilities``); raises ``ValueError`` as ``terms``."""
        labels = class_probabilities("labels", labels)
        if self.needs_positive_labels and labels.min() == 0.0:
            raise ValueError(
                f"labels must be positive for {type(self).__name__}, which is infinite otherwise; {np.sum(labels == 0.0)} are 0. "
                "Mix in a little of the uniform distribution, or use CrossEntropy."
            )
        return labels

    def evaluate(self, p: np.ndarray, logs: np.ndarray, labels: np.ndarray, moment: Moment) -> Rows:
        """Values and slopes from predictions p and their logarithms, (n, C) each."""
        raise NotImplementedError


class TargetLoss(Loss):
    """Cross-entropy against ``target``, which is held fixed."""

    def target(self, p: np.ndarray, logs: np.ndarray, labels: np.ndarray, moment: Moment) -> np.ndarray:
        """What the predictions are drawn to (n, C); a row that sums to less than one counts for less."""
        raise NotImplementedError

    def evaluate(self, p: np.ndarray, logs: np.ndarray, labels: np.ndarray, moment: Moment) -> Rows:
        """−Σ t log p, and (Σt) p − t."""
        target = self.target(p, logs, labels, moment)
        return -(target * logs).sum(axis=1), p * target.sum(axis=1, keepdims=True) - target
