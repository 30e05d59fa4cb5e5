"""Finished points as Arrow tables: the user's columns, each of one kind of value (numbers, truth values or text), and ours."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .units import PointResult

_ORDERS = b"orders"
_WORDS = {str: "text", bool: "truth values", int: "numbers", float: "numbers"}


class MixedColumn(TypeError):
    """A column holds values of different kinds; ``column`` is its name."""

    def __init__(self, column: str, first: str, second: str) -> None:
        self.column = column
        super().__init__(
            f"column {column!r} must hold one kind of value; it holds {first} in some rows and {second} in others. "
            "Give every row the same kind: convert, or use two columns."
        )


def column(name: str, values: Sequence[Any]) -> Any:
    """Plain values as an Arrow array: bool, int64, float64 or string, None as null (all None: float64).

    Raises ``MixedColumn`` for kinds that don't go together, and ``TypeError`` for other values or integers beyond 64 bits.
    """
    import pyarrow

    kinds = set(map(type, values)) - {type(None)}
    if kinds <= {float, int}:
        kind = pyarrow.int64() if kinds == {int} else pyarrow.float64()
        if len(kinds) == 2:  # Arrow refuses whole numbers beyond 2⁵³ as floats
            values = [value if value is None else float(value) for value in values]
    elif kinds == {str}:
        kind = pyarrow.string()
    elif kinds == {bool}:
        kind = pyarrow.bool_()
    elif kinds <= {str, bool, int, float}:
        words = sorted({_WORDS[kind] for kind in kinds})
        raise MixedColumn(name, words[0], words[1])
    else:
        odd = next(value for value in values if type(value) not in (str, bool, int, float, type(None)))
        raise TypeError(f"column {name!r} must hold str, int, float or bool; it holds {odd!r}. Convert it.")
    try:
        return pyarrow.array(values, kind)
    except (OverflowError, pyarrow.ArrowInvalid) as error:
        raise TypeError(
            f"column {name!r} must hold integers of at most 64 bits ({error}). Convert them to float or str."
        ) from error


def from_rows(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Rows as Arrow columns. Raises as ``column``."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: column(name, [row.get(name) for row in rows]) for name in names}


def of_results(
    results: Iterable[tuple[bytes, Mapping[str, Any], int | None, PointResult]], *, sweep: str, version: str, run: str
) -> list[Any]:
    """Finished points as tables with our columns: one table, or one for each point when a column's kind differs between points.

    A point without rows gets a marker row (``_row`` = -1), and a failed one a row with its error. A point whose own rows can't be one
    table (a column mixes kinds within it) is a failed one.
    """
    results = list(results)
    ours = {"_run": run, "_sweep": sweep, "_version": version}
    if not results:
        return []
    try:
        return [_table(results, ours)]
    except TypeError:
        single = []
        for result in results:
            try:
                single.append(_table([result], ours))
            except TypeError as error:
                single.append(_table([_refused(result, error)], ours))
        return single


def _table(results: Sequence[tuple[bytes, Mapping[str, Any], int | None, PointResult]], ours: Mapping[str, str]) -> Any:
    import pyarrow

    rows: list[dict[str, Any]] = []
    numbers: list[int] = []
    owners: list[int] = []
    for owner, (_, params, trial, result) in enumerate(results):
        point = params if trial is None else {**params, "trial": trial}
        made = result.rows if result.status == "ok" else [{}]
        rows += [{**point, **row} for row in made] or [dict(point)]
        numbers += range(len(made)) if made else (-1,)
        owners += [owner] * max(len(made), 1)
    columns = from_rows(rows)
    text, now, count = pyarrow.string(), time.time(), len(rows)
    of_points = {
        "_key": pyarrow.array([key for key, *_ in results], pyarrow.binary(16)),
        "_status": pyarrow.array([result.status for *_, result in results], text),
        "_seconds": pyarrow.array([float(result.seconds) for *_, result in results], pyarrow.float64()),
        "_error": pyarrow.array([result.error or None for *_, result in results], text),
        "_traceback": pyarrow.array([result.traceback or None for *_, result in results], text),
    }
    if count > len(results):
        of_points = {name: values.take(pyarrow.array(owners)) for name, values in of_points.items()}
    columns |= of_points | {"_row": pyarrow.array(numbers, pyarrow.int32())}
    columns |= {"_time": pyarrow.repeat(pyarrow.scalar(now), count)}
    columns |= {name: pyarrow.repeat(pyarrow.scalar(value, text), count) for name, value in ours.items()}
    return with_orders(pyarrow.table(columns), set(map(tuple, rows)))


def _refused(entry: tuple[bytes, Mapping[str, Any], int | None, PointResult], error: TypeError) -> Any:
    key, params, trial, result = entry
    return key, params, trial, result._replace(status="failed", rows=[], error=f"{type(error).__name__}: {error}")


def nothing() -> Any:
    """A table of no points: our columns only."""
    return _table([], {"_run": "", "_sweep": "", "_version": ""})


def with_orders(table: Any, orders: Iterable[Sequence[str]]) -> Any:
    """``table``, which also knows in which orders its rows had their columns: a set, so that it doesn't depend on who was first."""
    return table.replace_schema_metadata({_ORDERS: json.dumps(sorted(set(map(tuple, orders))))})


def orders_of(table: Any) -> list[list[str]]:
    """The orders in which the rows of ``table`` had their columns."""
    return json.loads((table.schema.metadata or {}).get(_ORDERS, b"[]"))


def in_order(orders: Iterable[Sequence[str]]) -> list[str]:
    """All columns: as in the longest order, with what only others have behind its neighbour there."""
    names: list[str] = []
    for order in sorted(orders, key=lambda order: (-len(order), order)):
        place = 0
        for name in order:
            if name in names:
                place = names.index(name) + 1
            else:
                names.insert(place, name)
                place += 1
    return names
