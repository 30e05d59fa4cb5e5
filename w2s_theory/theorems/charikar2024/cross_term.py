"""For an affine class, what separates gain from misfit is a product of what class and weak model both miss.

Let P be the projection on an affine class, student = P weak and ceiling = P target. Then, exactly,

    gain − misfit = −2⟨weak − P weak, target − P target⟩.

Proof: split the residual 2⟨weak − student, student − target⟩ at the ceiling. The part inside the class vanishes, because weak − P weak is
orthogonal to every difference of members.

So the gain falls short of the misfit exactly when weak labels and target miss the class in similar directions: by errors that the
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
