"""The auxiliary confidence loss on a student that memorises: when it keeps its own label, and whether that helps.

Every item has scores of its own that descend the loss at its final coefficient; closed forms never enter a row. Transition: weak labels of one
confidence, students that disagree with them. Population: labels of many confidences, right as often as they say. Collapse: students that lean
to one class, at a fixed and at an adaptive threshold. Derived here (after burns2023).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from experiments._agreement import agreement, select
from experiments._ledger import Finding
from w2s_theory.problems.confident_labels import ConfidentLabels
from w2s_theory.quantities.confidence_loss import CONFIDENCE_GAIN, kept_share, two_columns
from w2s_theory.students.free_scores import FreeScores, settle
from w2s_theory.students.loss_menu import Confidence

SOURCE = "derived here (after burns2023)"
SHOWS = ("burns2023.keeps_its_label", "burns2023.confidence_gain", "burns2023.adaptive_balance")
#: Confidences of weak labels in the transition, and how many students disagree with one.
CONFIDENCES, STUDENTS = (0.55, 0.7, 0.9, 0.99), 100
COEFFICIENTS = (0.0, 0.05, 0.12, 0.21, 0.25, 0.33, 0.4, 0.47, 0.52, 0.6, 0.75, 0.9)
#: Levels of confidence in the population, evenly spread; each label is right with the probability that it says. None is at the border of one
#: of the coefficients, where the student ends undecided.
LEVELS = np.linspace(0.5, 1.0, 101)[1:-1:2]
#: P(student's own decision right | weak label wrong), and given that it is right.
PRIORS = {"helps": (0.75, 0.95), "helps if not overdone": (0.55, 0.82), "hurts": (0.3, 0.6)}
#: How far the students of the collapse lean to class 0, in log-odds; their own signal has standard deviation one.
LEANS = (0.0, 1.0, 2.0, 3.0)
#: Standard errors beyond which a difference counts as seen; share of a class, or its distance from ½, that counts as none.
STANDARD_ERRORS, COLLAPSED = 5.0, 0.05
#: Gains below this in the closed form are left out.
LEAST = 0.01
ITEMS = {"quick": 60_000, "full": 400_000}
SCALES = {
    scale: [
        *({"part": "transition", "world": f"{c}", "at": a, "items": STUDENTS} for c in CONFIDENCES for a in COEFFICIENTS),
        *({"part": "population", "world": name, "at": a, "items": items} for name in PRIORS for a in COEFFICIENTS),
        *({"part": "collapse", "world": name, "at": lean, "items": 320} for name in ("half", "batch") for lean in LEANS),
    ]
    for scale, items in ITEMS.items()
}
SEED_AXES = ("part", "world", "at")


def population(name: str, a: float) -> ConfidentLabels:
    """The world of one prior at coefficient a."""
    k = LEVELS.size
    return ConfidentLabels(LEVELS, np.full(k, 1.0 / k), LEVELS, np.tile(PRIORS[name], (k, 1)), a)


def predicted_kept(confidence: float, a: float) -> float:
    """1 where the student keeps its label against a weak one of this confidence, else 0."""
    return kept_share(np.array([0.25]), np.array([confidence]), a)


def predicted_accuracy(name: str, a: float) -> float:
    """Weak accuracy + gain, in closed form."""
    world = population(name, a)
    return world.weak_accuracy + CONFIDENCE_GAIN.closed_form(world)


def run_one(params: dict[str, Any], *, rng: np.random.Generator) -> list[dict[str, Any]]:
    """One value with its standard error: a kept share, an accuracy of the student, or the share of class 1 among its final labels."""
    measure = {"transition": _transition, "population": _population, "collapse": _collapse}[params["part"]]
    values = measure(params["world"], params["at"], params["items"], rng)
    return [{"value": float(values.mean()), "stderr": float(values.std(ddof=1) / np.sqrt(values.size))}]


def _transition(world: str, a: float, n: int, rng: np.random.Generator) -> np.ndarray:
    """Students on the other side of ½ than a weak label for class 1: who stays there."""
    start, weak = rng.uniform(0.02, 0.49, n), np.full(n, float(world))
    rows = FreeScores(Confidence(a, warmup=0.0, threshold="half"), two_columns(start), two_columns(weak))
    return (settle(rows, tolerance=1e-4).predictions[:, 1] < 0.5).astype(float)


def _population(world: str, a: float, n: int, rng: np.random.Generator) -> np.ndarray:
    """Student right, for drawn items: weak accuracy, which is known, + its gain."""
    labels = population(world, a)
    return labels.weak_accuracy + CONFIDENCE_GAIN.trials(labels, n, rng)


def _collapse(threshold: str, lean: float, n: int, rng: np.random.Generator) -> np.ndarray:
    """Balanced weak labels, unsure; final labels of students whose log-odds of class 1 are N(−lean, 1), a = ¾."""
    start = 1.0 / (1.0 + np.exp(lean - rng.standard_normal(n)))
    weak = np.tile([0.4, 0.6], n // 2)
    loss = Confidence(0.75, warmup=0.0, threshold="half" if threshold == "half" else "batch")
    rows = FreeScores(loss, two_columns(start), two_columns(weak))
    return (settle(rows, tolerance=1e-4).predictions[:, 1] > 0.5).astype(float)


def findings(table: dict[str, np.ndarray]) -> list[Finding]:
    """The border of the transition, the gain in a population, where it helps and hurts, and the collapse."""
    kept = [(c, *select(table, part="transition", world=f"{c}")) for c in CONFIDENCES]
    wrong = sum(int(np.sum(value != [predicted_kept(c, a) for a in at])) for c, at, value, _ in kept)
    points = sum(len(at) for _, at, _, _ in kept)
    hard = kept[-1][2][np.isin(kept[-1][1], (0.47, 0.52))]
    found = [
        Finding(
            "phase transition of the confidence loss: the student keeps its label iff the weak confidence is below ½/(1 − a)",
            "counterexample found" if wrong else "holds (derived here)",
            f"{wrong} of {points} points off the step; against labels of confidence {CONFIDENCES[-1]}, kept share {hard[0]:.0%} at a = 0.47 and "
            f"{hard[1]:.0%} at a = 0.52",
        )
    ]
    rows = {name: select(table, part="population", world=name) for name in PRIORS}
    weak = population("helps", 0.0).weak_accuracy
    exact = [predicted_accuracy(name, a) - weak for name, (at, _, _) in rows.items() for a in at]
    gains, errors = np.concatenate([r[1] for r in rows.values()]) - weak, np.concatenate([r[2] for r in rows.values()])
    claim = (
        "accuracy gain of the confidence loss = P(only student right) − P(only weak right) over weak confidences below ½/(1 − a)"
    )
    found.append(agreement(claim, gains, errors, exact, least=LEAST))
    best = {name: float(at[np.argmax(value)]) for name, (at, value, _) in rows.items()}
    last = {name: (float(value[-1] - weak), float(stderr[-1])) for name, (_, value, stderr) in rows.items()}
    wrong_best, wrong_sign, open_signs = [], [], []
    for name, (at, value, stderr) in rows.items():
        law = np.array([predicted_accuracy(name, a) for a in at])
        behind = float(value.max() - value[np.argmax(law)])
        if behind > STANDARD_ERRORS * float(np.hypot(stderr[np.argmax(value)], stderr[np.argmax(law)])):
            wrong_best.append(name)
        gain, error = last[name]
        if abs(law[-1] - weak) < LEAST:
            continue
        if abs(gain) <= STANDARD_ERRORS * error:
            open_signs.append(name)
        elif np.sign(gain) != np.sign(law[-1] - weak):
            wrong_sign.append(name)
    if wrong_best or wrong_sign:
        status = "counterexample found"
    else:
        status = f"not attempted (sign open: {', '.join(open_signs)})" if open_signs else "holds (derived here)"
    found.append(
        Finding(
            "the confidence loss helps a student whose decisions beat the weak labels where the two disagree, and hurts one whose do not: the best "
            f"coefficient and the sign of the gain at a = {COEFFICIENTS[-1]:g} are those of the closed form",
            status,
            f"gain at a = {COEFFICIENTS[-1]:g} and best a: "
            + "; ".join(f"{name}: {gain:+.3f}, {best[name]:g}" for name, (gain, _) in last.items()),
        )
    )
    share = {name: select(table, part="collapse", world=name)[1] for name in ("half", "batch")}
    collapsed = share["half"][-1] < COLLAPSED and np.all(np.abs(share["batch"] - 0.5) < COLLAPSED)
    found.append(
        Finding(
            "a fixed threshold of ½ can collapse to one class, the adaptive one can't (students that differ in their scores)",
            "holds (derived here)" if collapsed else "counterexample found",
            f"balanced weak labels, students that lean to class 0 by {', '.join(f'{lean:g}' for lean in LEANS)} in log-odds: share of class 1 "
            f"{', '.join(f'{v:.2f}' for v in share['half'])} at the fixed threshold, {', '.join(f'{v:.2f}' for v in share['batch'])} at the "
            "adaptive one",
        )
    )
    return found
