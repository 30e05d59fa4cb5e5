"""With equal priors log((K − 1)/(2δ))/min_k ρ_k examples are enough to identify the concept with probability 1 − δ.

ρ_k = ½ log(1 + κ_k²). Stated at a number n of examples: the error is at most the smallest δ for which ``quantities.identification.sample_size``
asks for no more than n of them, found by bisection. Proof: the sum of the pairwise Chernoff bounds, solved for n. The half saves log 2/ρ
examples against the usual bound.
"""

from __future__ import annotations

import numpy as np

from ...problems.concepts import ConceptWorld, orthonormal_world
from ...problems.prompting import Prompting
from ...quantities.identification import sample_size
from ...statements import InExpectation, Sides, Statement
from .._identification import ASSUMPTIONS, DERIVED, EQUAL_PRIORS, KEPT, errors


def _sides(prompting: Prompting, count: int, rng: np.random.Generator) -> Sides:
    return Sides(errors(prompting, count, rng), _guaranteed(prompting.world, prompting.examples))


def _guaranteed(world: ConceptWorld, n: int) -> float:
    """The smallest δ that ``sample_size`` grants to n examples, 1 when it grants none; bisection in log δ."""
    low, high = np.log(np.finfo(np.float64).tiny), 0.0
    for _ in range(50):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if sample_size(world, np.exp(middle)) <= n else (middle, high)
    return float(np.exp(high))


def _examples(rng: np.random.Generator) -> tuple[Prompting, ...]:
    return (
        Prompting(orthonormal_world(4, alignment=0.9, weak_noise=0.5), 8),
        Prompting(orthonormal_world(2, alignment=0.1, length=1.0, weak_noise=1.0), 1),
    )


SAMPLE_SIZE = Statement(
    name="identification.sample_size",
    says="n ≥ log((K − 1)/(2δ))/min ρ_k examples identify the concept with probability ≥ 1 − δ (equal priors)",
    relation="<=",
    sides=_sides,
    about=Prompting,
    kind=InExpectation(resolution=0.05),
    assumptions=(*ASSUMPTIONS, EQUAL_PRIORS, KEPT),
    source=DERIVED,
    tightness="attained as κ → 0 with two concepts; otherwise the guarantee is too large by K − 1 and a factor of order κ√n",
    examples=_examples,
)
