"""The mean weight of wrong concepts: E(1 − w_*) ≤ Σ_k g(λ_k) (α_k/α_*)^λ_k Δ_k(λ_k)^(−n/2), g(λ) = λ^λ (1−λ)^(1−λ), 0 ≤ λ ≤ 1.

A logistic function is at most g(λ) e^{λx}, with equality at one x; the bound takes the best λ_k for each competitor. Its exponent is r_1
(``quantities.evidence_mgf``). g, between ½ and 1, sharpens the usual constant 1.
"""

from __future__ import annotations

import numpy as np

from ...problems.prompting import Prompting
from ...quantities.evidence_mgf import weight_bound
from ...statements import InExpectation, Sides, Statement
from .._identification import ASSUMPTIONS, DERIVED, faint_examples, wrong_weights


def _sides(prompting: Prompting, count: int, rng: np.random.Generator) -> Sides:
    return Sides(wrong_weights(prompting, count, rng), weight_bound(prompting.world, prompting.examples))


WEIGHT_BOUND = Statement(
    name="identification.weight_bound",
    says="E(1 − w_*) ≤ Σ_k min_λ λ^λ (1−λ)^(1−λ) (α_k/α_*)^λ Δ_k(λ)^(−n/2), 0 ≤ λ ≤ 1",
    relation="<=",
    sides=_sides,
    about=Prompting,
    kind=InExpectation(resolution=0.05),
    assumptions=ASSUMPTIONS,
    source=DERIVED,
    tightness="attained as the evidence vanishes (σ → ∞, two concepts); the exponent is exact",
    examples=faint_examples,
)
