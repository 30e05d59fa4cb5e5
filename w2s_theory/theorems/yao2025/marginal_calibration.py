"""|MCE(s) − MCE(w)| ≤ min(√(2 KL), 2√(1 − exp(−KL))): marginal calibration is inherited, MCE(p) = Σ_k |E p_k − E f_k|.

KL is the smaller of E KL(w‖s) and E KL(s‖w). Proof: the two errors differ by at most Σ_k |E s_k − E w_k| ≤ E‖s − w‖₁; then Pinsker's
inequality, and Bretagnolle and Huber's, both concave in KL. The second is the form credited to Yao et al., whose text was not read;
the first is smaller for KL < 1.59.
"""

from __future__ import annotations

import numpy as np

from ..._array import array_namespace
from ...divergences import KL
from ...quantities.disagreement_bounds import calibration_bound, forward_misfit, marginal_calibration_error, reverse_misfit
from ...statements import Sides, Source, Statement
from ...triple import Triple
from .._yao import IS_KL, random_probabilities


def _sides(triple: Triple) -> Sides:
    change = marginal_calibration_error(triple, "student") - marginal_calibration_error(triple, "weak")
    xp = array_namespace(change)
    bound = calibration_bound(xp.minimum(forward_misfit(triple), reverse_misfit(triple)))
    return Sides(xp.abs(change), bound, scale=1.0, size=bound)


def two_classes(weak: float, student: float, target: float, points: int = 3) -> Triple:
    """Constant predictions and a constant probability of class 1."""
    return Triple(*(np.tile([p, 1.0 - p], (points, 1)) for p in (weak, student, target)), divergence=KL())


def _examples(rng: np.random.Generator) -> tuple[Triple, ...]:
    return random_probabilities(rng), two_classes(0.999, 0.01, 1.0), two_classes(0.5, 0.52, 0.9)


MARGINAL_CALIBRATION = Statement(
    name="yao2025.marginal_calibration",
    says="|change in marginal calibration error| ≤ min(√(2 KL), 2√(1 − exp(−KL))), KL the smaller misfit",
    relation="<=",
    sides=_sides,
    about=Triple,
    assumptions=(IS_KL,),
    source=Source("yao2025capabilities", "calibration bound, with a smaller one added", derived=True),
    tightness="attained as both tend to ½ with two classes and the student moves the average towards or away from the truth",
    examples=_examples,
)
