"""E gain = (1 − 1/k) V for the average of k independent teachers against one of them, V = E‖w − E w‖² (squared loss).

It is also the expected misfit. The teachers' common bias stays: a gain by averaging is one of noise taken away. Derived here; the
expectation is an exact sum over all committees.
"""

from __future__ import annotations

import numpy as np

from ...problems.random_teachers import Committee
from ...quantities.expected_misfit import committee_gain, expected_report, expected_scale, teacher_variance
from ...statements import Sides, Source, Statement
from .._xu import POINTS


def _sides(committee: Committee) -> Sides:
    numbers, law = expected_report(committee.world), committee_gain(teacher_variance(committee), size=committee.size)
    return Sides(np.stack([numbers.gain, numbers.misfit]), law, expected_scale(committee.world))


def _examples(rng: np.random.Generator) -> tuple[Committee, ...]:
    teachers, target = rng.standard_normal((4, POINTS)), rng.standard_normal(POINTS)
    return tuple(Committee(teachers, target, size, rng.dirichlet(np.ones(4))) for size in (1, 2, 5))


COMMITTEE = Statement(
    name="xu2026.committee",
    says="average of k independent teachers: E gain = E misfit = (1 − 1/k)·(variance of a teacher)",
    relation="==",
    sides=_sides,
    about=Committee,
    source=Source("xu2026", "the simplest posterior mean", derived=True),
    tightness="an equality",
    examples=_examples,
)
