"""Pools of labelled points that the statements about label-efficient estimates share, and simulated draws from them."""

from __future__ import annotations

import numpy as np

from ..problems.labelled_pool import LabelledPool
from ..statements import Assumption

CLASSES = (Assumption("weak and student differ somewhere", lambda pool: bool(pool.differs.any())),)
#: Draws must be able to meet every point; a point of tiny probability is met too rarely to average.
DRAWABLE = (
    Assumption(
        "no point is drawn less often than a twentieth of its equal share",
        lambda pool: pool.probabilities.min() * pool.size >= 0.05,
    ),
)


def numbers(rng: np.random.Generator, *, points: int = 24, count: int = 6, certain: bool = False) -> LabelledPool:
    """A regression: both models see the truth with noise, and points are drawn by their distance, floored."""
    truth = rng.normal(size=points)
    weak, student = 0.6 * truth + 1.0 * rng.normal(size=points), 0.8 * truth + 0.3 * rng.normal(size=points)
    answers = np.linspace(-2.0, 2.0, 5)
    chances = np.exp(-2.0 * (answers - truth[:, None]) ** 2)
    chances /= chances.sum(axis=1, keepdims=True)
    if certain:
        chances = np.eye(5)[chances.argmax(axis=1)]
    far = np.abs(weak - student)
    return LabelledPool(weak, student, answers, chances, count=count, probabilities=np.maximum(far, 0.2 * far.mean()))


def classes(
    rng: np.random.Generator,
    *,
    points: int = 30,
    choices: int = 2,
    count: int = 8,
    level: float = 0.9,
    certain: bool = False,
    noise: tuple[float, float] = (4.0, 0.2),
) -> LabelledPool:
    """A choice: each model picks the likeliest class of a noisy look, ``noise`` the weak model's and the student's."""
    scores = rng.normal(size=(points, choices))
    chances = np.exp(2.0 * scores)
    chances /= chances.sum(axis=1, keepdims=True)
    if certain:
        chances = np.eye(choices)[[rng.choice(choices, p=row) for row in chances]]
    weak, student = (np.argmax(scores + size * rng.normal(size=scores.shape), axis=1) for size in noise)
    return LabelledPool(weak, student, np.arange(choices), chances, count=count, level=level)


def disagreement_counts(pool: LabelledPool, trials: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """In each trial: how often student and weak model are right among ``count`` of the points on which they differ, drawn
    uniformly without replacement (all of them where there are no more), and the pool's gain in accuracy; each (trials,)."""
    labels = pool.labels(trials, rng=rng)
    by_student, by_weak = labels == pool.student, labels == pool.weak
    gain = by_student.mean(axis=1) - by_weak.mean(axis=1)
    where = np.flatnonzero(pool.differs)
    chosen = rng.permuted(np.tile(where, (trials, 1)), axis=1)[:, : pool.count]
    return (
        np.take_along_axis(by_student, chosen, axis=1).sum(axis=1),
        np.take_along_axis(by_weak, chosen, axis=1).sum(axis=1),
        gain,
    )


def labels_on_differences(pool: LabelledPool) -> int:
    """How many labels such a trial buys."""
    return min(pool.count, int(pool.differs.sum()))


def squared_gains(pool: LabelledPool, labels: np.ndarray) -> np.ndarray:
    """Gain in squared loss at each point for labels (..., N)."""
    return (labels - pool.weak) ** 2 - (labels - pool.student) ** 2


def independent_draws(pool: LabelledPool, trials: int, rng: np.random.Generator) -> np.ndarray:
    """Points drawn with replacement by the pool's probabilities, (trials, count)."""
    return rng.choice(pool.size, size=(trials, pool.count), p=pool.probabilities)
