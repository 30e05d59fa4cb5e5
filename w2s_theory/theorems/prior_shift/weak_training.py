"""Weak training keeps the mean bias: students fitted to weak labels are off by ‖Σ q_k (β^w_k − β_k)‖² with unlimited labels, and by 0 if only noisy.

Least squares is unbiased for the linear regression of weak labels, so ⟨error of one student, error of another⟩ has this mean for any number
of labels n > d + 1, not only in the limit. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.regression_mixture import RegressionMixture
from ...quantities.prior_shift_regression import WEAK_RISK
from ...statements import Assumption, InExpectation, Sides, Statement
from .._mixtures import SOURCE, regression_pair


def _sides(world: RegressionMixture, count: int, rng: np.random.Generator) -> Sides:
    return Sides(WEAK_RISK.trials(world, count, rng), WEAK_RISK.closed_form(world), scale=np.sum(np.square(world.target_head)))


WEAK_TRAINING = Statement(
    name="prior_shift.weak_training",
    says="least squares on weak labels: irreducible error = ‖Σ q_k (β^w_k − β_k)‖², nothing for noise-only weak labels",
    relation="==",
    sides=_sides,
    about=RegressionMixture,
    kind=InExpectation(is_calibrated=lambda world: world.labels > world.d + 7),
    assumptions=(Assumption("n > d + 1", lambda world: world.labels > world.d + 1),),
    source=SOURCE,
    tightness="an equality",
    examples=lambda rng: (regression_pair(rng), regression_pair(rng, bias=1.0)),
)
