"""What is diagnosed: the answers of a weak model and of its student at the same points, and gold labels where there are any.

Answers are numbers (regression), classes, or probabilities of classes. Gold labels are NaN where they are not known. NumPy only.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from .._validation import class_probabilities

Kind = Literal["classes", "regression"]
#: The losses of each kind of answers, the main one first.
LOSSES = {"regression": ("squared",), "classes": ("accuracy",), "probabilities": ("accuracy", "cross_entropy", "squared")}
#: Sums of probabilities that are off 1 by more than the first and at most the second were rounded.
EXACT, ROUNDED = 1e-9, 0.015
#: Whole numbers with at most so many values are taken for classes when nobody says what they are.
FEW_CLASSES = 10
#: What people and programs write for a label that is not known, besides nothing.
UNKNOWN = frozenset({"na", "n/a", "<na>", "none", "null", "?", "-", "unknown"})
#: Probabilities below this are raised to it for cross-entropy, which is infinite at 0.
FLOOR = 1e-6


@dataclass(frozen=True, eq=False)
class Answers:
    """Answers at N points. ``weak``, ``student`` and ``ceiling`` (or None): numbers (N,), class indices (N,), or probabilities
    (N, C).

    ``gold`` (N,): numbers or class indices, NaN where it is not known. ``classes``: their names, in the order of the indices;
    () for regression. ``notes``: what was taken for granted when they were read. Made by ``answers_of`` or
    ``table.read_answers``.
    """

    kind: Kind
    weak: np.ndarray
    student: np.ndarray
    gold: np.ndarray
    ceiling: np.ndarray | None = None
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Number of points N."""
        return len(self.weak)

    @property
    def has_probabilities(self) -> bool:
        """Whether answers are probabilities of classes."""
        return self.weak.ndim == 2

    @property
    def losses(self) -> tuple[str, ...]:
        """The losses that these answers have, the main one first."""
        return LOSSES["probabilities" if self.has_probabilities else self.kind]

    @property
    def labelled(self) -> np.ndarray:
        """Points with a gold label, in increasing order."""
        return np.flatnonzero(~np.isnan(self.gold))

    @property
    def gold_names(self) -> dict[int, str]:
        """The gold labels there are, as they are written in a file, by point from 0."""
        rows = self.labelled.tolist()
        if self.kind == "classes":
            return {row: self.classes[int(self.gold[row])] for row in rows}
        return {row: repr(float(self.gold[row])) for row in rows}

    def hard(self, which: Literal["weak", "student", "ceiling"]) -> np.ndarray:
        """Class indices (N,); the most probable ones, the first of several."""
        values = getattr(self, which)
        return values.argmax(axis=1) if values.ndim == 2 else values.astype(np.int64)

    def soft(self, which: Literal["weak", "student", "ceiling"]) -> np.ndarray:
        """Probabilities (N, C), raised to ``FLOOR`` and divided by their sums: what cross-entropy is computed from."""
        values = np.maximum(getattr(self, which), FLOOR)
        return values / values.sum(axis=1, keepdims=True)

    @property
    def digest(self) -> str:
        """SHA-256 of the weak and the student's answers: what a draw belongs to. Gold labels may be added without changing it."""
        parts = hashlib.sha256(f"{self.kind} {self.weak.shape} {self.classes if self.has_probabilities else ()}".encode())
        for which in ("weak", "student"):
            values = getattr(self, which)
            if self.kind == "classes" and values.ndim == 1:  # indices depend on what else occurs, names don't
                parts.update("\0".join(self.classes[k] for k in values.astype(np.int64)).encode())
            else:
                parts.update(np.ascontiguousarray(values, dtype="<f8").tobytes())
            parts.update(b"\1")
        return parts.hexdigest()


def answers_of(weak: Any, student: Any, gold: Any = None, *, ceiling: Any = None, kind: Kind | None = None) -> Answers:
    """Answers from arrays: numbers, whole numbers or words as classes, (N,), or probabilities (N, C) with gold labels 0 … C − 1.

    ``gold`` (N,): NaN, None, "" or, for classes, −1 where it is not known; no label at all when ``None``. ``kind=None`` takes
    what is clear: words, booleans and probabilities are classes, numbers that are not all whole a regression, whole numbers of
    at most FEW_CLASSES values classes (a note says so). Raises ``ValueError`` for misaligned or empty arrays, NaN among
    answers, kinds that are not clear, and classes that weak, student and gold call by different names.
    """
    if kind not in (None, "classes", "regression"):
        raise ValueError(f"kind must be 'classes' or 'regression', or None to take what is clear; it is {kind!r}.")
    given = {"weak": np.asarray(weak), "student": np.asarray(student)}
    if ceiling is not None:
        given["ceiling"] = np.asarray(ceiling)
    size = len(given["weak"]) if given["weak"].ndim else 0
    if not size:
        raise ValueError("weak must hold an answer for each point; it is empty. Pass at least one point.")
    for name, values in given.items():
        if values.shape != given["weak"].shape:
            raise ValueError(f"{name} must have the shape of weak, {given['weak'].shape}; it is {values.shape}. Align them.")
    labels = np.full(size, None, dtype=object) if gold is None else np.asarray(gold)
    if labels.shape != (size,):
        raise ValueError(
            f"gold must have one entry per point, ({size},), NaN where it is not known; its shape is {labels.shape}."
        )
    if given["weak"].ndim == 2:
        if kind == "regression":
            raise ValueError(
                "kind must be 'classes' for answers (N, C), which are probabilities; it is 'regression'. Pass numbers (N,)."
            )
        return with_probabilities(given, labels)
    names = {name: [name_of(value) for value in values.tolist()] for name, values in given.items()}
    for name, values in names.items():
        if None in values:
            raise ValueError(
                f"{name} must have an answer at every point; point {values.index(None) + 1} has none. Drop it from all columns."
            )
    known = [name_of(value) for value in labels.tolist()]
    kind, notes = (kind, ()) if kind else _clear_kind([*names.values(), [value for value in known if value is not None]])
    if kind == "regression":
        numbers: dict[str, Any] = {name: _numbers(name, values) for name, values in names.items()}
        return Answers(kind, gold=_numbers("gold", known), notes=notes, **numbers)
    if "-1" not in {*names["weak"], *names["student"]}:
        known = [None if value == "-1" else value for value in known]
    classes = tuple(sorted({value for values in (*names.values(), known) for value in values if value is not None}, key=_order))
    _refuse_twins(classes)
    index = {name: k for k, name in enumerate(classes)}
    numbered: dict[str, Any] = {name: np.array([index[str(value)] for value in values]) for name, values in names.items()}
    truth = np.array([np.nan if value is None else index[value] for value in known])
    unseen = sorted({value for value in known if value is not None} - {*names["weak"], *names["student"]})
    _refuse_unknown(unseen, known)
    answered = {name: {str(value) for value in values} for name, values in names.items()}
    _refuse_other_words(answered, {value for value in known if value is not None})
    if unseen:
        notes += (f"gold labels hold {_few(unseen)}, which neither weak nor student ever answers: both count as wrong there",)
    return Answers(kind, gold=truth, classes=classes, notes=notes, **numbered)


def with_probabilities(given: dict[str, np.ndarray], labels: np.ndarray, classes: Sequence[str] = ()) -> Answers:
    """Probabilities with gold labels that name a column, by ``classes`` or by its number."""
    whole = {name: _divided(values) for name, values in given.items()}
    numbers: dict[str, Any] = {name: class_probabilities(name, values) for name, (values, _) in whole.items()}
    off = max(worst for _, worst in whole.values())
    count = numbers["weak"].shape[1]
    classes = tuple(classes) or tuple(str(k) for k in range(count))
    index = {name: k for k, name in enumerate(classes)}
    known = [name_of(value) for value in labels.tolist()]
    if "-1" not in index:
        known = [None if value == "-1" else value for value in known]
    wrong = [value for value in known if value is not None and value not in index]
    if wrong:
        raise ValueError(
            f"gold must hold classes that weak and student have probabilities of ({_few(classes)}); it holds {wrong[0]!r}. "
            "Name the columns as the gold labels are named, weak_<class> and student_<class>."
        )
    truth = np.array([np.nan if value is None else index[value] for value in known])
    low = min(float(numbers[name].min()) for name in ("weak", "student"))
    notes = (f"probabilities below {FLOOR:g} were raised to it for cross-entropy, which is infinite at 0",) if low < FLOOR else ()
    if off > 0.0:
        notes += (f"probabilities that were rounded were divided by their sums, which were off 1 by up to {off:.2g}",)
    return Answers("classes", gold=truth, classes=classes, notes=notes, **numbers)


def _divided(values: np.ndarray) -> tuple[np.ndarray, float]:
    """Rows (N, C) divided by their sums where these are 1 up to ``ROUNDED``, and how far off they were."""
    values = np.asarray(values, dtype=np.float64)
    sums = values.sum(axis=1, keepdims=True)
    worst = float(np.max(np.abs(sums - 1.0)))
    return (values / sums, worst) if EXACT < worst <= ROUNDED else (values, 0.0)


def name_of(value: Any) -> str | None:
    """One name for 1, 1.0, "1" and "1.0"; ``None`` for what is missing."""
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return None
    text = str(int(value)) if isinstance(value, bool) else str(value).strip()
    try:
        number = float(text)
    except ValueError:
        return text or None
    if np.isnan(number):
        return None
    return str(int(number)) if number == np.floor(number) and abs(number) < 2**53 else text


def _number(name: str | None) -> float | None:
    try:
        return float(name) if name is not None else None
    except ValueError:
        return None


def _clear_kind(columns: list[list[Any]]) -> tuple[Kind, tuple[str, ...]]:
    values = {value for column in columns for value in column}
    comma = next((value for value in values if re.fullmatch(r"[-+]?\d+,\d+", value)), None)
    if comma is not None:
        raise ValueError(f"numbers must have a decimal point; there is {comma!r}, with a comma. Export them with points.")
    numbers = {_number(value) for value in values}
    if None in numbers:
        words = [value for value in values if _number(value) is None]
        if len(words) < len(values) / 2:
            raise ValueError(
                f"answers must be numbers or classes; nearly all are numbers, but one is {words[0]!r}. Correct it, or say "
                "kind='classes'."
            )
        return "classes", ()
    if any(number != np.floor(number) for number in numbers if number is not None):
        return "regression", ()
    if len(values) <= FEW_CLASSES:
        return "classes", (
            f"the {len(values)} different whole numbers were taken for classes; say --kind regression if they are numbers",
        )
    raise ValueError(
        f"answers hold {len(values)} different whole numbers, which can be numbers or classes. Say kind='regression' or "
        "kind='classes'."
    )


def _numbers(name: str, values: list[str | None]) -> np.ndarray:
    numbers = [np.nan if value is None else _number(value) for value in values]
    if None in numbers:
        row = numbers.index(None)
        raise ValueError(f"{name} must hold numbers for a regression; point {row + 1} holds {values[row]!r}. Correct it.")
    array = np.array(numbers, dtype=np.float64)
    if np.isinf(array).any():
        row = int(np.argmax(np.isinf(array)))
        raise ValueError(f"{name} must hold finite numbers; point {row + 1} holds {values[row]!r}. Correct it.")
    return array


def _refuse_unknown(unseen: Sequence[str], known: list[str | None]) -> None:
    """A label like "NA" that no model answers is no class: it is one that is not known."""
    wrong = next((value for value in unseen if value.casefold() in UNKNOWN), None)
    if wrong is not None:
        raise ValueError(
            f"gold must be empty where it is not known; point {known.index(wrong) + 1} holds {wrong!r}. If that is a class, rename it."
        )


def _refuse_other_words(answered: Mapping[str, set[str]], gold: set[str]) -> None:
    """Models that share no class, or gold labels that nobody answers, are one set of classes written in two ways: compared word by
    word they would give a gain that is none."""
    weak, both = answered["weak"], answered["weak"] | answered["student"]
    for name in ("student", "ceiling"):
        there = answered.get(name, both)
        if not there & (weak if name == "student" else both) and not (there & gold and weak & gold):
            raise ValueError(
                f"weak and {name} must call classes by the same names; weak answers {_few(sorted(weak, key=_order))}, and {name} "
                f"answers {_few(sorted(there, key=_order))}: no class is in both. Write them in the same words."
            )
    if gold and not gold & both:
        raise ValueError(
            f"gold must call classes by the names that weak and student give them, {_few(sorted(both, key=_order))}; it holds "
            f"{_few(sorted(gold, key=_order))}, and none of these is ever answered. Write the labels in the words of the answers."
        )


def _refuse_twins(classes: Sequence[str]) -> None:
    """Classes that differ only in capitals are one class that was written in two ways, or soon will be."""
    seen: dict[str, str] = {}
    for name in classes:
        other = seen.setdefault(name.casefold(), name)
        if other != name:
            raise ValueError(f"classes must be written in one way; there are {other!r} and {name!r}. Rename one of them.")


def _order(name: str) -> tuple[int, float, str]:
    number = _number(name)
    return (1, 0.0, name) if number is None else (0, number, name)


def _few(names: Sequence[str], most: int = 8) -> str:
    return ", ".join(map(repr, names[:most])) + (" …" if len(names) > most else "")
