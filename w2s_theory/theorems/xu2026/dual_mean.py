"""For every Bregman divergence, a student that is the dual mean of its teacher gains its misfit on average.

Let the teacher w be random, the student its dual mean, ∇φ(s) = E[∇φ(w) | s], and the target f fixed. Then

    E D(f, w) = E D(f, s) + E D(s, w),   that is   E gain = E misfit.

Proof: the residual ⟨f − s, ∇φ(s) − ∇φ(w)⟩ has conditional mean zero given s.

For KL on the simplex s ∝ exp E[log w | s] only, so that ∇φ(s) differs from the mean slope by the logarithm of the normaliser, the same
for all classes: ⟨f − s, 1⟩ = 0, and the identity stays exact.
"""

from __future__ import annotations

import numpy as np

from ...problems.random_teachers import RandomTeacher
from ...quantities.expected_misfit import expected_report, expected_scale
from ...statements import Sides, Source, Statement
from .._xu import IS_BREGMAN, IS_POSTERIOR_MEAN, kl_committees, kl_world, positive_world


def _sides(world: RandomTeacher) -> Sides:
    numbers = expected_report(world)
    return Sides(numbers.gain, numbers.misfit, expected_scale(world), world.posterior_slack())


def _examples(rng: np.random.Generator) -> tuple[RandomTeacher, ...]:
    return positive_world(rng), kl_committees(rng), kl_world(rng)


DUAL_MEAN = Statement(
    name="xu2026.dual_mean",
    says="student = dual mean of the teacher: E gain = E misfit for every target and every Bregman divergence",
    relation="==",
    sides=_sides,
    about=RandomTeacher,
    assumptions=(IS_BREGMAN, IS_POSTERIOR_MEAN),
    source=Source("xu2026", "dual mean of the teacher", derived=True),
    tightness="an equality",
    examples=_examples,
)
