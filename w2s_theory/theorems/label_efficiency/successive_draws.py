"""Drawing without replacement and weighting by 1/(count·N·p_i) is biased: E = (1/N) Σ t_i π_i/(count·p_i), with π_i the true inclusion probabilities.

Points are drawn one after the other, each time with probabilities ∝ p among those left. Likely points are included less often
than count·p_i, for they can be drawn only once, the others more often; where |t_i|/p_i is larger for the likely ones the mean
of t comes out too small. π_i has an integral but no simple form (``quantities.label_efficiency.variances``). Labels are
certain, ŷ is the middle. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.labelled_pool import LabelledPool
from ...quantities.label_efficiency.variances import misses, successive_mean
from ...statements import Assumption, InExpectation, Sides, Source, Statement
from .._label_efficiency import DRAWABLE


def _sides(pool: LabelledPool, count: int, rng: np.random.Generator) -> Sides:
    guess = (pool.weak + pool.student) / 2.0
    clocks = rng.exponential(size=(count, pool.size)) / pool.probabilities
    rows = np.argpartition(clocks, pool.count - 1, axis=1)[:, : pool.count]
    weighted = misses(pool, guess)[0] / (pool.size * pool.probabilities)
    return Sides(weighted[rows].mean(axis=1), np.full(count, successive_mean(pool, guess)))


def _examples(rng: np.random.Generator) -> tuple[LabelledPool, ...]:
    # The student is nearer the truth everywhere, so that no miss cancels another.
    truth = rng.normal(size=12).round(1)
    apart = rng.exponential(size=12) + 0.1
    pools = []
    for count in (2, 8):
        chances = np.eye(truth.size)
        pools.append(LabelledPool(truth - apart, truth, truth, chances, count=count, probabilities=apart + 0.1))
    return tuple(pools)


SUCCESSIVE_DRAWS = Statement(
    name="label_efficiency.successive_draws",
    says="points drawn without replacement, one after the other, weighted by 1/(count·N·p): E of the correction = (1/N)·Σ t·π/(count·p)",
    relation="==",
    sides=_sides,
    about=LabelledPool,
    kind=InExpectation(resolution=0.02),
    assumptions=(
        *DRAWABLE,
        Assumption("labels are certain", LabelledPool.has_certain_labels),
        Assumption("no more points are drawn than there are", lambda pool: pool.count <= pool.size),
    ),
    source=Source("", "exponential clocks", derived=True),
    tightness="an identity",
    examples=_examples,
)
