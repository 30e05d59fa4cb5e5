"""Gain and misfit in KL, both orders, with the residual that separates them: four students in theory, and four real tasks.

Synthetic: a hidden softmax head is the truth and half a network the weak model; the students are those for which something is known. A
head trained by cross-entropy has equality in the order KL(· ‖ truth); the best mixture of known heads under reverse KL has gain ≥ misfit;
one head under reverse KL has no guarantee. All in sample, where theorems speak without estimation error.

Real: digits and three text tasks. Weak: softmax head on the weak features, trained on gold labels of one part. Student: softmax head on
the strong features, trained on the weak probabilities of another part by forward or by reverse KL, penalty chosen on a held-out fifth of
those; on the first splits a mixture of heads too. The target is the gold label, or the ceiling's probabilities (the same head trained
on gold labels), which stands for a truth that is realizable, as in the paper. A trial is a random split; all methods share it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from experiments._classification import STEPS, TOLERANCE, best_mixture, identity, measured, scattered_heads, student
from experiments._embeddings import missing
from experiments._gain_misfit import (
    CROSS_ENTROPY,
    FORWARD,
    HULL,
    IGNORANT,
    MIXTURE,
    REVERSE,
    SINGLE,
    TASKS,
    correlation,
    equality,
    hull,
    ignorant,
    mixtures,
    real_dual,
    real_gain,
    reverse_or_forward,
    same_features_gain,
    single,
)
from experiments._ledger import Finding
from w2s_theory.embeddings.tasks import EMBEDDING_CLASSES, digits_classes, embedding_classes
from w2s_theory.problems.classification import ClassificationTask, random_teacher, same_features
from w2s_theory.problems.softmax_worlds import random_network_world
from w2s_theory.students.classifiers import FLOOR, SoftmaxRule
from w2s_theory.students.mixtures import fit_mixture

SOURCE = "mulgund2025, gain against misfit; yao2025kl, forward against reverse KL; on other data"
SHOWS = ("identities.bregman", "mulgund2025.convex_class", "mulgund2025.softmax_head")
#: Synthetic: classes, size of the representation, inputs; heads of the hull and how far they scatter around the truth's.
CLASSES, DIMENSION, INPUTS, MEMBERS, SCATTER = 4, 5, 300, 12, 1.0
#: Parts of a split: gold labels of the weak model, rows with weak labels, test rows.
SIZES = {"digits": (150, 440, 300)} | dict.fromkeys(EMBEDDING_CLASSES, (400, 700, 400))
CONTROLS = ("none", "same features", *IGNORANT)
#: The random teacher's λ: held-out labels would notice that its features are noise and return the shares of the classes.
RANDOM_PENALTY = 1.0
#: Heads of the mixture, and the splits that have one, which bounds the time of a full run.
HEADS, MIXED_TRIALS = 3, {"quick": 1, "full": 5}
WORLDS = {"quick": 12, "full": 60}
#: Splits of the real tasks, and of their controls, whose effects are large. The quick grid has digits only, which need no data.
SPLITS, CONTROL_SPLITS = {"quick": 3, "full": 30}, {"quick": 2, "full": 10}
SCALES = {
    scale: [
        *({"task": "synthetic", "control": "none", "mixed": False, "trial": trial} for trial in range(WORLDS[scale])),
        *(
            {"task": task, "control": control, "mixed": control == "none" and trial < MIXED_TRIALS[scale], "trial": trial}
            for task in (TASKS if scale == "full" else TASKS[:1])
            for control in CONTROLS
            for trial in range((SPLITS if control == "none" else CONTROL_SPLITS)[scale])
        ),
    ]
    for scale in WORLDS
}
SEED_AXES = ("trial",)


def unavailable(scale: str) -> str:
    """Why the grid of this scale can't run here, "" when it can: the text embeddings are not shipped."""
    return missing(params["task"] for params in SCALES[scale])


@functools.cache
def _task(name: str) -> ClassificationTask:
    return digits_classes() if name == "digits" else embedding_classes(name)


def run_one(params: dict[str, Any], *, rng: np.random.Generator) -> list[dict[str, Any]]:
    """One world, or one split of one task: a row per student, place, target and order of KL."""
    if params["task"] == "synthetic":
        return _synthetic(rng=rng)
    return _real(params["task"], params["control"], params["mixed"], rng=rng)


def _synthetic(*, rng: np.random.Generator) -> list[dict[str, Any]]:
    """The three students; the target of the hull is a random mixture of its heads, that of the others the network."""
    world = random_network_world(CLASSES, dimension=DIMENSION, rng=rng)
    features, weak, target = world.sample(INPUTS, rng=rng)
    members = scattered_heads(features, world.heads, members=MEMBERS, scatter=SCATTER, rng=rng)
    mixed = np.tensordot(rng.dirichlet(np.ones(MEMBERS)), members, axes=1)
    best = best_mixture(members, weak)
    heads = {
        CROSS_ENTROPY: student(features, weak, loss="forward_kl", heads=1, rng=rng)(features),
        SINGLE: student(features, weak, loss="reverse_kl", heads=1, rng=rng)(features),
    }
    rows = []
    for name, learned, truth in (*((name, s, target) for name, s in heads.items()), (HULL, best.values, mixed)):
        for order in ("primal", "dual"):
            row = {"student": name, "where": "train", "target": "truth", "gap": float(best.gap) if name == HULL else 0.0}
            rows.append(row | measured(weak, learned, truth, order, rng=rng))
    return rows


def _real(name: str, control: str, mixed: bool, *, rng: np.random.Generator) -> list[dict[str, Any]]:
    task = _task(name)
    split = task.split(SIZES[name], rng=rng)
    teacher = SoftmaxRule()
    if control == "same features":
        task = same_features(task)
    elif control == "random teacher":
        task, teacher = random_teacher(task, rng=rng), SoftmaxRule(penalty=RANDOM_PENALTY)
    taught = teacher.fit(task.weak_features[split.weak], task.one_hot(split.weak), rng=rng)
    places = {"train": split.transfer, "test": split.test}
    weak = {where: taught.predict(task.weak_features[rows]) for where, rows in places.items()}
    if control == "permuted labels":
        weak = {where: rng.permutation(labels) for where, labels in weak.items()}
    seen = task.strong_features[split.transfer]
    ceiling = SoftmaxRule().fit(seen, task.one_hot(split.transfer), rng=rng).predict
    students: dict[str, Callable[[np.ndarray], np.ndarray]] = {}
    for method, loss in ((FORWARD, "forward_kl"), (REVERSE, "reverse_kl")):
        fit = SoftmaxRule(loss).fit(seen, weak["train"], rng=rng)  # type: ignore[arg-type]
        students[method] = fit.predict
        if mixed and method == REVERSE:
            students[MIXTURE] = _mixture(seen, weak["train"], fit.penalty, rng=rng)
    rows = []
    for where, part in places.items():
        surrogate, labels = ceiling(task.strong_features[part]), task.labels[part]
        gold = task.one_hot(part)
        shares = gold.mean(axis=0)
        for method, predict in students.items():
            learned = predict(task.strong_features[part])
            rates = {
                "weak_accuracy": np.mean(weak[where].argmax(axis=1) == labels),
                "student_accuracy": np.mean(learned.argmax(axis=1) == labels),
                "ceiling_accuracy": np.mean(surrogate.argmax(axis=1) == labels),
                "class_entropy": -np.sum(shares * np.log(shares)),
            }
            rates = {key: float(value) for key, value in rates.items()}
            for target, truth, order in (
                ("gold", gold, "primal"),
                ("ceiling", surrogate, "primal"),
                ("ceiling", surrogate, "dual"),
            ):
                row = {"student": method, "where": where, "target": target, "gap": 0.0} | rates
                rows.append(row | measured(weak[where], learned, truth, order, rng=rng))
    return rows


def _mixture(features: np.ndarray, labels: np.ndarray, penalty: float, *, rng: np.random.Generator) -> Callable:
    """A mixture of ``HEADS`` heads by reverse KL, with the penalty that the single head chose."""
    binary = labels.shape[1] == 2
    settings = {"penalty": penalty, "intercept": True, "tolerance": TOLERANCE, "max_iterations": STEPS, "starts": 1}
    tasks = labels[:, 1:] if binary else labels[:, None, :]
    fit = fit_mixture(features, tasks, heads=HEADS, loss="reverse_kl", rng=rng, **settings)

    def predict(rows: np.ndarray) -> np.ndarray:
        p = fit.predict(rows)
        p = np.concatenate([1.0 - p, p], axis=1) if binary else p[:, 0]
        return np.maximum(p, FLOOR) / np.maximum(p, FLOOR).sum(axis=1, keepdims=True)

    return predict


def findings(table: dict[str, np.ndarray]) -> list[Finding]:
    """The identity, the three students of which theory speaks, the real tasks by gold labels and by the surrogate, controls, the losses."""
    return [
        identity(table),
        equality(table),
        hull(table),
        single(table),
        real_gain(table, "gold"),
        real_gain(table, "ceiling"),
        real_dual(table),
        correlation(table),
        mixtures(table, HEADS),
        *(ignorant(table, control) for control in IGNORANT),
        same_features_gain(table),
        reverse_or_forward(table, "accuracy"),
        reverse_or_forward(table, "cross-entropy"),
    ]
