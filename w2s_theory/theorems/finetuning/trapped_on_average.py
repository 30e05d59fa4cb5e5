"""Trapped at any number of labels: on random points E risk ≥ squared distance of β_* to the line (β_P, β_w), for every η > 0 and every n.

Features with independent, identically distributed, symmetric coordinates, n below d included: the mean head lies on the line by
symmetry, and Jensen does the rest (see ``quantities.naive_finetuning``). One draw can do better. Derived here.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...problems.finetuning import FineTuning
from ...quantities.naive_finetuning import best_pull, distance_to_line, random_students
from ...statements import Assumption, InExpectation, Sides, Source, Statement
from .._finetuning import concept_worlds


def _sides(tuning: FineTuning, count: int, rng: np.random.Generator) -> Sides:
    return Sides(tuning.world.error(random_students(tuning, count, rng)), distance_to_line(tuning.world))


def _examples(rng: np.random.Generator) -> tuple[FineTuning, ...]:
    drawn, paper = concept_worlds(rng)
    paper = replace(paper, weak_noise=0.3)
    return (
        FineTuning(replace(drawn, features="uniform"), 3, 0.5),
        FineTuning(paper, 12, 0.2),
        FineTuning(paper, 200, best_pull(paper).eta),
    )


TRAPPED_ON_AVERAGE = Statement(
    name="finetuning.trapped_on_average",
    says="random points, any n, any η > 0: E risk of shrinkage towards the source ≥ squared distance of β_* to the line (β_P, β_w)",
    relation=">=",
    sides=_sides,
    about=FineTuning,
    kind=InExpectation(),
    assumptions=(Assumption("something pulls towards the source", lambda tuning: tuning.eta > 0.0),),
    source=Source("somerstep2025", "its lower bound for shrinkage estimators", derived=True),
    tightness="attained as n grows, at the best η",
    examples=_examples,
)
