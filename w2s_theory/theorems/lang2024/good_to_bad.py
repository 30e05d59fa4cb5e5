"""Expansion from good to bad, any c > 0: b ≤ (err(f, ỹ) − αc(1 − ρ))/((1 − α) − αc), b = P(student wrong | pseudolabel right).

Every set U of good points has bad neighbours of share ≥ c P(U | good); ρ = P(student right, and wrong on some bad neighbour | good). Any
number of classes. Needs (1 − α) > αc, which α < 1/2 implies. Proof: where the student is right on a good point and not fragile it is right
on its bad neighbours, so P(right | bad) ≥ c(1 − b − ρ); and err(f, ỹ) ≥ (1 − α)b + αP(right | bad). Derived here: unlike the
direction from bad to good it does not ask for c > α/(1 − α).
"""

from __future__ import annotations

import numpy as np

from ...problems.pseudolabels import PseudolabelledGraph
from ...statements import Assumption, Sides, Source, Statement
from .._lang2024 import from_good


def _sides(world: PseudolabelledGraph) -> Sides:
    widened = world.weak_error * world.good_to_bad.constant * (1.0 - world.fragile_hits)
    bound = (world.training_error - widened) / world.reverse_surplus
    return Sides(np.array([world.error_on_good]), bound, scale=1.0 / world.reverse_surplus, size=1.0)


GOOD_TO_BAD = Statement(
    name="lang2024.good_to_bad",
    says="expansion c > 0 from good to bad: P(student wrong | good) ≤ (its error on the pseudolabels − αc(1 − ρ))/((1 − α) − αc)",
    relation="<=",
    sides=_sides,
    about=PseudolabelledGraph,
    assumptions=(Assumption("expansion: c > 0 from good to bad and 1 − α > α c", PseudolabelledGraph.reverse_expands),),
    source=Source("lang2024", "pseudolabel correction from good to bad", derived=True),
    tightness="attained when the student is right on the clusters that expand least, and nowhere else",
    examples=from_good,
)
