"""Every weak bias shorter than half the distance to the nearest competitor leaves the concept identified.

Proof: the flip in the direction b̂ is at min_k ‖u_k‖²/2(u_k·b̂)₊ ≥ ½ min_k ‖u_k‖ by Cauchy–Schwarz, with equality in the direction of the
nearest competitor. So refinement has limit error zero for every bias of that size, where naive fine-tuning keeps ε_w². A check computes the
left side from bisection on a search.
"""

from __future__ import annotations

import numpy as np

from ...problems.concepts import ConceptWorld
from ...quantities.phase_boundaries import identification_radius
from ...statements import Sides, Statement
from .._limits import AHEAD, SOURCE, search_error, searched_flip


def _sides(world: ConceptWorld) -> Sides:
    flip = searched_flip(world)
    return Sides(flip, identification_radius(world), solver_error=search_error(world, flip))


def _examples(rng: np.random.Generator) -> tuple[ConceptWorld, ...]:
    """Towards the middle of the concepts, and straight at the nearest competitor."""
    concepts = rng.standard_normal((5, 4))
    steps = concepts[1:] - concepts[0]
    towards = steps[np.argmin(np.linalg.norm(steps, axis=-1))]
    return (
        ConceptWorld(concepts, concepts.mean(axis=0)),
        ConceptWorld(concepts, concepts[0] + 0.1 * towards),
    )


GUARANTEED_RADIUS = Statement(
    name="limits_of_refinement.guaranteed_radius",
    says="the smallest bias along b that makes another concept the nearest ≥ ½ min_k ‖β_k − β_{k*}‖",
    relation=">=",
    sides=_sides,
    about=ConceptWorld,
    assumptions=(AHEAD,),
    source=SOURCE,
    tightness="attained by a bias towards the nearest competitor",
    examples=_examples,
)
