"""A known mean corrected at drawn points is unbiased for the gain in squared loss, for any guess ŷ not fitted on the point it is used on.

    E[ mean of w² − s² − 2(w − s)ŷ over all points − 2·mean over the draws of (w − s)(y − ŷ)/(N p) ] = mean of (y − w)² − (y −
    s)²

Draws are independent with known probabilities p > 0. Here ŷ is the middle of weak and student plus the mean miss on the
*other* half of the draws, which makes it cross-fitted: given one half, the other is unbiased for the pool's gain. Fitted on
all draws it would not be. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.labelled_pool import LabelledPool
from ...statements import InExpectation, Sides, Source, Statement
from .._label_efficiency import DRAWABLE, independent_draws, numbers, squared_gains


def _sides(pool: LabelledPool, count: int, rng: np.random.Generator) -> Sides:
    labels, rows = pool.labels(count, rng=rng), independent_draws(pool, count, rng)
    middle, apart = (pool.weak + pool.student) / 2.0, pool.weak - pool.student
    missed = np.take_along_axis(labels, rows, axis=1) - middle[rows]
    halves = np.arange(pool.count) % 2
    shift = np.stack([missed[:, halves != half].mean(axis=1) for half in (0, 1)], axis=1)[:, halves]
    known = np.mean(pool.weak**2 - pool.student**2 - 2.0 * apart * middle) - 2.0 * np.mean(apart) * shift
    correction = -2.0 * apart[rows] * (missed - shift) / (pool.size * pool.probabilities[rows])
    return Sides((known + correction).mean(axis=1), squared_gains(pool, labels).mean(axis=1))


def _examples(rng: np.random.Generator) -> tuple[LabelledPool, ...]:
    return (numbers(rng), numbers(rng, count=6), numbers(rng, certain=True))


DIFFERENCE_ESTIMATOR = Statement(
    name="label_efficiency.difference_estimator",
    says="draws with known p, cross-fitted ŷ: E[mean of w² − s² − 2(w − s)ŷ − 2·mean over draws of (w − s)(y − ŷ)/(Np)] = gain",
    relation="==",
    sides=_sides,
    about=LabelledPool,
    kind=InExpectation(resolution=0.05),
    assumptions=DRAWABLE,
    source=Source("", "difference estimator of survey sampling", derived=True),
    tightness="an identity",
    examples=_examples,
)
