"""Logistic probing, exactly: a softmax head fitted by cross-entropy to soft weak labels gains its misfit, in the dual order.

Let the student s be a softmax-linear head fitted without a penalty, and the target f of the same form. Then

    KL(weak ‖ f) − KL(s ‖ f) = KL(weak ‖ s),

on the sample that the head was fitted to and, with the population's weights, on the population.

Proof: the residual is ⟨W* − W, Xᵀ V(s − weak)⟩/n, with V the weights of sum n, and Xᵀ V(s − weak) = 0 at the minimum.

Log probabilities of softmax heads are an affine class, which turns the inequality in the dual order into an equality. No convexity in the
probabilities and no mixture of heads is needed, but the risk is measured from the weak labels to the target. See softmax_penalty for
what a penalty adds. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.softmax_sample import SoftmaxSample
from ...statements import Assumption, Sides, Source, Statement
from .._mulgund import softmax_numbers, softmax_sample


def _sides(sample: SoftmaxSample) -> Sides:
    numbers = softmax_numbers(sample)
    return Sides(numbers.report.gain, numbers.report.misfit, numbers.scale, numbers.solver_error, numbers.size)


def _examples(rng: np.random.Generator) -> tuple[SoftmaxSample, ...]:
    return softmax_sample(rng, 20, 3, classes=2), softmax_sample(rng, 30, 4, classes=4)


SOFTMAX_HEAD = Statement(
    name="mulgund2025.softmax_head",
    says="softmax head fitted by cross-entropy without a penalty, target a softmax head: KL(weak ‖ f) − KL(s ‖ f) = KL(weak ‖ s)",
    relation="==",
    sides=_sides,
    about=SoftmaxSample,
    assumptions=(Assumption("there is no penalty", lambda sample: sample.penalty == 0.0),),
    source=Source("mulgund2025", "equality in the dual order", derived=True),
    tightness="an equality",
    examples=_examples,
)
