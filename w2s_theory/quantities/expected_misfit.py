"""Expected gain and misfit over random teachers: exact sums over finitely many, and the ridge student of a Gaussian teacher.

    E gain = E misfit + 2 E⟨w − s, s⟩ − 2 E⟨w − s, f⟩        (squared loss, any student)

Both residuals are zero when the student is the teacher's posterior mean, s = E[w | s], whatever the target f: the tower property
gives E⟨w − s, s⟩ = 0 and E w = E s. No class need be convex. For a Bregman divergence the same holds of the dual mean, ∇φ(s) =
E[∇φ(w) | s], because the residual ⟨f − s, ∇φ(s) − ∇φ(w)⟩ has conditional mean zero. Both assume that f is fixed while the teacher
is random.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .._validation import finite, positive, sample_weights, shares, whole
from ..divergences import KL, as_divergence
from ..outcomes import GainReport
from ..problems.gaussian_teachers import GaussianTeacher
from ..problems.random_teachers import Committee, RandomTeacher
from .gain import report, rounding_scale


class ExpectedResidual(NamedTuple):
    """The two terms that separate expected gain from expected misfit (squared loss): 2 E⟨w − s, s⟩ and −2 E⟨w − s, f⟩."""

    shrinkage: float
    alignment: float

    @property
    def total(self) -> float:
        """Their sum, E gain − E misfit."""
        return self.shrinkage + self.alignment


def expected_report(world: RandomTeacher) -> GainReport:
    """Weak error, student error, gain, misfit and residual, averaged over the teachers: the numbers of ``report``, each a
    scalar."""
    numbers = report(world.triple)
    means = {name: np.asarray(values) @ world.probabilities for name, values in numbers.numbers().items()}
    return GainReport(**means, divergence=numbers.divergence)


def expected_scale(world: RandomTeacher) -> float:
    """Size of the numbers that the expected report is a difference of: their rounding error is a few units of it."""
    return float(rounding_scale(world.triple) @ world.probabilities)


def expected_residual(world: RandomTeacher) -> ExpectedResidual:
    """Both residuals, each from its own formula, with the squared loss. Raises ``ValueError`` for another one."""
    if not world.is_squared():
        raise ValueError(
            f"the two residuals are those of squared loss; the divergence is {as_divergence(world.divergence).name!r}."
        )
    event = world.teachers.ndim - 2
    weights = sample_weights(world.weights, world.target, world.target.shape[: world.target.ndim - event])
    weights = weights.reshape(weights.shape + (1,) * event) * np.ones_like(world.target)
    missed = world.teachers - world.students
    shrinkage = np.tensordot(missed * world.students, weights, axes=world.target.ndim) @ world.probabilities
    alignment = np.tensordot(missed, weights * world.target, axes=world.target.ndim) @ world.probabilities
    return ExpectedResidual(2.0 * float(shrinkage), -2.0 * float(alignment))


def teacher_variance(committee: Committee) -> float:
    """V = E‖w − E w‖², the mean over points of the variance over teachers."""
    spread = np.square(committee.teachers - committee.probabilities @ committee.teachers).mean(axis=1)
    return float(committee.probabilities @ spread)


def committee_gain(variance: float, *, size: int) -> float:
    """Expected gain, and expected misfit, of the average of ``size`` independent teachers over one of them: (1 − 1/size)·V.
    Derived here.

    The average has error bias² + V/size, and is the posterior mean of each of its members. Averaging takes away variance that the
    teachers do not share, and no bias: a student that beats one teacher so has denoised it. Raises ``ValueError`` for a negative
    V or size < 1.
    """
    return (1.0 - 1.0 / whole("size", size)) * positive("variance", variance, strict=False)


def geometric_mean_gain(probabilities: Any, teachers: Any, weights: Any = None) -> float:
    """−E_x log Σ_k exp E log w_k(x): expected gain, and misfit, of the one student s ∝ exp E log w, in KL, for every target.
    Derived here.

    ``teachers`` (m, n, c) probability vectors, strictly positive, with ``probabilities`` (m,); ``weights`` (n,) of the points. Proof: log s = E log w
    − log Z, so E KL(s‖w) = −log Z, and E[KL(f‖w) − KL(f‖s)] = Σ f (log s − E log w) = −log Z, since f sums to one. Raises
    ``ValueError`` for probabilities or teachers that are none.
    """
    teachers = finite("teachers", teachers, ndim=3)
    KL().validate_inside("teachers", teachers)
    chances = shares("probabilities", probabilities)
    if len(chances) != len(teachers):
        raise ValueError(f"probabilities must be {len(teachers)}, one per teacher; they are {len(chances)}.")
    logs = np.tensordot(chances, np.log(teachers), axes=1)
    normaliser = np.exp(logs).sum(axis=-1)
    return float(-np.log(normaliser) @ sample_weights(weights, normaliser, normaliser.shape))


def ridge_residual(world: GaussianTeacher) -> ExpectedResidual:
    """E residual of a ridge student of a Gaussian teacher with mean μ, spread τ, noise σ, on new points. Derived here.

        shrinkage = 2 Σ_i v_i g_i (λ(τ² + μ_i²) − σ²)/(g_i + λ)²,   alignment = −2 Σ_i v_i β_i μ_i λ/(g_i + λ)

    g are the ``strengths``, v the ``test_variances``, β the target. With μ = 0 the residual has the sign of λ − σ²/τ²: a student
    with too little penalty copies noise and gains less than its misfit, one with too much gains more, and at σ²/τ², where it is
    the posterior mean, gain equals misfit. Proof: b_i = (g_i θ_i + √g_i e_i)/(g_i + λ), e_i ~ N(0, σ²); take E(θ_i − b_i) b_i and
    E(θ_i − b_i).
    """
    g, v, penalty = world.strengths, world.test_variances, world.penalty
    second = world.spread**2 + world.mean**2
    shrinkage = 2.0 * np.sum(v * g * (penalty * second - world.noise**2) / (g + penalty) ** 2)
    alignment = -2.0 * np.sum(v * world.target * world.mean * penalty / (g + penalty))
    return ExpectedResidual(float(shrinkage), float(alignment))


def ridge_misfit(world: GaussianTeacher) -> float:
    """E misfit of that student: Σ_i v_i (λ²(τ² + μ_i²) + g_i σ²)/(g_i + λ)². Derived here."""
    g, v, penalty = world.strengths, world.test_variances, world.penalty
    second = world.spread**2 + world.mean**2
    return float(np.sum(v * (penalty**2 * second + g * world.noise**2) / (g + penalty) ** 2))


def kernel_student_residual(
    train: np.ndarray, cross: np.ndarray, test: np.ndarray, solution: np.ndarray, *, noise: float
) -> tuple[float, float]:
    """(E residual, E misfit) at test points of a student s = ``solution`` @ (w_train + noise·ε) of a teacher w ~ GP(0, K),
    whatever the target.

    ``train`` (n, n), ``cross`` (t, n), ``test`` (t,) are K between training points, from test to training points, and its
    diagonal at the test points; ``solution`` (t, n) is any linear rule, for example that of random features. Residual 2 E⟨w − s,
    s⟩, mean over test points; zero for solution = cross (train + noise² I)⁻¹, the posterior mean, which is what ridge on random
    features tends to as their number grows. Derived here. Raises ``ValueError`` for NaN, other shapes, a variance or ``noise``
    below zero, or ``train`` that is not symmetric.
    """
    train, cross, solution = (
        finite(name, values, ndim=2) for name, values in (("train", train), ("cross", cross), ("solution", solution))
    )
    test, noise = finite("test", test, ndim=1), positive("noise", noise, strict=False)
    n, t = len(train), len(test)
    if train.shape != (n, n) or cross.shape != (t, n) or solution.shape != (t, n):
        raise ValueError(
            f"train must be (n, n), cross and solution (t, n), test (t,); they are {train.shape}, {cross.shape}, {solution.shape} "
            f"and {test.shape}."
        )
    if min(test.min(), np.diag(train).min()) < 0.0 or np.max(np.abs(train - train.T)) > 1e-9 * np.max(np.abs(train)):
        raise ValueError("train must be symmetric, with a diagonal >= 0, as test must be. Pass the kernel's own values.")
    covariance = np.sum(solution * cross, axis=1)
    power = np.sum(solution @ (train + noise**2 * np.eye(len(train))) * solution, axis=1)
    return 2.0 * float(np.mean(covariance - power)), float(np.mean(test - 2.0 * covariance + power))
