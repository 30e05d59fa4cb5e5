"""A filter leaves at least max(0, (η − c)/(1 − c)) of wrong labels when it drops the share c of labels of which the share η is wrong.

Whatever the ranking: at best all that is dropped is wrong. Proof: of n labels ηn are wrong; dropping cn leaves at least (η − c)n of them among
(1 − c)n. The left side is the filter of the published code, which drops what the k-nearest-neighbour probe disagrees with most; where
that ranks all wrong labels first, the bound is attained. So a filter with the published budget c = 0.1 cannot repair a supervisor that
errs more often. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.clusters import NoisyLabels
from ...quantities.neighbour_repair import residual_noise
from ...statements import Sides, Source, Statement
from ...students.neighbours import NeighbourProbe
from ...students.relabelling import keep_nearest_labels
from .._noisy_labels import filterable


def _sides(world: NoisyLabels) -> Sides:
    probe = NeighbourProbe(world.neighbours)
    kept = keep_nearest_labels(probe, world.features, world.probabilities, contamination=world.contamination)
    return Sides(np.array([np.mean(world.is_wrong[kept])]), residual_noise(world.noise, world.contamination), scale=1.0)


FILTERED_NOISE = Statement(
    name="burns2023.filtered_noise",
    says="a filter that drops the share c of labels, η of them wrong, leaves a share ≥ max(0, (η − c)/(1 − c)) of wrong ones",
    relation=">=",
    sides=_sides,
    about=NoisyLabels,
    source=Source("burns2023", "filters of the published code around it", derived=True),
    tightness="attained when the filter drops wrong labels before right ones",
    examples=filterable,
)
