"""If the target misses an affine class, gain and misfit are no further apart than 2√(misfit·ε), and the constant 2 is sharp.

Let the student be the exact projection of the weak labels on an affine class V, and ε = min over v in V of ‖v − target‖² the target's
approximation error, under the same measure. Then

    |gain − misfit| ≤ 2√(misfit·ε).

Proof: gain − misfit is the cross term −2⟨weak − P weak, target − P target⟩ (see cross_term), and ‖weak − P weak‖² = misfit,
‖target − P target‖² = ε. Apply Cauchy–Schwarz.

It is attained, on either side, when target and weak labels miss the class along one line, in the same or in opposite directions. This is
the O(√ε) term of Theorem 2 with its constant. A ceiling's error on held-out points in the place of ε over-states it, on average; the
band is then conservative. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.population import Population
from ...quantities.projection import projection_numbers
from ...statements import Assumption, Sides, Source, Statement
from .._examples import aligned_population, population, subspace


def _sides(world: Population) -> Sides:
    numbers = projection_numbers(world)
    return numbers.compare(abs(numbers.report.gain - numbers.report.misfit), numbers.band)


def _examples(rng: np.random.Generator) -> tuple[Population, ...]:
    generic = population(subspace(rng), rng, distance=0.5)
    return generic, aligned_population(rng, sign=-1.0), aligned_population(rng)


NONREALIZABLE_LINEAR = Statement(
    name="charikar2024.nonrealizable_linear",
    says="affine class, target at squared distance ε from it: |gain − misfit| ≤ 2√(misfit·ε)",
    relation="<=",
    sides=_sides,
    about=Population,
    assumptions=(Assumption("the strong class is affine", Population.is_affine),),
    source=Source("charikar2024", "Theorem 2, the √ε term", derived=True),
    tightness="attained when target and weak labels miss the class along one line",
    examples=_examples,
)
