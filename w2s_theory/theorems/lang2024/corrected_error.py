"""The error of a student when good points expand to bad ones: err(f, y) ≤ α(1 − c(1 − ρ)) + ((1 − α) + αc)·b̄.

b̄ = (err(f, ỹ) − αc(1 − ρ))/((1 − α) − αc) bounds P(student wrong | good); c and ρ as there. Proof: err(f, y) = (1 − α)b + α P(wrong | bad), and
P(wrong | bad) ≤ 1 − c(1 − b − ρ). So a student whose error on the pseudolabels is αc(1 − ρ), the least there can be, has error
at most α(1 − c(1 − ρ)): below the weak model's α for every c > 0 and ρ < 1. With two classes it is 2(1 − α)b̄ + α − err(f, ỹ), by the identity
for training error. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.pseudolabels import PseudolabelledGraph
from ...statements import Assumption, Sides, Source, Statement
from .._lang2024 import from_good


def _sides(world: PseudolabelledGraph) -> Sides:
    alpha, c = world.weak_error, world.good_to_bad.constant
    kept = c * (1.0 - world.fragile_hits)
    factor = (1.0 - alpha + alpha * c) / world.reverse_surplus
    bound = alpha * (1.0 - kept) + factor * (world.training_error - alpha * kept)
    return Sides(np.array([world.student_error]), bound, scale=factor, size=1.0)


CORRECTED_FROM_GOOD = Statement(
    name="lang2024.corrected_error",
    says="expansion c > 0 from good to bad: error ≤ α(1 − c(1 − ρ)) + (1 − α + αc)(its error on the pseudolabels − αc(1 − ρ))/(1 − α − αc)",
    relation="<=",
    sides=_sides,
    about=PseudolabelledGraph,
    assumptions=(Assumption("expansion: c > 0 from good to bad and 1 − α > α c", PseudolabelledGraph.reverse_expands),),
    source=Source("lang2024", "pseudolabel correction from good to bad", derived=True),
    tightness="attained when the student is right on the clusters that expand least, and nowhere else",
    examples=from_good,
)
