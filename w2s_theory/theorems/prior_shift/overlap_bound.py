"""Confusion is at most overlap: C_jk ≤ ½ √(π_k/π_j) ∫√(f_j f_k) for j ≠ k; for Gaussians ½ √(π_k/π_j) exp(−(μ_j − μ_k)²/8σ²).

Proof: 2√(uv) ≤ u + v in the denominator of the posterior. With two equal priors at ±Dσ it reads c(D) ≤ ½ exp(−D²/2). Faithful weak
labels. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.mixtures import FiniteMixture, TokenMixture
from ...quantities.prior_shift import confusion, overlap_bound
from ...statements import Assumption, Sides, Statement
from .._mixtures import FAITHFUL, SOURCE, faithful_worlds


def _sides(world: FiniteMixture) -> Sides:
    apart = ~np.eye(world.count, dtype=bool)
    return Sides(confusion(world)[apart], overlap_bound(world)[apart], scale=1.0)


def _examples(rng: np.random.Generator) -> tuple[FiniteMixture, ...]:
    same = TokenMixture(np.full(2, 0.5), np.array([0.8, 0.2]), np.tile(rng.dirichlet(np.ones(4)), (2, 1)))
    return (*faithful_worlds(rng), same)


OVERLAP_BOUND = Statement(
    name="prior_shift.overlap_bound",
    says="f^w = f, j ≠ k: C_jk ≤ ½ √(π_k/π_j) ∫√(f_j f_k)",
    relation="<=",
    sides=_sides,
    about=FiniteMixture,
    assumptions=(FAITHFUL, Assumption("at least two concepts", lambda world: world.count > 1)),
    source=SOURCE,
    tightness="attained by two equal components of equal prior; exact in the exponent for two Gaussians far apart",
    examples=_examples,
)
