"""Regression with two hidden concepts, noise-only weak labels: refined labels are off by (2q − 1)² E[p² c(|p|/2σ)²], p = u·x; weak ones by nothing.

For a student that fits any function, on unlimited labels. So here refinement loses to weak training. A trial draws one x, averages
two independent groups of refined labels there and multiplies their errors. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.regression_mixture import RegressionMixture
from ...quantities.prior_shift_regression import REFINED_REGRESSION
from ...statements import Assumption, InExpectation, Sides, Statement
from .._mixtures import SOURCE, regression_pair


def _sides(world: RegressionMixture, count: int, rng: np.random.Generator) -> Sides:
    return Sides(REFINED_REGRESSION.trials(world, count, rng), REFINED_REGRESSION.closed_form(world))


REGRESSION_RISK = Statement(
    name="prior_shift.regression_risk",
    says="two concepts, noise-only weak labels: error of the refined regression function = (2q − 1)² E[p² c(|p|/2σ)²], p = (β₁ − β₂)·x",
    relation="==",
    sides=_sides,
    about=RegressionMixture,
    kind=InExpectation(resolution=0.06),
    assumptions=(
        Assumption("two different concepts with equal source priors", RegressionMixture.is_balanced_pair),
        Assumption("weak concepts are the strong ones", RegressionMixture.is_unbiased),
    ),
    source=SOURCE,
    tightness="an equality",
    examples=lambda rng: (regression_pair(rng),),
)
