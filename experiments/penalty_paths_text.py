"""Which penalty gains most, and what chooses it: regularisation paths of the student on five text tasks.

The tasks and the split sizes of ``real_embeddings``: layer 0 of a small sentence encoder teaches layer 6, with 384 features, or 768 for
the pairs of sentences of stsb_en, which are more than the 700 weak labels. The data are not shipped.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from experiments import _paths
from experiments._ledger import Finding
from experiments.real_embeddings import SIZES, unavailable
from w2s_theory.embeddings.tasks import EMBEDDING_TASKS, embedding_task
from w2s_theory.problems.empirical import EmpiricalTask

__all__ = ["SCALES", "SEED_AXES", "SOURCE", "findings", "run_one", "unavailable"]

SOURCE = "measured here; the identities are derived here"
TRIALS = {"quick": 3, "full": 20}
SCALES = {
    scale: [{"task": task, "trial": trial} for task in EMBEDDING_TASKS for trial in range(trials)]
    for scale, trials in TRIALS.items()
}
SEED_AXES = ("trial",)


@functools.cache
def _task(name: str) -> EmpiricalTask:
    return embedding_task(name)


def run_one(params: dict[str, Any], *, rng: np.random.Generator) -> list[dict[str, Any]]:
    """One split of one task: a row per target (six for trec) and penalty."""
    task = _task(params["task"])
    parts = _paths.split_parts(task, SIZES, rng=rng)
    rows = _paths.path_rows(*parts, solve_again=params["trial"] == 0, rng=rng)
    return [
        {"target": f"{params['task']} {row['target_index']}" if task.labels.ndim > 1 else params["task"]} | row for row in rows
    ]


def findings(table: dict[str, np.ndarray]) -> list[Finding]:
    """The identities on all points, and what the texts say about the choice of the penalty."""
    return [*_paths.statements(table), *_paths.choices(table, "texts")]
