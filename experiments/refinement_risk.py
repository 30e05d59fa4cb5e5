"""Fine-tuning against refinement: error of every student against the number of in-context examples.

Three weak models in one world of four orthonormal concepts: noisy (its vector is right, its labels are not), biased (the other way
round), and both. Students are made by the raw mechanism: sampled prompts read by Bayes, sampled answers, least squares. Beside each
measured error stands the closed form, in a column of its own. Errors are ‖β − β_*‖².
"""

from __future__ import annotations

from typing import Any

import numpy as np

from experiments._ledger import Finding
from w2s_theory.problems.concepts import orthonormal_world
from w2s_theory.problems.finetuning import FineTuning
from w2s_theory.quantities.evidence_mgf import exponents
from w2s_theory.quantities.hull_training import hull_risk, hull_students
from w2s_theory.quantities.naive_finetuning import best_pull, distance_to_line, naive_risk, orthogonal_students
from w2s_theory.quantities.refined_risk import (
    finite_student_risk,
    intent_risk,
    limit_gap,
    refined_risk,
    repeated_risk,
    single_prompt_risk,
)
from w2s_theory.students.refinement import intent_students, naive_students, refined_students, repeated_heads
from w2s_theory.students.refiner import simulate_evidence, weights_of

SOURCE = "derived here (after somerstep2025)"
LABELS, FEATURES, ROUNDS = 400, 12, 4
WORLDS = {
    "noisy": orthonormal_world(4, alignment=1.0, weak_noise=1.6, belief=0.8, d=FEATURES),
    "biased": orthonormal_world(4, alignment=0.5, length=0.6, weak_noise=0.3, belief=0.8, d=FEATURES),
    "noisy and biased": orthonormal_world(4, alignment=0.5, length=0.6, weak_noise=1.2, belief=0.8, d=FEATURES),
}
SIZES = (1, 2, 4, 8, 16, 32)
#: n = 0 stands for the students that see no examples.
SCALES = {
    scale: [{"weak": weak, "n": n, "prompts": prompts, "students": students} for weak in WORLDS for n in (0, *SIZES)]
    for scale, (prompts, students) in {"quick": (20_000, 200), "full": (400_000, 2000)}.items()
}
SEED_AXES = ("weak", "n")
FINITE = f"refined, {LABELS} labels"
#: Students of one prompt or batch, of fresh prompts, of finitely many answers, and of repeated rounds, with their closed forms.
LAWS = {
    "one prompt": single_prompt_risk,
    "intent": intent_risk,
    "refined": refined_risk,
    FINITE: lambda world, n: finite_student_risk(world, n, LABELS),
    "repeated": lambda world, n: float(repeated_risk(world, n, ROUNDS)[-1]),
    "naive": lambda world, n: naive_risk(world, LABELS),
    "shrunken": lambda world, n: best_pull(world, labels=LABELS).risk,
}


def run_one(params: dict[str, Any], *, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Mean error and standard error of each kind of student."""
    world, n, prompts, students = WORLDS[params["weak"]], params["n"], params["prompts"], params["students"]
    if n == 0:
        pull = best_pull(world, labels=LABELS).eta
        found = {
            "naive": world.error(naive_students(world, LABELS, students, rng=rng)),
            "shrunken": world.error(orthogonal_students(FineTuning(world, LABELS, eta=min(pull, 1e9)), students, rng)),
            "hull": world.error(hull_students(FineTuning(world, LABELS), students, rng)),
        }
    else:
        answers = weights_of(world, simulate_evidence(world, [n], prompts, rng=rng)[0]) @ world.concepts
        offsets = (answers - world.truth).reshape(2, prompts // 2, -1)
        rounds = [repeated_heads(world, n, ROUNDS, prompts=prompts // 10, rng=rng)[-1] for _ in range(16)]
        ends = (np.stack(rounds) - world.truth).reshape(2, 8, -1)
        found = {
            "one prompt": world.error(answers),
            "refined": np.sum(offsets[0] * offsets[1], axis=-1),  # unbiased for the error of the mean
            FINITE: world.error(refined_students(world, n, LABELS, students, rng=rng)),
            "intent": world.error(intent_students(world, n, prompts, rng=rng)),
            "repeated": np.sum(ends[0] * ends[1], axis=-1),
        }
    return [
        {
            "student": name,
            "error": float(errors.mean()),
            "stderr": float(errors.std(ddof=1) / np.sqrt(errors.size)),
            "closed_form": float(LAWS[name](world, n)) if name in LAWS else np.nan,
        }
        for name, errors in found.items()
    ]


def findings(table: dict[str, np.ndarray]) -> list[Finding]:
    """Each law against its simulation, who wins, what repeating does, and how soon the gap is there."""
    found = []
    for student in LAWS:
        rows = table["student"] == student
        difference = table["error"][rows] - table["closed_form"][rows]
        off = np.abs(difference) / np.maximum(table["stderr"][rows], 1e-12)
        # Each of the repeated rounds feeds a noisy mean to the next, so they can show 10 % of an error or .003, whichever is more.
        near = np.abs(difference) < np.maximum(0.1 * table["closed_form"][rows], 0.003)
        fine = (off < 5) | ((student == "repeated") & near)
        word = "holds (derived here)" if np.all(fine) else "counterexample found"
        share = np.max(np.abs(difference) / np.maximum(table["closed_form"][rows], 0.03))
        evidence = (
            f"largest deviation {off.max():.1f} standard errors, {share:.1%} of the error (or of .03), over {off.size} points"
        )
        found.append(Finding(f"error of the student: {student}", word, evidence))
    for name, world in WORLDS.items():
        measured, told = (
            {
                student: _value(table, name, student, n, column)
                for student, n in (("naive", 0), ("shrunken", 0), (FINITE, SIZES[-1]))
            }
            for column in ("error", "closed_form")
        )
        same_order = sorted(measured, key=measured.__getitem__) == sorted(told, key=told.__getitem__)
        found.append(
            Finding(
                f"{name} weak model: who wins is known before anything is run",
                "holds (derived here)" if same_order else "not reproduced",
                f"{LABELS} labels: naive {measured['naive']:.4f} (closed form {told['naive']:.4f}), best pull towards the source "
                f"{measured['shrunken']:.4f} ({told['shrunken']:.4f}; never below {distance_to_line(world):.4f} with any number of labels), "
                f"refined with {SIZES[-1]} examples per prompt {measured[FINITE]:.4f} ({told[FINITE]:.4f}); kept in the hull "
                f"{_value(table, name, 'hull'):.4f} (limit {hull_risk(world):.4f})",
            )
        )
    few, many = (
        [_value(table, name, "repeated", n) - _value(table, name, "refined", n) for name in WORLDS] for n in (SIZES[0], SIZES[-2])
    )
    found.append(
        Finding(
            "repeating refinement forgets with few examples and sharpens with many",
            "holds (derived here)" if min(few) > 0.0 > max(many) else "not reproduced",
            f"error after {ROUNDS} rounds minus error after one, over the three worlds: {min(few):+.3f} to {max(few):+.3f} with {SIZES[0]} "
            f"example per prompt, {min(many):+.3f} to {max(many):+.3f} with {SIZES[-2]}",
        )
    )
    name = "noisy and biased"
    world, rates = WORLDS[name], exponents(WORLDS[name])
    sizes = np.append(np.unique(table["n"][table["n"] > 0]), np.inf)
    gaps = [world.weak_error - _value(table, name, "refined", int(n), "closed_form") for n in sizes[:-1]]
    reached = [sizes[np.searchsorted(gaps, share * limit_gap(world))] for share in (0.5, 0.9)]
    found.append(
        Finding(
            "the gap over naive fine-tuning grows to its limit",
            "holds (derived here)" if np.all(np.diff(gaps) > 0.0) else "counterexample found",
            f"{name}: limit {limit_gap(world):.3f}; half of it by n = {reached[0]:g}, nine tenths by n = {reached[1]:g}; "
            f"exponents r₁ {rates.first:.4f} (fresh prompts have 2 r₁), r₂ {rates.second:.4f} (one prompt)",
        )
    )
    return found


def _value(table: dict[str, np.ndarray], weak: str, student: str, n: int = 0, column: str = "error") -> float:
    return float(table[column][(table["weak"] == weak) & (table["student"] == student) & (table["n"] == n)][0])
