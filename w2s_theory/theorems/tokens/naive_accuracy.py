"""Systematic weak errors: naive fine-tuning has accuracy 1 − e δ, however many weak labels it sees at each input.

The weak label is a function of the input, equal to the competitor's token on a share e of the inputs where the two concepts disagree. The
student memorises the most frequent label at each input. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.token_concepts import TokenConcepts, systematic_errors
from ...quantities.token_identification import NAIVE_ACCURACY
from ...statements import Assumption, InExpectation, Sides, Statement
from .._tokens import ONE_COMPETITOR, SOURCE


def _sides(world: TokenConcepts, count: int, rng: np.random.Generator) -> Sides:
    return Sides(NAIVE_ACCURACY.trials(world, count, rng), NAIVE_ACCURACY.closed_form(world))


def _examples(rng: np.random.Generator) -> tuple[TokenConcepts, ...]:
    delta = rng.uniform(0.5, 0.9)
    return tuple(systematic_errors(share=share, disagreement=delta, examples=n) for share, n in ((0.3, 1), (0.55, 20)))


NAIVE_TOKEN_ACCURACY = Statement(
    name="tokens.naive_accuracy",
    says="systematic weak errors on a share e of the disagreement δ: naive accuracy = 1 − e δ for any number of labels per input",
    relation="==",
    sides=_sides,
    about=TokenConcepts,
    kind=InExpectation(),
    assumptions=(
        ONE_COMPETITOR,
        Assumption("weak labels are a function of the input", TokenConcepts.is_deterministic),
        Assumption("weak errors are the competitor's tokens", TokenConcepts.errs_towards_competitor_only),
    ),
    source=SOURCE,
    tightness="an equality",
    examples=_examples,
)
