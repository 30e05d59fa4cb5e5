"""The losses of the menu on weak labels, four kinds of supervisors: heads on frozen features, trained by the published recipe and for longer.

Tasks: Gaussian clusters (synthetic, a new world for every trial), digits, and two text tasks, layer 0 of a small encoder beside layer 6.
Supervisors: labels that are wrong at random, by class, or on whole regions of what the student sees (k-means), soft with confidence
1 − share; and the weak representation with a head of its own. All losses of a trial share split, supervisor and order of the batches. Clusters
and digits have more than two classes: the confidence losses threshold them by our extension of the rule, as the released code refuses
them. The text embeddings are not shipped; the quick grid leaves them out.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from experiments._embeddings import missing
from experiments._ledger import Finding
from experiments._loss_menu import (
    ADAPTIVE,
    BASE,
    CONTROLS,
    ERRORS,
    LONG,
    NAMES,
    SHORT,
    WEAK,
    Map,
    Table,
    controls,
    entropy,
    helps_where_longer_hurts,
    helps_where_right,
    losses_of,
    product,
    warm_up,
    weak_models,
    which_differ,
)
from w2s_theory.embeddings.tasks import digits_classes, embedding_classes
from w2s_theory.problems.classification import ClassificationTask, random_teacher, same_features
from w2s_theory.problems.clusters import cluster_world
from w2s_theory.problems.supervisors import class_conditional_errors, random_errors, soft_labels, systematic_errors
from w2s_theory.students.classifiers import SoftmaxRule
from w2s_theory.students.head_training import TrainedHead
from w2s_theory.students.loss_menu import LOSSES, Adaptive

SOURCE = "burns2023, losses of the released code and of its follow-ups, on other data and with frozen features"
#: The menu; the adaptive loss at the median confidence of the batch, so that some labels are on either side of it.
TRAINED = {name: LOSSES[name] for name in NAMES} | {ADAPTIVE: Adaptive(quantile=0.5)}
#: Rows for the weak head, for transfer and for testing.
SIZES = {
    "clusters": (500, 1000, 1000),
    "digits": (200, 400, 290),
    "sst2": (400, 700, 400),
    "openai_moderation": (400, 700, 400),
}
TEXT = ("sst2", "openai_moderation")
#: Odd and even classes err in this proportion to the share of all errors.
BY_CLASS = (1.2, 0.8)
REGIONS = 20
#: The rate is ours: for heads, in steps of batches of 32.
LEARNING_RATE = 0.003


def _grid(tasks: tuple[str, ...], shares: tuple[float, ...], trials: int) -> list[dict[str, Any]]:
    supervisors = [*((error, share) for error in ERRORS for share in shares), (WEAK, 0.0)]
    return [
        *(
            {"task": task, "supervisor": name, "share": share, "control": "none", "epochs": epochs, "trial": trial}
            for task in tasks
            for name, share in supervisors
            for epochs in (SHORT, LONG)
            for trial in range(trials)
        ),
        *(
            {"task": task, "supervisor": WEAK, "share": 0.0, "control": control, "epochs": SHORT, "trial": trial}
            for task in tasks
            for control in CONTROLS
            for trial in range(trials)
        ),
    ]


#: The quick grid needs no data that are not shipped.
SCALES = {"quick": _grid(("digits",), (0.4,), 2), "full": _grid(tuple(SIZES), (0.2, 0.4), 10)}
SEED_AXES = ("task", "supervisor", "share", "trial")


def unavailable(scale: str) -> str:
    """Why the grid of this scale can't run here, "" when it can: the text embeddings are not shipped."""
    return missing(params["task"] for params in SCALES[scale])


class World(NamedTuple):
    """A task, and the regions of its rows (N,) on which systematic errors fall."""

    task: ClassificationTask
    regions: np.ndarray


def world_of(name: str, trial: int) -> World:
    """Clusters are drawn anew for every trial; the other data sets are what they are."""
    return _world(name, trial if name == "clusters" else 0)


@functools.cache
def _world(name: str, trial: int) -> World:
    if name in TEXT:
        task = embedding_classes(name)
    elif name == "digits":
        task = digits_classes()
    else:
        rng = np.random.default_rng(trial)
        features, _, labels = cluster_world(classes=3, clusters=4, dimension=16, separation=3.5, rng=rng).sample(3000, rng=rng)
        task = ClassificationTask((features[:, :8], features), labels, "clusters", is_synthetic=True)
    return World(task, _regions(task.strong_features))


def _regions(features: np.ndarray) -> np.ndarray:
    """The nearest of ``REGIONS`` k-means centres of the features, each in units of its spread."""
    from scipy.cluster.vq import kmeans2

    spread = features.std(axis=0)
    scaled = features[:, spread > 0.0] / spread[spread > 0.0]
    first = np.random.default_rng(0).choice(len(scaled), REGIONS, replace=False)
    return kmeans2(scaled, scaled[first], minit="matrix")[1].astype(np.int64)


def supervise(
    task: ClassificationTask, regions: np.ndarray, params: Mapping[str, Any], rows: np.ndarray, *, rng: np.random.Generator
) -> np.ndarray:
    """Soft weak labels (N, C) of all rows; ``rows`` have gold labels for the weak head."""
    name, share, classes = params["supervisor"], params["share"], task.classes
    if name == WEAK:
        head = SoftmaxRule().fit(task.weak_features[rows], task.one_hot(rows), rng=rng)
        return head.predict(task.weak_features)
    if name == "random":
        wrong = random_errors(task.labels, share=share, classes=classes, rng=rng)
    elif name == "systematic":
        wrong = systematic_errors(task.labels, regions, share=share, classes=classes, rng=rng)
    else:
        chance = share * np.resize(BY_CLASS, classes)[:, None]
        wrong = class_conditional_errors(
            task.labels, (1.0 - chance) * np.eye(classes) + chance * np.roll(np.eye(classes), 1, axis=1), rng=rng
        )
    return soft_labels(wrong, classes=classes, confidence=1.0 - share)


def run_one(params: dict[str, Any], *, rng: np.random.Generator) -> list[dict[str, Any]]:
    """A row per loss: accuracies on the test rows; and on the transfer rows, where a short cross-entropy head and the weak labels disagree."""
    split_rng, weak_rng, head_rng = rng.spawn(3)
    task, regions = world_of(params["task"], params["trial"])
    split = task.split(SIZES[params["task"]], rng=split_rng)
    if params["control"] == "same features":
        task = same_features(task)
    elif params["control"] == "random teacher":
        task = random_teacher(task, rng=weak_rng)
    weak = supervise(task, regions, params, split.weak, rng=weak_rng)
    labels = weak_rng.permutation(weak[split.transfer]) if params["control"] == "permuted labels" else weak[split.transfer]
    features, gold = task.strong_features, task.labels
    seed = int(head_rng.integers(2**32))

    def learn(loss: str, epochs: int, given: np.ndarray) -> Any:
        rule = TrainedHead(TRAINED[loss], epochs=epochs, learning_rate=LEARNING_RATE)
        return rule.fit(features[split.transfer], given, rng=np.random.default_rng(seed))

    def right(head: Any, rows: np.ndarray) -> np.ndarray:
        return head.predict(features[rows]).argmax(axis=1) == gold[rows]

    prior = right(learn(BASE, SHORT, labels), split.transfer)
    weak_right = labels.argmax(axis=1) == gold[split.transfer]
    shared = {
        "weak": float(np.mean(weak[split.test].argmax(axis=1) == gold[split.test])),
        "ceiling": float(np.mean(right(learn(BASE, params["epochs"], task.one_hot(split.transfer)), split.test))),
        "majority": float(np.bincount(gold[split.test]).max() / len(split.test)),
        "edge": float(np.mean(prior & ~weak_right) - np.mean(~prior & weak_right)),
    }
    return [
        {"loss": name, "student": float(np.mean(right(learn(name, params["epochs"], labels), split.test)))} | shared
        for name in losses_of(params["supervisor"])
    ]


def findings(table: Table) -> list[Finding]:
    """Every loss against cross-entropy; what was predicted of confidence, entropy and product; the warm-up; the controls."""
    lines = (which_differ, helps_where_right, helps_where_longer_hurts, weak_models, entropy, product, warm_up, controls)
    by_cell = Map(table)
    return [line(by_cell) for line in lines]
