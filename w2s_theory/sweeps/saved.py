"""A finished table: ``<name>.parquet``, and ``<name>.json`` beside it, which says how it was made.

The JSON carries the SHA-256 of the Parquet file, so that a table that was damaged, or edited by hand, is refused instead of believed.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .._validation import MissingExtra
from ..embeddings.files import replace_file

Table = dict[str, np.ndarray]


class UnreadableTable(RuntimeError):
    """A table is missing or damaged; the message names the file."""


def write_table(path: Path, table: Any, provenance: Mapping[str, Any]) -> list[Path]:
    """Write ``table`` (a pyarrow table, or columns by name) to ``path`` (.parquet), and ``provenance`` to the .json beside it; both paths.

    A kill between the two leaves a pair that doesn't match, which ``read_table`` refuses. Raises ``OSError``, ``MissingExtra``.
    """
    pyarrow, parquet = _pyarrow()
    buffer = io.BytesIO()  # the table is made in memory, so that a full disk can only interrupt a plain write
    parquet.write_table(pyarrow.table(dict(table)) if isinstance(table, Mapping) else table, buffer)
    data, columns = buffer.getvalue(), list(table) if isinstance(table, Mapping) else table.column_names
    about = dict(provenance) | {"columns": columns, "sha256": hashlib.sha256(data).hexdigest()}
    beside = path.with_suffix(".json")
    replace_file(path, data)
    replace_file(beside, (json.dumps(about, indent=2, ensure_ascii=False) + "\n").encode())
    return [path, beside]


def read_table(path: str | Path) -> tuple[Table, dict[str, Any]]:
    """A table as NumPy columns (bool, int64, float64 or str) and its provenance. Raises ``UnreadableTable``, ``MissingExtra``."""
    _, parquet = _pyarrow()
    path = Path(path)
    beside = path.with_suffix(".json")
    try:
        about = json.loads(beside.read_bytes())
        expected = about["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnreadableTable(f"{beside} can't be read: {error}") from error
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UnreadableTable(f"{path} can't be read: {error}") from error
    if hashlib.sha256(data).hexdigest() != expected:
        raise UnreadableTable(f"{path} can't be read: its contents are not those that {beside.name} describes")
    try:
        read = parquet.read_table(io.BytesIO(data))
        return as_numpy(read), about
    except (OSError, ValueError) as error:
        raise UnreadableTable(f"{path} can't be read: {error}") from error


def as_numpy(table: Any) -> Table:
    """The columns of a pyarrow table without nulls: bool, int64, float64 or str."""
    columns = {name: table.column(name).to_numpy() for name in table.column_names}
    return {name: values.astype(np.str_) if values.dtype == object else values for name, values in columns.items()}


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtra("sweeps", "pyarrow") from error
    return pyarrow, pyarrow.parquet
