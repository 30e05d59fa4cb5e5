"""The mean squared weight of wrong concepts: √E(1 − w_*)² ≤ Σ_k √(g_2(λ_k) (α_k/α_*)^λ_k Δ_k(λ_k)^(−n/2)), g_2(λ) = λ^λ (2−λ)^(2−λ)/4.

Here 0 ≤ λ ≤ 2: squares decay as fast as λ* allows up to 2, with the exponent r_2. Minkowski over competitors, each at its best λ
(``quantities.evidence_mgf``). It bounds what the answers of a single prompt cost.
"""

from __future__ import annotations

import numpy as np

from ...problems.prompting import Prompting
from ...quantities.evidence_mgf import weight_bound
from ...statements import InExpectation, Sides, Statement
from .._identification import ASSUMPTIONS, DERIVED, faint_examples, wrong_weights


def _sides(prompting: Prompting, count: int, rng: np.random.Generator) -> Sides:
    return Sides(wrong_weights(prompting, count, rng) ** 2, weight_bound(prompting.world, prompting.examples, power=2.0))


SQUARED_WEIGHT_BOUND = Statement(
    name="identification.squared_weight_bound",
    says="√E(1 − w_*)² ≤ Σ_k √min_λ λ^λ (2−λ)^(2−λ)/4 · (α_k/α_*)^λ Δ_k(λ)^(−n/2), 0 ≤ λ ≤ 2",
    relation="<=",
    sides=_sides,
    about=Prompting,
    kind=InExpectation(resolution=0.05),
    assumptions=ASSUMPTIONS,
    source=DERIVED,
    tightness="attained as the evidence vanishes (σ → ∞, two concepts); the exponent is exact",
    examples=faint_examples,
)
