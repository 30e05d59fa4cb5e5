"""The published shape with constants: E[misfit − gain] ≤ γ + (c − 1)/k + B̄ √((c − 1)/2k) for the average of k drawn members.

Mulgund & Pabbaraju bound the error that mixing k members adds by O(√(c/k)), c classes. The text of the theorem was not at hand; the
constants are ours: B̄² = E Σ_j a_j max_y (f/m_j)², γ the certificate of the mixture that is drawn from. Proof: item 5 of
``quantities.k_average``. For an average drawn at random it is loose: by k_average_gain the mean is of order 1/k. The paper's student is
the best k-mixture, trained; of that nothing is claimed, and for a near-optimal student the root is sharp (approximate_member). Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.k_average import KAverage
from ...quantities.k_average import root_bound
from ...statements import InExpectation, Sides, Source, Statement
from .._mulgund import KL_ONLY, is_drawn, k_average, shortfalls


def _sides(world: KAverage, count: int, rng: np.random.Generator) -> Sides:
    return Sides(shortfalls(world, count, rng), np.full(count, root_bound(world)))


def _examples(rng: np.random.Generator) -> tuple[KAverage, ...]:
    return k_average(rng, 8, certainty=0.5), k_average(rng, 1)


K_AVERAGE_ROOT = Statement(
    name="mulgund2025.k_average_root",
    says="student the average of k members drawn from the best mixture, KL, c classes: E[misfit − gain] ≤ (c − 1)/k + B̄ √((c − 1)/2k)",
    relation="<=",
    sides=_sides,
    about=KAverage,
    kind=InExpectation(is_calibrated=is_drawn),
    assumptions=(KL_ONLY,),
    source=Source("mulgund2025", "theorem for k-mixtures, O(√(c/k))", derived=True),
    tightness="loose by an order for drawn averages, whose mean is of order 1/k (k_average_gain); the ledger gives the factor",
    examples=_examples,
)
