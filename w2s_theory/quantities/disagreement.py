"""Where weak and student disagree, and who is right there: the only points where gold class labels are needed. Generic arrays."""

from __future__ import annotations

from typing import Any, NamedTuple

from .._array import array_namespace
from .._validation import sample_weights
from ..triple import Triple


class Disagreement(NamedTuple):
    """``misfit`` = P(student ≠ weak), and the probabilities that the student or the weak model is right given that they disagree.

    Arrays of shape (tasks...); the two conditional probabilities are 0 where they never disagree.
    """

    misfit: Any
    student_right: Any
    weak_right: Any


def disagreement(triple: Triple) -> Disagreement:
    """Count, by weight, how often student and weak disagree and who is right there; errors are never formed."""
    xp = array_namespace(triple.weak)
    weights = sample_weights(triple.weights, triple.weak, tuple(triple.weak.shape))
    apart = xp.astype(weights, xp.float64) * xp.astype(triple.student != triple.weak, xp.float64)
    total = xp.sum(apart, axis=-1)
    safe = xp.where(total > 0, total, xp.ones_like(total))

    def share(right: Any) -> Any:
        return xp.sum(apart * xp.astype(right, xp.float64), axis=-1) / safe

    return Disagreement(total, share(triple.student == triple.target), share(triple.weak == triple.target))
