"""Problems and hypotheses shared by the statements on how far risk and calibration can move (after Yao et al. 2025)."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._array import array_namespace, to_numpy
from ..divergences import KL
from ..quantities.disagreement_bounds import cross_entropy_change, probabilities, smallest_probability
from ..statements import Assumption, Sides
from ..triple import Triple

IS_KL = Assumption("the divergence is KL, of strictly positive predictions", lambda triple: isinstance(triple.loss, KL))


def random_probabilities(rng: np.random.Generator, *, classes: int = 4) -> Triple:
    """Tasks of independent predictions and soft targets."""
    return Triple(*rng.dirichlet(np.full(classes, 0.7), size=(3, 3, 20)), divergence=KL())


def moved_from_floor(floor: float, *, step: float, classes: int = 3) -> Triple:
    """One point where the weak model gives the true class the probability ``floor`` and the student exp(``step``) times that.

    The other classes share the rest equally: the risk moves as far as it can as ``step`` goes to zero.
    """
    weak, student = (_with_first(p, classes) for p in (floor, floor * np.exp(step)))
    return Triple(weak[None], student[None], np.eye(classes)[:1], divergence=KL())


def hint(size: float, points: int = 2) -> Triple:
    """Two equally frequent classes; the weak model says ½ always, the student ½ + ``size`` for the true class."""
    labels = np.eye(2)[np.arange(points) % 2]
    return Triple(np.full((points, 2), 0.5), 0.5 + size * (2.0 * labels - 1.0), labels, divergence=KL())


def examples(rng: np.random.Generator) -> tuple[Triple, ...]:
    """Random predictions, a large move and a small one from a low floor."""
    return (
        random_probabilities(rng),
        moved_from_floor(0.02, step=1.0),
        moved_from_floor(0.05, step=-1e-3),
        moved_from_floor(0.01, step=1e-3),
    )


def floor_of(triple: Triple) -> float:
    """The smallest probability of weak model and student, at most ½, from below so that it is a floor in floating point too."""
    return min(smallest_probability(triple), 0.5) * (1.0 - 1e-12)


def compare(triple: Triple, constant: float, misfit: Any) -> Sides:
    """|Change in cross-entropy| against ``constant`` · √misfit. Predictions d apart have KL of size d², which is rounded by eps · d."""
    xp = array_namespace(misfit)
    bound = constant * xp.sqrt(xp.clip(misfit, min=0.0))
    return Sides(xp.abs(cross_entropy_change(triple)), bound, scale=bound + 2.0 * constant, size=bound)


def is_a_hint(triple: Triple) -> bool:
    """True when the weak model says ½ always, is right half of the time, and the student leans to the true class by a
    constant."""
    if not IS_KL.is_met(triple):  # other predictions need not be distributions
        return False
    weak, student, target = (to_numpy(probabilities(values)) for values in (triple.weak, triple.student, triple.target))
    if weak.ndim != 2 or weak.shape[-1] != 2 or triple.weights is not None:
        return False
    lean = np.sum((student - weak) * target, axis=-1)
    is_label = bool(np.all((target == 0.0) | (target == 1.0)))
    balanced = np.allclose(target.mean(axis=0), 0.5, atol=1e-12)
    return bool(is_label and balanced and np.all(weak == 0.5) and lean.min() > 0.0 and np.ptp(lean) < 1e-12)


def _with_first(first: float, classes: int) -> np.ndarray:
    return np.array([first, *np.full(classes - 1, (1.0 - first) / (classes - 1))])
