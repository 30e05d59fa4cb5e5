"""For the 0–1 loss the gain is decided where student and weak model differ, for any number of classes.

    gain = misfit · (q_s − q_w)

misfit = P(student ≠ weak); q_s and q_w are the probabilities that the student, respectively the weak model, is right where the two differ.

Proof: the errors of the two can only differ where their answers do.

So gold labels are needed only there. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...divergences import ZeroOne
from ...quantities.disagreement import disagreement
from ...quantities.gain import report
from ...statements import Assumption, Sides, Statement
from ...triple import Triple
from .._examples import label_triple


def _sides(triple: Triple) -> Sides:
    numbers = report(triple)
    apart = disagreement(triple)
    return Sides(numbers.gain, apart.misfit * (apart.student_right - apart.weak_right), scale=1.0)


def _examples(rng: np.random.Generator) -> tuple[Triple, ...]:
    return label_triple(rng, 2), label_triple(rng, 3), label_triple(rng, 10)


ZERO_ONE = Statement(
    name="identities.zero_one",
    says="accuracy gain equals misfit times (student right − weak right, where they disagree), for any number of classes",
    relation="==",
    sides=_sides,
    about=Triple,
    assumptions=(Assumption("the loss is the 0–1 loss", lambda triple: isinstance(triple.loss, ZeroOne)),),
    tightness="an identity",
    examples=_examples,
)
