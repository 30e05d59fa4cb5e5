"""Measured performances of weak model, ceiling and several student runs: the truth plus independent normal noise, as test sets and seeds give it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._validation import finite, generator, positive, whole


@dataclass(frozen=True)
class NoisyRuns:
    """True performances (higher is better), the standard deviation ``noise`` of each measurement, and how many student ``runs`` are measured.

    Raises ``ValueError`` for performances that are not finite, ``noise`` ≤ 0, and ``runs`` that is not a whole number ≥ 1.
    """

    weak: float
    student: float
    ceiling: float
    noise: float
    runs: int = 1

    def __post_init__(self) -> None:
        finite("performances", [self.weak, self.student, self.ceiling])
        positive("noise", self.noise)
        whole("runs", self.runs)

    @property
    def gap(self) -> float:
        """ceiling − weak."""
        return self.ceiling - self.weak

    @property
    def pgr(self) -> float:
        """(student − weak)/gap."""
        return (self.student - self.weak) / self.gap

    def has_gap(self) -> bool:
        """The ceiling is better than the weak model."""
        return self.gap > 0.0

    def measured(self, count: int, *, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Measurements of weak model (count,), students (count, runs) and ceiling (count,)."""
        noise = self.noise * generator(rng).standard_normal((whole("count", count), self.runs + 2))
        return self.weak + noise[:, 0], self.student + noise[:, 2:], self.ceiling + noise[:, 1]
