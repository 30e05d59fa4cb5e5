"""Two Gaussian concepts at ±Dσ, equal source priors, prompts of n labels that share a concept: q_ref − ½ = (q − ½)(1 − 2c(D√n)).

c(D) = E expit(2DZ), Z ~ N(−D, 1) (weak noise τ: variance (τ/σ)²). c ≤ ½ exp(−nD²/2): the irreducible error dies exponentially in n, but only
since the labels of a prompt share their concept. Weak means are the strong ones. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.mixtures import GaussianMixture, Refinement
from ...quantities.prior_shift import TWO_CONCEPT_SHARE, is_even_pair
from ...statements import Assumption, InExpectation, Sides, Statement
from .._mixtures import SOURCE


def _sides(plan: Refinement, count: int, rng: np.random.Generator) -> Sides:
    return Sides(TWO_CONCEPT_SHARE.trials(plan, count, rng), TWO_CONCEPT_SHARE.closed_form(plan))


def _examples(rng: np.random.Generator) -> tuple[Refinement, ...]:
    half, target, place = np.full(2, 0.5), np.array([0.9, 0.1]), rng.uniform(-1.0, 1.0)
    far, near = (GaussianMixture(half, target, place + np.array([d, -d]), weak_noise=s) for d, s in ((1.0, 1.0), (0.6, 1.4)))
    return Refinement(near, examples=4), Refinement(far)


TWO_CONCEPT_SHIFT = Statement(
    name="prior_shift.two_concepts",
    says="two Gaussian concepts 2Dσ apart, n labels of one concept per prompt: q_ref − ½ = (q − ½)(1 − 2c(D√n)), c(D) = E expit(2DZ)",
    relation="==",
    sides=_sides,
    about=Refinement,
    kind=InExpectation(resolution=0.03),
    assumptions=(
        Assumption("two Gaussian concepts, equal source priors, unbiased weak means", is_even_pair),
        Assumption("one round", lambda plan: plan.rounds == 1),
    ),
    source=SOURCE,
    tightness="an equality",
    examples=_examples,
)
