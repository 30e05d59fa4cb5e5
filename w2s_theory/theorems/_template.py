"""[One sentence in words: the statement.] Copy this file to theorems/<paper>/<statement>.py; the code below reads in the order of the theorem.

[What is given, in symbols that are named here or in ``catalogue.symbol_tables``. This docstring is the text of ``w2s show``. Then]

    [the formula, indented by four]

Proof: [in two lines, a paragraph of its own; or "Proof: in ``quantities.<module>``"].

[Remarks: whether it is tight and where it is attained, what else there is to know, and "Derived here." where it is ours.] The example: a
projection on a convex class never has more misfit than the weak model's error.
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
