"""Gold labels that tell a gain: interval widths against labels, ours and the paired estimate, on real tasks, with coverage.

"real": a weak head trained on a quarter of a task's rows labels the next quarter, the strong head learns from these labels, and the
other half is the pool, whose gold labels are hidden and bought. So the pool's own gain is known and coverage can be counted: every row
of the table is many draws of labels from one pool; a trial is a random split. What is random is the draw, whose law is known: rows that
resemble each other, as hatecheck's, made from templates, do no harm to intervals for a pool (for a population they would). Losses:
squared (ridge heads by leave-one-out, labels standardised; of several classes the commonest against the rest), cross-entropy and
accuracy (softmax heads). Draws are independent, ours and the paired estimate's alike, as from a pool much larger than what is labelled;
"in pool" takes a pool's end into account. Weak: layer 0 of a small sentence encoder, strong: layer 6; digits: 2 × 2 pixels, kernel
components; for ESOL fingerprints and descriptors; "tos (gpt-3.5)" has a language model's own answers as weak labels.

"simulated": pools of normal features and labels, and of classes, drawn anew each time, so that the law's own gain is known too; both
targets, all designs.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import stdtrit

from experiments import _frozen
from experiments._embeddings import missing
from experiments._label_savings import LABELS, LEVEL, PAIRED, findings
from experiments._label_worlds import WORLDS, ends, row, simulated
from w2s_theory.embeddings.tasks import EMBEDDING_CLASSES, digits_classes, digits_task, embedding_classes, embedding_task
from w2s_theory.pipelines import run
from w2s_theory.problems.classification import ClassificationTask
from w2s_theory.problems.empirical import EmpiricalTask
from w2s_theory.protocol import Predictions, run_protocol
from w2s_theory.quantities.label_efficiency.blend import Affine, spread_of
from w2s_theory.quantities.label_efficiency.difference import gain_of
from w2s_theory.quantities.label_efficiency.draws import draw_points
from w2s_theory.quantities.label_efficiency.trinomial import exact_interval, score_interval
from w2s_theory.students.classifiers import SoftmaxRule
from w2s_theory.students.linear import Ridge

__all__ = ["SCALES", "SEED_AXES", "SOURCE", "findings", "run_one", "unavailable"]

SOURCE = "derived here"
SHOWS = ("label_efficiency.disagreement_saving", "label_efficiency.exact_interval", "label_efficiency.difference_estimator")
PARTS = (0.25, 0.25, 0.5)
#: Exact intervals are made for these numbers of labels; of several classes, where one takes a tenth of a second, for the first only.
EXACT_LABELS = (25, 50)
EMBEDDED = ("stsb_en", "emobank", "sst2", "trec", "openai_moderation")
FROZEN = {"hatecheck": ("minilm", 0), "lexglue_tos_gpt35": ("minilm", 0), "esol": ("fingerprints", 0)}
TEACHER = "tos (gpt-3.5)"
REGRESSIONS = ("stsb_en", "emobank", "esol")
TASKS = {"quick": ("stsb_en", "sst2", "digits"), "full": (*EMBEDDED, "digits", *FROZEN, TEACHER)}
#: Splits, draws of labels from each pool, simulated pools.
TRIALS = {"quick": (2, 60, 150), "full": (8, 80, 700)}
SEED_AXES = ("part", "task", "loss", "trial", "n")


def losses(task: str) -> tuple[str, ...]:
    """The losses in which a task's gain is told."""
    if task in REGRESSIONS:
        return ("squared",)
    return ("accuracy",) if task == TEACHER else ("squared", "cross-entropy", "accuracy")


def _grid(scale: str) -> list[dict[str, Any]]:
    splits, draws, pools = TRIALS[scale]
    real = [
        {"part": "real", "task": task, "loss": loss, "trial": trial, "n": 0, "repeats": draws}
        for task in TASKS[scale]
        for loss in losses(task)
        for trial in range(splits)
    ]
    made = [
        {"part": "simulated", "task": world, "loss": "squared" if world == "numbers" else "accuracy", "trial": 0, "n": n}
        | {"repeats": pools}
        for world in WORLDS
        for n in ((20, 50, 100) if world == "numbers" else (20, 50))
    ]
    return real + made


SCALES = {scale: _grid(scale) for scale in TRIALS}


def unavailable(scale: str) -> str:
    """Why the grid of this scale can't run here, "" when it can."""
    tasks = {params["task"] for params in SCALES[scale]}
    texts = tasks & set(FROZEN) | ({"lexglue_tos_gpt35"} if TEACHER in tasks else set())
    frozen = _frozen.missing(sorted(texts), sorted({"minilm", "fingerprints", "descriptors"})) if texts else ""
    return missing(sorted(tasks & set(EMBEDDED))) or frozen


def run_one(params: dict[str, Any], *, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Real: a row per method and number of labels. Simulated: a row per method and target."""
    if params["part"] == "simulated":
        return [{"synthetic": True} | each for each in simulated(params, rng)]
    weak, student, gold = pool(params["task"], params["loss"], rng=rng)
    maker = _accuracy if params["loss"] == "accuracy" else _difference
    return [{"synthetic": False, "points": len(gold)} | each for each in maker(weak, student, gold, params, rng)]


def pool(task: str, loss: str, *, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Answers of weak model and student, and the truth, on the half of the rows that trained nothing."""
    if loss == "squared":
        data = _numbers(task)
        made = run(data, split=data.split(PARTS, rng=rng), student=Ridge("loo")).test
        return np.asarray(made.weak), np.asarray(made.student), np.asarray(made.target)
    data, teacher = _classes(task)
    split = data.split(PARTS, rng=rng)
    weak = None if teacher is None else Predictions(*(teacher[rows] for rows in (split.transfer, split.test)))
    made = run_protocol(data, split=split, student=SoftmaxRule(), weak=weak, rng=rng)
    weak_answers, student = made.weak.test, made.student.test
    if loss == "accuracy":
        weak_answers, student = np.argmax(weak_answers, axis=1), np.argmax(student, axis=1)
    return weak_answers, student, made.gold.test


@functools.cache
def _numbers(task: str) -> EmpiricalTask:
    """The task; of several classes the commonest against the rest."""
    if task == "digits":
        data = digits_task()
    elif task in FROZEN:
        data = _frozen.empirical(task, FROZEN[task], ("descriptors", 0) if task == "esol" else ("minilm", 6))
    else:
        data = embedding_task(task)
    if data.labels.ndim == 1:
        return data
    return replace(data, labels=data.labels[np.argmax(np.mean(data.labels > 0.0, axis=1))])


@functools.cache
def _classes(task: str) -> tuple[ClassificationTask, np.ndarray | None]:
    """The task, and the certain answers of an outside teacher where it is the weak model."""
    if task == "digits":
        return digits_classes(), None
    if task in EMBEDDING_CLASSES:
        return embedding_classes(task), None
    name = "lexglue_tos_gpt35" if task == TEACHER else task
    data = _frozen.classes(name, FROZEN[name], ("minilm", 6))
    if task != TEACHER:
        return data, None
    answers = _frozen.teacher(name)
    assert answers is not None
    given = np.isfinite(answers)
    kept = ClassificationTask(tuple(x[given] for x in data.representations), data.labels[given], task)
    return kept, np.eye(2)[answers[given].astype(np.int64)]


def _difference(
    weak: np.ndarray, student: np.ndarray, gold: np.ndarray, params: dict[str, Any], rng: np.random.Generator
) -> list[dict[str, Any]]:
    """Squared loss or cross-entropy: drawn points with the blend, uniform points with the blend, and the paired estimate."""
    vector = weak.ndim == 2
    loss = "kl" if vector else "squared"
    affine = Affine.of(weak, student, loss)
    truth = np.eye(weak.shape[1])[gold] if vector and gold.ndim == 1 else gold
    each = affine.gain(truth, np.arange(affine.size))
    rows = [row(params, "paired", n, each.mean(), *_paired(each, n, params["repeats"], rng)) for n in PAIRED]
    for method, spread in (("drawn", spread_of(weak, student, loss)), ("uniform", np.ones(affine.size))):
        for n in LABELS:
            draws = (draw_points(spread, n, rng=rng, how="replacement") for _ in range(params["repeats"]))
            found = [gain_of(affine, draw, truth[draw.rows], level=LEVEL).gain for draw in draws]
            rows.append(row(params, method, n, each.mean(), *ends(found)))
    for n in LABELS[:-1]:
        draws = (draw_points(spread_of(weak, student, loss), n, rng=rng, how="systematic") for _ in range(params["repeats"]))
        found = [gain_of(affine, draw, truth[draw.rows], level=LEVEL).gain for draw in draws]
        rows.append(row(params, "in pool", n, each.mean(), *ends(found)))
    return [row | {"misfit": float(np.mean(affine.misfit))} for row in rows]


def _paired(each: np.ndarray, n: int, repeats: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Student's interval of n points drawn uniformly, ``repeats`` times."""
    drawn = each[rng.integers(each.size, size=(repeats, n))]
    value, half = drawn.mean(axis=1), stdtrit(n - 1, 0.5 + LEVEL / 2) * drawn.std(axis=1, ddof=1) / np.sqrt(n)
    return value, value - half, value + half


def _accuracy(
    weak: np.ndarray, student: np.ndarray, gold: np.ndarray, params: dict[str, Any], rng: np.random.Generator
) -> list[dict[str, Any]]:
    """Labels on disagreements with score and exact intervals, exact ones in the pool (drawn without replacement), and the paired estimate."""
    differs, repeats = weak != student, params["repeats"]
    misfit, among = float(differs.mean()), int(differs.sum())
    if not among:
        return []  # no gain, which needs no label: nothing to save
    right = np.array([np.sum(differs & (gold == answer)) for answer in (student, weak)])
    counts = np.append(right, among - right.sum())
    decided = np.unique(np.concatenate([weak, student, gold])).size == 2
    truth = (counts[0] - counts[1]) / gold.size
    rows = []
    for n in PAIRED:
        drawn = rng.multinomial(n, np.append(counts[:2], gold.size - counts[:2].sum()) / gold.size, size=repeats)
        ends = score_interval(drawn[:, 0], drawn[:, 1], n, level=LEVEL)
        rows.append(row(params, "paired", n, truth, (drawn[:, 0] - drawn[:, 1]) / n, *ends))
    for n in LABELS:
        drawn = rng.multinomial(n, counts / among, size=repeats)
        ends = score_interval(drawn[:, 0], drawn[:, 1], n, level=LEVEL)
        rows.append(
            row(params, "drawn", n, truth, misfit * (drawn[:, 0] - drawn[:, 1]) / n, *(misfit * np.asarray(end) for end in ends))
        )
        if n not in EXACT_LABELS[: 2 if decided else 1]:
            continue
        of_pool = rng.multivariate_hypergeometric(counts, min(n, among), size=repeats)
        for method, each, inside in (("exact", drawn, None), ("in pool", of_pool, among)):
            pairs, index = np.unique(each[:, :2], axis=0, return_inverse=True)
            m = int(each[0].sum())
            found = np.array([exact_interval(int(a), int(b), m, among=inside, decided=decided, level=LEVEL) for a, b in pairs])
            low, high = misfit * found[index.ravel()].T
            rows.append(row(params, method, n, truth, misfit * (each[:, 0] - each[:, 1]) / m, low, high))
    return [row | {"misfit": misfit} for row in rows]
