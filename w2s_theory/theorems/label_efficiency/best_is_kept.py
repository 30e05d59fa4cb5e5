"""Which candidate is the best: one-sided t tests at α/(k − 1) exclude the one that is with probability at most α, for every
number of candidates.

Jointly normal errors of k candidates at the same points. A candidate is excluded when another is better by more than the t
quantile at 1 − α/(k − 1) of its standard error. Proof: only the best's own k − 1 comparisons can exclude it, and each does with
chance at most α/(k − 1) where its mean is not larger. Exact for two candidates of equal mean. So the set of those left holds
the best with probability at least 1 − α, and pairs without it need not be paid for. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.candidates import Candidates
from ...quantities.label_efficiency.supervisors import against_others_quantile, paired_differences
from ...statements import InExpectation, Sides, Source, Statement
from .._label_efficiency_sequential import candidates


def _sides(world: Candidates, count: int, rng: np.random.Generator) -> Sides:
    _, differences, error = paired_differences(world.errors(count, rng=rng))
    best = int(np.argmin(world.means))
    others = np.arange(len(world.means)) != best
    largest = np.max(differences[:, best, others] / error[:, best, others], axis=1)
    kept = largest <= against_others_quantile(len(world.means), world.count, world.level)
    return Sides(kept.astype(np.float64), np.full(count, world.level))


BEST_IS_KEPT = Statement(
    name="label_efficiency.best_is_kept",
    says="k candidates, normal errors at the same points: P(the best is excluded by no t test at α/(k − 1)) ≥ 1 − α",
    relation=">=",
    sides=_sides,
    about=Candidates,
    kind=InExpectation(resolution=0.02),
    source=Source("", "multiple comparisons with the best", derived=True),
    tightness="exact for two candidates of equal mean",
    examples=candidates,
)
