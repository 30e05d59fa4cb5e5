"""Tables as users have them, read alike: columns, rows, a pandas or pyarrow table, a sweep's result; and means over trials."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from scipy.special import stdtrit


def columns(table: Any) -> dict[str, np.ndarray]:
    """The columns of ``table``, each an array (rows,), by name.

    ``table``: a mapping from names to columns, an iterable of rows (mappings; what a row lacks is None), a pandas ``DataFrame``, a
    pyarrow ``Table``, or anything with such a table as its ``table``, as a ``SweepResult`` has. Raises ``TypeError`` for anything
    else, ``ValueError`` for columns of unequal length or a table without rows.
    """
    table = getattr(table, "table", table)
    if isinstance(table, Mapping):
        found = {str(name): cells if isinstance(cells, np.ndarray) else _column(cells) for name, cells in table.items()}
    elif hasattr(table, "column_names") and hasattr(table, "column"):
        found = {name: _column(table.column(name).to_pylist()) for name in table.column_names}
    elif hasattr(table, "columns") and hasattr(table, "to_numpy"):
        found = {str(name): table[name].to_numpy() for name in table.columns}
    else:
        rows = rows_of(table)
        names = dict.fromkeys(name for row in rows for name in row)
        found = {str(name): _column([row.get(name) for row in rows]) for name in names}
    lengths = {name: column.shape[0] if column.ndim == 1 else column.shape for name, column in found.items()}
    if len(set(lengths.values())) > 1 or any(column.ndim != 1 for column in found.values()):
        raise ValueError(f"table must have columns of one length, one number or text a row; theirs are {lengths}.")
    if not found or not next(iter(lengths.values())):
        raise ValueError("table must have rows; it has none, so there is nothing to draw.")
    return found


def rows_of(table: Any) -> list[Mapping[str, Any]]:
    """The rows of ``table`` as mappings; kinds of table and errors as for ``columns``, but that no rows are an empty list."""
    if isinstance(table, Mapping) or any(hasattr(table, name) for name in ("table", "column_names", "columns")):
        found = columns(table)
        return [dict(zip(found, cells, strict=True)) for cells in zip(*(c.tolist() for c in found.values()), strict=True)]
    try:
        rows = list(table)
    except TypeError:
        rows = [table]
    wrong = next((row for row in rows if not isinstance(row, Mapping)), None)
    if wrong is not None:
        raise TypeError(
            f"table must be a mapping from names to columns, rows (mappings), a DataFrame or an arrow Table; it holds {wrong!r}. "
            "Pass the table of a sweep, or a list of dicts."
        )
    return rows


def column(table: Mapping[str, np.ndarray], role: str, name: str) -> np.ndarray:
    """The column ``name``; raises ``KeyError`` with the names there are. ``role`` is the argument that named it."""
    if name not in table:
        raise KeyError(f"{role} must name a column of the table; {name!r} is none of {', '.join(table)}.")
    return table[name]


def numbers(table: Mapping[str, np.ndarray], role: str, name: str, kept: np.ndarray) -> np.ndarray:
    """The column ``name`` as float64 (rows,), NaN where it is absent or ``kept`` is False; raises ``TypeError`` if it is not numeric."""
    cells = column(table, role, name)
    if cells.dtype.kind in "fiub":
        return np.where(kept, cells.astype(np.float64), np.nan)
    found = np.full(cells.shape, np.nan)
    for i in np.flatnonzero(kept):
        if isinstance(cells[i], bool | int | float | np.number | np.bool_):
            found[i] = cells[i]
        elif cells[i] is not None and type(cells[i]).__name__ != "NAType":
            raise TypeError(
                f"{role} must be a column of numbers; {name!r} holds {cells[i]!r} in row {i + 1}. "
                "Convert it, or name it as by=, which takes text."
            )
    return found


def known_cells(cells: np.ndarray) -> np.ndarray:
    """True where a cell is something: neither None nor NaN nor the missing value of pandas. Shape (rows,)."""
    return np.array(
        [cell is not None and type(cell).__name__ not in ("NAType", "NaTType") and cell == cell for cell in cells.tolist()]
    )


def failed(table: Mapping[str, np.ndarray]) -> np.ndarray:
    """True where the table says that the run failed: a text in its column ``error``, where it has one. Shape (rows,)."""
    if "error" not in table:
        return np.zeros(next(iter(table.values())).shape, dtype=bool)
    return np.array([isinstance(cell, str) and cell != "" for cell in table["error"].tolist()], dtype=bool)


class Bars(NamedTuple):
    """Per group, in increasing order of ``at``: the mean, the half-width of its interval (NaN for one value), how many values."""

    at: np.ndarray
    mean: np.ndarray
    half: np.ndarray
    count: np.ndarray


def mean_interval(groups: np.ndarray, values: np.ndarray, *, level: float = 0.95) -> Bars:
    """Mean and Student-t interval of ``values`` (one per trial) within each of ``groups``; both are columns of one table.

    half = t_{count−1}((1+level)/2) · std(ddof=1)/√count.
    """
    at, index, count = np.unique(groups, return_inverse=True, return_counts=True)
    mean = np.bincount(index, weights=values) / count
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        squares = np.bincount(index, weights=(values - mean[index]) ** 2)
        half = stdtrit(count - 1, (1.0 + level) / 2.0) * np.sqrt(squares / (count - 1) / count)
    return Bars(at, mean, np.where(count > 1, half, np.nan), count)


def _column(cells: Any) -> np.ndarray:
    """Cells as an array that keeps each of them as it is: mixed kinds stay objects, instead of all becoming text."""
    if isinstance(cells, str) or not hasattr(cells, "__len__"):
        raise ValueError(f"table must have columns, each with a cell a row; one of them is {cells!r}. Pass lists or arrays.")
    if hasattr(cells, "to_numpy"):
        return cells.to_numpy()
    cells = list(cells)
    if all(type(cell) in (int, float, bool) for cell in cells):
        return np.asarray(cells)
    found = np.empty(len(cells), dtype=object)
    found[:] = cells
    return found
