"""On fresh points a least-squares student gains E gain = M∞ (1 − r) on average, r = d/(n − d − 1).

M∞ is the misfit with unlimited weak labels, which the realizable student would gain; fitting on n points costs the share r of it, and
all of it at n = 2d + 1. Hypotheses and derivation in ``quantities.finite_sample``. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.gaussian import GaussianWorld
from ...quantities.finite_sample import GAIN
from ...statements import InExpectation, Sides, Statement
from .._gaussian import ASSUMPTIONS, gaussian_worlds, has_fourth_moment, law_size


def _sides(world: GaussianWorld, count: int, rng: np.random.Generator) -> Sides:
    return Sides(GAIN.trials(world, count, rng), GAIN.closed_form(world), scale=law_size(world))


EXPECTED_GAIN = Statement(
    name="finite_sample.expected_gain",
    says="E gain = M∞ (1 − r), r = d/(n − d − 1)",
    relation="==",
    sides=_sides,
    about=GaussianWorld,
    kind=InExpectation(is_calibrated=has_fourth_moment),
    assumptions=ASSUMPTIONS,
    tightness="an equality",
    examples=gaussian_worlds,
)
