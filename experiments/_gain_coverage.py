"""Do the intervals of ``check_embeddings`` cover? Synthetic worlds in which data sets can be drawn again and the expected gain is known."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

from w2s_theory.problems.classification import ClassificationTask
from w2s_theory.problems.empirical import EmpiricalTask, Split
from w2s_theory.real_tasks import check_embeddings
from w2s_theory.real_tasks.check import prepare
from w2s_theory.real_tasks.losses import NAMES
from w2s_theory.real_tasks.measure import measure

#: Test rows on which a run of the pipeline is measured for the truth, and the seed of everything that fixes a world.
TEST_ROWS, SEED = 4000, 11
QUANTITIES = ("gain", "misfit", "weak_error", "ceiling_error")


@dataclass(frozen=True)
class World:
    """``rows`` in a data set; strong features: ``dimension`` normal ones; weak features: a squashed, noisy view of the first ``seen``.

    The score is linear in the strong features, mostly in those that the weak model sees, plus a product of two;
    labels are the score with noise (``classes`` 0), or classes drawn
    from the softmax of ``classes`` scores.
    """

    name: str
    rows: int
    dimension: int
    seen: int
    classes: int
    splits: int = 10


WORLDS = (
    World("numbers", 300, 30, 6, 0),
    World("numbers, as many features as a weak head has rows", 240, 60, 6, 0),
    World("two classes", 400, 20, 5, 2),
    World("three classes", 480, 12, 4, 3),
)
BY_NAME = {world.name: world for world in WORLDS}


@functools.cache
def _head(world: World) -> np.ndarray:
    head = np.random.default_rng([SEED, world.dimension, world.classes]).standard_normal((world.dimension, max(world.classes, 1)))
    head[: world.seen] *= 3.0
    return head / np.sqrt(world.dimension)


def draw(world: World, rows: int, *, rng: np.random.Generator) -> EmpiricalTask | ClassificationTask:
    """A data set."""
    strong = rng.standard_normal((rows, world.dimension))
    weak = np.tanh(strong[:, : world.seen] + 0.3 * rng.standard_normal((rows, world.seen)))
    score = strong @ _head(world)
    score[:, 0] += 0.5 * np.tanh(strong[:, 0] * strong[:, 1])
    if not world.classes:
        return EmpiricalTask(weak, strong, score[:, 0] + 0.5 * rng.standard_normal(rows), world.name, is_synthetic=True)
    noisy = 2.0 * score + rng.gumbel(size=score.shape)
    return ClassificationTask((weak, strong), np.argmax(noisy, axis=1), world.name, is_synthetic=True)


def truth(world: World, runs: int, *, first: int = 0) -> dict[tuple[str, str], tuple[float, float]]:
    """Expected value and its standard error, by (loss, quantity): ``runs`` independent data sets, numbered from
    ``first``, each model measured on fresh rows.
    """
    found: dict[tuple[str, str], list[float]] = {}
    weak, transfer = world.rows // 4, world.rows // 2
    for k in range(first, first + runs):
        rng = np.random.default_rng([SEED, 1, k])
        data = prepare(draw(world, weak + transfer + TEST_ROWS, rng=rng), None).data
        rows = np.arange(weak + transfer + TEST_ROWS)
        outcome = measure(data, Split(rows[:weak], rows[weak : weak + transfer], rows[weak + transfer :]), rng=rng)
        for loss, values in outcome.values.items():
            means = dict(zip(NAMES, values.mean(axis=1), strict=True))
            for name in QUANTITIES:
                value = means["weak_error"] - means["student_error"] if name == "gain" else means[name]
                found.setdefault((loss, name), []).append(float(value))
    return {key: (float(np.mean(each)), float(np.std(each, ddof=1) / np.sqrt(runs))) for key, each in found.items()}


def cover(world: World, *, rng: np.random.Generator) -> list[dict[str, Any]]:
    """One data set: every interval of ``QUANTITIES``."""
    report = check_embeddings(draw(world, world.rows, rng=rng), splits=world.splits, rng=rng)
    return [row for row in report.rows() if row["quantity"] in QUANTITIES]
