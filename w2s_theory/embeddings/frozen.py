"""From texts and two frozen models to a task: a layer of each as its weak and strong features. Writes to and reads from the store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..problems.classification import ClassificationTask
from ..problems.empirical import EmpiricalTask
from .pairs import combine
from .store import Features, embed
from .tasks import standardised
from .texts import TextTask


def frozen_task(
    task: TextTask,
    weak: tuple[Features, int],
    strong: tuple[Features, int],
    *,
    folder: str | Path | None = None,
    rows: Any = None,
    progress: Callable[[int, int], None] | None = None,
) -> EmpiricalTask | ClassificationTask:
    """The task as a weak and a strong model see it: an ``EmpiricalTask`` of a regression, a ``ClassificationTask`` of classes.

    ``weak`` and ``strong`` are an extractor and one of its layers; they may be two layers of one. ``rows``: row numbers or a mask,
    all by default. Pairs of texts become [|u − v|, u·v]; the labels of a regression are standardised to mean 0 and variance 1 over
    the rows that are used. Features are kept in ``folder`` (see ``store.embed``), to which ``progress(done, total)`` goes.

    Raises ``ValueError`` for rows or a layer that are not there, and what ``embed`` and the two kinds of task raise.
    """
    task = task if rows is None else take(task, rows)
    features = [task_features(task, *model, folder=folder, progress=progress) for model in (weak, strong)]
    if task.kind == "classes":
        return ClassificationTask(tuple(features), task.labels, task.name)
    return EmpiricalTask(features[0], features[1], standardised(task.labels), task.name)


def task_features(
    task: TextTask,
    extractor: Features,
    layer: int,
    *,
    folder: str | Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> np.ndarray:
    """One layer's features (N, width), float32, of every row of the task; (N, 2 · width) for pairs. Errors are those of ``embed``."""
    texts = [each for each in (task.texts, task.texts2) if each is not None]
    sides = [embed(each, extractor, folder=folder, progress=progress).layer(layer) for each in texts]
    return np.asarray(sides[0]) if len(sides) == 1 else combine(sides[0], sides[1])


def take(task: TextTask, rows: Any) -> TextTask:
    """The task of some rows: row numbers, in their order, or a mask (N,).

    Raises ``ValueError`` unless rows are whole numbers from 0 to N − 1, each once, or a mask of N, and for no rows at all.
    """
    rows = np.asarray(rows)
    if rows.dtype == bool and rows.shape == (len(task),):
        rows = np.flatnonzero(rows)
    if rows.ndim != 1 or rows.dtype.kind not in "iu" or not len(rows):
        raise ValueError(
            f"rows must be row numbers or a mask of {len(task)} entries, with at least one row; it has shape {rows.shape} and dtype "
            f"{rows.dtype}. Pass a list of row numbers."
        )
    if rows.min() < 0 or rows.max() >= len(task) or len(np.unique(rows)) < len(rows):
        raise ValueError(
            f"rows must be different row numbers from 0 to {len(task) - 1}; they reach from {rows.min()} to {rows.max()} and "
            f"{len(rows) - len(np.unique(rows))} occur before. A row that is drawn twice would be trained on and tested on at once."
        )
    picked = rows.tolist()
    return replace(
        task,
        texts=tuple(task.texts[row] for row in picked),
        labels=task.labels[rows],
        texts2=None if task.texts2 is None else tuple(task.texts2[row] for row in picked),
        teacher=None if task.teacher is None else task.teacher[rows],
    )
