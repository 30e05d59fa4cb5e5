"""The error of a student by expansion profiles, in either direction: err(f, y) ≤ min(bad-to-good bound, good-to-bad bound).

No hypothesis: without expansion it is the triangle inequality err(f, y) ≤ err(f, ỹ) + α. Both bounds solve the lower bounds on the training
error for what the student leaves wrong on bad points, or spoils on good ones, and put it into err(f, y) = (1 − α)b + αa. ρ and ρ' are the
shares of bad and of good points where the student is not robust against the other kind, right or wrong. Proof: the lower bounds are convex
in a and in b, the largest solution is a linear program; and (1 − α)b + α(1 − ψ(1 − b − ρ')) increases in b. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.expansion import LP_ERROR
from ...problems.pseudolabels import PseudolabelledGraph
from ...quantities.expansion_bounds import bad_to_good_bound, good_to_bad_bound
from ...statements import Sides, Source, Statement
from .._lang2024 import from_bad, from_good


def _sides(world: PseudolabelledGraph) -> Sides:
    bounds = np.array([bad_to_good_bound(world), good_to_bad_bound(world)])
    return Sides(np.full(2, world.student_error), bounds, scale=1.0, solver_error=LP_ERROR)


def _examples(rng: np.random.Generator) -> tuple[PseudolabelledGraph, ...]:
    return from_bad(rng) + from_good(rng)


PROFILE_ERROR = Statement(
    name="lang2024.profile_error",
    says="expansion profiles: error ≤ what training error, α and the profile leave, from bad to good and from good to bad",
    relation="<=",
    sides=_sides,
    about=PseudolabelledGraph,
    source=Source("lang2024", "pseudolabel correction", derived=True),
    tightness="attained on linked clusters when the student is wrong on the clusters that expand least, or right on them only",
    examples=_examples,
)
