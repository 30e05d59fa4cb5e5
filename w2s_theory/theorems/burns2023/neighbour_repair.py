"""Random errors are repaired by neighbours: a vote of k labels is wrong only where the right class does not win it.

Let neighbourhoods be pure (the k nearest points of a point, itself among them, share its class), and let every label be wrong with probability
η, independently, any other class being as likely. Then

    E error after the vote = P(the right class does not win k independent votes),

with two classes P(Bin(k, η) > k/2) + ½P(Bin(k, η) = k/2), which vanishes exponentially in k for η < ½.

Proof: the labels of the neighbours are k independent draws, whatever the features. That a point is its own neighbour changes nothing on
average, because its label is one more draw.

Derived here, for the k-nearest-neighbour probe of the published code.
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
