"""Weak training keeps the mean bias: students fitted to weak labels are off by ‖Σ q_k (β^w_k − β_k)‖² with unlimited labels, and by 0 if only noisy.

Least squares is unbiased for the linear regression of weak labels, so ⟨error of one student, error of another⟩ has this mean for any number
of labels n > d + 1, not only in the limit. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.regression_mixture import RegressionTraining
from ...quantities.prior_shift_regression import WEAK_REGRESSION
from ...statements import Assumption, InExpectation, Sides, Statement
from .._mixtures import SOURCE, regression_pair


def _sides(training: RegressionTraining, count: int, rng: np.random.Generator) -> Sides:
    scale = np.sum(np.square(training.world.target_head))
    return Sides(WEAK_REGRESSION.trials(training, count, rng), WEAK_REGRESSION.closed_form(training), scale=scale)


def _examples(rng: np.random.Generator) -> tuple[RegressionTraining, ...]:
    return RegressionTraining(regression_pair(rng), 30), RegressionTraining(regression_pair(rng, bias=1.0), 30)


WEAK_TRAINING = Statement(
    name="prior_shift.weak_training",
    says="least squares on weak labels: irreducible error = ‖Σ q_k (β^w_k − β_k)‖², nothing for noise-only weak labels",
    relation="==",
    sides=_sides,
    about=RegressionTraining,
    kind=InExpectation(is_calibrated=lambda training: training.has_enough_labels(7)),
    assumptions=(Assumption("n > d + 1", RegressionTraining.has_enough_labels),),
    source=SOURCE,
    tightness="an equality",
    examples=_examples,
)
