"""The exact interval of the gain in accuracy covers it at least as often as its level says, whatever the labels of the pool.

The labelled points are a uniform draw without replacement of those on which weak and student differ, the gain is the pool's.
Two classes: the hypergeometric counterpart of Clopper and Pearson; more classes: the worst case over how often either is right
(``quantities.label_efficiency.trinomial``, with the proof). The claim is made of the chance of covering, a mean of zeros and
ones. Derived here after Berger and Boos.
"""

from __future__ import annotations

import numpy as np

from ...problems.labelled_pool import LabelledPool
from ...quantities.label_efficiency.trinomial import exact_interval
from ...statements import InExpectation, Sides, Source, Statement
from .._label_efficiency import CLASSES, classes, disagreement_counts, labels_on_differences


def _sides(pool: LabelledPool, count: int, rng: np.random.Generator) -> Sides:
    by_student, by_weak, gain = disagreement_counts(pool, count, rng)
    m, among = labels_on_differences(pool), int(pool.differs.sum())
    counts, index = np.unique(np.stack([by_student, by_weak], axis=1), axis=0, return_inverse=True)
    ends = [exact_interval(*map(int, pair), m, among=among, decided=pool.answers.size == 2, level=pool.level) for pair in counts]
    low, high = pool.misfit * np.array(ends)[index.ravel()].T
    rounding = 1e-9
    return Sides(((low - rounding <= gain) & (gain <= high + rounding)).astype(np.float64), np.full(count, pool.level))


def _examples(rng: np.random.Generator) -> tuple[LabelledPool, ...]:
    close = (1.5, 0.8)  # neither is nearly always right, so that counts spread
    return (
        classes(rng, choices=2, count=10, points=60, noise=close),
        classes(rng, choices=4, noise=close),
        classes(rng, choices=2, count=9, points=50, certain=True, level=0.8, noise=close),
    )


EXACT_INTERVAL = Statement(
    name="label_efficiency.exact_interval",
    says="labels at random points on which weak and student differ: P(the exact interval covers the pool's gain in accuracy) ≥ its level",
    relation=">=",
    sides=_sides,
    about=LabelledPool,
    kind=InExpectation(resolution=0.02),
    assumptions=CLASSES,
    source=Source("", "tests inverted over the nuisance share", derived=True),
    tightness="counts are whole numbers, so coverage is above the level, by less with more labels",
    examples=_examples,
)
