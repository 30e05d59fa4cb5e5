"""The gain changes sign at n = 2d + 1: below it the student is worse than its teacher on average, above it better.

    E weak error − E student error = M∞ (1 − r),     r = d/(n − d − 1),

has the sign of n − (2d + 1). What is checked: whoever is better by the count of labels alone has the smaller expected error.

Proof: r = 1 exactly at n = 2d + 1, and r falls with n. The law itself is expected_gain; its hypotheses and derivation are in
``quantities.finite_sample``.

At n = 2d + 1 itself the expected gain is zero. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.gaussian import GaussianWorld
from ...quantities.finite_sample import GAIN
from ...statements import Assumption, InExpectation, Sides, Statement
from .._gaussian import ASSUMPTIONS, gaussian_worlds, has_fourth_moment, law_size


def _sides(world: GaussianWorld, count: int, rng: np.random.Generator) -> Sides:
    predicted = float(np.sign(world.n_pseudo - (2 * world.d + 1)))
    return Sides(predicted * GAIN.trials(world, count, rng), 0.0, scale=law_size(world))


SIGN_FLIP = Statement(
    name="finite_sample.sign_flip",
    says="E gain has the sign of n − (2d + 1): with fewer labels the student is worse than its teacher",
    relation=">=",
    sides=_sides,
    about=GaussianWorld,
    kind=InExpectation(is_calibrated=has_fourth_moment),
    assumptions=(*ASSUMPTIONS, Assumption("n ≠ 2d + 1", lambda world: world.n_pseudo != 2 * world.d + 1)),
    tightness="the threshold is exact: the expected gain is zero at n = 2d + 1",
    examples=gaussian_worlds,
)
