"""For every n and a ≥ b: p_n ≤ ½ [1 − δ(√a − √b)²]ⁿ, the chance that n examples prefer the competitor, ties one half.

Proof (Chernoff with the half kept): under the tilt e^λ = √(a/b) the difference of counts is symmetric, so the event has probability one half there.
Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.token_concepts import TokenConcepts, random_errors
from ...quantities.token_identification import MISIDENTIFICATION, chernoff_factor, competitor_numbers
from ...statements import Sides, Statement
from .._tokens import NO_LESS_RIGHT, ONE_COMPETITOR, SOURCE, two_concepts


def _sides(world: TokenConcepts) -> Sides:
    return Sides(MISIDENTIFICATION.closed_form(world), 0.5 * chernoff_factor(**competitor_numbers(world)) ** world.examples)


def _examples(rng: np.random.Generator) -> tuple[TokenConcepts, ...]:
    return (random_errors(right=0.7, wrong=0.2, disagreement=0.4, examples=60), *two_concepts(rng))


IDENTIFICATION_BOUND = Statement(
    name="tokens.identification_bound",
    says="P(n examples prefer the competitor) ≤ ½ [1 − δ(√a − √b)²]ⁿ for every n, where a ≥ b",
    relation="<=",
    sides=_sides,
    about=TokenConcepts,
    assumptions=(ONE_COMPETITOR, NO_LESS_RIGHT),
    source=SOURCE,
    tightness="attained at a = b; else the exponent is exact and the factor is loose by order √n",
    examples=_examples,
)
