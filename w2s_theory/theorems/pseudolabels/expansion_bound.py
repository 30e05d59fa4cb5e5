"""Expansion corrects pseudolabels: a robust student whose training error is small is right where its labels were wrong.

Let the student answer alike on points that look alike, let such points have one class, and let every set U of bad points (whose pseudolabel is
wrong) have good neighbours of share at least c·P(U | bad), with (1 − α)c > α. Then, for a = P(student wrong | pseudolabel wrong),

    a ≤ (err(f, ỹ) − α)/((1 − α)c − α).

Proof: where the student is wrong on a bad point it is wrong on its good neighbours, so P(wrong | good) ≥ c a; then
err(f, ỹ) ≥ (1 − α)c a + α(1 − a).

So a student whose training error is no more than α corrects every wrong pseudolabel. Derived here: the simplest case of the mechanism of
Lang et al., without their average-case robustness.
"""

from __future__ import annotations

import numpy as np

from ...problems.pseudolabels import PseudolabelledGraph
from ...statements import Sides, Source, Statement
from .._pseudolabels import ROBUST, graphs


def _sides(world: PseudolabelledGraph) -> Sides:
    bound = (world.training_error - world.weak_error) / world.surplus
    return Sides(np.array([world.error_on_bad]), bound, scale=1.0 / world.surplus, size=1.0)


EXPANSION_BOUND = Statement(
    name="pseudolabels.expansion_bound",
    says="robust student, expansion c: P(student wrong | pseudolabel wrong) ≤ (its error on the pseudolabels − α)/((1 − α)c − α)",
    relation="<=",
    sides=_sides,
    about=PseudolabelledGraph,
    assumptions=ROBUST,
    source=Source("lang2024", "the simplest case", derived=True),
    tightness="attained when the student is wrong on whole clusters whose good points all neighbour their bad one",
    examples=graphs,
)
