"""What the synthetic experiments of Charikar et al. (2024) share: pretrained networks, fitted heads, and one row per task."""

from __future__ import annotations

from typing import Any

import numpy as np

from w2s_theory.problems.representations import MLP, RepresentationWorld, fit_heads, predict, random_heads, random_mlp
from w2s_theory.quantities.gain import gain_report
from w2s_theory.students.pretraining import pretrain

INPUTS, WIDTH = 8, 16
TARGET_DEPTH, STRONG_DEPTH, WEAK_DEPTH = 5, 8, 2
#: The paper's: tasks to fit heads for, points to fit each head on and to evaluate it on.
TASKS, POINTS = 100, 2000
#: A unit active on fewer of a task's points counts as dead; its coefficient would rest on those few points alone.
MIN_ACTIVE = 5


def target_network(rng: np.random.Generator) -> MLP:
    """The ground-truth representation h*: 5 layers of 16 units with torch's default initialisation, as in the paper's code."""
    return random_mlp(TARGET_DEPTH, WIDTH, INPUTS, rng=rng)


def pretrained(target: MLP, depth: int, *, epochs: int, tasks: int = 10, points: int = 2000, rng: np.random.Generator) -> MLP:
    """A network of ``depth`` layers that learned the target representation from ``tasks`` tasks of ``points`` inputs each."""
    heads = random_heads(tasks, WIDTH, rng=rng)
    inputs = RepresentationWorld(target, target, target).sample_inputs(tasks, points, rng=rng)
    network, _ = pretrain(random_mlp(depth, WIDTH, INPUTS, rng=rng), target, heads, inputs, epochs=epochs, rng=rng)
    return network


def task_rows(world: RepresentationWorld, *, points: int = POINTS, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Weak heads, students and ceilings for TASKS fresh tasks, scored on fresh points: one row per task, with the task's variance."""
    heads = random_heads(TASKS, WIDTH, rng=rng)
    x, fresh = world.sample_inputs(2, TASKS, points, rng=rng)
    truth = predict(world.target(x), heads)
    weak_features, strong_features = world.weak(x), world.strong(x)
    weak = fit_heads(weak_features, truth, min_active=MIN_ACTIVE).coefficients
    student = fit_heads(strong_features, predict(weak_features, weak), min_active=MIN_ACTIVE).coefficients
    ceiling = fit_heads(strong_features, truth, min_active=MIN_ACTIVE).coefficients
    target = predict(world.target(fresh), heads)
    report = gain_report(
        predict(world.weak(fresh), weak),
        predict(world.strong(fresh), student),
        target,
        ceiling=predict(world.strong(fresh), ceiling),
    )
    return [
        {"task": i, "variance": float(v), **row}
        for i, (row, v) in enumerate(zip(report.rows(), target.var(axis=-1), strict=True))
    ]


def closeness(gain: np.ndarray, misfit: np.ndarray) -> tuple[float, float]:
    """Pearson correlation of gain and misfit over tasks, and mean |gain − misfit| / mean misfit."""
    return float(np.corrcoef(gain, misfit)[0, 1]), float(np.mean(np.abs(gain - misfit)) / np.mean(misfit))
