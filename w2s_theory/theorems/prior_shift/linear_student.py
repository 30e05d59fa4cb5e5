"""A linear student on refined labels fits slope (q − ½) E[p²(1 − 2c(|p|/2σ))]/U along u = β₁ − β₂, where the target's slope is q − ½.

U = ‖u‖², p = u·x. With a common weak bias b ⟂ u the posterior is blurred as by noise of variance τ² + ‖b‖². Checked by the moment
p (y − middle)/U of single refined labels. Two concepts of equal source prior. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.regression_mixture import RegressionMixture
from ...quantities.prior_shift_regression import refined_head, refined_labels
from ...statements import Assumption, InExpectation, Sides, Statement
from .._mixtures import SOURCE, regression_pair


def _sides(world: RegressionMixture, count: int, rng: np.random.Generator) -> Sides:
    u, middle = world.concepts[0] - world.concepts[1], world.concepts.mean(axis=0)
    features = rng.standard_normal((count, world.d))
    labels = refined_labels(world, features, rng)
    left = (features @ u) * (labels - features @ middle) / (u @ u)
    return Sides(left, (refined_head(world) - middle) @ u / (u @ u))


LINEAR_STUDENT = Statement(
    name="prior_shift.linear_student",
    says="two concepts: least squares on refined labels has slope (q − ½) E[p²(1 − 2c)]/U along β₁ − β₂; the target's is q − ½",
    relation="==",
    sides=_sides,
    about=RegressionMixture,
    kind=InExpectation(resolution=0.05),
    assumptions=(
        Assumption("two different concepts with equal source priors", RegressionMixture.is_balanced_pair),
        Assumption("one weak bias, orthogonal to the concepts' difference", RegressionMixture.has_common_orthogonal_bias),
    ),
    source=SOURCE,
    tightness="an equality",
    examples=lambda rng: (regression_pair(rng), regression_pair(rng, bias=0.6, weak_noise=1.0)),
)
