"""Least squares on m sampled answers: E error = R(n) + [σ² d + (d+2)(m−2)/(m+2) tr S]/(m − d − 1), S = B (diag w̄ − w̄ w̄ᵀ) Bᵀ.

The first part is the noise the strong model answers with, the second the disagreement between prompts, which is as good as noise to a
student. Exact for every m > d + 1 (derivation in ``quantities.refined_risk``). A check computes the left side from the whole pipeline, from
sampled weak labels to a fitted student. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.prompting import Prompting
from ...quantities.refined_risk import finite_student_risk
from ...statements import Assumption, InExpectation, Sides, Source, Statement
from ...students.refinement import refined_students
from .._prompting import ENOUGH_LABELS, GAUSSIAN, SHARP, prompting_examples


def _sides(prompting: Prompting, count: int, rng: np.random.Generator) -> Sides:
    world, n, labels = prompting.world, prompting.examples, prompting.labels
    assert labels is not None
    return Sides(world.error(refined_students(world, n, labels, count, rng=rng)), finite_student_risk(world, n, labels))


FINITE_STUDENT = Statement(
    name="refinement.finite_student",
    says="least squares on m sampled answers: E error = R(n) + [σ² d + (d+2)(m−2)/(m+2) tr S]/(m − d − 1)",
    relation="==",
    sides=_sides,
    about=Prompting,
    kind=InExpectation(resolution=0.05, is_calibrated=lambda prompting: prompting.has_enough_labels(spare=7)),
    assumptions=(GAUSSIAN, SHARP, Assumption("a student is fitted", lambda p: p.labels is not None), ENOUGH_LABELS),
    source=Source("somerstep2025", "fine-tuning on refined labels", derived=True),
    tightness="an equality",
    examples=prompting_examples,
)
