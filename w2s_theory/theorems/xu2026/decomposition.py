"""E gain = E misfit + 2 E⟨w − s, s⟩ − 2 E⟨w − s, f⟩ for squared loss, a random teacher w, any student s of it and a fixed target
f.

Proof: the three-point identity, averaged over teachers, its residual taken apart: what the student should still shrink or stretch, and
what of the target it threw away. No assumption on student or class. The abstract of Xu et al. announces two residual terms; these
are ours, derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.random_teachers import RandomTeacher
from ...quantities.expected_misfit import expected_report, expected_residual, expected_scale
from ...statements import Sides, Source, Statement
from .._xu import IS_SQUARED, any_student, squared_world


def _sides(world: RandomTeacher) -> Sides:
    numbers = expected_report(world)
    return Sides(numbers.gain, numbers.misfit + expected_residual(world).total, expected_scale(world))


def _examples(rng: np.random.Generator) -> tuple[RandomTeacher, ...]:
    return squared_world(rng), any_student(rng)


DECOMPOSITION = Statement(
    name="xu2026.decomposition",
    says="E gain = E misfit + 2 E⟨w − s, s⟩ − 2 E⟨w − s, f⟩ for any student of a random teacher",
    relation="==",
    sides=_sides,
    about=RandomTeacher,
    assumptions=(IS_SQUARED,),
    source=Source("xu2026", "expected misfit with two residuals", derived=True),
    tightness="an identity",
    examples=_examples,
)
