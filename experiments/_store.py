"""Tables on disk: written whole or not at all, with their provenance beside them; and checkpoints that survive a kill.

A table is ``<stem>.parquet``; ``<stem>.json`` beside it says how it was made and carries the table's SHA-256, so that a table
that was damaged, or edited by hand, is refused instead of drawn.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from w2s_theory._validation import MissingExtra
from w2s_theory.embeddings.files import replace_file

Row = dict[str, Any]
Table = dict[str, np.ndarray]


class StoreError(RuntimeError):
    """A file could not be written or read; the message names it and says how to go on."""


def write_bytes(path: Path, data: bytes) -> None:
    """Replace ``path`` by ``data``, durably (``replace_file``). On failure the old file stays."""
    try:
        replace_file(path, data)
    except OSError as error:
        raise _unwritable(path, error) from error


def plain(name: str, value: Any) -> str | int | float | bool | None:
    """Return ``value`` as a plain Python value (NumPy scalars are unwrapped), or raise ``TypeError``."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is not None and type(value) not in (str, int, float, bool):
        raise TypeError(
            f"{name!r} must be a str, int, float or bool; it is {value!r}. Convert it, or spread it over several columns."
        )
    return value


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
    if kinds == {bool} and whole:
        return np.array(values, dtype=np.bool_)
    if kinds == {int} and whole:
        return np.array(values, dtype=np.int64)
    if kinds <= {int, float}:
        return np.array([math.nan if value is None else value for value in values], dtype=np.float64)
    found = ", ".join(sorted({type(value).__name__ for value in values}))
    raise TypeError(f"column {name!r} must hold one kind of value; it holds {found}. Give every row the same kind.")


def write_table(path: Path, table: Table, provenance: Mapping[str, Any]) -> None:
    """Write ``table`` to ``path`` (.parquet) and ``provenance`` to the .json beside it.

    A kill between the two leaves a pair that doesn't match, which ``read_table`` refuses; the checkpoint is still there then.
    """
    pyarrow, parquet = _pyarrow()
    buffer = io.BytesIO()  # the table is made in memory, so that a full disk can only interrupt a plain write
    parquet.write_table(pyarrow.table(dict(table)), buffer)
    data = buffer.getvalue()
    about = dict(provenance) | {"columns": list(table), "sha256": hashlib.sha256(data).hexdigest()}
    write_bytes(path, data)
    write_bytes(path.with_suffix(".json"), (json.dumps(about, indent=2, ensure_ascii=False) + "\n").encode())


def read_table(path: Path) -> tuple[Table, dict[str, Any]]:
    """Read a table and its provenance; raise ``StoreError``, with the way to rebuild it, when a file is missing or damaged."""
    _, parquet = _pyarrow()
    about_path = path.with_suffix(".json")
    try:
        about = json.loads(about_path.read_bytes())
        expected = about["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _unreadable(about_path, error) from error
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error
    if hashlib.sha256(data).hexdigest() != expected:
        raise _unreadable(path, f"its contents are not those that {about_path.name} describes")
    try:
        read = parquet.read_table(io.BytesIO(data))
        return {name: _from_arrow(read.column(name)) for name in read.column_names}, about
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


class Checkpoint:
    """Finished points of an unfinished run: one JSON line per point, each with its own checksum, appended and synced as it ends.

    A line that a kill cut short, or that was damaged, is left out of ``points`` and its point is run again.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.points: dict[str, dict[str, Any]] = {}
        lines = path.read_bytes().split(b"\n") if path.exists() else []
        for line in lines:
            try:
                entry = json.loads(line)
                if entry.pop("sum") == _checksum(entry):
                    self.points[entry["key"]] = entry
            except (ValueError, KeyError, TypeError, AttributeError):
                continue
        self._is_mid_line = bool(lines) and lines[-1] != b""

    def append(self, key: str, rows: list[Row], seconds: float) -> None:
        """Keep the rows of the point ``key``; when this returns they survive a kill."""
        entry: dict[str, Any] = {"key": key, "rows": rows, "seconds": seconds}
        line = ("\n" if self._is_mid_line else "") + json.dumps(entry | {"sum": _checksum(entry)}) + "\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as file:
                file.write(line.encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise _unwritable(self.path, error) from error
        self.points[key] = entry
        self._is_mid_line = False

    def delete(self) -> None:
        """Forget the points: their table has been written."""
        self.path.unlink(missing_ok=True)


def _checksum(entry: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(entry, sort_keys=True).encode()).hexdigest()[:16]


def _from_arrow(column: Any) -> np.ndarray:
    values = column.to_numpy()
    return values.astype(np.str_) if values.dtype == object else values


def _unwritable(path: Path, error: OSError) -> StoreError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        why = "the disk is full. Free some space"
    else:
        why = f"{error.strerror or error}. Repair that"
    return StoreError(f"could not write {path}: {why} and run the same command again; finished points are kept.")


def _unreadable(path: Path, why: object) -> StoreError:
    scale = "quick" if path.parent.name == "quick" else "full"
    return StoreError(f"{path} can't be read: {why}. Rebuild it: python -m experiments {path.stem} --{scale}")


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtra("sweeps", "pyarrow") from error
    return pyarrow, pyarrow.parquet
