"""On its own n training points a least-squares student's misfit is M∞ (1 − d/n) on average.

The residual of least squares has n − d degrees of freedom. Hypotheses in ``quantities.finite_sample``. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.gaussian import GaussianWorld
from ...quantities.finite_sample import TRAIN_MISFIT
from ...statements import Assumption, InExpectation, Sides, Statement
from .._gaussian import JOINTLY_GAUSSIAN, NOISY, gaussian_worlds


def _sides(world: GaussianWorld, count: int, rng: np.random.Generator) -> Sides:
    return Sides(TRAIN_MISFIT.trials(world, count, rng), TRAIN_MISFIT.closed_form(world), scale=world.misfit_limit)


EXPECTED_TRAIN_MISFIT = Statement(
    name="finite_sample.expected_train_misfit",
    says="E misfit on the n training points = M∞ (1 − d/n)",
    relation="==",
    sides=_sides,
    about=GaussianWorld,
    kind=InExpectation(),
    assumptions=(JOINTLY_GAUSSIAN, NOISY, Assumption("n_pseudo > d", lambda world: world.n_pseudo > world.d)),
    tightness="an equality",
    examples=gaussian_worlds,
)
