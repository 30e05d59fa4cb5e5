"""A student that is the posterior mean of its teacher gains its misfit on average, without any convex class.

Let the teacher w be random, the student the posterior mean of its teacher, s = E[w | s], and the target f fixed. Then, for squared loss,

    E gain = E misfit = E Var(w | s),   whatever the target.

Proof: E⟨w − s, s⟩ = 0 by the tower property, and E⟨w − s, f⟩ = 0 since E w = E s. These are the two residuals of the
decomposition (see xu2026.decomposition).

No class is convex here, and no class is needed. The target is fixed: if it is random and depends on the teacher beyond s, the second
residual stays.
"""

from __future__ import annotations

import numpy as np

from ...problems.random_teachers import RandomTeacher, committees
from ...quantities.expected_misfit import expected_report, expected_scale
from ...statements import Sides, Source, Statement
from .._xu import IS_POSTERIOR_MEAN, IS_SQUARED, POINTS, squared_world


def _sides(world: RandomTeacher) -> Sides:
    numbers = expected_report(world)
    return Sides(numbers.gain, numbers.misfit, expected_scale(world), world.posterior_slack())


def _examples(rng: np.random.Generator) -> tuple[RandomTeacher, ...]:
    teachers, target = rng.standard_normal((4, POINTS)), rng.standard_normal(POINTS)
    return committees(teachers, target, size=3), squared_world(rng)


POSTERIOR_MEAN = Statement(
    name="xu2026.posterior_mean",
    says="student = posterior mean of the teacher: E gain = E misfit for every target (squared loss)",
    relation="==",
    sides=_sides,
    about=RandomTeacher,
    assumptions=(IS_SQUARED, IS_POSTERIOR_MEAN),
    source=Source("xu2026", "posterior mean of the teacher", derived=True),
    tightness="an equality",
    examples=_examples,
)
