"""On its own n training points a least-squares student's misfit is M∞ (1 − d/n) on average.

The residual of least squares has n − d degrees of freedom. Hypotheses in ``quantities.finite_sample``. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.gaussian import GaussianWorld
from ...quantities.finite_sample import TRAIN_MISFIT
from ...statements import InExpectation, Sides, Statement
from .._gaussian import ASSUMPTIONS, gaussian_worlds, has_fourth_moment


def _sides(world: GaussianWorld, count: int, rng: np.random.Generator) -> Sides:
    return Sides(TRAIN_MISFIT.trials(world, count, rng), TRAIN_MISFIT.closed_form(world), scale=world.misfit_limit)


EXPECTED_TRAIN_MISFIT = Statement(
    name="finite_sample.expected_train_misfit",
    says="E misfit on the n training points = M∞ (1 − d/n)",
    relation="==",
    sides=_sides,
    about=GaussianWorld,
    kind=InExpectation(has_variance=has_fourth_moment),
    assumptions=ASSUMPTIONS,
    tightness="an equality",
    examples=gaussian_worlds,
)
