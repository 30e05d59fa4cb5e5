"""Gold labels where weak and student differ suffice for the gain in accuracy: E[misfit·(n_s − n_w)/m] = accuracy of the student − of the weak model.

m points are drawn uniformly without replacement from those on which the two differ; n_s, n_w of them are right for the
student, for the weak model. Proof: where they agree the gain is 0 whatever the truth; elsewhere a mean over a uniform draw is
unbiased. Any number of classes. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.labelled_pool import LabelledPool
from ...statements import InExpectation, Sides, Source, Statement
from .._label_efficiency import CLASSES, classes, disagreement_counts, labels_on_differences


def _sides(pool: LabelledPool, count: int, rng: np.random.Generator) -> Sides:
    by_student, by_weak, gain = disagreement_counts(pool, count, rng)
    return Sides(pool.misfit * (by_student - by_weak) / labels_on_differences(pool), gain)


def _examples(rng: np.random.Generator) -> tuple[LabelledPool, ...]:
    return tuple(classes(rng, choices=choices, certain=certain) for choices, certain in ((2, False), (4, False), (3, True)))


DISAGREEMENTS_SUFFICE = Statement(
    name="label_efficiency.disagreements_suffice",
    says="labels at random points where weak and student differ, only: E misfit·(student right − weak right, shares) = gain in accuracy",
    relation="==",
    sides=_sides,
    about=LabelledPool,
    kind=InExpectation(resolution=0.03),
    assumptions=CLASSES,
    source=Source("", "gain = misfit·(q_s − q_w)", derived=True),
    tightness="an identity",
    examples=_examples,
)
