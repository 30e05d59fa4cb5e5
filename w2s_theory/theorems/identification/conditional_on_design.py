"""Given the features of a prompt, whatever their law, the posterior prefers k with probability Q((S/2 − Σ p·b·x + σ²ℓ)/(τ√S)).

p = (β_k − β_{k*})·x, S = Σp², b = β_w − β_{k*}, ℓ = log(α_*/α_k): given X only the Gaussian label noise is random. So uniform features, for which
Student's law is an approximation, have an exact law too, with or without bias. Both sides use the same simulated features.
"""

from __future__ import annotations

import numpy as np

from ...problems.concepts import ConceptWorld
from ...problems.prompting import Prompting
from ...quantities.identification import conditional_preference, preferences
from ...statements import Assumption, InExpectation, Sides, Statement
from ...students.refiner import CHUNK, log_evidence, log_weights
from .._identification import DERIVED, EXAMPLES, RIVALS
from .._prompting import SHARP


def _sides(prompting: Prompting, count: int, rng: np.random.Generator) -> Sides:
    world = prompting.world
    left, right = np.empty(count), np.empty(count)
    for start in range(0, count, CHUNK):
        rows = slice(start, min(start + CHUNK, count))
        features, labels = world.sample(rows.stop - start, prompting.examples, rng=rng)
        posterior = log_weights(world, log_evidence(world, features, labels))
        odds = posterior[:, world.competitors] - posterior[:, [world.aligned]]
        left[rows] = np.mean(preferences(odds), axis=-1)
        right[rows] = np.mean(conditional_preference(world, features), axis=-1)
    return Sides(left, right)


def _examples(rng: np.random.Generator) -> tuple[Prompting, ...]:
    concepts = rng.standard_normal((3, 4))
    biased = ConceptWorld(concepts, concepts[0] + 0.3, 1.5, 0.9, np.array([0.3, 0.5, 0.2]), features="uniform")
    noisy = ConceptWorld(np.eye(2), np.eye(2)[0], 1.0, features="uniform")
    return Prompting(biased, 2), Prompting(noisy, 4)


CONDITIONAL_ON_DESIGN = Statement(
    name="identification.conditional_on_design",
    says="features of any law: P(posterior prefers k | X) = Q((S/2 − Σ p·b·x + σ² log(α_*/α_k))/(τ√S))",
    relation="==",
    sides=_sides,
    about=Prompting,
    kind=InExpectation(resolution=0.05),
    assumptions=(
        SHARP,
        RIVALS,
        EXAMPLES,
        Assumption("weak labels are noisy", lambda prompting: prompting.world.weak_noise > 0.0),
    ),
    source=DERIVED,
    tightness="an equality",
    examples=_examples,
)
