"""Weak to strong, end to end: a weak head from gold labels, its pseudo-labels, a student that learns them, and the ceiling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ._validation import generator
from .problems.empirical import EmpiricalTask, Split
from .students.linear import LinearFit, LinearStudent, Ridge
from .triple import Triple


@dataclass(frozen=True, eq=False)
class Run:
    """A pipeline's outcome on one task or several, and how it was made.

    ``train`` and ``test`` are Triples with ceiling on the transfer rows (which the student was fitted on) and on the test rows:
    the weak head's labels, the student's predictions, the gold labels, and the predictions of the strong model trained on the
    gold labels of the same transfer rows; arrays of shape (tasks..., n). ``quantities.gain.report`` makes a GainReport of each.

    ``weak_fit`` and ``strong_fit`` are the heads; ``strong_fit`` has a leading axis of two, student and ceiling, because both
    come from one decomposition of the same features. ``rule`` fitted both; ``is_shuffled`` marks the shuffled-labels control.
    """

    task: str
    train: Triple
    test: Triple
    split: Split
    rule: LinearStudent
    weak_fit: LinearFit
    strong_fit: LinearFit
    is_shuffled: bool = False


def run(
    task: EmpiricalTask,
    *,
    split: Split,
    student: LinearStudent,
    weak: LinearStudent | None = None,
    shuffle: np.random.Generator | None = None,
) -> Run:
    """Train the weak head on the weak rows' gold labels, label the transfer rows with it, train the student on those labels.

    ``weak`` is the weak head's rule, by default ``Ridge("loo")``; ``student`` is the rule of the student and of the ceiling,
    which sees the gold labels of the transfer rows instead. The student never sees a gold label. With ``shuffle`` the weak labels
    are permuted within the transfer rows, and within the test rows, before anything else is done with them: the negative control
    of a teacher whose labels have the right distribution and know nothing of their sample.

    Raises whatever the two rules raise, for example ``ValueError`` from ``OLS`` with fewer transfer rows than strong features.
    """
    weak_fit = (weak or Ridge("loo")).fit(task.weak_features[split.weak], task.labels[..., split.weak])

    def labelled(rows: np.ndarray) -> np.ndarray:
        labels = weak_fit.predict(task.weak_features[rows])
        return labels if shuffle is None else generator(shuffle).permutation(labels, axis=-1)

    weak_labels = {"train": labelled(split.transfer), "test": labelled(split.test)}
    gold = task.labels[..., split.transfer]
    strong_fit = student.fit(task.strong_features[split.transfer], np.stack([weak_labels["train"], gold]))

    def triple(where: str, rows: np.ndarray) -> Triple:
        by_student, by_ceiling = strong_fit.predict(task.strong_features[rows])
        return Triple(weak_labels[where], by_student, task.labels[..., rows], ceiling=by_ceiling)

    return Run(
        task=task.name,
        train=triple("train", split.transfer),
        test=triple("test", split.test),
        split=split,
        rule=student,
        weak_fit=weak_fit,
        strong_fit=strong_fit,
        is_shuffled=shuffle is not None,
    )
