"""Softmax-linear head with a ridge penalty: n·gain = n·misfit + λ⟨W, W − W*⟩ in the dual order, for every λ ≥ 0.

W = argmin Σ_i v_i KL(weak_i ‖ softmax(x_iᵀW)) + (λ/2)‖W‖² with Σ v = n; gain = KL(weak ‖ f) − KL(s ‖ f), misfit = KL(weak ‖ s), target
f = softmax(X W*). The classification analogue of ridge.penalty: λ⟨W, W − W*⟩ = (λ/2)(‖W‖² − ‖W*‖² + ‖W − W*‖²) is what shrinkage adds
to, or takes from, the gain. Proof: n times the residual is ⟨W* − W, Xᵀ V(s − weak)⟩, and Xᵀ V(s − weak) = −λW at the minimum.
Vectors that are added to every class of W* change neither side, because W sums to zero over classes. Derived here.
"""

from __future__ import annotations

import numpy as np

from ..._array import array_namespace
from ...problems.softmax_sample import SoftmaxSample
from ...statements import Sides, Source, Statement
from .._mulgund import softmax_numbers, softmax_sample


def _sides(sample: SoftmaxSample) -> Sides:
    numbers, n = softmax_numbers(sample), len(sample.features)
    xp = array_namespace(sample.features)
    shrinkage = sample.penalty * xp.sum(numbers.head * (numbers.head - sample.target_head), axis=(-2, -1))
    scale = n * numbers.scale + xp.abs(shrinkage)
    return Sides(
        n * numbers.report.gain, n * numbers.report.misfit + shrinkage, scale, n * numbers.solver_error, n * numbers.size
    )


def _examples(rng: np.random.Generator) -> tuple[SoftmaxSample, ...]:
    return (
        softmax_sample(rng, 30, 4, classes=3),
        softmax_sample(rng, 10, 15, classes=3, penalty=0.5),
        softmax_sample(rng, 30, 4, classes=4, penalty=5.0),
    )


SOFTMAX_PENALTY = Statement(
    name="mulgund2025.softmax_penalty",
    says="softmax head fitted by cross-entropy with penalty λ, target a softmax head W*: n·gain = n·misfit + λ⟨W, W − W*⟩ in the dual order",
    relation="==",
    sides=_sides,
    about=SoftmaxSample,
    source=Source("mulgund2025", "equality in the dual order, with a penalty", derived=True),
    tightness="an identity",
    examples=_examples,
)
