"""The exponent is exactly −log(1 − δ(√a − √b)²): p_n/[ρⁿ ½ coth(λ/2)/√(2πvn)] → 1, off by κ/n to first order.

Simulated by importance sampling: the two counts are drawn under the tilt e^λ = √(a/b), where they are alike, and the event weighted back; the
closed form of p_n does not enter. The envelope 2|κ|/n is not proved: it is twice the first correction, and is claimed only where that one leads
the rest (v ≥ .2, |κ| ≥ ½, n ≥ 10|κ|). Hypotheses and the constants v, λ, κ in ``quantities.token_identification``. Derived here.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...problems.token_concepts import TokenConcepts, random_errors
from ...quantities.token_identification import asymptotic_correction, chernoff_factor, competitor_numbers, sharp_asymptotic
from ...statements import Assumption, InLimit, Sides, Statement
from .._tokens import ONE_COMPETITOR, SOURCE

#: Prompts averaged in a trial.
PROMPTS = 16


def _sides(world: TokenConcepts, count: int, rng: np.random.Generator) -> Sides:
    numbers, n = competitor_numbers(world), world.examples
    delta, a, b = numbers["disagreement"], numbers["right"], numbers["wrong"]
    rho = chernoff_factor(**numbers)
    vote = delta * np.sqrt(a * b) / rho  # of either side, under the tilt
    telling = rng.binomial(n, 2.0 * vote, size=(count, PROMPTS))
    ahead = telling - 2.0 * rng.binomial(telling, 0.5)
    event = np.where(ahead == 0, 0.5, ahead > 0)
    return Sides(np.mean(rho**n * event * np.sqrt(b / a) ** ahead, axis=1), sharp_asymptotic(n, **numbers))


def _sizes(world: TokenConcepts) -> tuple[int, ...]:
    """From where the envelope is 0.2."""
    first = int(np.ceil(10.0 * abs(asymptotic_correction(**competitor_numbers(world)))))
    return first, 3 * first, 6 * first


def _is_spread(world: TokenConcepts) -> bool:
    right, wrong = world.support()
    return right > wrong > 0 and world.disagreement() * (right + wrong) < 1.0


def _is_led_by_the_first_correction(world: TokenConcepts) -> bool:
    if not (ONE_COMPETITOR.is_met(world) and _is_spread(world)):
        return False
    numbers = competitor_numbers(world)
    variance = 2.0 * numbers["disagreement"] * np.sqrt(numbers["right"] * numbers["wrong"]) / chernoff_factor(**numbers)
    return variance >= 0.2 and 0.5 <= abs(asymptotic_correction(**numbers)) <= 1000.0


def _examples(rng: np.random.Generator) -> tuple[TokenConcepts, ...]:
    return (random_errors(right=0.8, wrong=0.2, disagreement=rng.uniform(0.45, 0.55), examples=10),)


IDENTIFICATION_EXPONENT = Statement(
    name="tokens.identification_exponent",
    says="P(n examples prefer the competitor) decays with the exact exponent −log(1 − δ(√a − √b)²) and a factor of order 1/√n",
    relation="==",
    sides=_sides,
    about=TokenConcepts,
    kind=InLimit(
        at=lambda world, n: replace(world, examples=n),
        sizes=_sizes,
        envelope=lambda world, n: 2.0 * abs(asymptotic_correction(**competitor_numbers(world))) / n,
    ),
    assumptions=(
        ONE_COMPETITOR,
        Assumption("a > b > 0, and some examples say nothing (δ(a + b) < 1)", _is_spread),
        Assumption("the first correction leads the rest (v ≥ .2, ½ ≤ |κ| ≤ 1000)", _is_led_by_the_first_correction),
    ),
    source=SOURCE,
    tightness="the ratio is 1 + κ/n + O(n⁻²): the envelope is about twice too wide",
    examples=_examples,
)
