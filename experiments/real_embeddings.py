"""Gain and misfit on five text tasks: layer 0 of a small sentence encoder teaches layer 6.

400 gold labels for the teacher, 700 transfer rows, 400 test rows. Ridge by leave-one-out sees all features; least squares sees d
label-free principal components, from far below n/8 = 87 to 380, where n < 2d + 1: all that the strong features of a text have, as
the encoder's 384 outputs are normalised and two of them constant, so that their rank is 381. A trial is a random split; all
methods of a trial share it. The data are not shipped: see ``unavailable``.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from experiments import _real
from experiments._embeddings import missing
from w2s_theory.embeddings.tasks import EMBEDDING_TASKS, embedding_task
from w2s_theory.problems.empirical import EmpiricalTask, reduced_dimension

SOURCE = "charikar2024, the real-data comparison of gain and misfit, on other data"
SHOWS = ("identities.squared", "finite_sample.sign_flip")
SIZES = (400, 700, 400)
MOST = 380
TRIALS = {"quick": 3, "full": 25}
DIMENSIONS = {
    "quick": (reduced_dimension(SIZES[1]), MOST),
    "full": (11, 22, 44, reduced_dimension(SIZES[1]), 175, 280, 349, MOST),
}
ALL = 768
SCALES = {
    scale: [
        {"task": task, **method, "n": SIZES[1], "trial": trial}
        for task in EMBEDDING_TASKS
        for method in (
            {"student": "ridge", "control": "none", "components": ALL},
            *({"student": "least squares", "control": "none", "components": d} for d in DIMENSIONS[scale]),
            *({"student": "ridge", "control": control, "components": ALL} for control in _real.CONTROLS),
        )
        for trial in range(trials)
    ]
    for scale, trials in TRIALS.items()
}
SEED_AXES = ("trial",)
findings = _real.findings


def unavailable(scale: str) -> str:
    """Why the grid of this scale can't run here, "" when it can: the text embeddings are not shipped."""
    return missing(params["task"] for params in SCALES[scale])


@functools.cache
def _task(name: str, components: int) -> EmpiricalTask:
    task = embedding_task(name)
    return task if components == ALL else task.reduce_strong(components)


def run_one(params: dict[str, Any], *, rng: np.random.Generator) -> list[dict[str, Any]]:
    """One split, one task, one student: a row per target (six for trec) and per place."""
    task = _task(params["task"], params["components"])
    several = task.labels.ndim > 1
    rows = _real.measure(task, params, SIZES, rng=rng)
    return [{"target": f"{params['task']} {row['target_index']}" if several else params["task"]} | row for row in rows]
