"""In sample, realizable, unpenalised least squares: gain = misfit on the n training points, for every draw and to machine precision.

The training points are a population of their own, on which least squares is the projection. Needs n ≥ d and a target that some head
reproduces on these points; nothing is assumed of the features or the weak labels. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.linear_sample import LinearSample
from ...quantities.gain import gain_report
from ...statements import Assumption, Sides, Statement
from ...students.linear import OLS


def _sides(sample: LinearSample) -> Sides:
    fit = OLS().fit(sample.features, sample.weak)
    student = fit.predict(sample.features)
    numbers = gain_report(sample.weak, student, sample.target)
    stationarity = np.linalg.norm((sample.weak - student) @ sample.features, axis=-1)
    distance = np.linalg.norm(fit.coefficients - sample.reference_head, axis=-1)
    return Sides(
        numbers.gain,
        numbers.misfit,
        scale=np.mean(sample.weak**2, axis=-1) + np.mean(sample.target**2, axis=-1),
        solver_error=2.0 * stationarity * distance / sample.features.shape[0],
    )


def _examples(rng: np.random.Generator) -> tuple[LinearSample, ...]:
    features = rng.standard_t(3, size=(40, 7))
    target = rng.standard_normal((3, 7)) @ features.T
    return (LinearSample(features, target + rng.standard_cauchy((3, 40)), target),)


IN_SAMPLE_EQUALITY = Statement(
    name="finite_sample.in_sample_equality",
    says="unpenalised least squares, realizable on its n training points: gain = misfit on them, whatever the draw",
    relation="==",
    sides=_sides,
    about=LinearSample,
    assumptions=(
        Assumption("n ≥ d", lambda sample: sample.features.shape[0] >= sample.features.shape[1]),
        Assumption("the head is not penalised", lambda sample: sample.penalty == 0.0),
        Assumption("a head reproduces the target on the sample", LinearSample.is_realizable),
    ),
    tightness="an equality",
    examples=_examples,
)
