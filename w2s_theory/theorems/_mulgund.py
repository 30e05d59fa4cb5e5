"""What the statements on Bregman misfit share: comparisons that carry the student's certificate, hypotheses and example problems."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .._array import array_namespace
from ..checking import is_met
from ..divergences import KL, Bregman, as_divergence
from ..outcomes import GainReport
from ..problems.hull_population import HullPopulation, mixture_of
from ..problems.k_average import KAverage
from ..problems.softmax_sample import SoftmaxSample
from ..quantities.gain import gain_report, report, rounding_scale
from ..statements import Assumption, Sides
from ..students.bregman_hull import HullProjection, project_on_hull
from ..students.softmax_newton import softmax_newton
from ..triple import Triple

KL_ONLY = Assumption("the divergence is KL", lambda world: world.is_kl())


class Projected(NamedTuple):
    """A projected student, its report, the rounding of its numbers and the size of what they compare, gain and misfit."""

    student: HullProjection
    report: GainReport
    scale: Any
    size: Any

    def compare(self, solver_error: Any) -> Sides:
        """Gain against misfit."""
        return Sides(self.report.gain, self.report.misfit, self.scale, solver_error, self.size)


def projected(world: HullPopulation) -> Projected:
    """The best mixture of the members and what it gains."""
    student = project_on_hull(world.members, world.weak, divergence=world.divergence, weights=world.weights)
    triple = Triple(world.weak, student.values, world.target, world.weights, divergence=world.divergence)
    numbers = report(triple)
    return Projected(student, numbers, rounding_scale(triple), compared_size(numbers))


def compared_size(numbers: GainReport) -> Any:
    """The larger of |gain| and misfit: weak labels may be far from the target and still near the hull, where both are tiny."""
    xp = array_namespace(numbers.gain)
    return xp.maximum(xp.abs(numbers.gain), numbers.misfit)


def leverage(world: HullPopulation, student: HullProjection) -> Any:
    """max_j b_j/a_j (...), of the target's weights b over the student's a: E⟨f − s, ∇(s) − ∇(w)⟩ lies between −gap and this times gap."""
    return array_namespace(world.members).max(world.target_mixture / student.coefficients, axis=-1)


def population(
    rng: np.random.Generator, divergence: str | Bregman, *, size: int = 12, members: int = 5, classes: int = 3
) -> HullPopulation:
    """Three tasks with random members, weak labels and targets: probabilities where the loss compares vectors, positive numbers elsewhere."""

    def draw(*shape: int) -> np.ndarray:
        if as_divergence(divergence).event_ndim == 0:
            return rng.lognormal(size=shape)
        return 0.98 * rng.dirichlet(np.ones(classes), size=shape) + 0.02 / classes

    mixture = rng.dirichlet(np.ones(members), size=3)
    return HullPopulation(draw(members, size), draw(3, size), mixture, divergence, rng.uniform(0.5, 1.5, size))


def interior_population(rng: np.random.Generator, divergence: str | Bregman) -> HullPopulation:
    """The same with weak labels whose best student mixes every member, by construction: gain equals misfit."""
    world = population(rng, divergence)
    mixture = rng.dirichlet(4.0 * np.ones(len(world.members)), size=3)
    weak = weak_with_student(world.members, mixture, world.loss, world.weights, rng)
    return HullPopulation(world.members, weak, world.target_mixture, divergence, world.weights)


def weak_with_student(
    members: np.ndarray, mixture: np.ndarray, loss: Bregman, weights: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Weak labels (..., n[, c]) whose best student is the given mixture (..., k) of the members.

    ∇(weak) = ∇(student) − r with r orthogonal, under the weights, to all differences of members: the slope of the objective is then
    the same for every member.
    """
    student = mixture_of(members, mixture, loss)
    coordinates, noise = loss.coordinates(members), rng.standard_normal(student.shape)
    if loss.event_ndim:  # within the simplex only differences between classes count
        coordinates, noise = (array - array.mean(axis=-1, keepdims=True) for array in (coordinates, noise))
    roots = np.sqrt(np.repeat(weights, members[0].size // len(weights)))
    basis = np.linalg.qr(((coordinates[1:] - coordinates[0]).reshape(len(members) - 1, -1) * roots).T)[0]
    flat = noise.reshape(*mixture.shape[:-1], -1) * roots
    noise = ((flat - flat @ basis @ basis.T) / roots).reshape(student.shape)
    slopes = loss.gradient(student)
    most = 1.0 if isinstance(loss, KL) else np.abs(slopes)
    return loss.inverse_gradient(slopes - 0.6 * noise / np.max(np.abs(noise) / most))


def k_average(
    rng: np.random.Generator, size: int, *, certainty: float = 0.0, members: int = 4, points: int = 3, classes: int = 3
) -> KAverage:
    """One task with an interior best student, drawn from with its own weights: certificate 0 up to rounding.

    ``certainty`` moves the members towards being sure of one class at every sample.
    """
    sure = np.eye(classes)[rng.integers(classes, size=(members, points))]
    drawn = 0.98 * ((1.0 - certainty) * rng.dirichlet(2.0 * np.ones(classes), size=(members, points)) + certainty * sure)
    values = drawn + 0.02 / classes
    mixture = rng.dirichlet(8.0 * np.ones(members))
    target_mixture = rng.dirichlet(np.ones(members))
    weights = rng.uniform(0.5, 1.5, points)
    weak = weak_with_student(values, mixture, KL(), weights, rng)
    return KAverage(HullPopulation(values, weak, target_mixture, "kl", weights), mixture, size)


def is_drawn(world: KAverage) -> bool:
    """True when every member of the mixture is drawn often enough for a check: drop those of negligible weight."""
    return is_met(min(1.0, world.size * float(world.mixture[world.mixture > 0.0].min())))


def certain_members(classes: int) -> np.ndarray:
    """One sample, a member for each class that is all but certain of it, (c, 1, c)."""
    sure = 0.9999
    return (np.eye(classes) * (sure - (1.0 - sure) / (classes - 1)) + (1.0 - sure) / (classes - 1))[:, None, :]


def shortfalls(world: KAverage, count: int, rng: np.random.Generator) -> np.ndarray:
    """misfit − gain (count,) of drawn k-averages as students."""
    inside = world.population
    numbers = gain_report(inside.weak, world.averages(count, rng=rng), inside.target, inside.weights, inside.divergence)
    return numbers.misfit - numbers.gain


class SoftmaxNumbers(NamedTuple):
    """A fitted softmax head, its report in the dual order, and what an unfinished fit adds to |gain − misfit|."""

    head: Any
    report: GainReport
    scale: Any
    size: Any
    solver_error: Any


def softmax_numbers(sample: SoftmaxSample) -> SoftmaxNumbers:
    """Fit by Newton's method and report, averages over the sample."""
    fit = softmax_newton(sample.features, sample.weak, penalty=sample.penalty, weights=sample.weights)
    triple = Triple(sample.weak, fit.values, sample.target, sample.weights, divergence="reverse-kl")
    numbers = report(triple)
    norm = array_namespace(sample.features).linalg.matrix_norm
    left = norm(fit.gradient) * norm(fit.coefficients - sample.target_head)
    return SoftmaxNumbers(fit.coefficients, numbers, rounding_scale(triple), compared_size(numbers), left / len(sample.features))


def softmax_sample(rng: np.random.Generator, n: int, d: int, *, classes: int, penalty: float = 0.0) -> SoftmaxSample:
    """Three tasks on Gaussian features with an intercept; weak labels are noisy versions of the target."""
    features = np.column_stack([rng.standard_normal((n, d - 1)), np.ones(n)])
    head = rng.standard_normal((3, d, classes))
    noise = rng.standard_normal((3, n, classes))
    weak = KL().inverse_gradient(features @ head + noise)
    return SoftmaxSample(features, weak, head, penalty, rng.uniform(0.5, 1.5, n))
