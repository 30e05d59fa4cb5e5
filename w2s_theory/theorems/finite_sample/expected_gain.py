"""On fresh points a least-squares student gains less than with unlimited labels, by a share that depends on n and d alone.

Let strong features, weak labels and target be jointly Gaussian, the target a strong head, and the student fitted by least squares to n weakly
labelled points with d features, n > d + 1. Then

    E gain = M∞ (1 − r),     r = d/(n − d − 1),

where M∞ is the misfit with unlimited weak labels, which the student would gain then.

Proof: in ``quantities.finite_sample``. The fitted head's excess on fresh points has the mean of an inverse Wishart trace.

Fitting on n points costs the share r of the gain, and all of it at n = 2d + 1 (see sign_flip). Derived here.
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
