"""How far gain can be from misfit when the target is not realizable: the sharp band 2√(misfit·ε).

Populations with linear heads and with a ball of heads; the target misses the class by a squared distance ε, in a random direction or
along what the student cannot fit, which attains the band.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from experiments._ledger import Finding
from w2s_theory.problems.population import Population
from w2s_theory.quantities.projection import projection_numbers
from w2s_theory.students.convex import Ball, Subspace

SOURCE = "derived here (charikar2024, Theorem 2, the √ε term)"
SHOWS = ("charikar2024.nonrealizable_linear", "charikar2024.nonrealizable_convex")
POINTS, FEATURES, TASKS = 60, 6, 12
EPSILONS = (0.0, 0.003, 0.01, 0.03, 0.1, 0.3)
SCALES = {
    scale: [
        {"strong_class": kind, "epsilon": epsilon, "trial": trial}
        for kind in ("linear", "ball")
        for epsilon in EPSILONS
        for trial in range(n)
    ]
    for scale, n in {"quick": 4, "full": 20}.items()
}
SEED_AXES = ("strong_class", "trial")


def run_one(params: dict[str, Any], *, rng: np.random.Generator) -> list[dict[str, Any]]:
    """TASKS tasks with random misses, and the aligned ones of both signs."""
    features = rng.standard_normal((POINTS, FEATURES))
    linear = Subspace(features)
    strong_class = linear if params["strong_class"] == "linear" else Ball(features, radius=1.0)
    member = strong_class.project(rng.standard_normal((TASKS, POINTS)) + features @ rng.standard_normal(FEATURES)).values
    # Weak heads far outside the ball, where the projection turns them back towards the target.
    weak = member + rng.standard_normal((TASKS, FEATURES)) @ features.T * 0.25 + 0.7 * rng.standard_normal((TASKS, POINTS))
    # Directions orthogonal to every head: adding one moves the target off the class by exactly its length.
    noise = rng.standard_normal((TASKS, POINTS))
    random = noise - linear.project(noise).values
    missed = weak - linear.project(weak).values
    rows = []
    for direction, away in (("random", random), ("aligned", missed), ("opposed", -missed)):
        unit = away / np.sqrt(np.mean(away**2, axis=-1, keepdims=True))
        world = Population(weak, member + np.sqrt(params["epsilon"]) * unit, strong_class)
        numbers = projection_numbers(world)
        report = numbers.report
        for i in range(TASKS):
            rows.append(
                {
                    "direction": direction,
                    "task": i,
                    "gain": float(report.gain[i]),
                    "misfit": float(report.misfit[i]),
                    "band": float(numbers.band[i]),
                    "measured_epsilon": float(numbers.epsilon[i]),
                    "solver_error": float(numbers.solver_error[i]),
                }
            )
    return rows


def findings(table: dict[str, np.ndarray]) -> list[Finding]:
    """Largest use of the band on each side, for linear heads (two-sided) and for the ball (one-sided)."""
    shortfall = table["misfit"] - table["gain"] - table["solver_error"] - 1e-12
    linear, wide = table["strong_class"] == "linear", table["band"] > 1e-6
    excess = np.abs(table["gain"] - table["misfit"]) - table["solver_error"] - 1e-12
    broken = np.sum(linear & (excess > table["band"]))
    broken_ball = np.sum(~linear & (shortfall > table["band"]))
    use = (table["misfit"] - table["gain"])[wide] / table["band"][wide]
    generic = np.abs(use[(linear & (table["direction"] == "random"))[wide]])
    return [
        Finding(
            "linear heads: |gain − misfit| ≤ 2√(misfit·ε)",
            "holds (derived here)" if not broken else "counterexample found",
            f"{int(linear.sum())} tasks; share of the band used: {np.abs(use[linear[wide]]).max():.6f} at most (aligned misses attain it), "
            f"median {np.median(generic):.2f} for random misses",
        ),
        Finding(
            "ball of heads: gain ≥ misfit − 2√(misfit·ε), and no upper bound of that kind",
            "holds (derived here)" if not broken_ball else "counterexample found",
            f"{int((~linear).sum())} tasks; shortfall uses at most {use[~linear[wide]].max():.2f} of the band; "
            f"gain exceeds misfit by up to {-use[~linear[wide]].min():.1f} bands",
        ),
    ]
