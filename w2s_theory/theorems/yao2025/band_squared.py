"""|E(s − f)² − E(w − f)²| ≤ 2R√misfit − misfit for squared loss, when weak model, student and target lie in a range of width R.

Proof: at a point the errors differ by d|s + w − 2f| ≤ d(2R − d) with d = |s − w|, concave in d². Attained with the target at one end of
the range, the weak model at the other, and the student a constant step away from it. Derived here: the analogue of the
cross-entropy bands.
"""

from __future__ import annotations

import numpy as np

from ..._array import to_numpy
from ...divergences import Squared
from ...quantities.disagreement_bounds import squared_bound
from ...quantities.gain import report
from ...statements import Assumption, Sides, Source, Statement
from ...triple import Triple
from .._examples import gaussian_triple


def _sides(triple: Triple) -> Sides:
    numbers = report(triple)
    values = [to_numpy(part) for part in (triple.weak, triple.student, triple.target)]
    width = max(float(np.max(part)) for part in values) - min(float(np.min(part)) for part in values)
    return Sides(abs(numbers.gain), squared_bound(numbers.misfit, width=width), scale=width**2, size=numbers.misfit)


def _examples(rng: np.random.Generator) -> tuple[Triple, ...]:
    uniform = rng.random((3, 4, 30))
    ends = Triple(np.ones(6), np.full(6, 0.8), np.zeros(6))
    return Triple(*uniform), gaussian_triple(rng), Triple(ends.student, ends.weak, ends.target), ends


BAND_SQUARED = Statement(
    name="yao2025.band_squared",
    says="values in a range of width R: |change in squared error| ≤ 2R√misfit − misfit",
    relation="<=",
    sides=_sides,
    about=Triple,
    assumptions=(
        Assumption(
            "the loss is the squared error of scalars that are not all equal",
            lambda triple: (
                isinstance(triple.loss, Squared)
                and triple.loss.event_ndim == 0
                and len({float(v) for part in (triple.weak, triple.student, triple.target) for v in to_numpy(part).ravel()}) > 1
            ),
        ),
    ),
    source=Source("yao2025capabilities", "upper and lower bound, squared loss", derived=True),
    tightness="attained: target at one end, weak model at the other, the student a constant step from it",
    examples=_examples,
)
