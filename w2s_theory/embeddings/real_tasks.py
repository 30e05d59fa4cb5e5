"""Seven real tasks on texts, read from a data folder, and which of their rows say the same. Reads files.

The texts are not part of this package. A row that occurs twice may be trained on and tested on at once, so what is measured on it is
partly memory: ``text_groups`` finds such rows, ``distinct_rows`` keeps one of each.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NamedTuple

import numpy as np

from .columns import as_numbers, near
from .tables import read_columns
from .texts import TextTask


@dataclass(frozen=True)
class RealTask:
    """Where a task is in its file: columns of the text, of the label and, where there are any, of the second text and a weak supervisor.

    ``kind`` "regression" or "classes"; ``others``: columns of further labels, "name:column"; ``about``: what is asked, and a warning
    where the texts offend; ``in_templates``: rows that follow each other are one sentence with another word put in.
    """

    about: str
    kind: Literal["regression", "classes"]
    label: str = "label"
    text: str = "text"
    text2: str | None = None
    teacher: str | None = None
    others: tuple[str, ...] = ()
    in_templates: bool = False


#: The tasks by name.
REAL_TASKS: Mapping[str, RealTask] = MappingProxyType(
    {
        "stsb_en": RealTask("similarity of two sentences, 0 to 5", "regression", text2="text2"),
        "emobank": RealTask(
            "valence of a sentence, 1 to 5; 'emobank:arousal' and 'emobank:dominance' are the same sentences with other labels",
            "regression",
            others=("arousal", "dominance"),
        ),
        "sst2": RealTask("sentiment of a sentence of a film review: negative 0, positive 1", "classes"),
        "trec": RealTask("type of a question, six classes", "classes"),
        "openai_moderation": RealTask(
            "safety: 1 for a text in any of eight unwanted categories. Holds offensive text", "classes"
        ),
        "hatecheck": RealTask(
            "toxicity: 1 for hateful. Made from templates, so that many rows differ in a word or two. Holds offensive text",
            "classes",
            in_templates=True,
        ),
        "lexglue_tos_gpt35": RealTask(
            "terms of service: 1 for a clause that is unfair to the consumer. The teacher is GPT-3.5 asked without examples, "
            "its answers parsed loosely: a real supervisor, and a poor one",
            "classes",
            teacher="gpt35",
        ),
    }
)


def task_names() -> list[str]:
    """The names that ``text_task`` takes: those of ``REAL_TASKS``, and "name:column" for further labels."""
    return [*REAL_TASKS, *(f"{each}:{other}" for each, task in REAL_TASKS.items() for other in task.others)]


def text_task(name: str, folder: str | Path | None = None) -> TextTask:
    """A task of ``REAL_TASKS`` by its name, or "name:column" for another label of the same texts.

    Reads ``<folder>/<name>.csv.gz``; ``folder`` defaults to ``$W2S_DATA/text``. The rows are in the file's order; one without a
    text, of which emobank has one, is left out. ``teacher`` has the labels of the external weak supervisor where there is one, NaN
    where its entry is empty.

    Raises ``ValueError`` for an unknown name or column or a damaged file, ``FileNotFoundError`` when the folder is not known or the
    file is not there.
    """
    stem, _, column = name.partition(":")
    known = task_names()
    if name not in known:
        raise ValueError(f"name must be one of {', '.join(known)}; it is {name!r}{near(name, known)}.")
    task = REAL_TASKS[stem]
    path = (data_folder("text") if folder is None else Path(folder)) / f"{stem}.csv.gz"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there; it should hold the texts and labels of the task {stem!r}.")
    label = column or task.label
    found = read_columns(path, [task.text, label, *(each for each in (task.text2, task.teacher) if each)])
    kept = np.array([bool(text.strip()) for text in found[task.text]])
    labels = as_numbers(str(path), label, found[label])
    answers = None if task.teacher is None else as_numbers(str(path), task.teacher, found[task.teacher], missing=True)
    try:
        return TextTask(
            name=name,
            texts=tuple(found[task.text][kept].tolist()),
            labels=labels[kept],
            kind=task.kind,
            texts2=None if task.text2 is None else tuple(found[task.text2][kept].tolist()),
            teacher=None if answers is None else answers[kept],
        )
    except ValueError as error:
        raise ValueError(f"{path} does not hold the task {name!r}: {error}") from error


def data_folder(*below: str) -> Path:
    """The folder that the environment variable W2S_DATA names, or a folder below it; ``FileNotFoundError`` when it is not there."""
    data = os.environ.get("W2S_DATA")
    if not data:
        raise FileNotFoundError(
            "the data are not part of this package: set the environment variable W2S_DATA to the folder that holds "
            f"{'/'.join(below) or 'them'}."
        )
    folder = Path(data, *below)
    if not folder.is_dir():
        raise FileNotFoundError(f"W2S_DATA is {data!r}, and {folder} is no folder. Point it to the folder that holds the data.")
    return folder


def text_groups(task: TextTask) -> np.ndarray:
    """A group number (N,) per row, from 0 in order of appearance; rows of one group say the same and should not be split apart.

    Two rows say the same when their texts (both texts of a pair) agree up to case and white space. Where a task of ``REAL_TASKS`` is
    made of templates, neighbouring rows too that share their first or last words and differ in at most three in between.
    """
    keys = _keys(task)
    place: dict[str, int] = {}
    groups = np.array([place.setdefault(key, len(place)) for key in keys])
    stem = task.name.partition(":")[0]
    if stem in REAL_TASKS and REAL_TASKS[stem].in_templates:
        words = [key.split() for key in keys]
        starts = [True, *(not _one_template(*pair) for pair in pairwise(words))]
        groups = np.cumsum(starts) - 1
    return groups


def distinct_rows(task: TextTask) -> np.ndarray:
    """The rows, rising, whose text did not occur before, up to case and white space; labels play no part."""
    return np.sort(np.unique(np.array(_keys(task)), return_index=True)[1])


class Duplicates(NamedTuple):
    """Rows of a task whose text occurs more than once: how many, of how many texts, how many of these have labels that differ."""

    rows: int
    texts: int
    conflicting: int


def duplicates(task: TextTask) -> Duplicates:
    """Count the rows that occur more than once, up to case and white space."""
    _, index, counts = np.unique(np.array(_keys(task)), return_inverse=True, return_counts=True)
    order = np.argsort(index, kind="stable")
    starts = np.cumsum(counts) - counts
    labels = task.labels[order]
    differ = np.maximum.reduceat(labels, starts) != np.minimum.reduceat(labels, starts)
    return Duplicates(int(counts[counts > 1].sum()), int(np.sum(counts > 1)), int(np.sum(differ)))


def _keys(task: TextTask) -> list[str]:
    """The texts without case and repeated white space; those of a pair joined by a separator."""
    sides: list[Sequence[str]] = [task.texts] if task.texts2 is None else [task.texts, task.texts2]
    return ["\n".join(" ".join(text.casefold().split()) for text in row) for row in zip(*sides, strict=True)]


def _one_template(first: list[str], second: list[str]) -> bool:
    """Whether two lists of words share a beginning or an end, and differ in at most three words in between."""
    shorter = min(len(first), len(second))
    head = next((i for i in range(shorter) if first[i] != second[i]), shorter)
    tail = next((i for i in range(shorter - head) if first[-1 - i] != second[-1 - i]), shorter - head)
    return head + tail > 0 and max(len(first), len(second)) - head - tail <= 3
