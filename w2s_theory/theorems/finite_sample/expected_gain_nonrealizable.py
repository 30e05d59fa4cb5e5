"""Non-realizable target: on fresh points E gain = M∞ (1 − r) − 2 E[(weak − P weak)(target − P target)], r = d/(n − d − 1).

The cross term of the population is added to the realizable law and costs no further r: the fitted head's error is independent of what
the target has beyond the strong features. Jointly Gaussian features, weak labels and target, least squares, n > d + 1. P is the best
strong head; with correlation c between the two residuals the cross term is −2 m ρ c. This is what real embeddings are compared with.
Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.gaussian import GaussianWorld
from ...quantities.finite_sample import NONREALIZABLE_GAIN
from ...statements import InExpectation, Sides, Statement
from .._gaussian import ENOUGH_POINTS, JOINTLY_GAUSSIAN, NOISY, gaussian_worlds, has_fourth_moment, law_size


def _sides(world: GaussianWorld, count: int, rng: np.random.Generator) -> Sides:
    return Sides(NONREALIZABLE_GAIN.trials(world, count, rng), NONREALIZABLE_GAIN.closed_form(world), scale=law_size(world))


def _examples(rng: np.random.Generator) -> tuple[GaussianWorld, ...]:
    heads = rng.standard_normal(5) + 0.1 * rng.standard_normal((2, 5))
    opposed = GaussianWorld(heads[0], heads[1], weak_noise=1.0, n_pseudo=30, target_noise=0.7, correlation=-0.5)
    alike = GaussianWorld(heads[0], heads[1], weak_noise=1.0, n_pseudo=20, target_noise=0.7, correlation=0.8)
    return gaussian_worlds(rng)[0], opposed, alike


EXPECTED_GAIN_NONREALIZABLE = Statement(
    name="finite_sample.expected_gain_nonrealizable",
    says="E gain = M∞ (1 − r) − 2 E[(weak − P weak)(target − P target)] for a target that no strong head reproduces",
    relation="==",
    sides=_sides,
    about=GaussianWorld,
    kind=InExpectation(is_calibrated=has_fourth_moment),
    assumptions=(JOINTLY_GAUSSIAN, ENOUGH_POINTS, NOISY),
    tightness="an equality",
    examples=_examples,
)
