"""What refinement gains over naive fine-tuning, both students fitted to m labels: E naive − E refined error is the forecast's gap.

    forecast = [ε_w² + τ² d/(m−d−1)] − [R(n) + (σ² d + (d+2)(m−2)/(m+2) tr S)/(m−d−1)]

known before anything is run, negative where refinement hurts. A check computes the left side from both pipelines, from sampled weak labels
to fitted heads. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.concepts import ConceptWorld, orthonormal_world
from ...problems.prompting import Prompting
from ...quantities.forecast import forecast
from ...statements import InExpectation, Sides, Source, Statement
from ...students.refinement import naive_students, refined_students
from .._prompting import ENOUGH_LABELS, GAUSSIAN, SHARP


def _sides(prompting: Prompting, count: int, rng: np.random.Generator) -> Sides:
    world, n, labels = prompting.world, prompting.examples, prompting.labels
    assert labels is not None
    naive = world.error(naive_students(world, labels, count, rng=rng))
    refined = world.error(refined_students(world, n, labels, count, rng=rng))
    return Sides(naive - refined, forecast(world, examples=n, labels=labels).gap)


def _examples(rng: np.random.Generator) -> tuple[Prompting, ...]:
    """A bias towards the other concept, and past half the way: refinement hurts. Noise and a bias off both: it helps."""
    return (
        Prompting(ConceptWorld(np.eye(2, 3), np.array([0.4, 0.6, 0.0]), 0.5, 0.7), 6, labels=16),
        Prompting(orthonormal_world(2, alignment=0.8, length=0.9, weak_noise=0.9, belief=0.6), 6, labels=16),
    )


GAP = Statement(
    name="refinement.gap",
    says="E naive − E refined error = the forecast's gap, helping or hurting, for students of m labels each",
    relation="==",
    sides=_sides,
    about=Prompting,
    kind=InExpectation(resolution=0.05, is_calibrated=lambda prompting: prompting.has_enough_labels(spare=7)),
    assumptions=(GAUSSIAN, SHARP, ENOUGH_LABELS),
    source=Source("somerstep2025", "refinement against naive fine-tuning", derived=True),
    tightness="an equality",
    examples=_examples,
)
