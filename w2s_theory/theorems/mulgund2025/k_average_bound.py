"""The excess of a k-average is at most log(1 + χ²/k) in KL, with χ² = E Σ_y Var_J m_J(y)/g(y): of order 1/k.

E KL(ḡ ‖ weak) − KL(g ‖ weak) = E KL(ḡ ‖ g) ≤ log(1 + χ²/k). Proof: KL is at most log(1 + chi-squared), whose mean is χ²/k, and log is
concave. By class_count that is at most log(1 + (c − 1)/k). Attained at k = 1 by members that are certain of classes equally often. The average is of
members drawn at random, the mechanism of a proof; of a mixture of k members that is trained nothing is claimed. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.hull_population import HullPopulation
from ...problems.k_average import KAverage
from ...quantities.k_average import excess_bound
from ...statements import InExpectation, Sides, Source, Statement
from .._mulgund import KL_ONLY, certain_members, is_drawn, k_average


def _sides(world: KAverage, count: int, rng: np.random.Generator) -> Sides:
    inside, loss = world.population, world.population.loss
    start = loss.between(world.centre, inside.weak)
    excess = (loss.between(world.averages(count, rng=rng), inside.weak) - start) @ inside.weights
    return Sides(excess, np.full(count, excess_bound(world)))


def _examples(rng: np.random.Generator) -> tuple[KAverage, ...]:
    members = certain_members(3)
    even, undecided = np.full(3, 1.0 / 3.0), np.full((1, 3), 1.0 / 3.0)
    certain = KAverage(HullPopulation(members, undecided, even), even, 1)
    return k_average(rng, 1), k_average(rng, 10), certain


K_AVERAGE_BOUND = Statement(
    name="mulgund2025.k_average_bound",
    says="average of k members drawn from a mixture, KL: E KL(ḡ ‖ weak) − KL(g ‖ weak) ≤ log(1 + χ²/k)",
    relation="<=",
    sides=_sides,
    about=KAverage,
    kind=InExpectation(is_calibrated=is_drawn),
    assumptions=(KL_ONLY,),
    source=Source("mulgund2025", "theorem for k-mixtures, rate of the excess", derived=True),
    tightness="attained at k = 1 by members certain of classes equally often; twice the truth for large k",
    examples=_examples,
)
