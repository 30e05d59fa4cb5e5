"""Weak training within the hull of orthonormal concepts keeps a bias: risk (1 − c)₊² (K−1)/K, and K/(K−1) from c = −1/(K−1) down.

Unlimited labels; c = β_*·β_w, the weak vector orthogonal to the wrong concepts, whatever else it has. The left side solves the projection
on the hull. Derivation in ``quantities.hull_training``. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.concepts import ConceptWorld, orthonormal_world
from ...quantities.hull_training import hull_head, hull_risk
from ...statements import Assumption, Sides, Source, Statement


def _sides(world: ConceptWorld) -> Sides:
    found = hull_head(world)
    return Sides(found.risk, hull_risk(world), scale=1.0 + world.weak_error, solver_error=found.slack)


def _examples(rng: np.random.Generator) -> tuple[ConceptWorld, ...]:
    alignments = (-1.5, -0.25, 0.3, 1.0, 1.4)
    return (
        *(orthonormal_world(5, alignment=c, length=c**2 + rng.random()) for c in alignments),
        orthonormal_world(2, alignment=0.5, length=1.0, d=7),
    )


HULL_RISK = Statement(
    name="finetuning.hull_risk",
    says="weak training within the hull of K orthonormal concepts: risk (1−c)₊² (K−1)/K for c = β_*·β_w ≥ −1/(K−1), K/(K−1) below",
    relation="==",
    sides=_sides,
    about=ConceptWorld,
    assumptions=(
        Assumption(
            "orthonormal concepts, a weak vector orthogonal to the wrong ones, the target among them",
            ConceptWorld.is_paper_geometry,
        ),
    ),
    source=Source("somerstep2025", "its estimator within the hull", derived=True),
    tightness="an equality",
    examples=_examples,
)
