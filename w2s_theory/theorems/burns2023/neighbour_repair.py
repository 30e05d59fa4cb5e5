"""Random errors are repaired by neighbours: E error after the vote of k neighbours = P(the right class does not win k independent votes).

Neighbourhoods are pure: the k nearest points of a point, itself among them, share its class. Every label is wrong with probability η, independently,
any other class being as likely. With two classes the error is P(Bin(k, η) > k/2) + ½P(Bin(k, η) = k/2), which vanishes exponentially in k
for η < ½. That a point is its own neighbour changes nothing on average, because its label is one more draw. Proof: the labels of the
neighbours are k independent draws, whatever the features. Derived here, for the k-nearest-neighbour probe of the published code.
"""

from __future__ import annotations

import numpy as np

from ...problems.clusters import NoisyClusters
from ...quantities.neighbour_repair import REPAIRED_ERROR
from ...statements import Assumption, InExpectation, Sides, Source, Statement
from .._noisy_labels import noisy_clusters


def _sides(world: NoisyClusters, count: int, rng: np.random.Generator) -> Sides:
    simulated = REPAIRED_ERROR.trials(world, count, rng)
    return Sides(simulated, np.full(count, REPAIRED_ERROR.closed_form(world)))


NEIGHBOUR_REPAIR = Statement(
    name="burns2023.neighbour_repair",
    says="pure neighbourhoods, random errors η: E error of labels voted by k neighbours = P(Bin(k, η) > k/2) + ½P(Bin(k, η) = k/2), two classes",
    relation="==",
    sides=_sides,
    about=NoisyClusters,
    kind=InExpectation(resolution=0.05),
    assumptions=(Assumption("the neighbours of a point share its cluster", NoisyClusters.is_pure),),
    source=Source("burns2023", "label noise that no student can copy", derived=True),
    tightness="an identity",
    examples=noisy_clusters,
)
