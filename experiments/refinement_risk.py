"""Fine-tuning against refinement: error of every student against the number of in-context examples.

Three weak models in one world of four orthonormal concepts: noisy (its vector is right, its labels are not), biased (the other way
round), and both. Students are made by the raw mechanism: sampled prompts read by Bayes, sampled answers, least squares. Beside each
measured error stands the closed form, in a column of its own. Errors are ‖β − β_*‖².
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from experiments._agreement import agreement
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
SHOWS = (
    "finetuning.naive_risk",
    "finetuning.shrinkage_risk",
    "finetuning.hull_risk",
    "refinement.refined_risk",
    "refinement.single_prompt_risk",
    "refinement.finite_student",
    "refinement.intent_risk",
    "refinement.gap",
    "refinement.gap_limit",
)
LABELS, FEATURES, ROUNDS = 400, 12, 4
#: Independent runs of the repeated rounds, prompts of each of their rounds at most.
RUNS, ROUND_PROMPTS = 32, 10_000
#: Errors below this are not judged: one prompt in thousands decides them, and a round hands its noise on to the next.
LEAST = 1e-3
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
            "naive": _mean(world.error(naive_students(world, LABELS, students, rng=rng))),
            "shrunken": _mean(world.error(orthogonal_students(FineTuning(world, LABELS, eta=min(pull, 1e9)), students, rng=rng))),
            "hull": _mean(world.error(hull_students(FineTuning(world, LABELS), students, rng=rng))),
        }
    else:
        answers = weights_of(world, simulate_evidence(world, [n], prompts, rng=rng)[0]) @ world.concepts
        each = min(prompts // 5, ROUND_PROMPTS)
        ends = np.stack([repeated_heads(world, n, ROUNDS, prompts=each, rng=rng)[-1] for _ in range(RUNS)])
        found = {
            "one prompt": _mean(world.error(answers)),
            "refined": squared_length(answers - world.truth),
            FINITE: _mean(world.error(refined_students(world, n, LABELS, students, rng=rng))),
            "intent": _mean(world.error(intent_students(world, n, prompts, rng=rng))),
            "repeated": squared_length(ends - world.truth),
        }
    return [
        {
            "student": name,
            "error": error,
            "stderr": stderr,
            "closed_form": float(LAWS[name](world, n)) if name in LAWS else np.nan,
        }
        for name, (error, stderr) in found.items()
    ]


def _mean(values: np.ndarray) -> tuple[float, float]:
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(values.size))


def squared_length(draws: np.ndarray) -> tuple[float, float]:
    """Unbiased estimate of ‖E v‖² from independent draws of v, (count, d): the mean of v·v' over pairs; its standard error by the jackknife."""
    count, total, squares = len(draws), draws.sum(axis=0), np.sum(draws**2, axis=1)
    value = (total @ total - squares.sum()) / (count * (count - 1))
    rest = total - draws
    without = (np.sum(rest**2, axis=1) - (squares.sum() - squares)) / ((count - 1) * (count - 2))
    return float(value), float(np.sqrt((count - 1) / count * np.sum((without - without.mean()) ** 2)))


def findings(table: dict[str, np.ndarray]) -> list[Finding]:
    """Each law against its simulation, who wins, what repeating does, and how soon the gap is there."""
    found = []
    for student in LAWS:
        rows = table["student"] == student
        measured, stderr, exact = (table[column][rows] for column in ("error", "stderr", "closed_form"))
        found.append(agreement(f"error of the student: {student}", measured, stderr, exact, least=LEAST))
    sizes = np.unique(table["n"][table["n"] > 0])
    fewest, most = int(sizes[0]), int(sizes[-1])
    for name, world in WORLDS.items():
        compared = (("naive", 0), ("shrunken", 0), (FINITE, most))
        measured, told, error = (
            {student: _value(table, name, student, n, column) for student, n in compared}
            for column in ("error", "closed_form", "stderr")
        )
        order = sorted(told, key=told.__getitem__)
        apart = min((measured[b] - measured[a]) / np.hypot(error[a], error[b]) for a, b in pairwise(order))
        found.append(
            Finding(
                f"{name} weak model: who wins is known before anything is run",
                "holds (derived here)"
                if apart > 5
                else "counterexample found"
                if apart < -5
                else "not attempted (too few students to tell)",
                f"{LABELS} labels: naive {measured['naive']:.4f} (closed form {told['naive']:.4f}), best pull towards the source "
                f"{measured['shrunken']:.4f} ({told['shrunken']:.4f}; never below {distance_to_line(world):.4f} with any number of labels), "
                f"refined with {most} examples per prompt {measured[FINITE]:.4f} ({told[FINITE]:.4f}); kept in the hull "
                f"{_value(table, name, 'hull'):.4f} (limit {hull_risk(world):.4f}); neighbours {apart:.0f} standard errors apart or more",
            )
        )
    few, many = (
        [_value(table, name, "repeated", n) - _value(table, name, "refined", n) for name in WORLDS] for n in (fewest, most)
    )
    found.append(
        Finding(
            "repeating refinement forgets with few examples and sharpens with many",
            "holds (derived here)" if min(few) > 0.0 > max(many) else "counterexample found",
            f"error after {ROUNDS} rounds minus error after one, over the three worlds: {min(few):+.3f} to {max(few):+.3f} with {fewest} "
            f"per prompt, {min(many):+.4f} to {max(many):+.4f} with {most}",
        )
    )
    name = "noisy and biased"
    world, rates = WORLDS[name], exponents(WORLDS[name])
    sizes = np.append(sizes, np.inf)
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
