"""The probability that any competitor beats the aligned concept is at least the largest pairwise one, max_k P_k.

The event contains each pairwise event (``quantities.identification.error_bracket``); see error_at_most_sum for the other side.
"""

from __future__ import annotations

import numpy as np

from ...problems.prompting import Prompting
from ...quantities.identification import error_bracket
from ...statements import InExpectation, Sides, Statement
from .._identification import ASSUMPTIONS, DERIVED, errors, identification_examples, unequal_examples


def _sides(prompting: Prompting, count: int, rng: np.random.Generator) -> Sides:
    return Sides(errors(prompting, count, rng), error_bracket(prompting.world, prompting.examples)[0])


ERROR_AT_LEAST_WORST = Statement(
    name="identification.error_at_least_worst",
    says="P(some competitor beats the aligned concept) ≥ max_k P_k, P_k the exact pairwise probabilities",
    relation=">=",
    sides=_sides,
    about=Prompting,
    kind=InExpectation(resolution=0.05),
    assumptions=ASSUMPTIONS,
    source=DERIVED,
    tightness="attained with two concepts",
    examples=lambda rng: (*unequal_examples(rng), *identification_examples(rng)),
)
