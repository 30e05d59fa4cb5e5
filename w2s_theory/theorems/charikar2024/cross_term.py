"""The exact cross term of an affine class: gain − misfit = −2⟨(I − P)weak, (I − P)target⟩, P the projection on the class.

Student = P weak, ceiling = P target, (I − P)u = u − P u. The residual splits at the ceiling and the part inside the class vanishes by
orthogonality. So gain falls short of misfit exactly when weak labels and target miss the class in similar directions: errors that the
strong model cannot represent, but shares. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.population import Population
from ...quantities.projection import projection_numbers
from ...statements import Assumption, Sides, Source, Statement
from .._examples import aligned_population, population, subspace


def _sides(world: Population) -> Sides:
    numbers = projection_numbers(world)
    missed_weak = world.weak - world.student.values
    missed_target = world.target - world.ceiling.values
    left = numbers.report.gain - numbers.report.misfit
    return numbers.compare(left, -2.0 * world.inner(missed_weak, missed_target))


def _examples(rng: np.random.Generator) -> tuple[Population, ...]:
    return population(subspace(rng), rng, distance=0.5), aligned_population(rng)


CROSS_TERM = Statement(
    name="charikar2024.cross_term",
    says="affine class: gain − misfit = −2⟨(I − P)weak, (I − P)target⟩",
    relation="==",
    sides=_sides,
    about=Population,
    assumptions=(Assumption("the strong class is affine", Population.is_affine),),
    source=Source("charikar2024", "Theorem 2, the √ε term made exact", derived=True),
    tightness="an equality",
    examples=_examples,
)
