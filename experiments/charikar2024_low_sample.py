"""With little pretraining data the roles reverse: the shallow network is the better student (Charikar et al., 2024, low-sample regime).

The same two architectures, pretrained on much or on little data, each in turn as teacher and as student. The numbers of pretraining
tasks and points in the low-sample regime are the paper's only by memory (5 tasks, 250 points).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from experiments._ledger import Finding, share_status
from experiments._representations import STRONG_DEPTH, WEAK_DEPTH, closeness, pretrained, target_network, task_rows
from w2s_theory.problems.representations import RepresentationWorld

SOURCE = "charikar2024, low-sample regime"
REGIMES = {"much data": (10, 2000), "little data": (5, 250)}
SCALES = {
    "quick": [{"regime": regime, "trial": trial, "steps": 20000} for regime in REGIMES for trial in range(2)],
    "full": [{"regime": regime, "trial": trial, "steps": 20000} for regime in REGIMES for trial in range(8)],
}
SEED_AXES = ("trial",)


def run_one(params: dict[str, Any], *, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Both role assignments of one pair of networks; a row per task and assignment. Both regimes take the same number of steps."""
    target_rng, deep_rng, shallow_rng, task_rng = rng.spawn(4)
    target = target_network(target_rng)
    tasks, points = REGIMES[params["regime"]]
    epochs = params["steps"] // -(-points // 32)
    deep, shallow = (
        pretrained(target, depth, epochs=epochs, tasks=tasks, points=points, rng=network_rng)
        for depth, network_rng in ((STRONG_DEPTH, deep_rng), (WEAK_DEPTH, shallow_rng))
    )
    rows = []
    for student, (strong, weak) in {"deep": (deep, shallow), "shallow": (shallow, deep)}.items():
        # Both assignments see the same tasks and points.
        same = np.random.default_rng(task_rng.bit_generator.seed_seq)
        rows += [{"student": student, **row} for row in task_rows(RepresentationWorld(target, strong, weak), rng=same)]
    return rows


def regime_numbers(table: dict[str, np.ndarray], regime: str, student: str) -> dict[str, np.ndarray]:
    """Per trial, in units of task variance: median weak, student and ceiling error, median gain and misfit."""
    numbers: dict[str, list[float]] = {name: [] for name in ("weak_error", "student_error", "ceiling_error", "gain", "misfit")}
    for trial in np.unique(table["trial"]):
        rows = (table["regime"] == regime) & (table["student"] == student) & (table["trial"] == trial)
        for name, values in numbers.items():
            values.append(float(np.median(table[name][rows] / table["variance"][rows])))
    return {name: np.array(values) for name, values in numbers.items()}


def findings(table: dict[str, np.ndarray]) -> list[Finding]:
    """Who is the better student in each regime, and does gain still follow misfit?"""
    found = []
    for regime in REGIMES:
        deep, shallow = (regime_numbers(table, regime, student) for student in ("deep", "shallow"))
        deep_wins = int(np.sum(deep["gain"] > shallow["gain"]))
        worlds = len(deep["gain"])
        expected = deep_wins if regime == "much data" else worlds - deep_wins
        found.append(
            Finding(
                f"{regime}: the {'deep' if regime == 'much data' else 'shallow'} network is the better student",
                share_status(expected, worlds),
                f"in {expected} of {worlds} worlds; median gain in units of task variance: deep student {np.mean(deep['gain']):+.3f}, "
                f"shallow student {np.mean(shallow['gain']):+.3f}",
            )
        )
    few = table["regime"] == "little data"
    good = few & (table["student"] == "shallow")
    r, off = closeness(table["gain"][good] / table["variance"][good], table["misfit"][good] / table["variance"][good])
    found.append(
        Finding(
            "little data, shallow student: gain ≈ misfit still",
            "reproduced, with changes" if r > 0.5 else "not reproduced (see the evidence)",
            f"scale-free Pearson {r:.3f}, mean |gain − misfit| / mean misfit {off:.1%}",
        )
    )
    return found
