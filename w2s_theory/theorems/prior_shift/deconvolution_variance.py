"""Deconvolution pays in variance, at most by 1/λ_min²: E‖C⁻ᵀ(e − q_ref)‖² ≤ E‖e − q_ref‖²/λ_min², e the drawn concept of one refined label.

In the norm ‖v‖² = Σ v_k²/π_k, for which Cᵀ is self-adjoint (faithful weak labels); in the plain norm it can fail, and the least singular value
has to take the place of λ_min. The worst direction only: the whole amplification is ``prior_shift.amplification``. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.mixtures import FiniteMixture, Refinement
from ...quantities.prior_shift import amplification_bound, confusion, prior_norm, refined_concepts, refined_prior
from ...statements import InExpectation, Sides, Statement
from ...students.label_refinement import deconvolve
from .._mixtures import FAITHFUL, INVERTIBLE, SOURCE, faithful_worlds


def _sides(world: FiniteMixture, count: int, rng: np.random.Generator) -> Sides:
    off = np.eye(world.count)[refined_concepts(Refinement(world), count, rng)] - refined_prior(Refinement(world))
    return Sides(
        prior_norm(world, deconvolve(off, confusion(world))) ** 2, amplification_bound(world) * prior_norm(world, off) ** 2
    )


DECONVOLUTION_VARIANCE = Statement(
    name="prior_shift.deconvolution_variance",
    says="f^w = f: deconvolved weights vary at most 1/λ_min² times as much as refined ones, in the norm √(Σ v_k²/π_k)",
    relation="<=",
    sides=_sides,
    about=FiniteMixture,
    kind=InExpectation(),
    assumptions=(FAITHFUL, INVERTIBLE),
    source=SOURCE,
    tightness="an equality for two concepts; loose where only one direction is badly seen",
    examples=faithful_worlds,
)
