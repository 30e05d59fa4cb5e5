"""The error of a robust student from its training error: err(f, y) ≤ (err(f, ỹ) − α)·((1 − α)c + α)/((1 − α)c − α).

Proof: the identity with the expansion bound on a put in. The right side has no true label in it beyond α and c, and it is zero at training
error α: such a student is right everywhere, though α of its labels were wrong. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.pseudolabels import PseudolabelledGraph
from ...statements import Sides, Source, Statement
from .._pseudolabels import ROBUST, graphs


def _sides(world: PseudolabelledGraph) -> Sides:
    alpha = world.weak_error
    factor = ((1.0 - alpha) * world.expansion + alpha) / world.surplus
    return Sides(np.array([world.student_error]), (world.training_error - alpha) * factor, scale=factor, size=1.0)


CORRECTED_ERROR = Statement(
    name="pseudolabels.corrected_error",
    says="robust student, expansion c: error ≤ (its error on the pseudolabels − α)·((1 − α)c + α)/((1 − α)c − α)",
    relation="<=",
    sides=_sides,
    about=PseudolabelledGraph,
    assumptions=ROBUST,
    source=Source("lang2024", "the simplest case", derived=True),
    tightness="attained when the student is wrong on whole clusters whose good points all neighbour their bad one",
    examples=graphs,
)
