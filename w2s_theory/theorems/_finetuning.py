"""Hypotheses of the laws of fine-tuning in a world of concepts, and worlds that meet them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..problems.concepts import ConceptWorld, orthonormal_world
from ..problems.finetuning import FineTuning
from ..statements import Assumption

NOISY = Assumption("the weak labels are noisy", lambda tuning: tuning.world.weak_noise > 0.0)
ORTHOGONAL = Assumption("n ≥ d, so that the points can be orthogonal", FineTuning.has_orthogonal_design)
CORNER = Assumption("orthonormal concepts, at least two", lambda tuning: tuning.world.is_orthonormal() and tuning.world.count > 1)
UNBIASED = Assumption(
    "the weak vector is the aligned concept, and the target: labels are noisy, not biased",
    lambda tuning: (
        tuning.world.is_on_concept() and tuning.world.weak_error <= 1e-24 * (1.0 + tuning.world.truth @ tuning.world.truth)
    ),
)


def concept_worlds(rng: np.random.Generator) -> tuple[ConceptWorld, ...]:
    """Concepts in general position with unequal shares and a truth of its own, and the geometry of somerstep2025."""
    concepts = rng.standard_normal((3, 5))
    drawn = ConceptWorld(concepts, concepts[1] + rng.standard_normal(5), 0.8, prior=np.array([0.5, 0.3, 0.2]), aligned=1)
    return (
        replace(drawn, target=concepts[1] + 0.3 * rng.standard_normal(5)),
        orthonormal_world(4, alignment=0.6, length=0.9, weak_noise=1.2),
    )
