"""What labels on disagreements save: per label, variance of the paired estimate ≥ (1/misfit) × variance of misfit·(n_s − n_w)/m.

With r = q_s + q_w and δ = q_s − q_w the sides are misfit·r − misfit²δ² and misfit·(r − δ²); their difference misfit·(1 −
misfit)·δ² ≥ 0 is 0 exactly when δ = 0 or the two differ everywhere. So at least 1/misfit times as many uniformly drawn labels
are needed for the same variance. Labels drawn independently. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.labelled_pool import LabelledPool
from ...quantities.label_efficiency.variances import disagreement_variance, paired_accuracy_variance
from ...statements import Sides, Source, Statement
from .._label_efficiency import CLASSES, classes


def _sides(pool: LabelledPool) -> Sides:
    return Sides(paired_accuracy_variance(pool), disagreement_variance(pool) / pool.misfit)


def _examples(rng: np.random.Generator) -> tuple[LabelledPool, ...]:
    # Where weak and student differ each is right as often: δ = 0.
    level = LabelledPool(
        np.array([0, 1, 0, 1, 1]),
        np.array([1, 0, 0, 1, 1]),
        np.arange(3),
        np.array([[0.3, 0.3, 0.4]] * 2 + [[0.9, 0.1, 0.0]] * 3),
    )
    return (classes(rng, choices=2), classes(rng, choices=4), level)


DISAGREEMENT_SAVING = Statement(
    name="label_efficiency.disagreement_saving",
    says="accuracy, per label: variance of the paired estimate ≥ (1/misfit)·variance of the estimate from labels on disagreements",
    relation=">=",
    sides=_sides,
    about=LabelledPool,
    assumptions=CLASSES,
    source=Source("", "disagreements_suffice", derived=True),
    tightness="attained when weak and student are right equally often where they differ, or differ everywhere",
    examples=_examples,
)
