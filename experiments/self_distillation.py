"""Self-distillation of ridge students: how far mixing in the teacher's predictions goes, and that a weak bias passes through it.

Students are refitted step by step to sampled weak labels and scored against the target; the closed forms never enter a row. In the
part "bias" the weak head stays, and the two targets on either side of it, at the same distance, are averaged.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from experiments._agreement import agreement
from experiments._ledger import Finding
from w2s_theory.problems.fixed_design import FixedDesign
from w2s_theory.quantities.self_distillation import RISK, best_mixing, best_mixings, wiener_floor
from w2s_theory.students.linear import Ridge
from w2s_theory.students.self_distillation import SelfDistilled

SOURCE = "derived here (after das2023 and pareek2024)"
SHOWS = (
    "self_distillation.risk",
    "self_distillation.best_mixing",
    "self_distillation.wiener_floor",
    "self_distillation.floor_attained",
    "self_distillation.variance_only",
)
POINTS, VALUES = 30, (4.0, 3.0, 2.0, 1.5, 1.0)
WEAK_HEAD, NOISE = (0.2, 0.2, 0.2, 2.0, 0.2), 2.0
#: Below and above the penalty that is best for ridge.
UNDER, OVER = 1.0, 12.0
MIXINGS = tuple(np.linspace(-1.5, 3.0, 10).tolist())
STEPS = tuple(range(len(VALUES) + 2))
BIASES = (0.0, 0.5, 1.0, 2.0, 4.0)
LEARNERS = ("ridge", "one step", "all steps")
PENALTIES = np.geomspace(0.1, 100.0, 601)


def _grid(students: int) -> list[dict[str, Any]]:
    point = {"students": students, "penalty": UNDER, "learner": "fixed mixing", "mixing": 0.0, "steps": 1, "bias": 0.0}
    grid = [point | {"part": "mixing", "penalty": p, "mixing": xi} for p in (UNDER, OVER) for xi in MIXINGS]
    grid += [point | {"part": "steps", "learner": "best", "steps": k} for k in STEPS]
    return grid + [point | {"part": "bias", "learner": learner, "bias": b} for learner in LEARNERS for b in BIASES]


SCALES = {"quick": _grid(4000), "full": _grid(40_000)}
SEED_AXES = ("part", "penalty", "learner", "mixing", "steps", "bias")


def world(penalty: float, bias: float = 0.0) -> FixedDesign:
    """Five directions, the target mostly along a weak one; the squared length of the weak bias is ``bias``."""
    left = np.linalg.qr(np.random.default_rng(11).standard_normal((POINTS, len(VALUES))))[0]
    right = np.linalg.qr(np.random.default_rng(12).standard_normal((len(VALUES), len(VALUES))))[0]
    towards = np.random.default_rng(13).standard_normal(len(VALUES))
    weak = right @ np.array(WEAK_HEAD)
    target = weak - np.sqrt(bias) * towards / np.linalg.norm(towards)
    return FixedDesign((left * np.array(VALUES)) @ right.T, target, weak, NOISE, penalty)


def learner_mixings(learner: str, unbiased: FixedDesign) -> tuple[float, ...]:
    """The mixings of a learner that knows the weak head and the noise, but not the bias."""
    if learner == "ridge":
        return ()
    return (best_mixing(unbiased),) if learner == "one step" else best_mixings(unbiased, len(VALUES))


def mixings_of(params: dict[str, Any]) -> tuple[float, ...]:
    """The mixings of a point of the grid."""
    unbiased = world(params["penalty"])
    if params["part"] == "mixing":
        return (params["mixing"],)
    if params["part"] == "steps":
        return best_mixings(unbiased, params["steps"]) if params["steps"] else ()
    return learner_mixings(params["learner"], unbiased)


def run_one(params: dict[str, Any], *, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Mean and standard error of the risk of refitted students, over both targets."""
    problem, mixings = world(params["penalty"], params["bias"]), mixings_of(params)
    labels = problem.sample(params["students"], rng=rng)
    heads = SelfDistilled(Ridge(problem.penalty, intercept=False), mixings).fit(problem.features, labels).coefficients
    opposite = replace(problem, target_head=2.0 * problem.weak_head - problem.target_head)
    risks = 0.5 * (problem.risk(heads) + opposite.risk(heads))
    return [
        {
            "risk": float(risks.mean()),
            "risk_stderr": float(risks.std(ddof=1) / np.sqrt(risks.size)),
            "largest_mixing": float(np.max(np.abs(mixings), initial=0.0)),
        }
    ]


def exact_risks(table: dict[str, np.ndarray]) -> np.ndarray:
    """The closed form for each row: the risk of learning the weak head plus the squared length of the bias."""
    names = ("part", "penalty", "learner", "mixing", "steps", "bias")
    rows: list[dict[str, Any]] = [
        dict(zip(names, values, strict=True)) for values in zip(*(table[name].tolist() for name in names), strict=True)
    ]
    return np.array([RISK.exact(replace(world(row["penalty"]), mixings=mixings_of(row))).value + row["bias"] for row in rows])


@lru_cache
def tuned_ridge() -> tuple[float, float]:
    """The best penalty for ridge on a fine grid, and its risk."""
    risks = [RISK.exact(world(penalty)).value for penalty in PENALTIES]
    best = int(np.argmin(risks))
    return float(PENALTIES[best]), risks[best]


def findings(table: dict[str, np.ndarray]) -> list[Finding]:
    """Deviations from the closed form, the sign rule, the floor at as many steps as directions, and the slope of the bias."""
    penalty, tuned = tuned_ridge()
    floor = wiener_floor(world(UNDER))
    claim = "risk of self-distilled ridge students, in closed form"
    found = [agreement(claim, table["risk"], table["risk_stderr"], exact_risks(table))]
    best = {}
    for name, value in (("below", UNDER), ("above", OVER)):
        rows = (table["part"] == "mixing") & (table["penalty"] == value)
        best[name] = table["mixing"][rows][np.argmin(table["risk"][rows])]
    found.append(
        Finding(
            "the best mixing is positive below the best penalty and negative above it",
            "holds (derived here)" if best["below"] > 0 > best["above"] else "counterexample found",
            f"best of the grid: ξ = {best['below']:.1f} at λ = {UNDER:g}, {best['above']:.1f} at λ = {OVER:g}; "
            f"ridge is best at λ = {penalty:.2f}",
        )
    )
    steps = (table["part"] == "steps") & (table["steps"] == len(VALUES))
    at, stderr = float(table["risk"][steps][0]), float(table["risk_stderr"][steps][0])
    claim = "as many steps as distinct singular values reach the floor of all spectral filters, below ridge at its best penalty"
    law = agreement(claim, at, stderr, floor, see=tuned / floor - 1.0)
    evidence = (
        f"{len(VALUES)} steps: {at:.3f} ± {stderr:.3f}; floor {floor:.3f}; ridge at its best penalty {tuned:.3f}; the mixings reach "
        f"{table['largest_mixing'][steps][0]:.0f} in size"
    )
    found.append(Finding(claim, law.status, evidence))
    slopes = {}
    for learner in LEARNERS:
        rows = (table["part"] == "bias") & (table["learner"] == learner)
        (slope, _), covariance = np.polyfit(
            table["bias"][rows], table["risk"][rows], 1, w=1.0 / table["risk_stderr"][rows], cov="unscaled"
        )
        slopes[learner] = (slope, np.sqrt(covariance[0, 0]))
    claim = "a weak bias passes through: its squared length is added to the risk (mean over its sign), whatever the mixings"
    slope, error = np.transpose(list(slopes.values()))
    law = agreement(claim, slope, error, 1.0)
    each = ", ".join(f"{slope:.3f} ± {error:.3f} ({name})" for name, (slope, error) in slopes.items())
    found.append(Finding(claim, law.status, f"slope of the risk: {each}; {law.evidence}"))
    return found
