"""The gain changes sign at n = 2d + 1: below it the student is worse than its teacher on average, above it better.

E weak error − E student error = M∞ (1 − r) has the sign of n − (2d + 1), and r = 1 exactly there. Stated as: the better of the two, as
predicted by n alone, has the smaller expected error. Hypotheses in ``quantities.finite_sample``. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.gaussian import GaussianWorld
from ...quantities.finite_sample import GAIN
from ...statements import InExpectation, Sides, Statement
from .._gaussian import ASSUMPTIONS, gaussian_worlds, has_fourth_moment


def _sides(world: GaussianWorld, count: int, rng: np.random.Generator) -> Sides:
    predicted = np.sign(world.n_pseudo - (2 * world.d + 1))
    return Sides(predicted * GAIN.trials(world, count, rng), 0.0, scale=world.misfit_limit)


def _examples(rng: np.random.Generator) -> tuple[GaussianWorld, ...]:
    above, near = gaussian_worlds(rng)
    d = 12
    below = GaussianWorld(np.ones(d), np.zeros(d), weak_noise=1.0, n_pseudo=d + 9)
    return near, above, below


SIGN_FLIP = Statement(
    name="finite_sample.sign_flip",
    says="E gain has the sign of n − (2d + 1): with fewer labels the student is worse than its teacher",
    relation=">=",
    sides=_sides,
    about=GaussianWorld,
    kind=InExpectation(has_variance=has_fourth_moment),
    assumptions=ASSUMPTIONS,
    tightness="attained at n = 2d + 1, where the expected gain is zero",
    examples=_examples,
)
