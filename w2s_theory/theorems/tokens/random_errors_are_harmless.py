"""Where the right token is the likeliest, naive fine-tuning needs no refinement: P(most of n labels at x are wrong) ≤ ½ Σ_v (1 − (√a − √b_v)²)ⁿ.

a and b_v are the probabilities of the right token and of token v in the weak law at x; averaged over inputs. The student answers with
the most frequent of n weak labels. So it is systematic error, not random error, that refinement removes. It is the bound of identification with
δ = 1 for each wrong token, added up. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.token_concepts import TokenConcepts
from ...quantities.token_identification import NAIVE_ACCURACY, chernoff_factor
from ...statements import Assumption, InExpectation, Sides, Statement
from .._tokens import SOURCE, three_concepts


def _sides(world: TokenConcepts, count: int, rng: np.random.Generator) -> Sides:
    at = np.arange(world.inputs.size)
    right = world.weak_law[at, world.truth][:, None]
    wrong = np.where(np.arange(world.weak_law.shape[1]) == world.truth[:, None], 0.0, world.weak_law)
    terms = 0.5 * chernoff_factor(disagreement=1.0, right=right, wrong=wrong) ** world.examples
    terms[at, world.truth] = 0.0
    return Sides(1.0 - NAIVE_ACCURACY.trials(world, count, rng), world.inputs @ terms.sum(axis=1))


def _examples(rng: np.random.Generator) -> tuple[TokenConcepts, ...]:
    coin = TokenConcepts(np.array([[0], [1]]), np.full((1, 2), 0.5), np.ones(1), examples=4)
    return three_concepts(rng), coin


RANDOM_ERRORS_ARE_HARMLESS = Statement(
    name="tokens.random_errors_are_harmless",
    says="right token likeliest: P(the most frequent of n weak labels is wrong) ≤ ½ E Σ_v (1 − (√a − √b_v)²)ⁿ",
    relation="<=",
    sides=_sides,
    about=TokenConcepts,
    kind=InExpectation(resolution=0.04),
    assumptions=(Assumption("no token is likelier than the right one at any input", TokenConcepts.is_right_most_often),),
    source=SOURCE,
    tightness="attained by a coin between two tokens; else the exponent is exact",
    examples=_examples,
)
