"""The 0–1 loss, which is no Bregman divergence and has a residual of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._array import array_namespace


@dataclass(frozen=True)
class ZeroOne:
    """0–1 loss on class labels, D(p, q) = 1[p ≠ q] (any number of classes; labels are compared exactly). Not a Bregman divergence.

    Per sample: 1[w≠f] − 1[s≠f] = 1[s≠w] − 1[s≠w]·(1[s≠f] + 1[w=f]), hence gain = misfit·(q_s − q_w) with
    q_s = P(student right | they disagree) and q_w = P(weak right | they disagree). Derived here.
    """

    event_ndim = 0
    name = "zero-one"

    def validate(self, name: str, values: Any) -> None:
        """Require whole numbers: class labels, not scores."""
        xp = array_namespace(values)
        if not bool(xp.all(values == xp.round(values))):
            raise ValueError(
                f"{name} must hold class labels (whole numbers) for the 0–1 loss. Take an argmax or a threshold first."
            )

    def between(self, first: Any, second: Any) -> Any:
        """1[first ≠ second]."""
        xp = array_namespace(first, second)
        return xp.astype(first != second, xp.float64)

    def rounding_size(self, first: Any, second: Any) -> Any:
        """1: averages of zeros and ones."""
        return array_namespace(first, second).ones_like(self.between(first, second))

    def residual(self, target: Any, student: Any, weak: Any) -> Any:
        """−1[s≠w]·(1[s≠f] + 1[w=f]): minus the disagreements that the student gets wrong, minus those that the weak gets right."""
        xp = array_namespace(target, student, weak)
        return -self.between(student, weak) * (self.between(student, target) + xp.astype(weak == target, xp.float64))
