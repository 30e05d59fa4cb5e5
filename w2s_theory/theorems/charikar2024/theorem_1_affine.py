"""Theorem 1 with equality: in the realizable case a student from an affine class gains exactly its misfit.

Let the class be a linear subspace, or a shifted one, with the target in it, and let the student be the projection of the weak labels on
it. Then

    gain = misfit.

Proof: weak − student is orthogonal to every difference of two members of the class. The target is a member, so the residual
2⟨weak − student, student − target⟩ vanishes. It is Pythagoras with a right angle at the student.

Linear heads on a frozen representation, fitted without a penalty, are such a class. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.population import Population
from ...quantities.projection import projection_numbers
from ...statements import Assumption, Sides, Source, Statement
from ...students.convex import Subspace
from .._examples import FEATURES, POINTS, population, subspace


def _sides(world: Population) -> Sides:
    numbers = projection_numbers(world)
    return numbers.compare(numbers.report.gain, numbers.report.misfit, forgiven=numbers.band)


def _examples(rng: np.random.Generator) -> tuple[Population, ...]:
    shifted = Subspace(rng.standard_normal((POINTS, FEATURES)), offset=rng.standard_normal(POINTS))
    return population(shifted, rng), population(subspace(rng), rng)


THEOREM_1_AFFINE = Statement(
    name="charikar2024.theorem_1_affine",
    says="realizable target, affine class, student = projection of the weak labels: gain = misfit",
    relation="==",
    sides=_sides,
    about=Population,
    assumptions=(
        Assumption("the strong class is affine", Population.is_affine),
        Assumption("the target lies in the strong class", Population.is_realizable),
    ),
    source=Source("charikar2024", "equality case of Theorem 1", derived=True),
    tightness="an equality",
    examples=_examples,
)
