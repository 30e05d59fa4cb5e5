"""E gain = −E_x log Σ_k exp E log w_k for the one student s ∝ exp E log w of a random teacher, in KL: the target does not enter.

Gain, and misfit, is the logarithm of the geometric mean's normaliser: how much the teachers disagree. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...divergences import KL
from ...problems.random_teachers import RandomTeacher
from ...quantities.expected_misfit import expected_report, expected_scale, geometric_mean_gain
from ...statements import Assumption, Sides, Source, Statement
from .._xu import IS_POSTERIOR_MEAN, kl_world


def _sides(world: RandomTeacher) -> Sides:
    gain = geometric_mean_gain(world.probabilities, world.teachers, world.weights)
    return Sides(expected_report(world).gain, gain, expected_scale(world), world.posterior_slack())


def _is_constant(world: RandomTeacher) -> bool:
    return bool(np.all(world.students == world.students[:1]))


GEOMETRIC_MEAN = Statement(
    name="xu2026.geometric_mean",
    says="KL, one student s ∝ exp E log w: E gain = −E log Σ_k exp E log w_k for every target",
    relation="==",
    sides=_sides,
    about=RandomTeacher,
    assumptions=(
        Assumption("the divergence is KL", lambda world: isinstance(world.divergence, KL)),
        IS_POSTERIOR_MEAN,
        Assumption("one student for all teachers", _is_constant),
    ),
    source=Source("xu2026", "dual mean for KL", derived=True),
    tightness="an equality",
    examples=lambda rng: (kl_world(rng, groups=1),),
)
