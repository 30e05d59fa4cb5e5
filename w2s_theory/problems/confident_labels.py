"""Two classes, weak labels of several levels of confidence, and a student that has decisions of its own before it is trained on them.

Whether either is right depends on the level; the student's chance also on whether the weak label is right there, which is how errors that
both make are described. NumPy only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .._validation import finite, frozen, generator, probability, shares, whole
from ..montecarlo import categorical

#: Confidences of the student before training, equally frequent; which one it is decides nothing.
STARTS = (0.6, 0.75, 0.9)


class Items(NamedTuple):
    """The true class (n,), the weak probability of class 1 (n,), the student's before training (n,), and weights that sum to one (n,)."""

    target: np.ndarray
    weak: np.ndarray
    start: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True, eq=False)
class ConfidentLabels:
    """k levels: ``confidence`` max(y, 1 − y) in (½, 1), ``level_shares`` of items, and chances of being right, each (k,).

    ``weak_right``: of the weak label; ``student_right`` (k, 2): of the student's decision before training, where the weak label is
    wrong, and where it is right. ``coefficient`` a in [0, 1): of the confidence loss at the end of its warm-up. Classes are equally frequent.
    Raises ``ValueError`` for other shapes or numbers out of range.
    """

    confidence: np.ndarray
    level_shares: np.ndarray
    weak_right: np.ndarray
    student_right: np.ndarray
    coefficient: float = 0.5

    def __post_init__(self) -> None:
        k = finite("confidence", self.confidence, ndim=1).size
        for name, shape in (("confidence", (k,)), ("weak_right", (k,)), ("student_right", (k, 2))):
            values = frozen(name, getattr(self, name))
            if values.shape != shape or values.min() < 0.0 or values.max() > 1.0:
                raise ValueError(
                    f"{name} must be numbers in [0, 1] of shape {shape}; its shape is {values.shape}, and it reaches from "
                    f"{values.min():.6g} to {values.max():.6g}. Give one per level."
                )
            object.__setattr__(self, name, values)
        if self.confidence.min() <= 0.5 or self.confidence.max() >= 1.0:
            raise ValueError(
                f"confidence must lie strictly between ½ and 1; it reaches from {self.confidence.min():.6g} to "
                f"{self.confidence.max():.6g}. At ½ there is no weak label, and free scores never reach a label of 1."
            )
        object.__setattr__(self, "level_shares", shares("level_shares", self.level_shares))
        if self.level_shares.shape != (k,):
            raise ValueError(f"level_shares must have shape ({k},), one per level; it is {self.level_shares.shape}.")
        if probability("coefficient", self.coefficient, strict=False) == 1.0:
            raise ValueError("coefficient must be below 1, at which the weak labels have no say; it is 1. Lower it.")

    @property
    def weak_accuracy(self) -> float:
        """P(weak label right)."""
        return float(self.level_shares @ self.weak_right)

    def sample(self, n: int, *, rng: np.random.Generator) -> Items:
        """n items, their starts at one of ``STARTS``."""
        whole("n", n)
        level = categorical(self.level_shares, rng=generator(rng), shape=(n,))
        target = rng.integers(0, 2, n)
        weak_right = rng.random(n) < self.weak_right[level]
        student_right = rng.random(n) < self.student_right[level, weak_right.astype(np.int64)]
        sure = rng.choice(STARTS, n)
        return self._items(level, target, weak_right, student_right, sure, np.full(n, 1.0 / n))

    def cases(self) -> Items:
        """Every case once, with its probability: level × weak right × student right, at class 1, from the first of ``STARTS``."""
        k = self.confidence.size
        level, weak_right, student_right = (part.ravel() for part in np.indices((k, 2, 2)))
        weak, student = self.weak_right[level], self.student_right[level, weak_right]
        chance = np.where(weak_right == 1, weak, 1.0 - weak) * np.where(student_right == 1, student, 1.0 - student)
        ones, sure = np.ones(4 * k, dtype=np.int64), np.full(4 * k, STARTS[0])
        return self._items(level, ones, weak_right == 1, student_right == 1, sure, self.level_shares[level] * chance)

    def _items(self, level, target, weak_right, student_right, sure, weights) -> Items:
        weak_label, own_label = (np.where(right, target, 1 - target) for right in (weak_right, student_right))
        confidence = self.confidence[level]
        weak, start = (np.where(label == 1, c, 1.0 - c) for label, c in ((weak_label, confidence), (own_label, sure)))
        return Items(target, weak, start, weights)
