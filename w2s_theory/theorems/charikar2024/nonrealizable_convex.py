"""If the target misses a convex class, the gain still is at least misfit − 2√(misfit·ε), and the constant 2 is sharp.

Let the student be the exact projection of the weak labels on a convex class V, v* the member of V closest to the target, and
ε = ‖v* − target‖² the approximation error, under the same measure. Then

    gain ≥ misfit − 2√(misfit·ε).

Proof: split the residual 2⟨weak − student, student − target⟩ at v*. The first part, 2⟨weak − student, student − v*⟩, is non-negative by the
variational inequality of the projection; the second is 2⟨weak − student, v* − target⟩ ≥ −2√(misfit·ε) by Cauchy–Schwarz.

Affine classes attain it (see nonrealizable_linear). There is no matching upper bound: a strictly convex class can gain far more than its
misfit. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.population import Population
from ...quantities.projection import projection_numbers
from ...statements import Sides, Source, Statement
from .._examples import aligned_population, convex_classes, population


def _sides(world: Population) -> Sides:
    numbers = projection_numbers(world)
    return numbers.compare(numbers.report.gain, numbers.report.misfit - numbers.band)


def _examples(rng: np.random.Generator) -> tuple[Population, ...]:
    generic = tuple(population(strong_class, rng, distance=0.5) for strong_class in convex_classes(rng))
    return (*generic, aligned_population(rng))


NONREALIZABLE_CONVEX = Statement(
    name="charikar2024.nonrealizable_convex",
    says="convex class, target at squared distance ε from it: gain ≥ misfit − 2√(misfit·ε)",
    relation=">=",
    sides=_sides,
    about=Population,
    source=Source("charikar2024", "Theorem 2, the √ε term", derived=True),
    tightness="attained by affine classes when target and weak labels miss the class in the same direction",
    examples=_examples,
)
