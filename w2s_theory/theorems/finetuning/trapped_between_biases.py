"""No pull helps: whatever η, shrinkage towards the source errs by at least the squared distance of β_* to the line (β_P, β_w).

Unlimited labels. Proof: every η answers with a point of the segment between the two; the distance is zero if and only if β_* is on the line.
The left side solves the penalised least squares for η = 0, many η up to 1000, and the best one, on noiseless orthogonal points. Derived
here; somerstep2025 has a lower bound by the two squared biases, whose exact form this is.
"""

from __future__ import annotations

import numpy as np

from ...problems.concepts import ConceptWorld
from ...quantities.naive_finetuning import best_pull, distance_to_line
from ...statements import Sides, Source, Statement
from ...students.source_shrinkage import shrink_to_source
from .._finetuning import concept_worlds


def _sides(world: ConceptWorld) -> Sides:
    best = best_pull(world).eta
    etas = np.concatenate([[0.0], np.geomspace(1e-3, 1e3, 61), [best] if np.isfinite(best) else []])
    points = np.sqrt(world.d) * np.eye(world.d)
    heads = shrink_to_source(points, points @ world.weak, world.source, etas=etas).coefficients
    return Sides(world.error(heads), distance_to_line(world), scale=world.source_error + world.weak_error)


TRAPPED_BETWEEN_BIASES = Statement(
    name="finetuning.trapped_between_biases",
    says="for every pull η towards the source: risk ≥ squared distance of β_* to the line through β_P and β_w",
    relation=">=",
    sides=_sides,
    about=ConceptWorld,
    source=Source("somerstep2025", "its lower bound for shrinkage estimators", derived=True),
    tightness="attained at the best η, where the foot of the perpendicular lies between β_P and β_w",
    examples=concept_worlds,
)
