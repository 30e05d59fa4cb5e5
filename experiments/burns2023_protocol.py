"""The weak-to-strong protocol on frozen representations of four real tasks: published tricks side by side, both ceilings, PGR with intervals.

Digits (coarse pixels teach kernel components) and three text tasks (layer 0 of a small encoder teaches layer 6); heads are softmax, the
penalty is chosen on held-out weak labels. A run's test rows are fixed; weak and transfer rows are drawn again for every split, from the same
pool. Intervals cover the choice of test points and of the split, not that of the pool. The texts are not shipped; the quick grid leaves them out.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from experiments._embeddings import missing
from experiments._protocol import CEILINGS, CONTROLLED, DROPPED, METRICS, NAIVE, NEIGHBOURS, TASKS, TRICKS, findings
from w2s_theory.embeddings.tasks import EMBEDDING_CLASSES, digits_classes, embedding_classes
from w2s_theory.outcomes import Estimate
from w2s_theory.problems.classification import ClassificationTask, random_teacher, same_features, stratified, with_components
from w2s_theory.problems.empirical import Split
from w2s_theory.protocol import Predictions, ProtocolRun, run_protocol, train_ceiling
from w2s_theory.quantities.disagreement import disagreement
from w2s_theory.quantities.gain import report
from w2s_theory.quantities.metrics import as_metric
from w2s_theory.quantities.performances import GAIN, Performances
from w2s_theory.quantities.pgr import pgr
from w2s_theory.quantities.pgr_intervals import by_t
from w2s_theory.students.classifiers import SoftmaxRule
from w2s_theory.students.neighbours import NeighbourProbe
from w2s_theory.students.relabelling import keep_nearest_labels, relabel
from w2s_theory.triple import Triple

SOURCE = "burns2023, the protocol and its variations, on small frozen representations"
#: Weak, transfer and test rows: nearly half of the rows are for testing, because the width of the intervals comes mostly from them.
SIZES = {"digits": (150, 300, 446)} | dict.fromkeys(EMBEDDING_CLASSES, (300, 500, 700))
#: Principal components of layer 6 that stand in for a model of middle size in the chain of a text task.
COMPONENTS = 48
LEVEL = 0.95
RULE = SoftmaxRule()


def relabelled(features: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All rows, with the mean label of their neighbours."""
    return relabel(NeighbourProbe(NEIGHBOURS), features, labels), np.ones(len(labels), dtype=bool)


def filtered(features: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The labels as they are, without those that their neighbours dispute most."""
    return labels, keep_nearest_labels(NeighbourProbe(NEIGHBOURS), features, labels, contamination=DROPPED)


#: Method -> what it changes in ``run_protocol``.
METHODS: dict[str, dict[str, Any]] = {
    "naive": {},
    "reverse KL": {"student": SoftmaxRule("reverse_kl")},
    "chain": {"chain": (1,)},
    "2 rounds": {"rounds": 2},
    "3 rounds": {"rounds": 3},
    "relabelled": {"relabel": relabelled},
    "filtered": {"relabel": filtered},
}
#: The random teacher gets a fixed penalty: a held-out fifth would notice that its features are noise, and return the prior.
CONTROLS: dict[str, dict[str, Any]] = {
    "permuted labels": {"shuffle": True},
    "same features": {},
    "random teacher": {"weak": SoftmaxRule(penalty=1.0)},
}
#: The quick grid needs no data that are not shipped.
SPLITS = {"quick": (2, TASKS[:1]), "full": (24, TASKS)}
SCALES = {scale: [{"task": task, "splits": splits} for task in tasks] for scale, (splits, tasks) in SPLITS.items()}
SEED_AXES = ("task",)

__all__ = ["SCALES", "SEED_AXES", "SOURCE", "findings", "run_one", "unavailable"]


def unavailable(scale: str) -> str:
    """Why the grid of this scale can't run here, "" when it can: the text embeddings are not shipped."""
    return missing(params["task"] for params in SCALES[scale])


@functools.cache
def _task(name: str) -> ClassificationTask:
    """Three representations each; the one in the middle is for the chain."""
    return digits_classes() if name == "digits" else with_components(embedding_classes(name), COMPONENTS)


def run_one(params: dict[str, Any], *, rng: np.random.Generator) -> list[dict[str, Any]]:
    """One task: a row per method or control, ceiling and metric."""
    return measure(_task(params["task"]), SIZES[params["task"]], params["splits"], rng=rng)


def splits_of(task: ClassificationTask, sizes: tuple[int, int, int], count: int, *, rng: np.random.Generator) -> Iterator[Split]:
    """Splits that share their test rows: the other rows are dealt to weak and transfer anew, every class in its share."""
    first = task.split(sizes, rng=rng)
    pool = np.concatenate([first.weak, first.transfer])
    for _ in range(count):
        order = pool[stratified(task.labels[pool], rng=rng)]
        yield Split(order[: sizes[0]], order[sizes[0] :], first.test)


def measure(
    task: ClassificationTask, sizes: tuple[int, int, int], count: int, *, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """All methods on ``count`` splits, and the rows that say how they did."""
    runs: dict[str, list[ProtocolRun]] = {}
    ceilings: list[Predictions] = []
    for split in splits_of(task, sizes, count, rng=rng):
        seed = int(rng.integers(2**63))  # every method draws the same: the first of two students is the naive one
        naive = run_protocol(task, split=split, student=RULE, weak=RULE, rng=np.random.default_rng(seed))
        ceilings.append(train_ceiling(task, split=split, student=RULE, gold="weak", rng=rng))
        given: dict[str, Any] = {"split": split, "student": RULE, "weak": naive.weak, "ceiling": naive.ceiling}
        worlds = {"same features": same_features(task), "random teacher": random_teacher(task, rng=rng)}
        for method, change in (METHODS | CONTROLS).items():
            again = (
                naive
                if method == "naive"
                else run_protocol(worlds.get(method, task), rng=np.random.default_rng(seed), **(given | change))
            )
            runs.setdefault(method, []).append(again)
    gold = runs["naive"][0].gold.test
    shares = np.bincount(task.labels, minlength=task.classes) / task.size
    prior = np.broadcast_to(shares, (count, len(gold), task.classes))
    by_weak = np.stack([each.test for each in ceilings])
    naive = _stacked(runs["naive"], "student")
    size = dict(zip(("n_weak", "n_transfer", "n_test"), sizes, strict=True)) | {"classes": task.classes}
    rows = []
    for method, outcomes in runs.items():
        weak, student, by_transfer = (_stacked(outcomes, model) for model in ("weak", "student", "ceiling"))
        apart = disagreement(_pooled(outcomes, gold))
        agreement = _agreement(weak, student)
        about = {
            "method": method,
            "is_control": method in CONTROLS,
            "kept": float(np.mean([outcome.kept[-1] for outcome in outcomes])) / sizes[1],
            "student_right": float(apart.student_right),
            "weak_right": float(apart.weak_right),
        } | _named("agreement", agreement)
        for metric in METRICS:
            divergence = "zero-one" if metric == "accuracy" else "kl"
            numbers = [report(outcome.triple("test", divergence)) for outcome in outcomes]
            realizable = [report(outcome.triple("test", divergence, target="ceiling")) for outcome in outcomes]
            about |= {"metric": metric, "misfit": _mean(numbers, "misfit"), "residual": _mean(numbers, "residual")}
            about |= {"gain_to_ceiling": _mean(realizable, "gain")}
            about |= _named("over_prior", contrast(metric, prior, student, gold, level=CONTROLLED))
            about |= _named("over_weak", contrast(metric, weak, student, gold, level=NAIVE))
            if method != "naive":
                about |= _named("over_naive", contrast(metric, naive, student, gold, level=TRICKS))
            about |= _named("ceilings_apart", contrast(metric, by_weak, by_transfer, gold, level=CEILINGS))
            for name, ceiling in (("transfer", by_transfer), ("weak", by_weak)):
                found = pgr(weak, student, ceiling, gold, metric=metric, level=LEVEL)
                row = {"ceiling": name} | about | _named("gain", found.gain) | _named("gap", found.gap)
                for model, predicted in (("weak", weak), ("student", student), ("ceiling", ceiling)):
                    row |= _named(f"{model}_value", value_of(metric, predicted, gold))
                refused = {"pgr": found.value, "pgr_low": found.low, "pgr_high": found.high}
                rows.append(row | refused | {"is_refused": found.is_refused, "why": found.why} | size)
    return rows


def _stacked(outcomes: list[ProtocolRun], model: str) -> np.ndarray:
    """A model's probabilities on the test rows, (splits, n, C)."""
    return np.stack([getattr(outcome, model).test for outcome in outcomes])


def _mean(numbers: list[Any], name: str) -> float:
    return float(np.mean([getattr(each, name) for each in numbers]))


def _named(name: str, estimate: Estimate) -> dict[str, float]:
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def _pooled(outcomes: list[ProtocolRun], gold: np.ndarray) -> Triple:
    """The zero-one Triple of all splits, one after the other."""
    weak, student = (np.argmax(_stacked(outcomes, model), axis=-1).ravel() for model in ("weak", "student"))
    return Triple(weak, student, np.tile(gold, len(outcomes)), divergence="zero-one")


def contrast(metric: str, first: np.ndarray, second: np.ndarray, gold: np.ndarray, *, level: float = LEVEL) -> Estimate:
    """How much better the second model's predictions (splits, n, C) are, with the interval over points and splits that ``pgr`` uses."""
    kind = as_metric(metric)
    one, other = (kind.evaluate(predicted, gold) for predicted in (first, second))
    performances = Performances.of((one, other, other), sign=kind.sign, n=len(gold))
    return by_t(performances, GAIN, level)


def value_of(metric: str, predicted: np.ndarray, gold: np.ndarray) -> Estimate:
    """The metric itself, with the same interval."""
    kind = as_metric(metric)
    evaluation = kind.evaluate(predicted, gold)
    performances = Performances.of((evaluation, evaluation, evaluation), sign=1.0, n=len(gold))
    return by_t(performances, np.array([1.0, 0.0, 0.0]), LEVEL)


def _agreement(weak: np.ndarray, student: np.ndarray) -> Estimate:
    """Share of test rows where both name the same class: the accuracy of "they agree", which should be 0."""
    differ = (np.argmax(weak, axis=-1) != np.argmax(student, axis=-1)).astype(np.int64)
    found = value_of("accuracy", differ, np.zeros(differ.shape[1]))
    return replace(found, low=max(found.low, 0.0), high=min(found.high, 1.0))
