"""The probability that any competitor beats the aligned concept is at most the sum of the pairwise ones, Σ_k P_k.

A union bound on exact laws (``quantities.identification.error_bracket``); with error_at_least_worst it brackets the identification error.
"""

from __future__ import annotations

import numpy as np

from ...problems.prompting import Prompting
from ...quantities.identification import error_bracket
from ...statements import InExpectation, Sides, Statement
from .._identification import ASSUMPTIONS, DERIVED, errors, identification_examples, unequal_examples


def _sides(prompting: Prompting, count: int, rng: np.random.Generator) -> Sides:
    return Sides(errors(prompting, count, rng), error_bracket(prompting.world, prompting.examples)[1])


ERROR_AT_MOST_SUM = Statement(
    name="identification.error_at_most_sum",
    says="P(some competitor beats the aligned concept) ≤ min(1, Σ_k P_k), P_k the exact pairwise probabilities",
    relation="<=",
    sides=_sides,
    about=Prompting,
    kind=InExpectation(resolution=0.05),
    assumptions=ASSUMPTIONS,
    source=DERIVED,
    tightness="attained with two concepts; at most K − 1 times too large",
    examples=lambda rng: (*unequal_examples(rng), *identification_examples(rng)),
)
