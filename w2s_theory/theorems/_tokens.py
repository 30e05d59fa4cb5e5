"""Hypotheses, source and small worlds of the statements about token concepts."""

from __future__ import annotations

import numpy as np

from ..problems.token_concepts import TokenConcepts, random_errors, systematic_errors
from ..statements import Assumption, Source

SOURCE = Source("somerstep2025", "concepts as maps to tokens", derived=True)
ONE_COMPETITOR = Assumption("one competitor", TokenConcepts.has_one_competitor)
CAN_DISAGREE = Assumption("every competitor disagrees with the target somewhere", lambda world: _smallest_disagreement(world) > 0)
NO_LESS_RIGHT = Assumption(
    "where a competitor disagrees, the weak label is right at least as often as the competitor's (a ≥ b)",
    lambda world: all(right >= wrong for right, wrong in map(world.support, world.competitors)),
)


def _smallest_disagreement(world: TokenConcepts) -> float:
    return min(world.disagreement(k) for k in world.competitors)


def two_concepts(rng: np.random.Generator) -> tuple[TokenConcepts, ...]:
    """Random and systematic errors, and the coin: a = b."""
    return (
        random_errors(right=0.6, wrong=0.25, disagreement=rng.uniform(0.4, 0.6), examples=6),
        systematic_errors(share=0.35, disagreement=rng.uniform(0.5, 0.9), examples=5),
        random_errors(right=0.5, wrong=0.5, disagreement=1.0, examples=3),
    )


def three_concepts(rng: np.random.Generator) -> TokenConcepts:
    """Three concepts over four tokens on five inputs, and a weak model that is often wrong."""
    concepts = np.array([[0, 1, 2, 3, 0], [1, 1, 2, 0, 3], [0, 2, 1, 1, 0]])
    law = 0.5 * np.eye(4)[concepts[0]] + 0.5 * rng.dirichlet(np.ones(4), size=5)
    return TokenConcepts(concepts, law, np.full(5, 0.2), examples=4)
