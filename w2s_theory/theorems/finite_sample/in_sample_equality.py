"""In sample, realizable, unpenalised least squares: gain = misfit on the n training points, for every draw and to machine precision.

Proof: the training points are a population of their own, on which least squares is the projection. Needs a target that some head reproduces on
these points; nothing is assumed of the features (any n, d and rank: the head of least norm), or of the weak labels. Derived here.
"""

from __future__ import annotations

import numpy as np

from ..._array import array_namespace
from ...problems.linear_sample import LinearSample
from ...quantities.gain import gain_report
from ...statements import Assumption, Sides, Statement
from ...students.linear import MinimumNorm


def _sides(sample: LinearSample) -> Sides:
    n, xp = sample.features.shape[0], array_namespace(sample.features)
    fit = MinimumNorm().fit(sample.features, sample.weak)
    student = fit.predict(sample.features)
    numbers = gain_report(sample.weak, student, sample.target)
    stationarity = xp.linalg.vector_norm((sample.weak - student) @ sample.features, axis=-1)
    distance = xp.linalg.vector_norm(fit.coefficients - sample.reference_head, axis=-1)
    # What the target has beyond its head, at most rounding, meets the student's residual in the cross term.
    beyond = xp.linalg.vector_norm(sample.weak - student, axis=-1) * xp.linalg.vector_norm(sample.unexplained, axis=-1)
    return Sides(
        numbers.gain,
        numbers.misfit,
        scale=xp.mean(sample.weak**2, axis=-1) + xp.mean(sample.target**2, axis=-1),
        solver_error=2.0 * (stationarity * distance + beyond) / n,
    )


def _examples(rng: np.random.Generator) -> tuple[LinearSample, ...]:
    features = rng.standard_t(3, size=(40, 7))
    target = rng.standard_normal((3, 7)) @ features.T
    deficient = rng.standard_normal((12, 4)) @ rng.standard_normal((4, 20))  # 20 features of rank 4 on 12 points
    reachable = rng.standard_normal((3, 20)) @ deficient.T
    return (
        LinearSample(deficient, reachable + rng.standard_normal((3, 12)), reachable),
        LinearSample(features, target + rng.standard_cauchy((3, 40)), target),
    )


IN_SAMPLE_EQUALITY = Statement(
    name="finite_sample.in_sample_equality",
    says="unpenalised least squares, realizable on its n training points: gain = misfit on them, whatever the draw",
    relation="==",
    sides=_sides,
    about=LinearSample,
    assumptions=(
        Assumption("the head is not penalised", lambda sample: sample.penalty == 0.0),
        Assumption("a head reproduces the target on the sample", LinearSample.is_realizable),
    ),
    tightness="an equality",
    examples=_examples,
)
