"""Intent refinement: told which concept a batch of n weak examples makes most likely, the strong model errs as often as a t variable does.

E error = Σ_k p_k ‖β_k − β_*‖², p_k the probability that the batch makes concept k most likely; with two concepts and equal priors that is
P(T_n > κ√n) (``quantities.identification``). One reading serves every answer, so the students of one batch are wrong together. Left:
sampled batches, read by Bayes. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.concepts import ConceptWorld, orthonormal_world
from ...problems.prompting import Prompting
from ...quantities.refined_risk import intent_risk
from ...statements import Assumption, InExpectation, Sides, Source, Statement
from ...students.refinement import intent_students
from .._prompting import GAUSSIAN, SHARP


def _sides(prompting: Prompting, count: int, rng: np.random.Generator) -> Sides:
    world, n = prompting.world, prompting.examples
    return Sides(world.error(intent_students(world, n, count, rng=rng)), intent_risk(world, n))


def _examples(rng: np.random.Generator) -> tuple[Prompting, ...]:
    general = ConceptWorld(np.array([[1.0, 0.5], [0.2, -0.4]]), np.array([0.8, 0.1]), 0.7, 0.9, np.array([0.3, 0.7]))
    return (
        Prompting(general, 5),
        Prompting(orthonormal_world(4, alignment=0.5, weak_noise=0.7), 6),
        Prompting(orthonormal_world(2, alignment=0.6, length=0.9, weak_noise=0.8), 4),
    )


INTENT_RISK = Statement(
    name="refinement.intent_risk",
    says="reading the intent off a batch of n weak examples: E error = Σ_k p_k ‖β_k − β_*‖²",
    relation="==",
    sides=_sides,
    about=Prompting,
    kind=InExpectation(resolution=0.05),
    assumptions=(
        GAUSSIAN,
        SHARP,
        Assumption("a batch has examples", lambda prompting: prompting.examples > 0),
        Assumption("weak labels are noisy, so that ties have no probability", lambda prompting: prompting.world.weak_noise > 0.0),
    ),
    source=Source("somerstep2025", "system-prompt refinement", derived=True),
    tightness="an equality",
    examples=_examples,
)
