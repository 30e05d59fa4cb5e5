"""On fresh points a least-squares student's misfit is M∞ (1 + r) on average, r = d/(n − d − 1).

So the misfit measured out of sample overstates the gain by 2 M∞ r on average: the two errors of a fitted head have opposite signs in
gain and misfit. Hypotheses and derivation in ``quantities.finite_sample``. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.gaussian import GaussianWorld
from ...quantities.finite_sample import TEST_MISFIT
from ...statements import InExpectation, Sides, Statement
from .._gaussian import ENOUGH_POINTS, JOINTLY_GAUSSIAN, NOISY, gaussian_worlds, has_fourth_moment, law_size


def _sides(world: GaussianWorld, count: int, rng: np.random.Generator) -> Sides:
    return Sides(TEST_MISFIT.trials(world, count, rng), TEST_MISFIT.closed_form(world), scale=law_size(world))


EXPECTED_TEST_MISFIT = Statement(
    name="finite_sample.expected_test_misfit",
    says="E misfit on fresh points = M∞ (1 + r), r = d/(n − d − 1)",
    relation="==",
    sides=_sides,
    about=GaussianWorld,
    kind=InExpectation(is_calibrated=has_fourth_moment),
    assumptions=(JOINTLY_GAUSSIAN, ENOUGH_POINTS, NOISY),
    tightness="an equality",
    examples=gaussian_worlds,
)
