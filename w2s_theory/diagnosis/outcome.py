"""What a diagnosis says, as values: the answer in each loss, and what a reader must know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..outcomes import Estimate
from ..quantities.label_efficiency.no_labels import GainRange
from ..quantities.label_efficiency.outcome import Target
from ..quantities.pgr import PGR
from .answers import Kind

Verdict = Literal["yes", "no", "equal", "open"]


@dataclass(frozen=True)
class LossAnswer:
    """The answer in one loss. ``gain``: error of the weak model less that of the student, None where labels don't say;
    ``possible``: its range for the points at hand whatever the missing labels are, or under ``possible.assumes``; ``misfit``:
    how far the student is from its teacher; ``classical``: the interval that as many uniformly drawn labels would have had;
    ``more``: about how many further labels settle the sign, None where nothing is known of it; ``labels`` used.
    """

    loss: str
    misfit: float
    gain: Estimate | None
    classical: Estimate | None
    possible: GainRange
    labels: int
    more: int | None
    notes: tuple[str, ...]

    @property
    def verdict(self) -> Verdict:
        """Did the student beat its teacher: yes, no, equal (the gain is exactly 0) or open."""
        low, high = (self.possible.low, self.possible.high) if self.gain is None else (self.gain.low, self.gain.high)
        if low == high == 0.0:
            return "equal"
        return "yes" if low > 0.0 else "no" if high < 0.0 else "open"

    @property
    def saving(self) -> float | None:
        """About how many times as many labels the classical estimate needs for this width; None where there is no interval."""
        if self.gain is None or self.classical is None or self.gain.high == self.gain.low:
            return None
        return ((self.classical.high - self.classical.low) / (self.gain.high - self.gain.low)) ** 2


@dataclass(frozen=True)
class Diagnosis:
    """``answers`` in each loss, the main one first; ``ceiling``: performance gap recovered in accuracy, where a ceiling was
    given and labels allow it.

    ``points``, ``labelled``; ``needs``: which points need a label, a sentence; ``assumed`` and ``warnings``: what a reader must
    know, sentences.
    """

    kind: Kind
    points: int
    labelled: int
    level: float
    target: Target
    answers: tuple[LossAnswer, ...]
    ceiling: PGR | None
    needs: str
    assumed: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def main(self) -> LossAnswer:
        """The answer in the main loss."""
        return self.answers[0]

    @property
    def verdict(self) -> Verdict:
        """Did the student beat its teacher, in the main loss."""
        return self.main.verdict
