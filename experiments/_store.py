"""Tables of experiments on disk: written whole or not at all, with their provenance beside them.

A table is ``<stem>.parquet``; ``<stem>.json`` beside it says how it was made and carries the table's SHA-256
(``w2s_theory.sweeps.saved``). Here errors say how to rebuild a table of this repository.
"""

from __future__ import annotations

import errno
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from w2s_theory.embeddings.files import replace_file
from w2s_theory.sweeps import saved
from w2s_theory.sweeps.points import plain

Row = dict[str, Any]
Table = saved.Table


class StoreError(RuntimeError):
    """A file could not be written or read; the message names it and says how to go on."""


def write_bytes(path: Path, data: bytes) -> None:
    """Replace ``path`` by ``data``, durably (``replace_file``). On failure the old file stays."""
    try:
        replace_file(path, data)
    except OSError as error:
        raise _unwritable(path, error) from error


def columns(rows: Iterable[Mapping[str, Any]]) -> Table:
    """Turn rows into columns, in order of first appearance: bool, int64, float64 (None or absent is NaN) or str (absent is "").

    Raises ``ValueError`` when there are no rows and ``TypeError`` when a column mixes kinds.
    """
    rows = list(rows)
    if not rows:
        raise ValueError("rows must not be empty; the experiment returned none.")
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: _column(name, [plain(name, row.get(name)) for row in rows]) for name in names}


def _column(name: str, values: list[Any]) -> np.ndarray:
    kinds, whole = {type(value) for value in values if value is not None}, None not in values
    if kinds == {str}:
        return np.array(["" if value is None else value for value in values], dtype=np.str_)
    if kinds in ({bool}, {int}) and whole:
        return np.array(values)
    if kinds <= {int, float} or kinds == {bool}:
        return np.array([math.nan if value is None else value for value in values], dtype=np.float64)
    found = ", ".join(sorted({type(value).__name__ for value in values}))
    raise TypeError(f"column {name!r} must hold one kind of value; it holds {found}. Give every row the same kind.")


def write_table(path: Path, table: Table, provenance: Mapping[str, Any]) -> None:
    """Write ``table`` to ``path`` (.parquet) and ``provenance`` to the .json beside it."""
    try:
        saved.write_table(path, table, provenance)
    except OSError as error:
        raise _unwritable(path, error) from error


def read_table(path: Path) -> tuple[Table, dict[str, Any]]:
    """Read a table and its provenance; raise ``StoreError``, with the way to rebuild it, when a file is missing or damaged."""
    try:
        return saved.read_table(path)
    except saved.UnreadableTable as error:
        scale = "quick" if path.parent.name == "quick" else "full"
        raise StoreError(f"{error}. Rebuild it: python -m experiments {path.stem} --{scale}") from error


def _unwritable(path: Path, error: OSError) -> StoreError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        why = "the disk is full. Free some space"
    else:
        why = f"{error.strerror or error}. Repair that"
    return StoreError(f"could not write {path}: {why} and run the same command again; finished points are kept.")
