"""Which penalty gains most, and what chooses it: regularisation paths of the student in synthetic worlds and on scikit-learn's digits.

Synthetic: 60 Gaussian features with variances 1/j, a target that is linear in them, and weak labels whose errors, half the target's
variance, are noise, half noise, or linear in the features as well. Digits: the tasks and the split sizes of ``real_digits``.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from experiments import _paths
from experiments._ledger import Finding
from experiments._tables import pick
from experiments.real_digits import SIZES
from w2s_theory.embeddings.tasks import digits_task
from w2s_theory.montecarlo import mean_estimate
from w2s_theory.problems.empirical import EmpiricalTask

SOURCE = "measured here; the identities are derived here"
FEATURES, ROWS, FRESH, GOLD, WEAK_ERROR = 60, 240, 1000, 100, 0.5
#: Task -> share of the weak errors' variance that is linear in the strong features, or side of the digits teacher's blocks.
WORLDS = {"synthetic, errors are noise": 0.0, "synthetic, errors half linear": 0.5, "synthetic, errors linear": 1.0}
DIGITS = {"digits, 2×2 teacher": 2, "digits, 4×4 teacher": 4}
#: What the ledger calls "nothing" and "most": this share of the best gain. A choice of words.
SMALL = 0.05
TRIALS = {"quick": 6, "full": 25}
SCALES = {
    scale: [{"task": task, "trial": trial} for task in (*WORLDS, *DIGITS) for trial in range(trials)]
    for scale, trials in TRIALS.items()
}
SEED_AXES = ("trial",)


def synthetic_parts(share: float, *, rng: np.random.Generator) -> tuple[_paths.Part, _paths.Part, _paths.Part]:
    """Transfer, test and gold rows of a world where ``share`` of the weak errors' variance is linear in the features."""
    scale = 1.0 / np.sqrt(np.arange(1, FEATURES + 1))
    heads = rng.standard_normal((FEATURES, 2))
    heads /= np.linalg.norm(scale[:, None] * heads, axis=0)  # both have variance 1

    def part(n: int) -> _paths.Part:
        features, noise = scale * rng.standard_normal((n, FEATURES)), rng.standard_normal((n, 1))
        target, systematic = features @ heads[:, :1], features @ heads[:, 1:]
        errors = np.sqrt(WEAK_ERROR) * (np.sqrt(share) * systematic + np.sqrt(1.0 - share) * noise)
        return _paths.Part(features, target + errors, target)

    return part(ROWS), part(FRESH), part(GOLD)


@functools.cache
def _digits(side: int) -> EmpiricalTask:
    return digits_task(side=side)


def run_one(params: dict[str, Any], *, rng: np.random.Generator) -> list[dict[str, Any]]:
    """One split of one task: a row per target and penalty."""
    task, first = params["task"], params["trial"] == 0
    if task in WORLDS:
        parts = synthetic_parts(WORLDS[task], rng=rng)
        return [{"target": task} | row for row in _paths.path_rows(*parts, solve_again=first, rng=rng)]
    parts, side = _paths.split_parts(_digits(DIGITS[task]), SIZES, rng=rng), DIGITS[task]
    rows = _paths.path_rows(*parts, solve_again=first, rng=rng)
    return [{"target": f"{row['target_index'] + 5}, {side}×{side}"} | row for row in rows]


def findings(table: dict[str, np.ndarray]) -> list[Finding]:
    """The identities on all points; then what the worlds and the digits say about the choice of the penalty."""
    noise, linear = (pick(table, task=name) for name, share in WORLDS.items() if share in (0.0, 1.0))
    digits = {name: column[np.isin(table["task"], list(DIGITS))] for name, column in table.items()}
    in_noise = _paths.recovered(noise, "synthetic, weak errors that are noise", f"{len(set(noise['trial'].tolist()))} splits")
    return [*_paths.statements(table), _noise(noise), in_noise, _linear(linear), *_paths.choices(digits, "digits")]


def _noise(table: dict[str, np.ndarray]) -> Finding:
    best = _paths.chosen(table, "oracle", "gain")
    left, best = mean_estimate(best - _paths.chosen(table, "leave-one-out", "gain")), float(np.mean(best))
    status = "holds (derived here)" if left.high < SMALL * best else "not attempted (too few splits to tell)"
    return Finding(
        f"synthetic, weak errors that are noise: what fits the weak labels best gains most (leaves less than {SMALL:.0%} of the best gain)",
        "counterexample found" if left.low > SMALL * best else status,
        f"leave-one-out leaves {_paths.told(left)} of the best gain {best:.3f}; {len(set(table['trial'].tolist()))} splits",
    )


def _linear(table: dict[str, np.ndarray]) -> Finding:
    gain, best = (mean_estimate(_paths.chosen(table, name, "gain")) for name in ("leave-one-out", "oracle"))
    smallest = _paths.chosen(table, "leave-one-out", "penalty") == _paths.GRID[0]
    is_nothing = max(abs(gain.low), abs(gain.high)) < SMALL * best.value
    return Finding(
        "synthetic, weak errors linear in the strong features: leave-one-out takes the smallest penalty on offer, reproduces the teacher "
        f"and gains nothing (less than {SMALL:.0%} of the best gain)",
        "holds (derived here)" if np.all(smallest) and is_nothing else "counterexample found",
        f"the smallest penalty in {np.sum(smallest)} of {len(smallest)} splits, gain {gain.value:.4f}; the best penalty, a median "
        f"{np.median(_paths.chosen(table, 'oracle', 'penalty')):.2g} mean eigenvalues, gains {best.value:.3f} all the same",
    )
