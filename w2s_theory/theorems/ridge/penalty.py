"""What a ridge penalty adds to the gain, or takes from it, is known exactly in sample.

Let b = argmin ‖X b − weak‖² + λ‖b‖² and student = X b. Let v be any head, and r = target − X v what it leaves over. Then, in
unnormalised sums over the sample,

    gain = misfit + λ(‖b‖² − ‖v‖² + ‖b − v‖²) − 2⟨weak − student, r⟩.

Proof: the normal equations Xᵀ(weak − student) = λ b turn 2⟨weak − student, X(b − v)⟩ into 2λ⟨b, b − v⟩ = λ(‖b‖² − ‖v‖² + ‖b − v‖²).

With λ = 0 and r = 0 it is gain = misfit. The penalty term is what shrinkage adds to, or takes from, the gain; the last term is the cross
term. Derived here.
"""

from __future__ import annotations

import numpy as np

from ..._array import array_namespace
from ...problems.linear_sample import LinearSample
from ...quantities.gain import gain_report
from ...statements import Sides, Statement
from ...students.linear import Ridge


def _sides(sample: LinearSample) -> Sides:
    n, penalty, v = sample.features.shape[0], sample.penalty, sample.reference_head
    xp = array_namespace(sample.features)
    b = Ridge(penalty, intercept=False).fit(sample.features, sample.weak).coefficients
    student = b @ sample.features.T
    numbers = gain_report(sample.weak, student, sample.target)
    penalty_term = penalty * xp.sum(b**2 - v**2 + (b - v) ** 2, axis=-1)
    cross_term = -2.0 * xp.sum((sample.weak - student) * sample.unexplained, axis=-1)
    stationarity = xp.linalg.vector_norm((sample.weak - student) @ sample.features - penalty * b, axis=-1)
    lengths = penalty * xp.sum(b**2 + v**2 + (b - v) ** 2, axis=-1)
    sizes = [
        xp.linalg.vector_norm(part, axis=-1) for part in (sample.weak, sample.target, sample.weak - student, sample.unexplained)
    ]
    scale = lengths + sizes[0] ** 2 + sizes[1] ** 2 + sizes[2] * (sizes[1] + sizes[3])
    return Sides(
        n * numbers.gain,
        n * numbers.misfit + penalty_term + cross_term,
        scale=scale,
        solver_error=2.0 * stationarity * xp.linalg.vector_norm(b - v, axis=-1),
    )


def _examples(rng: np.random.Generator) -> tuple[LinearSample, ...]:
    def sample(n: int, d: int, penalty: float) -> LinearSample:
        features = rng.standard_normal((n, d))
        target = rng.standard_normal((3, d)) @ features.T + 0.3 * rng.standard_normal((3, n))
        return LinearSample(features, target + rng.standard_normal((3, n)), target, penalty)

    return sample(30, 6, 0.0), sample(10, 20, 2.0), sample(30, 6, 5.0)


PENALTY = Statement(
    name="ridge.penalty",
    says="ridge student in sample: gain = misfit + λ(‖b‖² − ‖v‖² + ‖b − v‖²) − 2⟨weak − student, target − X v⟩ for any head v",
    relation="==",
    sides=_sides,
    about=LinearSample,
    tightness="an identity",
    examples=_examples,
)
