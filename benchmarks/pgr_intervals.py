"""Bootstrap intervals of PGR: multiplicities and cumulative sums, against scipy.stats.bootstrap."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from w2s_theory.problems.paired_classifiers import PairedClassifiers
from w2s_theory.quantities.metrics import as_metric
from w2s_theory.quantities.pgr import pgr

from ._place import Place
from ._record import Section
from ._timing import Contender, contest, peer

MODULES = ("scipy.stats", "sklearn.metrics")
LEVEL = 0.95


class Size(NamedTuple):
    """n test points, B resamples, ``reference`` resamples for the reference, and ``sample`` for a peer that loops."""

    points: int
    resamples: int
    reference: int
    sample: int


SIZES = {"quick": Size(300, 500, 4000, 60), "full": Size(2000, 2000, 20_000, 200)}
#: Standard errors that an end of an interval may be off (false alarm 3e-7).
SAME = 5.15


def allowed(size: Size, resamples: int) -> float:
    """How far the ends may be from the reference's, as a share of the width: a 2.5 % quantile of B normal draws has a standard error of
    √(0.025 · 0.975/B)/φ(1.96) standard deviations, and the width is 3.92 of those. A loop's few draws have half as much again, for their steps."""
    noise = math.sqrt(0.025 * 0.975 * (1.0 / resamples + 1.0 / size.reference)) / 0.0584 / 3.92
    return SAME * noise * (1.5 if resamples < size.resamples else 1.0)


def run(scale: str, here: Place) -> Section:
    """Percentile intervals of the PGR of accuracy and of AUC."""
    size = SIZES[scale]
    section = Section(
        "Bootstrap intervals of PGR",
        f"A percentile interval at {LEVEL:g} for (student − weak)/(ceiling − weak), the three models on n shared test points, B resamples of "
        "the points. For accuracy ours draws how many points of each kind (which of the three are right) there are; for the area it counts how "
        "often each point was drawn, (B, n), and takes cumulative sums over points sorted once. SciPy gathers the drawn points, (B, n) for each "
        "model, and for the area calls scikit-learn on each "
        "resample. The reference is NumPy with other draws, ten times as many or so, and the influences in place of the metric.",
        error="distance of the ends / width",
    )
    predictions, labels = PairedClassifiers.of_accuracies(0.60, 0.75, 0.90).sample(size.points, rng=np.random.default_rng(0))
    for metric in ("accuracy", "auc"):
        shape = f"{metric} n={size.points} B={size.resamples}"
        outcomes = contest(contenders(metric, predictions, labels, size), scale, here)
        section.add_contest(shape, outcomes, scale, f"PGR interval, {shape}")
    return section


def contenders(metric: str, predictions: np.ndarray, labels: np.ndarray, size: Size) -> list[Contender]:
    """Ours first, then SciPy."""
    wanted = reference(metric, predictions, labels, size)

    def error(ends: np.ndarray) -> float:
        return float(np.max(np.abs(ends - wanted)) / (wanted[1] - wanted[0]))

    def ours() -> np.ndarray:
        found = pgr(
            *predictions,
            labels=labels,
            metric=metric,
            interval="bootstrap",
            level=LEVEL,
            resamples=size.resamples,
            rng=np.random.default_rng(1),
        )
        return np.array([found.low, found.high])

    build = {"accuracy": _of_accuracy, "auc": _of_areas}[metric]
    return [
        Contender("ours, pgr(interval='bootstrap')", ours, error, allowed(size, size.resamples)),
        peer("scipy.stats.bootstrap", lambda: build(predictions, labels, size, error)),
    ]


def reference(metric: str, predictions: np.ndarray, labels: np.ndarray, size: Size) -> np.ndarray:
    """Ends of the interval when each metric is its value plus the mean influence of the drawn points, which is exact for accuracy."""
    evaluations = [as_metric(metric).evaluate(p, labels) for p in predictions]
    points = np.stack([e.value + e.influence for e in evaluations])
    rng = np.random.default_rng(2)
    drawn = np.concatenate(
        [points[:, rng.integers(size.points, size=(500, size.points))].mean(axis=-1).T for _ in range(size.reference // 500)]
    )
    weak, student, ceiling = drawn.T
    return np.quantile((student - weak) / (ceiling - weak), [0.5 - LEVEL / 2.0, 0.5 + LEVEL / 2.0])


def _of_accuracy(predictions: np.ndarray, labels: np.ndarray, size: Size, error: Callable[[np.ndarray], float]) -> Contender:
    from scipy.stats import bootstrap

    right = tuple((predictions.argmax(axis=-1) == labels).astype(np.float64))

    def statistic(weak: np.ndarray, student: np.ndarray, ceiling: np.ndarray, axis: int) -> np.ndarray:
        low = weak.mean(axis=axis)
        return (student.mean(axis=axis) - low) / (ceiling.mean(axis=axis) - low)

    def interval() -> np.ndarray:
        found = bootstrap(
            right,
            statistic,
            n_resamples=size.resamples,
            vectorized=True,
            paired=True,
            confidence_level=LEVEL,
            method="percentile",
            rng=np.random.default_rng(3),
        )
        return np.array(found.confidence_interval)

    return Contender("scipy.stats.bootstrap, vectorised", interval, error, allowed(size, size.resamples))


def _of_areas(predictions: np.ndarray, labels: np.ndarray, size: Size, error: Callable[[np.ndarray], float]) -> Contender:
    from scipy.stats import bootstrap
    from sklearn.metrics import roc_auc_score

    def statistic(chosen: np.ndarray) -> float:
        weak, student, ceiling = (roc_auc_score(labels[chosen], scores[chosen]) for scores in predictions[:, :, 1])
        return (student - weak) / (ceiling - weak)

    def interval() -> np.ndarray:
        found = bootstrap(
            (np.arange(size.points),),
            statistic,
            n_resamples=size.sample,
            vectorized=False,
            confidence_level=LEVEL,
            method="percentile",
            rng=np.random.default_rng(3),
        )
        return np.array(found.confidence_interval)

    note = f"timed on {size.sample} of {size.resamples} resamples, extrapolated"
    name = "scipy.stats.bootstrap, scikit-learn's roc_auc_score"
    return Contender(name, interval, error, allowed(size, size.sample), size.sample / size.resamples, note)
