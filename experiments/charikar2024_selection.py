"""Choosing a weak teacher without gold labels for the student: smallest weak error − misfit (Charikar et al., 2024, Tables 1–3).

weak error − misfit equals the student's error when the residual is zero. Synthetic counterpart of the paper's molecular tables: teachers
are networks of depth 1 to 4, pretrained to different degrees, and the strong network is realizable or pretrained.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from experiments._ledger import Finding, share_status
from experiments._representations import STRONG_DEPTH, pretrained, target_network, task_rows
from w2s_theory.problems.representations import RepresentationWorld

SOURCE = "charikar2024, Tables 1–3 (synthetic counterpart)"
SHOWS = ("charikar2024.theorem_1_affine",)
#: Teachers: (depth, epochs of pretraining). More of either is usually, not always, better.
TEACHERS = ((1, 150), (2, 50), (2, 150), (3, 50), (3, 150), (4, 150))
SCALES = {
    scale: [{"trial": trial, "epochs": epochs} for trial in range(trials)]
    for scale, (trials, epochs) in {"quick": (1, 300), "full": (8, 600)}.items()
}
SEED_AXES = ("trial",)


def run_one(params: dict[str, Any], *, rng: np.random.Generator) -> list[dict[str, Any]]:
    """One target with every teacher and both strong networks: a row per strong network, teacher and task, on the same points."""
    target_rng, strong_rng, task_rng, *teacher_rngs = rng.spawn(3 + len(TEACHERS))
    target = target_network(target_rng)
    networks = {"realizable": target, "pretrained": pretrained(target, STRONG_DEPTH, epochs=params["epochs"], rng=strong_rng)}
    rows = []
    for (depth, epochs), teacher_rng in zip(TEACHERS, teacher_rngs, strict=True):
        weak = pretrained(target, depth, epochs=epochs, rng=teacher_rng)
        teacher = f"{depth} layer{'s' if depth > 1 else ''}, {epochs} epochs"
        for strong, network in networks.items():
            same = np.random.default_rng(task_rng.bit_generator.seed_seq)
            made = task_rows(RepresentationWorld(target, network, weak), rng=same)
            rows += [{"strong": strong, "teacher": teacher, **row} for row in made]
    return rows


def scores(table: dict[str, np.ndarray], strong: str) -> dict[str, np.ndarray]:
    """In units of task variance, median over tasks, shape (trials, teachers): the criterion, the student's and the teacher's error."""
    trials, teachers = np.unique(table["trial"]), list(dict.fromkeys(table["teacher"].tolist()))
    numbers = {name: np.empty((len(trials), len(teachers))) for name in ("criterion", "student_error", "weak_error")}
    for i, trial in enumerate(trials):
        for j, teacher in enumerate(teachers):
            rows = (table["strong"] == strong) & (table["trial"] == trial) & (table["teacher"] == teacher)
            variance = table["variance"][rows]
            numbers["criterion"][i, j] = np.median((table["weak_error"][rows] - table["misfit"][rows]) / variance)
            for name in ("student_error", "weak_error"):
                numbers[name][i, j] = np.median(table[name][rows] / variance)
    return numbers


def _cell(values: np.ndarray) -> str:
    spread = f" ± {values.std(ddof=1):.3f}" if values.size > 1 else ""
    return f"{values.mean():.3f}{spread}"


def findings(table: dict[str, np.ndarray]) -> list[Finding]:
    """How often the criterion picks the teacher of the best student, and what a wrong pick costs."""
    found = []
    for strong in ("realizable", "pretrained"):
        numbers = scores(table, strong)
        worlds = np.arange(len(numbers["criterion"]))
        by_criterion, by_weak = (np.argmin(numbers[name], axis=1) for name in ("criterion", "weak_error"))
        best = numbers["student_error"].min(axis=1)
        hits = [float(np.mean(numbers["student_error"][worlds, pick] <= best)) for pick in (by_criterion, by_weak)]
        regret = float(np.mean(numbers["student_error"][worlds, by_criterion] / best - 1))
        found.append(
            Finding(
                f"{strong} strong network: smallest weak error − misfit picks the best student",
                share_status(round(hits[0] * len(worlds)), len(worlds)),
                f"right in {hits[0]:.0%} of {len(worlds)} worlds among {len(TEACHERS)} teachers (smallest weak error: {hits[1]:.0%}); "
                f"a pick costs {regret:.1%} more student error than the best on average",
            )
        )
        teachers = dict.fromkeys(table["teacher"].tolist())
        cells = [
            f"{teacher}: {_cell(numbers['criterion'][:, j])} | {_cell(numbers['student_error'][:, j])}"
            for j, teacher in enumerate(teachers)
        ]
        found.append(
            Finding(
                f"{strong} strong network, the table: teacher: weak error − misfit | student's true error",
                "reproduced, with changes",
                "; ".join(cells) + " (mean ± standard deviation over worlds, units of task variance)",
            )
        )
    return found
