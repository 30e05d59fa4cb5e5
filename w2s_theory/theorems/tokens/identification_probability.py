"""n weakly labelled examples prefer the competitor with probability p_n = E I_θ(⌈N/2⌉, ⌈N/2⌉), N ~ Bin(n, δ(a + b)), θ = b/(a + b).

Per prompt and before any voting; equal priors, ties one half. The strong model's believed error rate does not matter. Derivation in
``quantities.token_identification``. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.token_concepts import TokenConcepts
from ...quantities.token_identification import MISIDENTIFICATION
from ...statements import InExpectation, Sides, Statement
from .._tokens import ONE_COMPETITOR, SOURCE, two_concepts


def _sides(world: TokenConcepts, count: int, rng: np.random.Generator) -> Sides:
    return Sides(MISIDENTIFICATION.trials(world, count, rng), MISIDENTIFICATION.closed_form(world))


IDENTIFICATION_PROBABILITY = Statement(
    name="tokens.identification_probability",
    says="P(n examples prefer the competitor) = E I_θ(⌈N/2⌉, ⌈N/2⌉), N ~ Bin(n, δ(a + b)), θ = b/(a + b), ties one half",
    relation="==",
    sides=_sides,
    about=TokenConcepts,
    kind=InExpectation(resolution=0.05),
    assumptions=(ONE_COMPETITOR,),
    source=SOURCE,
    tightness="an equality",
    examples=two_concepts,
)
