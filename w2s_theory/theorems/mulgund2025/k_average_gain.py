"""A k-average misses gain ≥ misfit by a multiple of 1/k on average, with constants: E[misfit − gain] ≤ γ + what two expansions allow.

Student ḡ = average of k members drawn from a mixture g whose certificate as the student of the weak labels is γ (0 for the best);
target f in the hull; KL. By Pythagoras at g,

    misfit − gain ≤ γ + [KL(ḡ ‖ weak) − KL(g ‖ weak)] + [KL(f ‖ ḡ) − KL(f ‖ g)];

both brackets lose their terms of order 1/√k in the mean, and are bounded in ``quantities.k_average`` (items 3 and 4) by
χ²/2k + E Σ_y f Var_J m_J/g²/2k + O(1/k²). A single draw fluctuates by 1/√k. This is the mean over averages drawn at random; of the
k-mixture that is trained, the student of the paper, nothing is claimed. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.k_average import KAverage
from ...quantities.k_average import shortfall_bound
from ...statements import InExpectation, Sides, Source, Statement
from .._mulgund import KL_ONLY, is_drawn, k_average, shortfalls


def _sides(world: KAverage, count: int, rng: np.random.Generator) -> Sides:
    return Sides(shortfalls(world, count, rng), np.full(count, shortfall_bound(world)))


def _examples(rng: np.random.Generator) -> tuple[KAverage, ...]:
    return k_average(rng, 2, certainty=0.5), k_average(rng, 12)


K_AVERAGE_GAIN = Statement(
    name="mulgund2025.k_average_gain",
    says="student the average of k members drawn from the best mixture, target in the hull, KL: E[misfit − gain] is at most of order 1/k",
    relation="<=",
    sides=_sides,
    about=KAverage,
    kind=InExpectation(is_calibrated=is_drawn),
    assumptions=(KL_ONLY,),
    source=Source("mulgund2025", "theorem for k-mixtures, in expectation", derived=True),
    tightness="attained as k grows when the best student mixes every member that the target mixes",
    examples=_examples,
)
