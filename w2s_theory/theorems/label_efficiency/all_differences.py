"""All differences between k candidates lie in their intervals at once with probability at least 1 − α: t intervals at level 1
− 2α/(k(k − 1)).

Jointly normal errors at the same points; each paired difference has an exact t interval, and the union bound does not mind how
they depend on each other. Exact for two candidates. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.candidates import Candidates
from ...quantities.label_efficiency.supervisors import all_pairs_quantile, paired_differences
from ...statements import InExpectation, Sides, Source, Statement
from .._label_efficiency_sequential import candidates


def _sides(world: Candidates, count: int, rng: np.random.Generator) -> Sides:
    _, differences, error = paired_differences(world.errors(count, rng=rng))
    first, second = np.triu_indices(len(world.means), k=1)
    off = differences[:, first, second] - (world.means[first] - world.means[second])
    largest = np.max(np.abs(off) / error[:, first, second], axis=1)
    kept = largest <= all_pairs_quantile(len(world.means), world.count, world.level)
    return Sides(kept.astype(np.float64), np.full(count, world.level))


ALL_DIFFERENCES = Statement(
    name="label_efficiency.all_differences",
    says="k candidates, normal errors at the same points: P(all paired t intervals at α/(k(k − 1)) a side hold) ≥ 1 − α",
    relation=">=",
    sides=_sides,
    about=Candidates,
    kind=InExpectation(resolution=0.02),
    source=Source("", "union bound", derived=True),
    tightness="exact for two candidates",
    examples=candidates,
)
