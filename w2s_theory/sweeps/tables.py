"""Tables of points: many small ones become one whose types don't depend on how the points were batched.

A column holds one kind of value: numbers, truth values or text. Inside files absent values are nulls; ``finished`` gives the table
that a reader gets: int64 where every value is a whole number, float64 (absent is NaN) where one is not, text with "" for absent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from .rows import MixedColumn, in_order, nothing, orders_of, with_orders

#: Which of two results of one point counts: the higher rank, then the later time.
RANKS = {"died": 0, "failed": 1, "ok": 2}


def kinds_of(table: Any) -> dict[str, str]:
    """What each column holds, in words; the user's columns without any value are left out."""
    return {
        field.name: _word(field.type)
        for field, values in zip(table.schema, table.columns, strict=True)
        if values.null_count < table.num_rows or field.name.startswith("_")
    }


def agree(kinds: Mapping[str, str], others: Mapping[str, str]) -> None:
    """Raise ``MixedColumn`` when a column holds one kind here and another there."""
    for name in kinds.keys() & others.keys():
        if kinds[name] != others[name]:
            raise MixedColumn(name, *sorted((kinds[name], others[name])))


def stacked(tables: Sequence[Any]) -> Any:
    """The rows of all ``tables``, one table after another; a column's type is decided over all of them. Raises ``MixedColumn``."""
    import pyarrow

    tables = _alike(tables)
    kinds: dict[str, str] = {}
    types: dict[str, Any] = {}
    for table in tables:
        here = kinds_of(table)
        agree(kinds, here)
        kinds |= here
        for field in table.schema:
            if field.name in here:
                before = types.get(field.name)
                types[field.name] = pyarrow.float64() if before not in (None, field.type) else field.type
            else:
                types.setdefault(field.name, None)
    types = {name: pyarrow.float64() if kind is None else kind for name, kind in types.items()}
    chunks: dict[str, list[Any]] = {name: [] for name in types}
    for table in tables:
        there = set(table.column_names)
        for name, kind in types.items():
            if name not in there or (table.column(name).null_count == table.num_rows and not name.startswith("_")):
                chunks[name].append(pyarrow.nulls(table.num_rows, kind))
            else:
                chunks[name] += table.column(name).cast(kind, safe=False).chunks
    stack = pyarrow.table({name: pyarrow.chunked_array(parts, types[name]) for name, parts in chunks.items()})
    return with_orders(stack, {tuple(order) for table in tables for order in orders_of(table)})


def _alike(tables: Iterable[Any]) -> list[Any]:
    """The same rows in one table for each schema, which costs a tenth of what looking at every table does where they are small and many."""
    import pyarrow

    groups: dict[Any, list[Any]] = {}
    for table in tables:
        groups.setdefault(table.schema, []).append(table)
    return [pyarrow.concat_tables(group) if len(group) > 1 else group[0] for group in groups.values()]


def count(table: Any) -> int:
    """How many points a table of whole points holds."""
    return int((table.column("_row").to_numpy() <= 0).sum())


def chosen(made: Sequence[Any], keys: Sequence[bytes] | None = None) -> Any:
    """One copy of each point of ``keys`` (default: of every point) that ``made`` hold, in that order.

    Types are decided over all of ``made``; only where a column of them mixes kinds, over the points of ``keys`` alone. Raises
    ``MixedColumn`` when these mix kinds too.

    The rows of one copy lie together, and its first has ``_row`` <= 0. Of several copies the best status counts, then the latest.
    """
    import pyarrow

    compute = compute_module()

    made = made or [nothing()]
    try:
        table = stacked(made)
    except MixedColumn:
        if keys is None:
            raise
        among = pyarrow.array(keys, pyarrow.binary(16))
        table = stacked([part.filter(compute.is_in(part.column("_key"), among)) for part in made])
    starts = np.flatnonzero(table.column("_row").to_numpy() <= 0)
    lengths = np.diff(starts, append=table.num_rows)
    heads = table.select(["_key", "_status", "_time"]).take(starts)
    own = heads.column("_key").combine_chunks()
    wanted = own.unique() if keys is None else pyarrow.array(keys, own.type)
    place = compute.fill_null(compute.index_in(own, wanted), -1).to_numpy().astype(np.int64)
    copies = np.flatnonzero(place >= 0)
    if np.bincount(place[copies]).max(initial=0) <= 1:
        best = copies[np.argsort(place[copies])]
    else:
        rank = compute.index_in(heads.column("_status"), pyarrow.array(list(RANKS))).to_numpy()[copies]
        order = copies[np.lexsort((heads.column("_time").to_numpy()[copies], rank, place[copies]))]
        best = order[np.flatnonzero(np.diff(place[order], append=len(wanted)))]  # the last copy of each point
    firsts, counts = starts[best], lengths[best]
    offsets = np.cumsum(counts) - counts
    rows = np.repeat(firsts - offsets, counts) + np.arange(counts.sum())
    return table if len(rows) == table.num_rows and np.array_equal(rows, np.arange(len(rows))) else table.take(rows)


def finished(table: Any) -> Any:
    """What a reader gets: no markers, no nulls; the user's columns in the order of the rows that have most, then ours.

    A column of truth values with absent ones becomes float64: 1, 0 and NaN.
    """
    import pyarrow

    compute = compute_module()

    if table.num_rows and not compute.all(compute.greater_equal(table.column("_row"), 0)).as_py():
        table = table.filter(compute.greater_equal(table.column("_row"), 0))
    table = table.combine_chunks()
    columns = {}
    theirs = in_order(orders_of(table))
    for name in theirs + [name for name in table.column_names if name.startswith("_")]:
        columns[name] = filled(table.column(name))
    return pyarrow.table(columns)


def filled(values: Any) -> Any:
    """A column of plain values with "" for absent text and NaN for other absent values, which makes it float64 (truth values: 1 and 0)."""
    import pyarrow

    if not values.null_count:
        return values
    if pyarrow.types.is_string(values.type):
        return values.fill_null("")
    if pyarrow.types.is_boolean(values.type):
        values = values.cast(pyarrow.int8())
    return values.cast(pyarrow.float64(), safe=False).fill_null(float("nan"))


def compute_module() -> Any:
    """pyarrow.compute, whose functions a type checker can't see."""
    import pyarrow.compute

    return pyarrow.compute


def _word(kind: Any) -> str:
    import pyarrow

    if pyarrow.types.is_string(kind):
        return "text"
    return "truth values" if pyarrow.types.is_boolean(kind) else "numbers" if not pyarrow.types.is_binary(kind) else "bytes"


def groups_that_agree(tables: Iterable[Any]) -> list[list[Any]]:
    """``tables`` in as few lists as a first fit gives, such that no column mixes kinds within a list."""
    groups: list[tuple[dict[str, str], list[Any]]] = []
    for table in _alike(tables):
        here = kinds_of(table)
        for kinds, members in groups:
            try:
                agree(kinds, here)
            except MixedColumn:
                continue
            kinds |= here
            members.append(table)
            break
        else:
            groups.append((here, [table]))
    return [members for _, members in groups]
