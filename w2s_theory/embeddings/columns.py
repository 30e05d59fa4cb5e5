"""Columns of tables: which they are, numbers or words, and errors that say the file, the column and the row (counted from 1)."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

#: Whole numbers up to here are what they are as float64; beyond, neighbours become the same number.
EXACT = 2**53


def as_number(value: Any) -> float | None:
    """A finite number or NaN for what is one, "nan" included; ``None`` for everything else (None, words, infinity, "1_000")."""
    if isinstance(value, str) and "_" in value:  # a number in Python's source, and nowhere else
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return None if math.isinf(number) else number


def as_numbers(where: str, column: str, values: Any, *, missing: bool = False) -> np.ndarray:
    """A column as float64 (N,). Empty entries are NaN with ``missing``, an error without; entries that are not numbers are errors.

    ``where`` names the file in the error, which says the row.
    """
    numbers = np.empty(len(values))
    for row, value in enumerate(values):
        empty = value is None or (isinstance(value, str) and not value.strip())
        number = math.nan if empty else as_number(value)
        if number is None or (math.isnan(number) and not missing):
            held = "is empty" if number is not None else f"holds {value!r}"
            raise ValueError(
                f"{where}: the column {column!r} must hold a finite number in every row; row {row + 1} {held}. "
                "Correct it, or drop that row."
            )
        numbers[row] = number
    return numbers


def near(name: str, names: Iterable[str]) -> str:
    """The names that come close, as the end of a sentence; empty when none does."""
    close = difflib.get_close_matches(name, list(names), n=3, cutoff=0.5)
    return f" (close: {', '.join(map(repr, close))})" if close else ""


def positions(where: str, header: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Where the wanted columns stand; refuses those that are missing or there twice."""
    for name in wanted:
        count = list(header).count(name)
        if count == 0:
            shown = ", ".join(map(repr, list(header)[:20])) + (" …" if len(header) > 20 else "")
            raise ValueError(f"{where} has no column {name!r}{near(name, header)}; its columns are {shown}.")
        if count > 1:
            raise ValueError(f"{where} must have each column once; it has {name!r} {count} times. Rename them.")
    return [list(header).index(name) for name in wanted]


def plain(where: str, name: str, values: list[Any]) -> np.ndarray:
    """``typed`` of texts, numbers and None; refuses anything else, with its row."""
    for row, value in enumerate(values, 1):
        if value is not None and not isinstance(value, str | int | float):
            raise ValueError(
                f"{where}: the column {name!r} must hold texts or numbers; row {row} holds a {type(value).__name__}. Convert it first."
            )
    return typed(values)


def typed(values: list[Any]) -> np.ndarray:
    """Numbers as float64 with NaN for what is missing; with a string or a whole number that is not ``EXACT`` among them, all as they are."""
    words = any(isinstance(value, str) or (isinstance(value, int) and abs(value) > EXACT) for value in values)
    if words or all(value is None for value in values):
        return objects(values)
    return np.array([math.nan if value is None else value for value in values], dtype=np.float64)


def objects(values: list[Any]) -> np.ndarray:
    """The values as they are, in an array (N,)."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array
