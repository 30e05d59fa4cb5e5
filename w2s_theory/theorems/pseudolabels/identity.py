"""err(f, y) = err(f, ỹ) − α(1 − 2a) for two classes: training error on pseudolabels against true error.

α = P(pseudolabel wrong), a = P(student wrong | pseudolabel wrong). A student that corrects more than half of the wrong pseudolabels has a
smaller error than its training error says. Proof: on good points the two errors are one; on bad points exactly one of them
occurs, α(1 − a) against α a. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.pseudolabels import PseudolabelledGraph
from ...statements import Assumption, Sides, Source, Statement
from .._pseudolabels import graphs


def _sides(world: PseudolabelledGraph) -> Sides:
    corrected = 1.0 - 2.0 * world.error_on_bad
    return Sides(np.array([world.student_error]), world.training_error - world.weak_error * corrected, scale=1.0)


PSEUDOLABEL_IDENTITY = Statement(
    name="pseudolabels.identity",
    says="two classes: error of the student = its error on the pseudolabels − α(1 − 2a), a = P(student wrong | pseudolabel wrong)",
    relation="==",
    sides=_sides,
    about=PseudolabelledGraph,
    assumptions=(Assumption("two classes", PseudolabelledGraph.has_two_classes),),
    source=Source("lang2024", "the simplest case", derived=True),
    tightness="an identity",
    examples=graphs,
)
