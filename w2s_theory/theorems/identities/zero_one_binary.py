"""With two classes and the 0–1 loss, the gain is positive exactly when the student wins most of its disagreements with the weak model.

    gain = misfit · (2q − 1),     q = P(student right | student and weak differ)

Proof: with two classes exactly one of the two is right where they differ, so q_w = 1 − q_s in the identity for any number of classes
(see identities.zero_one).

With three classes both can be wrong, and the formula is false: a test finds the counterexample. Derived here.
"""

from __future__ import annotations

import numpy as np

from ..._array import to_numpy
from ...divergences import ZeroOne
from ...quantities.disagreement import disagreement
from ...quantities.gain import report
from ...statements import Assumption, Sides, Statement
from ...triple import Triple
from .._examples import label_triple


def _sides(triple: Triple) -> Sides:
    apart = disagreement(triple)
    return Sides(report(triple).gain, apart.misfit * (2.0 * apart.student_right - 1.0), scale=1.0)


def _has_two_classes(triple: Triple) -> bool:
    return np.unique(np.stack([to_numpy(a) for a in (triple.weak, triple.student, triple.target)])).size <= 2


def _examples(rng: np.random.Generator) -> tuple[Triple, ...]:
    return (label_triple(rng, 2),)


ZERO_ONE_BINARY = Statement(
    name="identities.zero_one_binary",
    says="with two classes the accuracy gain equals misfit·(2q − 1), q = P(student right | they disagree)",
    relation="==",
    sides=_sides,
    about=Triple,
    assumptions=(
        Assumption("the loss is the 0–1 loss", lambda triple: isinstance(triple.loss, ZeroOne)),
        Assumption("there are at most two classes", _has_two_classes),
    ),
    tightness="an identity; false with three classes",
    examples=_examples,
)
