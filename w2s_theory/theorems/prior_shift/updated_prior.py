"""Updating the prior between rounds (EM) recovers the target: Σ_m KL(Q ‖ Q_m) ≤ KL(q ‖ π) over all rounds, so KL(Q ‖ Q_m) ≤ KL(q ‖ π)/(m + 1).

Q is the law of a weak label, Q_m that under the prior p_m of round m, p_0 = π. Faithful weak labels, unlimited. Proof: since
KL(q ‖ p_m) − KL(q ‖ p_{m+1}) = Σ q_k log E_Q[f_k/Q_m] and E_Q[f_k/Q_m] = E[Q/Q_m | Y ~ f_k], Jensen gives at least KL(Q ‖ Q_m) per round.
With linearly independent components p_m → q; a frozen prior goes to π instead. Derived here; EM for mixing weights is a mirror descent.
"""

from __future__ import annotations

import numpy as np

from ...problems.mixtures import FiniteMixture, TokenMixture
from ...quantities.prior_shift import em_divergences, em_path, prior_divergence
from ...statements import Sides, Statement
from .._mixtures import FAITHFUL, SHIFTED, SOURCE, faithful_worlds

ROUNDS = 50


def _sides(world: FiniteMixture) -> Sides:
    left = np.sum(em_divergences(world, em_path(world, ROUNDS)))
    return Sides(left, prior_divergence(world), scale=float(ROUNDS))


def _examples(rng: np.random.Generator) -> tuple[FiniteMixture, ...]:
    separated = TokenMixture(np.array([0.5, 0.3, 0.2]), np.array([0.1, 0.2, 0.7]), np.kron(np.eye(3), [[0.3, 0.7]]))
    return (*faithful_worlds(rng), separated)


UPDATED_PRIOR = Statement(
    name="prior_shift.updated_prior",
    says="f^w = f, EM from π: Σ_m KL(Q ‖ Q_m) ≤ KL(q ‖ π), so refinement with an updated prior leaves no error in the weak law",
    relation="<=",
    sides=_sides,
    about=FiniteMixture,
    assumptions=(FAITHFUL, SHIFTED),
    source=SOURCE,
    tightness="attained by components that don't overlap, where one round does it",
    examples=_examples,
)
