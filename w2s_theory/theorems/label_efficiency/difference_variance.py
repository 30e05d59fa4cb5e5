"""The variance of the corrected mean: count·E(estimate − gain)² = (1/N²) Σ E[t_i²]/p_i − E[T²], t_i = −2(w_i − s_i)(y_i − ŷ_i), T their mean.

``count`` independent draws with probabilities p, a fixed guess ŷ (here the middle of weak and student); the gain is that of
the pool whose labels were drawn. Each draw is t_i/(N p_i) with mean T, given the labels. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.labelled_pool import LabelledPool
from ...quantities.label_efficiency.variances import difference_variance
from ...statements import InExpectation, Sides, Source, Statement
from .._label_efficiency import DRAWABLE, independent_draws, numbers, squared_gains


def _sides(pool: LabelledPool, count: int, rng: np.random.Generator) -> Sides:
    labels, rows = pool.labels(count, rng=rng), independent_draws(pool, count, rng)
    guess = (pool.weak + pool.student) / 2.0
    guessed = squared_gains(pool, guess)
    at_draws = np.take_along_axis(squared_gains(pool, labels), rows, axis=1) - guessed[rows]
    estimate = guessed.mean() + np.mean(at_draws / (pool.size * pool.probabilities[rows]), axis=1)
    square = pool.count * (estimate - squared_gains(pool, labels).mean(axis=1)) ** 2
    return Sides(square, np.full(count, difference_variance(pool, guess)))


def _examples(rng: np.random.Generator) -> tuple[LabelledPool, ...]:
    return (numbers(rng), numbers(rng, certain=True), numbers(rng, points=8, count=4))


DIFFERENCE_VARIANCE = Statement(
    name="label_efficiency.difference_variance",
    says="count·variance of the corrected mean = (1/N²)·Σ E t²/p − E(mean of t)², t = −2(w − s)(y − ŷ), draws with probabilities p",
    relation="==",
    sides=_sides,
    about=LabelledPool,
    kind=InExpectation(resolution=0.05),
    assumptions=DRAWABLE,
    source=Source("", "variance of a mean of independent draws", derived=True),
    tightness="an identity",
    examples=_examples,
)
