"""Tables of experiments on disk: written whole or not at all, with their provenance beside them.

A table is ``<stem>.parquet``; ``<stem>.json`` beside it says how it was made and carries the table's SHA-256
(``w2s_theory.sweeps.saved``). Here errors say how to rebuild a table of this repository.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from w2s_theory.embeddings.files import replace_file
from w2s_theory.sweeps import saved, tables
from w2s_theory.sweeps.points import plain
from w2s_theory.sweeps.rows import from_rows

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
    """Rows as columns, in order of first appearance, of the kinds that a sweep's table has (``w2s_theory.sweeps.tables.filled``).

    Raises ``ValueError`` when there are no rows and ``TypeError`` when a column mixes kinds.
    """
    import pyarrow

    made = [{name: plain(name, value) for name, value in row.items()} for row in rows]
    if not made:
        raise ValueError("rows must not be empty; the experiment returned none.")
    filled = {name: tables.filled(values) for name, values in from_rows(made).items()}
    return saved.as_numpy(pyarrow.table(filled))


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
