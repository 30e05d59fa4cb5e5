"""Theorem 2 before sampling: a member that fits the weak labels up to excess misfit E loses at most 2E + 2√E·‖s − v*‖.

V convex, any ŝ ∈ V with M(ŝ) − M(s) = E ≥ 0, where s is the projection of the weak labels and v* that of the target, ε = ‖v* − target‖²:

    gain(ŝ) ≥ misfit(ŝ) − 2√(misfit(ŝ)·ε) − 2E − 2√E·‖s − v*‖.

Proof: with u = weak − s, e = ŝ − s, t = s − v*: convexity gives ⟨u, t⟩ ≥ 0, and M(ŝ) = ‖u − e‖² gives ⟨u, e⟩ = −(E − ‖e‖²)/2 with ‖e‖² ≤ E.
So 2⟨weak − ŝ, ŝ − v*⟩ = 2⟨u, t⟩ − E − ‖e‖² − 2⟨e, t⟩ ≥ −2E − 2√E‖t‖; the rest is Cauchy–Schwarz. Attained by affine classes, when ε = 0 and
e points away from v*, and when E = 0. Sampling then only has to bound E (see theorem_2). Derived here.
"""

from __future__ import annotations

import numpy as np

from ..._array import array_namespace
from ...problems.population import EPSILON
from ...problems.training import ApproximateTraining
from ...quantities.gain import gain_report
from ...quantities.projection import projection_numbers
from ...statements import Assumption, Sides, Source, Statement
from .._examples import aligned_population, convex_classes, population, subspace


def _sides(training: ApproximateTraining) -> Sides:
    world, excess = training.population, training.excess_misfit
    xp = array_namespace(excess)
    best = projection_numbers(world)
    numbers = gain_report(world.weak, training.member, world.target, world.weights)
    apart = xp.sqrt(world.squared_norm(world.student.values - world.ceiling.values))
    band = 2.0 * xp.sqrt(numbers.misfit * world.approximation_error)
    # E is a difference of misfits, off by rounding and by the projections' own optimality gap; its root magnifies that when E is tiny.
    reach = xp.sqrt(world.squared_norm(training.member - world.student.values)) + apart
    gap = world.strong_class.local_gap(world.weak, world.student.values, world.weights, reach)
    slip = 4.0 * gap + 64.0 * EPSILON * best.scale
    slip = 2.0 * slip + 2.0 * (xp.sqrt(excess + slip) - xp.sqrt(excess)) * apart
    size = best.size + numbers.misfit + numbers.student_error
    scale = best.scale + numbers.misfit + numbers.student_error
    return Sides(numbers.gain, numbers.misfit - band - 2.0 * excess - 2.0 * xp.sqrt(excess) * apart, scale, slip, size)


def _examples(rng: np.random.Generator) -> tuple[ApproximateTraining, ...]:
    problems = []
    for strong_class in convex_classes(rng):
        world = population(strong_class, rng, distance=0.3)
        elsewhere = strong_class.project(rng.standard_normal(world.weak.shape), world.weights).values
        problems.append(ApproximateTraining(world, 0.7 * world.student.values + 0.3 * elsewhere))
    exact = aligned_population(rng)
    realizable = population(subspace(rng), rng)
    away = realizable.student.values + 0.2 * (realizable.student.values - realizable.ceiling.values)
    return (*problems, ApproximateTraining(exact, exact.student.values), ApproximateTraining(realizable, away))


THEOREM_2_APPROXIMATE = Statement(
    name="charikar2024.theorem_2_approximate",
    says="a member with excess misfit E: gain ≥ misfit − 2√(misfit·ε) − 2E − 2√E·‖s − v*‖",
    relation=">=",
    sides=_sides,
    about=ApproximateTraining,
    assumptions=(Assumption("the student is a member of the class", ApproximateTraining.is_member),),
    source=Source("charikar2024", "Theorem 2, its deterministic part", derived=True),
    tightness="attained by affine classes when ε = 0, and when E = 0",
    examples=_examples,
)
