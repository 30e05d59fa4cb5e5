"""[One sentence: the statement.] Copy this file to theorems/<paper>/<statement>.py; the code below reads in the order of the theorem.

[The formula, the assumptions, whether it is tight and where it is attained, the proof in two lines, and where it is printed: "Theorem 3.1,
arXiv v2", or "Derived here".] The example: a projection on a convex class never has more misfit than the weak model's error.
"""

from __future__ import annotations

import numpy as np

from ..problems.population import Population
from ..quantities.projection import projection_numbers
from ..statements import Assumption, Sides, Source, Statement
from ._examples import population, subspace


def _sides(world: Population) -> Sides:
    numbers = projection_numbers(world)
    return numbers.compare(numbers.report.misfit, numbers.report.weak_error, forgiven=numbers.band)


def _examples(rng: np.random.Generator) -> tuple[Population, ...]:
    return (population(subspace(rng), rng),)


TEMPLATE = Statement(
    name="paper.statement",  # its path below theorems/
    says="realizable target: misfit ≤ weak error",
    relation="<=",
    sides=_sides,
    about=Population,
    assumptions=(Assumption("the target lies in the strong class", Population.is_realizable),),
    source=Source("charikar2024", "consequence of Theorem 1", derived=True),
    tightness="attained when the student equals the target",
    examples=_examples,
)
