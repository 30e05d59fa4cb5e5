"""No such bound for conditional calibration: a student at a KL of about 2ε² from a perfectly calibrated weak model has ECE(s) = ½ − ε.

The weak model says ½ always and the classes are equally frequent: ECE(w) = 0. The student says ½ ± ε by the true class: its
prediction tells the class for certain, so ECE(s) = ½ − ε, whereas KL(s‖w) = log 2 − h(½ + ε) ≈ 2ε². Written with the misfit: by
Pinsker ε ≤ √(KL/2), so ECE(s) − ECE(w) ≥ ½ − √(KL/2), which tends to ½ as the misfit tends to 0. It is always right, yet worse
calibrated than a model that knows nothing. Derived here.
"""

from __future__ import annotations

import numpy as np

from ..._array import to_numpy
from ...quantities.disagreement_bounds import conditional_calibration_error, probabilities, reverse_misfit
from ...statements import Assumption, Sides, Source, Statement
from ...triple import Triple
from .._yao import IS_KL, hint, is_a_hint


def _sides(triple: Triple) -> Sides:
    weak, student, target = (probabilities(values)[:, 0] for values in (triple.weak, triple.student, triple.target))
    change = conditional_calibration_error(student, target) - conditional_calibration_error(weak, target)
    return Sides(change, 0.5 - np.sqrt(to_numpy(reverse_misfit(triple)) / 2.0), scale=1.0)


def _examples(rng: np.random.Generator) -> tuple[Triple, ...]:
    return hint(float(rng.uniform(0.05, 0.4))), hint(0.01, points=6), hint(1e-4)


CONDITIONAL_CALIBRATION = Statement(
    name="yao2025.conditional_calibration",
    says="a student that leans to the true class by ε, where the weak model says ½: ECE(s) − ECE(w) ≥ ½ − √(KL(s‖w)/2)",
    relation=">=",
    sides=_sides,
    about=Triple,
    assumptions=(IS_KL, Assumption("weak model ½ always, student ½ ± ε by the true class, classes equally frequent", is_a_hint)),
    source=Source("yao2025capabilities", "limit of its calibration bound", derived=True),
    tightness="attained as ε → 0, where the misfit vanishes and the calibration error is ½",
    examples=_examples,
)
