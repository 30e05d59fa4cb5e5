"""Theorem 1: in the realizable case the student gains at least its misfit.

Let V be a convex set of functions (heads composed with the strong representation), let the target lie in V, and let the student be the
member of V closest to the weak labels, argmin over s in V of ‖s − weak‖². Then

    ‖student − target‖² ≤ ‖weak − target‖² − ‖student − weak‖²,   that is   gain ≥ misfit.

Nothing is assumed of the weak model.

Proof: the projection on a convex set satisfies ⟨weak − student, v − student⟩ ≤ 0 for every v in V. Take v = target: the residual
2⟨weak − student, student − target⟩ is non-negative, and by identities.squared it is gain − misfit.

Every affine class attains the bound (see theorem_1_affine). A student that is computed is optimal only up to a gap, and a target lies in
the class only up to a measured distance: the check forgives what these two can add, and no more.
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
