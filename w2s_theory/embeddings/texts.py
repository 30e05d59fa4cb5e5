"""A task of texts: the texts, their labels, and the labels of an outside teacher where there is one. Read from any table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from .._validation import frozen
from .columns import EXACT, as_number, as_numbers, near
from .tables import read_columns

__all__ = ["FEW_CLASSES", "TextTask", "read_columns", "read_task"]

#: Whole-number labels with at most so many values are taken for classes when nobody says what they are.
FEW_CLASSES = 10


@dataclass(frozen=True, eq=False)
class TextTask:
    """``texts`` (N strings, none empty) with ``labels`` (N,): numbers ("regression"), or class indices 0 … C − 1 ("classes").

    ``texts2`` holds the second texts of a task on pairs. ``teacher`` (N,) holds the labels that an outside weak supervisor gave, in
    the units of ``labels``, NaN where it gave none. ``classes`` names the classes, in the order of their indices; for classes without
    names, the indices are their names. Arrays are float64 and read-only.

    Raises ``ValueError`` for an unknown kind, for parts of different lengths, empty texts, labels that are not finite, and for class
    indices that are not whole, below 0 or, where ``classes`` are given, without a name; ``TypeError`` for texts that are not strings.
    """

    name: str
    texts: tuple[str, ...]
    labels: np.ndarray
    kind: Literal["regression", "classes"]
    texts2: tuple[str, ...] | None = None
    teacher: np.ndarray | None = None
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in ("regression", "classes"):
            raise ValueError(f"kind must be 'regression' or 'classes'; it is {self.kind!r}.")
        labels = frozen("labels", self.labels, ndim=1)
        object.__setattr__(self, "labels", labels)
        for name in ("texts", "texts2"):
            texts = getattr(self, name)
            if texts is not None:
                object.__setattr__(self, name, checked_texts(f"{self.name}: {name}", texts, len(labels)))
        if self.teacher is not None:
            teacher = np.array(self.teacher, dtype=np.float64)
            if teacher.shape != labels.shape or np.isinf(teacher).any():
                raise ValueError(
                    f"teacher must be finite or NaN, with the shape {labels.shape} of labels; its shape is {teacher.shape}. "
                    "Put NaN where the teacher gave no answer."
                )
            teacher.setflags(write=False)
            object.__setattr__(self, "teacher", teacher)
        if self.kind == "classes":
            self._check_classes()
        elif self.classes:
            raise ValueError(f"classes belong to a task of classes; the kind is {self.kind!r}. Leave them out.")

    def _check_classes(self) -> None:
        if not self.classes:
            object.__setattr__(self, "classes", tuple(str(k) for k in range(int(self.labels.max()) + 1)))
        if len(self.classes) < 2:
            raise ValueError(
                f"{self.name}: a task needs two classes or more; its labels hold {', '.join(self.classes) or 'none'}. "
                "Is it the right column?"
            )
        for name, values in (("labels", self.labels), ("teacher", self.teacher)):
            known = np.zeros(0) if values is None else values[~np.isnan(values)]
            wrong = known[(known != np.floor(known)) | (known < 0) | (known >= len(self.classes))]
            if len(wrong):
                raise ValueError(
                    f"{name} must be class indices from 0 to {len(self.classes) - 1}; one is {wrong[0]:g}. Map them first."
                )

    def __len__(self) -> int:
        return len(self.texts)


def read_task(
    source: str | Path,
    *,
    text: str,
    label: str,
    text2: str | None = None,
    teacher: str | None = None,
    kind: Literal["regression", "classes"] | None = None,
    name: str | None = None,
) -> TextTask:
    """The task that the columns ``text``, ``label`` (and ``text2``, ``teacher``) of a table hold. ``source`` as in ``read_columns``.

    Labels of classes may be words or whole numbers; they become indices in sorted order (numbers by size), and the task keeps their
    names. Where all of them are numbers, "1" and "1.0" are one class; among words, each spelling is a class of its own.
    A teacher's entry may be empty, its answer is NaN then; nothing else may.

    ``kind=None`` takes what is clear: words are classes, numbers that are not all whole are a regression, and whole numbers of
    at most ``FEW_CLASSES`` values are classes. The task's ``kind`` says which was taken. Whole numbers of more values are either.

    Raises ``ValueError`` with the file, the column and the row for an empty text, a label that is missing or not a number where
    numbers are asked for, a teacher's class that no label has, and labels of unclear kind; and what ``read_columns`` raises.
    """
    if kind not in (None, "regression", "classes"):
        raise ValueError(f"kind must be 'regression' or 'classes', or None to take what is clear; it is {kind!r}.")
    columns = [column for column in (text, label, text2, teacher) if column is not None]
    values = read_columns(source, columns)
    where = str(source)
    for column in (text, text2):
        if column is not None:
            checked_texts(f"{where}: the column {column!r}", values[column], len(values[column]))
    kind = kind or _clear_kind(where, label, values[label])
    classes: tuple[str, ...] = ()
    given = None if teacher is None else values[teacher]
    if kind == "regression":
        labels = as_numbers(where, label, values[label])
        answers = None if teacher is None else as_numbers(where, teacher, given, missing=True)
    else:
        numbers = all(as_number(value) is not None for value in values[label])
        names = _class_names(where, label, values[label], numbers=numbers)
        classes = tuple(sorted(set(names), key=_order))
        index = {name: k for k, name in enumerate(classes)}
        labels = np.array([index[name] for name in names], dtype=np.float64)
        answers = None if teacher is None else _answers(where, teacher, given, index, numbers=numbers)
    return TextTask(
        name=name or Path(where).name.split(".")[0] or where,
        texts=tuple(values[text]),
        labels=labels,
        kind=kind,
        texts2=None if text2 is None else tuple(values[text2]),
        teacher=answers,
        classes=classes,
    )


def checked_texts(where: str, texts: Any, count: int) -> tuple[str, ...]:
    """``texts`` as a tuple of ``count`` strings of Unicode, none of them blank; the error names the row, counted from 1."""
    if isinstance(texts, str):
        raise TypeError(f"{where} must be a sequence of strings; it is one string. Put it in a list.")
    texts = tuple(texts)
    if len(texts) != count:
        raise ValueError(f"{where} must have one entry per label, {count}; it has {len(texts)}. Align them.")
    for row, entry in enumerate(texts, 1):
        if entry is not None and not isinstance(entry, str):
            raise TypeError(
                f"{where} must hold texts; row {row} holds {entry}, a {type(entry).__name__}. Is it the right column?"
            )
        if entry is None or not entry.strip():
            raise ValueError(f"{where} must have a text in every row; row {row} is empty. Drop that row, or fill it in.")
        try:
            entry.encode()
        except UnicodeEncodeError as error:  # half of a surrogate pair, as "\ud800" in JSON
            raise ValueError(f"{where} must be Unicode; row {row} is not ({error}). Repair that row, or drop it.") from error
    return texts


def _clear_kind(where: str, column: str, labels: np.ndarray) -> Literal["regression", "classes"]:
    """What the labels are, where that is clear."""
    present = [(row, value) for row, value in enumerate(labels, 1) if value is not None and value != ""]
    numbers = [as_number(value) for _, value in present]
    words = [pair for pair, number in zip(present, numbers, strict=True) if number is None]
    if words and len(words) < len(present) / 2:
        row, value = words[0]
        raise ValueError(
            f"{where}: the column {column!r} holds numbers, but row {row} holds {value!r}. Correct it, or say kind='classes'."
        )
    if words:
        return "classes"
    if any(number is not None and number != np.floor(number) for number in numbers):
        return "regression"
    known = {_class_name(value, numbers=True) for _, value in present} - {None}
    if len(known) <= FEW_CLASSES:
        return "classes"
    raise ValueError(
        f"{where}: the column {column!r} holds {len(known)} different whole numbers, which can be numbers or classes. "
        "Say kind='regression' or kind='classes'."
    )


def _class_name(value: Any, *, numbers: bool) -> str | None:
    """The name of a label; ``None`` for a missing one. 1 and 1.0 are one class.

    With ``numbers``, where every label is one, so are "1" and "1.0". Among words, "007" and "7" are two.
    """
    number = as_number(value)
    if value is None or not str(value).strip() or (number is not None and np.isnan(number)):
        return None
    if number is None or number != np.floor(number):
        return str(value).strip()
    if not isinstance(value, str):
        return str(int(value))
    return str(int(number)) if numbers and abs(number) < EXACT else value.strip()


def _class_names(where: str, column: str, values: np.ndarray, *, numbers: bool) -> list[str]:
    names: list[str] = []
    for row, value in enumerate(values, 1):
        name = _class_name(value, numbers=numbers)
        if name is None:
            raise ValueError(
                f"{where}: the column {column!r} must have a label in every row; row {row} has none. Drop that row, or fill it in."
            )
        names.append(name)
    return names


def _order(name: str) -> tuple[int, float, str]:
    """Numbers first, by size; then words."""
    number = as_number(name)
    return (1, 0.0, name) if number is None else (0, number, name)


def _answers(where: str, column: str, values: Any, index: dict[str, int], *, numbers: bool) -> np.ndarray:
    answers = np.full(len(values), np.nan)
    for row, value in enumerate(values):
        name = _class_name(value, numbers=numbers)
        if name is None:
            continue
        if name not in index:
            raise ValueError(
                f"{where}: the column {column!r} must hold classes of the labels ({', '.join(list(index)[:20])}); row {row + 1} holds "
                f"{name!r}{near(name, index)}. Leave the entry empty where the teacher gave no such answer."
            )
        answers[row] = index[name]
    return answers
