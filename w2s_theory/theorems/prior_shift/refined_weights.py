"""Refined labels have the prior q_ref = Cᵀ q; each further round with the frozen prior multiplies by the strong model's own Cᵀ.

C_jk = E[P_π(k | Y') | Y' ~ f^w_j]. The first round is exactly one EM step for q started at π; the second is not, since EM would use the new prior.
Checked on the share of the first concept, on sampled weak labels refined round after round. Prompts of n labels of one concept act
as one label with noise σ/√n (Gaussians). Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.mixtures import Refinement
from ...quantities.prior_shift import FIRST_SHARE
from ...statements import InExpectation, Sides, Statement
from .._mixtures import SOURCE, plans


def _sides(plan: Refinement, count: int, rng: np.random.Generator) -> Sides:
    return Sides(FIRST_SHARE.trials(plan, count, rng), FIRST_SHARE.closed_form(plan))


REFINED_WEIGHTS = Statement(
    name="prior_shift.refined_weights",
    says="labels refined m times have the prior (C₀ᵀ)^(m−1) Cᵀ q, C of weak labels and C₀ of the strong model's own",
    relation="==",
    sides=_sides,
    about=Refinement,
    kind=InExpectation(resolution=0.05),
    source=SOURCE,
    tightness="an equality",
    examples=plans,
)
