"""A bias in the direction b̂ costs the concept its place exactly beyond the size min_k ‖u_k‖²/2(u_k·b̂)₊.

Proof: ‖β_w − β_k‖² < ‖β_w − β_{k*}‖² is u_k·b > ‖u_k‖²/2, linear in b: the phases of refinement are the cells of the Voronoi diagram of the
concepts. Just beyond the boundary naive fine-tuning has error ε_w² = ‖b‖², refinement ‖u_k‖², up to four times as much. A check computes
the left side from bisection on a search for the nearest concept.
"""

from __future__ import annotations

import numpy as np

from ...problems.concepts import ConceptWorld, orthonormal_world
from ...quantities.phase_boundaries import flip_size
from ...statements import Sides, Statement
from .._limits import AHEAD, SOURCE, search_error, searched_flip


def _sides(world: ConceptWorld) -> Sides:
    boundary = flip_size(world)
    return Sides(searched_flip(world), boundary, solver_error=search_error(world, boundary))


def _examples(rng: np.random.Generator) -> tuple[ConceptWorld, ...]:
    concepts = rng.standard_normal((6, 3))
    mean = concepts.mean(axis=0)
    return (
        ConceptWorld(concepts, concepts[2] + 0.3 * (mean - concepts[2]), aligned=2),
        orthonormal_world(3, alignment=0.2, length=0.5),
    )


FLIP_BOUNDARY = Statement(
    name="limits_of_refinement.flip_boundary",
    says="the smallest bias along b that makes another concept the nearest = min_k ‖u_k‖²/2(u_k·b̂)₊",
    relation="==",
    sides=_sides,
    about=ConceptWorld,
    assumptions=(AHEAD,),
    source=SOURCE,
    tightness="exact",
    examples=_examples,
)
