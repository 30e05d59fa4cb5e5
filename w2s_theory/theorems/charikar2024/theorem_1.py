"""Theorem 1: in the realizable case the student gains at least its misfit.

V convex set of functions (heads composed with the strong representation), target ∈ V, student = argmin_{s in V} ‖s − weak‖². Then

    ‖student − target‖² ≤ ‖weak − target‖² − ‖student − weak‖²,   that is   gain ≥ misfit.

Nothing is assumed of the weak model. Proof: the projection on a convex set satisfies ⟨weak − student, v − student⟩ ≤ 0 for every v in V;
take v = target in the squared identity. Attained by every affine class (see theorem_1_affine). The inequality is compared up to what
the student's own optimality gap and the target's measured distance from the class can add.
"""

from __future__ import annotations

import numpy as np

from ...problems.population import Population
from ...quantities.projection import projection_numbers
from ...statements import Assumption, Sides, Source, Statement
from .._examples import convex_classes, population


def _sides(world: Population) -> Sides:
    numbers = projection_numbers(world)
    return numbers.compare(numbers.report.gain, numbers.report.misfit, forgiven=numbers.band)


def _examples(rng: np.random.Generator) -> tuple[Population, ...]:
    first, *others = (population(strong_class, rng) for strong_class in convex_classes(rng))
    return (*others, first)


THEOREM_1 = Statement(
    name="charikar2024.theorem_1",
    says="realizable target, convex class, student = projection of the weak labels: gain ≥ misfit",
    relation=">=",
    sides=_sides,
    about=Population,
    assumptions=(Assumption("the target lies in the strong class", Population.is_realizable),),
    source=Source("charikar2024", "Theorem 1"),
    tightness="attained by affine classes",
    examples=_examples,
)
