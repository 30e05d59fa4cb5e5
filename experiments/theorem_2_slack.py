"""Theorem 2 with explicit constants: how loose it is, and why neither of its terms can be dropped.

A ball of linear heads fitted to n sampled points of a finite population; the student's error is exact. The slack factor is what the bound
allows the student to fall short of gain = misfit, divided by the shortfall that 95 % of the students stay below.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from experiments._ledger import Finding
from w2s_theory.problems.population import Population
from w2s_theory.problems.training import ApproximateTraining, SampledTraining
from w2s_theory.quantities.gain import gain_report
from w2s_theory.quantities.sampled_training import allowance, excess_misfit_bound, value_bound
from w2s_theory.students.convex import Ball

SOURCE = "charikar2024, Theorem 2 (explicit constants derived here)"
SHOWS = ("charikar2024.theorem_2_approximate", "charikar2024.theorem_2")
POINTS, FEATURES = 400, 6
SIZES = (20, 100, 1000, 10**4, 10**5, 10**6, 10**8, 10**10)
SCALES = {
    scale: [{"realizable": realizable, "n": n, "students": students} for realizable in (True, False) for n in SIZES]
    for scale, students in {"quick": 60, "full": 400}.items()
}
SEED_AXES = ("realizable", "n")


def population(realizable: bool) -> Population:
    """A fixed world: bounded features, weak labels off by a bounded residual; the unrealizable target shares a part of it."""
    rng = np.random.default_rng(7)
    features = rng.uniform(-1.0, 1.0, (POINTS, FEATURES))
    target = features @ (0.9 * np.ones(FEATURES) / np.sqrt(FEATURES))
    weak_residual = 0.8 * np.sign(rng.uniform(-1.0, 1.0, POINTS))
    target_residual = 0.0 if realizable else 0.3 * weak_residual
    return Population(target + weak_residual, target + target_residual, Ball(features, radius=1.0))


def run_one(params: dict[str, Any], *, rng: np.random.Generator) -> list[dict[str, Any]]:
    """The shortfall misfit − gain of each student, its allowance by the sampled bound and by the bound at the measured excess."""
    world = population(params["realizable"])
    training = SampledTraining(world, params["n"])
    students = training.students(params["students"], rng=rng)
    report = gain_report(world.weak, students, world.target, world.weights)
    measured = ApproximateTraining(
        Population(np.broadcast_to(world.weak, students.shape), world.target, world.strong_class, world.weights), students
    )
    excess = measured.excess_misfit
    apart = float(np.sqrt(world.squared_norm(world.student.values - world.ceiling.values)))
    epsilon = float(world.approximation_error)
    at_measured_excess = 2 * np.sqrt(report.misfit * epsilon) + 2 * excess + 2 * np.sqrt(excess) * apart
    return [
        {
            "shortfall": float(shortfall),
            "excess_misfit": float(e),
            "allowed_at_measured_excess": float(allowed),
            "allowed": allowance(training),
            "allowed_without_epsilon": allowance(training, with_epsilon=False),
            "allowed_without_sample": allowance(training, with_sample=False),
            "excess_bound": excess_misfit_bound(training),
            "trivial": 8 * value_bound(training) ** 2,
        }
        for shortfall, e, allowed in zip(report.misfit - report.gain, excess, at_measured_excess, strict=True)
    ]


def findings(table: dict[str, np.ndarray]) -> list[Finding]:
    """Violations, the slack factor at the smallest and the largest n, and what fails when a term is dropped."""
    failures = float(np.mean(table["shortfall"] > table["allowed"]))
    factors = []
    for n in (SIZES[0], SIZES[-1]):
        rows = (table["n"] == n) & ~table["realizable"]
        factors.append(table["allowed"][rows][0] / np.quantile(table["shortfall"][rows], 0.95))
    few = (table["n"] == SIZES[0]) & table["realizable"]
    dropped = float(np.mean(table["shortfall"][few] > table["allowed_without_sample"][few]))
    many = (table["n"] == SIZES[-1]) & ~table["realizable"]
    without = float(np.mean(table["shortfall"][many] > table["allowed_without_epsilon"][many]))
    sharp = table["allowed_at_measured_excess"]
    return [
        Finding(
            "Theorem 2 with explicit constants",
            f"holds but loose (factor {factors[0]:.0f} at n = {SIZES[0]}, {factors[1]:.0f} at n = {SIZES[-1]:.0e})"
            if failures == 0
            else "counterexample found",
            f"it says something (less than 8B²) from n = {int(table['n'][table['allowed'] < table['trivial']].min())} on; "
            f"{len(table['n'])} students, {failures:.0%} beyond the bound; at the measured excess misfit the inequality is loose by a "
            f"factor {np.median(sharp[many] / table['shortfall'][many]):.1f} only",
        ),
        Finding(
            "its n-term cannot be dropped",
            "holds (derived here)" if dropped > 0.5 else "not attempted (no violation seen)",
            f"realizable target, n = {SIZES[0]}: {dropped:.0%} of the students violate the bound without it",
        ),
        Finding(
            "its √ε term cannot be dropped",
            "holds (derived here)" if without > 0.5 else "not attempted (no violation seen)",
            f"unrealizable target, n = {SIZES[-1]:.0e}: {without:.0%} of the students violate the bound without it "
            f"(median shortfall {np.median(table['shortfall'][many]):.3f} against {table['allowed_without_epsilon'][many][0]:.3f} left)",
        ),
    ]
