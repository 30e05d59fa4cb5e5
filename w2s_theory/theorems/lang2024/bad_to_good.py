"""Expansion corrects pseudolabels even if the student is robust only on average: the direction from bad to good points.

Let α = P(pseudolabel wrong), and let every set U of bad points have good neighbours of share at least c·P(U | bad), with (1 − α)c > α. Let
ρ = P(student wrong, and right on some good neighbour | bad). Then, for a = P(student wrong | pseudolabel wrong),

    a ≤ (err(f, ỹ) − α + (1 − α)cρ)/((1 − α)c − α).

Proof: where the student is wrong on a bad point and not fragile it is wrong on its good neighbours, so P(wrong | good) ≥ c(a − ρ); and
err(f, ỹ) ≥ (1 − α)P(wrong | good) + α(1 − a).

Any number of classes. ρ is at most P(student not robust | bad) when points that look alike have one class; a perfectly robust
student has ρ = 0. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.pseudolabels import PseudolabelledGraph
from ...statements import Assumption, Sides, Source, Statement
from .._lang2024 import from_bad


def _sides(world: PseudolabelledGraph) -> Sides:
    alpha = world.weak_error
    fragile = (1.0 - alpha) * world.expansion * world.fragile_errors
    bound = (world.training_error - alpha + fragile) / world.surplus
    return Sides(np.array([world.error_on_bad]), bound, scale=1.0 / world.surplus, size=1.0)


BAD_TO_GOOD = Statement(
    name="lang2024.bad_to_good",
    says="expansion c from bad to good: P(student wrong | bad) ≤ (its error on the pseudolabels − α + (1 − α)cρ)/((1 − α)c − α)",
    relation="<=",
    sides=_sides,
    about=PseudolabelledGraph,
    assumptions=(Assumption("expansion: (1 − α) c > α", PseudolabelledGraph.expands),),
    source=Source("lang2024", "pseudolabel correction with average-case robustness", derived=True),
    tightness="attained on even clusters, all linked: wrong on whole clusters, and on single bad points (ρ) of right ones",
    examples=from_bad,
)
