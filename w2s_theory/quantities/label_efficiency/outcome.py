"""What a label-efficient estimate says: the gain with its interval, what of it needed no label, and what the classical estimate would say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...outcomes import Estimate

#: What a gain is averaged over: the points at hand, or the law they were drawn from.
Target = Literal["pool", "population"]


@dataclass(frozen=True)
class LabelledGain:
    """A gain (error of the weak model less error of the student), estimated from gold labels at chosen points.

    ``gain``: the Estimate. ``classical``: the interval that the paired estimate would have had from as many labels drawn
    uniformly from all points, around the same value (its variance is estimated from the labels at hand). ``known``: the part
    that needs no gold label (accuracy: the misfit, which is multiplied by the rest; a Bregman loss: the mean, over all points,
    of the gain if the blend ŷ were the truth, to which the rest is added). ``labels``: different points that have one;
    ``points``: all points; ``target``: "pool" or "population". ``notes``: what a reader must know, a sentence each.
    """

    gain: Estimate
    classical: Estimate
    known: float
    labels: int
    points: int
    target: Target
    loss: str
    notes: tuple[str, ...] = ()

    @property
    def value(self) -> float:
        """The estimate."""
        return self.gain.value

    @property
    def low(self) -> float:
        """Lower end of its interval."""
        return self.gain.low

    @property
    def high(self) -> float:
        """Upper end of its interval."""
        return self.gain.high

    @property
    def stderr(self) -> float:
        """Its standard error."""
        return self.gain.stderr

    @property
    def method(self) -> str:
        """How the interval was made."""
        return self.gain.method

    @property
    def saving(self) -> float:
        """Squared ratio of the widths, classical over ours: about how many times as many labels the classical estimate needs;
        inf for a point."""
        width = self.high - self.low
        return ((self.classical.high - self.classical.low) / width) ** 2 if width > 0.0 else float("inf")

    def __str__(self) -> str:
        return (
            f"gain ({self.loss}) of the {self.target} {self.gain}; {self.labels} labels of {self.points} points, known without any: "
            f"{self.known:.6g}; the paired estimate would need about {self.saving:.2g} times as many labels"
        )
