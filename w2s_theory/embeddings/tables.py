"""Columns of a table by name: CSV, Parquet, JSON lines, or a data set of the hub. Every error names the file, the column and the row.

Rows are counted from 1, below the header; a line is a line of the file.
"""

from __future__ import annotations

import csv
import gzip
import json
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from .._validation import MissingExtra
from .columns import as_number, as_numbers, near, objects, plain, positions, typed
from .hub import HUB, read_hub

__all__ = ["KINDS", "as_number", "as_numbers", "near", "read_columns"]

#: How a file's name ends, and what it is then.
KINDS = {".csv": "csv", ".csv.gz": "csv", ".jsonl": "jsonl", ".jsonl.gz": "jsonl", ".parquet": "parquet"}


def read_columns(source: str | Path, columns: Sequence[str]) -> dict[str, np.ndarray]:
    """The named columns of a table, (N,) each: numbers as float64 with NaN where they are missing, anything else as strings (or None).

    A column with a whole number beyond 2⁵³, where float64 begins to merge neighbours, comes as the numbers of the file.
    ``source`` is a file that ends in .csv, .csv.gz, .jsonl, .jsonl.gz or .parquet (UTF-8; CSV with a header line and commas, whose
    entries are strings, all of them), or a data set of the hub: ``hub:NAME[@REVISION][:CONFIG[:SPLIT]]``, as in ``hub:imdb::test``.
    NAME can be a local folder of Parquet or CSV files; it may then hold ":" and "@". No code of a data set is ever run. A split has
    to be named where there is more than one.

    Raises ``ValueError`` for a file that is damaged, cut off, ragged, empty or not UTF-8, a column that is missing (with the names that come
    close) or there twice; ``FileNotFoundError``; ``MissingExtra`` without pyarrow (Parquet) or datasets (the hub).
    """
    if isinstance(columns, str):
        raise TypeError(f"columns must be a sequence of names; it is the string {columns!r}. Put it in a list.")
    wanted = list(dict.fromkeys(columns))
    if not wanted:
        raise ValueError("columns must name at least one column; it is empty.")
    where = str(source)
    if where.startswith(HUB):
        found = read_hub(where, wanted)
    else:
        path = Path(source)
        if path.is_dir():
            raise ValueError(
                f"{where} is a folder. Name a file in it, or say {HUB}{where} to read all of its tables as a data set."
            )
        kind = next((kind for ending, kind in KINDS.items() if path.name.lower().endswith(ending)), None)
        if kind is None:
            raise ValueError(
                f"{where} must end in {', '.join(KINDS)}, or begin with {HUB} for a data set of the hub. Rename or convert it."
            )
        if not path.is_file():
            raise FileNotFoundError(f"{where} is not there. Check the path.")
        found = {"csv": _csv, "jsonl": _jsonl, "parquet": _parquet}[kind](path, wanted)
    if not len(found[wanted[0]]):
        raise ValueError(f"{where} must have at least one row; it has none.")
    return found


def _open(path: Path) -> TextIO:
    opened = gzip.open if path.name.lower().endswith(".gz") else open
    return opened(path, "rt", encoding="utf-8-sig", newline="")  # type: ignore[return-value]


def _unreadable(where: str, error: Exception) -> ValueError:
    if isinstance(error, UnicodeDecodeError):
        return ValueError(
            f"{where} must be UTF-8; the byte 0x{error.object[error.start]:02x} is not ({error.reason}). Save it as UTF-8."
        )
    return ValueError(f"{where} is damaged or cut off ({error}). Copy it again.")


_DAMAGE = (UnicodeDecodeError, EOFError, zlib.error, gzip.BadGzipFile)


def _csv(path: Path, wanted: list[str]) -> dict[str, np.ndarray]:
    limit = csv.field_size_limit(
        sys.maxsize if sys.maxsize < 2**31 else 2**31 - 1
    )  # texts may be longer than the default, 131072
    entries: list[list[str]] = [[] for _ in wanted]
    try:
        with _open(path) as file:
            rows = csv.reader(file, strict=True)
            header = next(rows, None)
            if not header:
                raise ValueError(f"{path} must begin with a line of column names; it is empty.")
            places = positions(str(path), header, wanted)
            blank = 0
            for row in rows:
                if not row:
                    blank = blank or rows.line_num
                    continue
                if blank or len(row) != len(header):
                    line, count = (blank, 0) if blank else (rows.line_num, len(row))
                    raise ValueError(
                        f"{path} must have {len(header)} entries in every row, as its header has; line {line} has {count}. "
                        "Is a text with commas or line breaks unquoted, or the file cut off?"
                    )
                for column, place in zip(entries, places, strict=True):
                    column.append(row[place])
    except _DAMAGE as error:
        raise _unreadable(str(path), error) from error
    except csv.Error as error:
        raise ValueError(f"{path} is not CSV at line {rows.line_num} ({error}). Quote its texts, or copy it again.") from error
    finally:
        csv.field_size_limit(limit)
    return {name: objects(column) for name, column in zip(wanted, entries, strict=True)}


def _jsonl(path: Path, wanted: list[str]) -> dict[str, np.ndarray]:
    entries: list[list[Any]] = [[] for _ in wanted]
    try:
        with _open(path) as file:
            for line, text in enumerate(file, 1):
                if not text.strip():
                    continue
                where = f"{path}, line {line},"
                try:
                    pairs = json.loads(text, object_pairs_hook=lambda pairs: pairs)
                except (ValueError, RecursionError) as error:  # also numbers of thousands of digits, and lists in lists in lists
                    raise ValueError(
                        f"{where} is not JSON that can be read ({error}). Correct it, or copy the file again."
                    ) from error
                if not isinstance(pairs, list) or not all(isinstance(pair, tuple) for pair in pairs):
                    raise ValueError(f'{where} must be an object, such as {{"text": "…", "label": 1}}.')
                for column, place in zip(entries, positions(where, [key for key, _ in pairs], wanted), strict=True):
                    value = pairs[place][1]
                    if isinstance(value, list):
                        raise ValueError(
                            f"{where} must hold a text or a number as {pairs[place][0]!r}; it holds a list or an object."
                        )
                    column.append(value)
    except _DAMAGE as error:
        raise _unreadable(str(path), error) from error
    return {name: typed(column) for name, column in zip(wanted, entries, strict=True)}


def _parquet(path: Path, wanted: list[str]) -> dict[str, np.ndarray]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtra("embeddings", "pyarrow") from error
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            positions(str(path), file.schema_arrow.names, wanted)
            table = file.read(columns=wanted)
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is damaged or not a Parquet file ({error}). Copy it again.") from error
    found = {}
    for name in wanted:
        values: list[Any] = []
        try:
            for entry in table.column(name):
                values.append(entry.as_py())
        except (ValueError, OverflowError, pyarrow.ArrowException) as error:  # bytes that are not UTF-8, times before the year 1
            raise ValueError(
                f"{path}: the column {name!r} must hold texts (UTF-8) or numbers; row {len(values) + 1} can't be read ({error}). "
                "Write the file again without it."
            ) from error
        found[name] = plain(str(path), name, values)
    return found
