"""The auxiliary confidence loss for a student that can memorise: fixed points, what is kept of its own decisions, accuracy in a population.

Two classes, threshold ½: the target is t = (1 − a) y + a s with y the weak probability of class 1, s = 1[p > ½] the student's own label, a the
coefficient. Free scores have m' = 2 (t − p), so p moves monotonically towards the target of its side. If that lies on the same side,
p ends there; if not, it crosses ½, where the target moves further the same way (by a), and ends at the other one. So

    p_end = (1 − a) y + a s,   s the side of the start if that is consistent, else the other side,

    s = 1 is consistent where (1 − a) y + a > ½,   s = 0 where (1 − a) y < ½,

both on the bistable band (½ − a)/(1 − a) < y < ½/(1 − a). Against a weak label of confidence c = max(y, 1 − y) the student keeps its own label
exactly when c < ½/(1 − a): a selective override of unsure weak labels for a < ½, of every one for a ≥ ½ (a label of exactly 1 takes a > ½).
On the border itself p ends at ½. Derived here (after burns2023). NumPy float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..problems.classification import two_columns
from ..problems.confident_labels import ConfidentLabels, Items
from ..students.confidence import Confidence
from ..students.free_scores import FreeScores, settle
from .free_scores import paired
from .quantity import Quantity

#: Slopes below this end the descent of a population of free scores, whose labels alone are read: for a < ½ and confidences a thousandth or
#: more from κ, targets are further from ½ than that.
SETTLED = 4e-4

#: Confidences this close to κ, relative to it, are on the border: κ and max(y, 1 − y) are rounded numbers.
BORDER = 1e-12


def override_confidence(coefficient: float) -> float:
    """κ = ½/(1 − a): a weak label of confidence below κ can't overturn the student's own. Above 1 that is every label.

    Raises ``ValueError`` unless 0 ≤ a < 1.
    """
    if not 0.0 <= coefficient < 1.0:
        raise ValueError(f"coefficient must lie in [0, 1); it is {coefficient!r}. At 1 weak labels have no say.")
    return 0.5 / (1.0 - coefficient)


def settled_probability(start: Any, label: Any, coefficient: float) -> np.ndarray:
    """p_end of free scores from ``start`` with weak probability ``label`` (see the module); ½ for a weak label on the border that disagrees.

    Both in [0, 1], of one shape; raises ``ValueError`` otherwise, or for a coefficient outside [0, 1).
    """
    start, label = paired(start, label)
    a, border = coefficient, override_confidence(coefficient)
    confidence = np.maximum(label, 1.0 - label)
    own, weak = start > 0.5, label > 0.5
    side = np.where((own == weak) | (confidence < border), own, weak)
    undecided = (own != weak) & (np.abs(confidence - border) <= BORDER * border)
    return np.where(undecided, 0.5, (1.0 - a) * label + a * side)


def kept_share(start: Any, label: Any, coefficient: float) -> float:
    """Share of the rows on which student and weak label disagree, by their sides of ½, where the student ends with its own label.

    A label on the border, where the student ends undecided, counts as lost. Raises ``ValueError`` when they disagree nowhere, or for what
    ``settled_probability`` refuses.
    """
    start, label = paired(start, label)
    apart = (start > 0.5) != (label > 0.5)
    if not apart.any():
        raise ValueError("start and label must lie on different sides of ½ somewhere; they agree on every row.")
    return float(np.mean(np.maximum(label, 1.0 - label)[apart] < override_confidence(coefficient)))


def _gain(world: ConfidentLabels) -> float:
    """Σ π_j (P(only the student right) − P(only the weak label right)) over the levels below κ."""
    below = world.confidence < override_confidence(world.coefficient)
    only_student = (1.0 - world.weak_right) * world.student_right[:, 0]
    only_weak = world.weak_right * (1.0 - world.student_right[:, 1])
    return float(np.sum((world.level_shares * (only_student - only_weak))[below]))


def _trials(world: ConfidentLabels, count: int, rng: np.random.Generator) -> np.ndarray:
    """Of items that are drawn."""
    return gains(world, world.sample(count, rng=rng))


def gains(world: ConfidentLabels, items: Items) -> np.ndarray:
    """Student right − weak label right (n,): 1, 0 or −1, the student by descent of the confidence loss with threshold ½.

    Items with the same start and weak label end alike, so that one of each is followed.
    """
    loss = Confidence(highest=world.coefficient, warmup=0.0, threshold="half")
    pairs, which = np.unique(items.start + 1j * items.weak, return_inverse=True)
    rows = FreeScores(loss, two_columns(pairs.real), two_columns(pairs.imag))
    student = (settle(rows, tolerance=SETTLED).predictions[:, 1] > 0.5)[which]
    return (student == items.target).astype(float) - ((items.weak > 0.5) == items.target)


#: Accuracy of the student after the confidence loss less that of the weak labels.
CONFIDENCE_GAIN = Quantity("accuracy gain of the confidence loss", _gain, _trials)
