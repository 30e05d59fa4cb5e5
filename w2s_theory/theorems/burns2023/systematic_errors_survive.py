"""Systematic errors survive neighbours: where labels are constant on regions that outvote all else, the repaired labels are the labels.

More than half of the k nearest neighbours of every point, itself among them, lie in its own region, and all points of a region have one label,
right or wrong. Then the vote of the neighbours is that label, at any share of wrong regions and any k within this. Proof: it has the
majority. Derived here: errors that a student can copy, because they are a function of the features, are not repaired by features.
"""

from __future__ import annotations

import numpy as np

from ...problems.clusters import NoisyLabels
from ...statements import Assumption, Sides, Source, Statement
from ...students.neighbours import NeighbourProbe
from ...students.relabelling import relabel
from .._noisy_labels import regions, regions_outvote


def _sides(world: NoisyLabels) -> Sides:
    repaired = np.argmax(relabel(NeighbourProbe(world.neighbours), world.features, world.probabilities), axis=1)
    return Sides(np.array([np.mean(repaired != world.target)]), world.noise, scale=1.0)


SYSTEMATIC_ERRORS_SURVIVE = Statement(
    name="burns2023.systematic_errors_survive",
    says="errors constant on regions that outvote all else in every neighbourhood: the error of labels voted by k neighbours = their error before",
    relation="==",
    sides=_sides,
    about=NoisyLabels,
    assumptions=(
        Assumption("all points of a region have one label", NoisyLabels.labels_follow_regions),
        Assumption("more than half of the neighbours of every point lie in its own region", regions_outvote),
    ),
    source=Source("burns2023", "errors that a student can copy", derived=True),
    tightness="an identity",
    examples=regions,
)
