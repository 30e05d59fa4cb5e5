"""Coverage expansion: err(f, y | uncovered) ≤ err(f, y | covered)/c + ρ.

Every set U of uncovered points has covered neighbours of share ≥ c P(U | uncovered); ρ = P(student wrong, and right on some covered neighbour |
uncovered), at most P(student not robust | uncovered) when points that look alike have one class. Proof: where the student is wrong on
an uncovered point and not fragile it is wrong on its covered neighbours, so err(f, y | covered) ≥ c(err(f, y | uncovered) − ρ). Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.pseudolabels import CoveredGraph
from ...statements import Assumption, Sides, Source, Statement
from .._lang2024 import covered


def _sides(world: CoveredGraph) -> Sides:
    c = world.uncovered_to_covered.constant
    bound = world.covered_error / c + world.fragile_errors
    return Sides(np.array([world.uncovered_error]), bound, scale=1.0 / c, size=1.0)


COVERAGE = Statement(
    name="lang2024.coverage",
    says="expansion c > 0 from uncovered to covered points: error on the uncovered ≤ error on the covered / c + ρ",
    relation="<=",
    sides=_sides,
    about=CoveredGraph,
    assumptions=(Assumption("expansion: c > 0 from uncovered to covered points", CoveredGraph.expands),),
    source=Source("lang2024", "coverage expansion", derived=True),
    tightness="attained when the student is wrong on the clusters that expand least, and on single uncovered points (ρ)",
    examples=covered,
)
