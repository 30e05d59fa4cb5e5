"""With several competitors, P(a prompt prefers any of them) ≤ Σ_k p_n(k), the sum of the exact laws for each alone; ties broken at random.

Proof: if the target is among T tied leaders the error is (T − 1)/T, and the sum counts at least (T − 1)/2 ≥ that; otherwise a leader counts one. The
largest p_n(k) is a lower bound for the same reason. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.token_concepts import TokenConcepts
from ...quantities.token_identification import MISIDENTIFICATION, competitor_numbers, misidentification_probability
from ...statements import InExpectation, Sides, Statement
from .._tokens import SOURCE, three_concepts, two_concepts


def _sides(world: TokenConcepts, count: int, rng: np.random.Generator) -> Sides:
    alone = [misidentification_probability(world.examples, **competitor_numbers(world, k)) for k in world.competitors]
    return Sides(MISIDENTIFICATION.trials(world, count, rng), np.sum(alone))


def _examples(rng: np.random.Generator) -> tuple[TokenConcepts, ...]:
    return three_concepts(rng), two_concepts(rng)[0]


MANY_CONCEPTS = Statement(
    name="tokens.many_concepts",
    says="P(n examples prefer some competitor) ≤ Σ_k p_n(k), the exact laws of the competitors one by one",
    relation="<=",
    sides=_sides,
    about=TokenConcepts,
    kind=InExpectation(resolution=0.05),
    source=SOURCE,
    tightness="an equality for one competitor; max_k p_n(k) is a lower bound, so it is within a factor K − 1",
    examples=_examples,
)
