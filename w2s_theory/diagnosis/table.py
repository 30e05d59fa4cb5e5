"""Answers from one CSV of any model: columns weak, student, ceiling, gold; or probabilities of classes, weak_<class> and so on."""

from __future__ import annotations

import csv
import gzip
import re
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..embeddings.tables import as_numbers, near, read_columns
from .answers import Answers, Kind, answers_of, name_of, with_probabilities

ROLES = ("weak", "student", "ceiling")
GOLD = "gold"
#: What else the models are called.
OTHER_NAMES = {"weak": ("teacher", "supervisor"), "student": ("strong",), "ceiling": ("oracle",)}


class Table(NamedTuple):
    """``answers``, and the ``others`` columns of the file, as text: what a person who labels a point needs to see."""

    answers: Answers
    others: dict[str, np.ndarray]


def read_answers(path: str | Path, *, kind: Kind | None = None, gold: Mapping[int, str] | None = None) -> Table:
    """The answers that a .csv or .csv.gz holds (UTF-8, a header line, commas).

    Columns: ``weak`` and ``student``, numbers or classes; or a column of probabilities for each class, ``weak_<class>`` and
    ``student_<class>``; optionally ``ceiling`` in the same form, and ``gold``, empty where it is not known. All other columns
    are kept as they are, but for those whose names begin with weak_, student_ or ceiling_. ``gold``: further labels, by row
    number from 0. Raises ``ValueError`` naming the file and the column for what is missing (with names that come close),
    damaged or ambiguous.
    """
    header = read_header(path)
    if len(header) == 1 and re.search("[;\t|]", header[0]):
        raise ValueError(f"{path} must have commas between its columns; its header is {header[0]!r}. Export it with commas.")
    if not _columns(header, "weak") or not _columns(header, "student"):
        lacking = next(role for role in ROLES if not _columns(header, role))
        raise ValueError(
            f"{path} has no column {lacking!r}{_close(lacking, header)}; its columns are {', '.join(map(repr, header[:20]))}. "
            "Give a column of answers, "
            f"{lacking!r}, or of probabilities for each class, '{lacking}_<class>'."
        )
    roles = {role: _columns(header, role) for role in ROLES}
    values = read_columns(path, header)
    labels = _merged(str(path), values.get(GOLD), len(values[header[0]]), gold or {})
    others = {name: column for name, column in values.items() if name != GOLD and not _is_answer(name)}
    try:
        if all(names == [role] for role, names in roles.items() if names):
            ceiling = values["ceiling"] if roles["ceiling"] else None
            answers = answers_of(values["weak"], values["student"], labels, ceiling=ceiling, kind=kind)
        else:
            answers = _probabilities(str(path), roles, values, labels, kind)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return Table(answers, others)


def _close(role: str, header: list[str]) -> str:
    """The column that is the role by another name, else those that are spelled like it, as the end of a sentence."""
    named = [name for name in header if name.strip().lower() in (role, *OTHER_NAMES[role])]
    return f" (close: {', '.join(map(repr, named))}; rename it)" if named else near(role, header)


def _is_answer(name: str) -> bool:
    """Whether a column says what a model answers, or how sure it is: nothing for whoever labels to see."""
    return name in ROLES or name.startswith(tuple(f"{role}_" for role in ROLES))


def _columns(header: list[str], role: str) -> list[str]:
    """The columns of a role: the one of its name, or those of its classes' probabilities."""
    if role in header:
        return [role]
    named = [name for name in header if name.startswith(f"{role}_") and name != f"{role}_"]
    return named if len(named) > 1 else []


def _probabilities(
    where: str, roles: dict[str, list[str]], values: dict[str, np.ndarray], labels: np.ndarray, kind: Kind | None
) -> Answers:
    classes = [name.removeprefix("weak_") for name in roles["weak"]]
    if kind == "regression":
        raise ValueError("the columns hold probabilities of classes, which are no regression. Leave the kind out.")
    given = {}
    for role, names in roles.items():
        if not names:
            continue
        here = {name.removeprefix(f"{role}_") for name in names}
        if here != set(classes) or names == [role]:
            raise ValueError(
                f"{role} must have a column of probabilities for each class of weak, "
                f"{', '.join(f'{role}_{name}' for name in classes[:8])}; it has "
                f"{', '.join(names[:8])}. Give all models the same columns."
            )
        given[role] = np.stack([as_numbers(where, f"{role}_{name}", values[f"{role}_{name}"]) for name in classes], axis=1)
    return with_probabilities(given, labels, classes)


def _merged(where: str, labels: np.ndarray | None, size: int, further: Mapping[int, str]) -> np.ndarray:
    """The gold column with the further labels in it; raises where both have one and they are not the same."""
    merged = np.full(size, None, dtype=object) if labels is None else labels.copy()
    for row, label in further.items():
        if row >= size:
            raise ValueError(
                f"{where} has {size} rows, and a label is for row {row + 1}. Is it the file that the points were drawn from?"
            )
        there = name_of(merged[row])
        if there is not None and there != name_of(label):
            raise ValueError(
                f"{where} has the gold label {there!r} in row {row + 1}, and the draw has {label!r}. Correct one of them."
            )
        merged[row] = label
    return merged


def read_header(path: str | Path) -> list[str]:
    """The column names of a .csv or .csv.gz; raises as ``read_answers`` does, and ``FileNotFoundError``."""
    path = Path(path)
    if not path.name.lower().endswith((".csv", ".csv.gz")):
        raise ValueError(f"{path} must be a CSV, its name ending in .csv or .csv.gz. Export the answers as CSV.")
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there. Check the path.")
    opened = gzip.open if path.name.lower().endswith(".gz") else open
    try:
        with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
            header = next(csv.reader(file), None)  # type: ignore[arg-type]
    except (UnicodeDecodeError, EOFError, zlib.error, gzip.BadGzipFile, csv.Error) as error:
        raise ValueError(f"{path} is damaged or not a CSV in UTF-8 ({error}). Export it again.") from error
    if not header:
        raise ValueError(f"{path} must begin with a line of column names; it is empty.")
    return header


def read_supervisors(path: str | Path, *, kind: Kind | None = None) -> list[tuple[str, Answers]]:
    """Several teachers with their students from one file: columns ``weak_<name>`` and ``student_<name>`` for each, and ``gold``.

    Raises ``ValueError`` as ``read_answers`` does, and for a teacher without a student.
    """
    header = read_header(path)
    names = {
        role: [name.removeprefix(f"{role}_") for name in header if name.startswith(f"{role}_")] for role in ("weak", "student")
    }
    if not names["weak"] or set(names["weak"]) != set(names["student"]):
        raise ValueError(
            f"{path} must have a column weak_<name> and a column student_<name> for each supervisor; it has those of weak "
            f"{names['weak'][:8]} and of student "
            f"{names['student'][:8]}. Name several files, or pair the columns."
        )
    values = read_columns(path, header)
    try:
        return [
            (name, answers_of(values[f"weak_{name}"], values[f"student_{name}"], values.get(GOLD), kind=kind))
            for name in names["weak"]
        ]
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
