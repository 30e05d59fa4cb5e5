"""A student whose label at an input is the majority over m fresh prompts is right there with probability 1 − δ p, p from p_n in one more vote.

Each prompt of n examples answers with the concept that it prefers, wrong with probability p_n; so m of them vote as examples with a = 1 − p_n,
b = p_n and no silence. m = 1 is the accuracy of one refined label, 1 − δ p_n on average. As m grows the student is right everywhere when
p_n < ½, whatever n, which is when a > b: at systematic errors below one half; and has accuracy 1 − δ when a < b. Derived here.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...problems.token_concepts import TokenConcepts, systematic_errors
from ...quantities.token_identification import REFINED_ACCURACY
from ...statements import InExpectation, Sides, Statement
from .._tokens import CAN_DISAGREE, ONE_COMPETITOR, SOURCE, two_concepts


def _sides(world: TokenConcepts, count: int, rng: np.random.Generator) -> Sides:
    return Sides(REFINED_ACCURACY.trials(world, count, rng), REFINED_ACCURACY.closed_form(world))


def _examples(rng: np.random.Generator) -> tuple[TokenConcepts, ...]:
    worse = systematic_errors(share=0.6, disagreement=0.8, examples=4, prompts=7)
    return worse, two_concepts(rng)[0], replace(two_concepts(rng)[1], prompts=5)


REFINED_TOKEN_ACCURACY = Statement(
    name="tokens.refined_accuracy",
    says="accuracy of the majority over m fresh prompts = 1 − δ P(most of m votes flip), each with probability p_n; m = 1: 1 − δ p_n",
    relation="==",
    sides=_sides,
    about=TokenConcepts,
    kind=InExpectation(resolution=0.04),
    assumptions=(ONE_COMPETITOR, CAN_DISAGREE),
    source=SOURCE,
    tightness="an equality",
    examples=_examples,
)
