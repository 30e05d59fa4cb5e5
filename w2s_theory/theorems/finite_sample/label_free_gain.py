"""The gain can be estimated from weak labels only: E[train misfit · (1 − r)/(1 − d/n)] = E gain on fresh points.

Both sides are simulated here, on the same students, and no closed form enters the right one: a check of the estimator itself. Hypotheses in
``quantities.finite_sample``; without realizability no label-free estimate of the gain can exist (the cross term needs the truth).
Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.gaussian import GaussianWorld
from ...quantities.finite_sample import fitted_heads, label_free_gain
from ...statements import InExpectation, Sides, Statement
from .._gaussian import ASSUMPTIONS, gaussian_worlds, has_fourth_moment, law_size


def _sides(world: GaussianWorld, count: int, rng: np.random.Generator) -> Sides:
    heads, train_misfit = fitted_heads(world, count, rng)
    return Sides(label_free_gain(train_misfit, world.d, world.n_pseudo), world.gain(heads), scale=law_size(world))


LABEL_FREE_GAIN = Statement(
    name="finite_sample.label_free_gain",
    says="train misfit · (1 − r)/(1 − d/n), from weak labels only, is unbiased for the gain on fresh points",
    relation="==",
    sides=_sides,
    about=GaussianWorld,
    kind=InExpectation(is_calibrated=has_fourth_moment),
    assumptions=ASSUMPTIONS,
    tightness="an equality",
    examples=gaussian_worlds,
)
