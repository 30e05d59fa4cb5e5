"""A finite pool of points with a weak and a student answer each, the law of the gold answer at each point, and how gold labels are bought.

The unlabelled points are all there are, so a mean over the pool of anything that needs no gold label is known. Gold answers
take the values ``answers``, at point i with the probabilities ``chances[i]``: certain ones (a row of zeros and a one) for a
pool whose labels are fixed and hidden. ``labels`` draws one pool of gold answers; the gain of that pool is what a
label-efficient estimate aims at. NumPy float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._validation import class_probabilities, frozen, generator, positive, probability, whole
from ..montecarlo import cumulative, inverted


@dataclass(frozen=True, eq=False)
class LabelledPool:
    """N points: ``weak`` and ``student`` (N,) answers, possible gold ``answers`` (V,), V ≥ 2, and their ``chances`` (N, V) at
    each point.

    ``count``: gold labels that are bought. ``probabilities`` (N,) > 0, scaled to sum to 1: the chance of each point in each
    draw; equal ones when ``None``. ``level``: confidence of intervals. Raises ``ValueError`` for NaN, shapes that do not
    belong together, chances that are no probabilities, draw probabilities that are not positive, or a ``level`` outside (0, 1).
    """

    weak: np.ndarray
    student: np.ndarray
    answers: np.ndarray
    chances: np.ndarray
    count: int = 10
    probabilities: Any = None
    level: float = 0.95

    def __post_init__(self) -> None:
        weak, answers = frozen("weak", self.weak, ndim=1), frozen("answers", self.answers, ndim=1)
        student, chances = frozen("student", self.student, ndim=1), class_probabilities("chances", self.chances)
        if student.shape != weak.shape or chances.shape != (weak.size, answers.size):
            raise ValueError(
                f"student must have the shape of weak, {weak.shape}, and chances {(weak.size, answers.size)}: a row per point, a column "
                f"per answer; their shapes are {student.shape} and {chances.shape}. Align them."
            )
        given = np.ones(weak.size) if self.probabilities is None else frozen("probabilities", self.probabilities, ndim=1)
        if given.shape != weak.shape or given.min() <= 0.0:
            raise ValueError(
                f"probabilities must be {weak.size} positive numbers, one per point; the shape is {given.shape}, the smallest "
                f"{given.min():.6g}. Floor them."
            )
        shares = given / positive("the sum of probabilities", float(given.sum()))
        shares.setflags(write=False)
        kept = {"weak": weak, "student": student, "answers": answers, "chances": chances, "probabilities": shares}
        for name, array in kept.items():
            object.__setattr__(self, name, array)
        whole("count", self.count)
        probability("level", self.level)

    @property
    def size(self) -> int:
        """Number of points N."""
        return self.weak.size

    @property
    def differs(self) -> np.ndarray:
        """Where weak and student answer differently, (N,) of bool."""
        return self.weak != self.student

    @property
    def misfit(self) -> float:
        """Share of the points on which they differ."""
        return float(np.mean(self.differs))

    @property
    def means(self) -> np.ndarray:
        """Mean gold answer at each point, (N,)."""
        return self.chances @ self.answers

    def mean_square_about(self, guess: np.ndarray) -> np.ndarray:
        """E[(y − guess)²] at each point, (N,)."""
        return np.sum(self.chances * (self.answers - np.asarray(guess)[:, None]) ** 2, axis=1)

    def chance_right(self, answer: np.ndarray) -> np.ndarray:
        """P(y = answer) at each point, (N,)."""
        return np.sum(self.chances * (self.answers == np.asarray(answer)[:, None]), axis=1)

    def squared_gain(self) -> float:
        """Mean over the pool of E[(y − w)² − (y − s)²]."""
        return float(np.mean(self.mean_square_about(self.weak) - self.mean_square_about(self.student)))

    def accuracy_gain(self) -> float:
        """Mean over the pool of P(y = s) − P(y = w)."""
        return float(np.mean(self.chance_right(self.student) - self.chance_right(self.weak)))

    def has_certain_labels(self) -> bool:
        """Every point has one gold answer, whichever pool is drawn."""
        return bool(np.all(self.chances.max(axis=1) == 1.0))

    def labels(self, count: int, *, rng: np.random.Generator) -> np.ndarray:
        """Gold answers of ``count`` pools, (count, N)."""
        shape = (whole("count", count), self.size)
        return self.answers[inverted(cumulative(self.chances), rng=generator(rng), shape=shape)]
