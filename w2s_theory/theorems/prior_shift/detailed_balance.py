"""Faithful weak labels: π_j C_jk = π_k C_kj, what refinement moves from j to k under the source prior it moves back.

Proof: both are ∫ π_j f_j π_k f_k / Σ_l π_l f_l; the two sides are separate integrals around different components. It makes Cᵀ self-adjoint for
Σ v_k w_k/π_k with eigenvalues in [0, 1], and π its fixed point. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.mixtures import FiniteMixture
from ...quantities.prior_shift import confusion
from ...statements import Sides, Statement
from .._mixtures import FAITHFUL, SOURCE, faithful_worlds


def _sides(world: FiniteMixture) -> Sides:
    flow = world.source[:, None] * confusion(world)
    upper = np.triu_indices(world.count, 1)
    return Sides(flow[upper], flow.T[upper], scale=world.source.max())


DETAILED_BALANCE = Statement(
    name="prior_shift.detailed_balance",
    says="f^w = f: π_j C_jk = π_k C_kj",
    relation="==",
    sides=_sides,
    about=FiniteMixture,
    assumptions=(FAITHFUL,),
    source=SOURCE,
    tightness="an equality",
    examples=faithful_worlds,
)
