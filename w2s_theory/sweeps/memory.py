"""What is finished of a sweep that keeps nothing on disk; the interface that a ``Store`` has too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .._validation import MissingExtra
from . import parts, tables
from .parts import Point
from .rows import of_results

if TYPE_CHECKING:
    from .units import PointResult

#: A finished point: its key of 16 bytes, its params, its trial (None: there are no trials) and what became of it.
Finished = tuple[bytes, Mapping[str, Any], "int | None", "PointResult"]


class Memory:
    """Finished points of the sweep ``name``, made by the code ``version``. Raises ``MissingExtra`` without pyarrow."""

    def __init__(self, name: str, *, version: str | None = None) -> None:
        try:
            import pyarrow
            import pyarrow.compute
            import pyarrow.parquet  # noqa: F401
        except ImportError as error:
            raise MissingExtra("sweeps", "pyarrow") from error
        self.name, self.version = name, version
        self._points: dict[bytes, Point] = {}
        self._tables: list[Any] = []
        self._kinds: dict[str, str] = {}

    def add(self, results: Iterable[Finished], run: str) -> None:
        """Keep finished points; ``run`` names the run in their rows.

        A point whose own rows mix kinds in a column is kept as a failed one. Raises ``MixedColumn`` when a column's kind is another one
        than in the points that this object added before: all are kept, but they can't be one table.
        """
        made = of_results(results, sweep=self.name, version=self.version or "", run=run)
        if len(made) > 1:
            made = [tables.stacked(group) for group in tables.groups_that_agree(made)]
        for table in made:
            self._keep(table)
        for table in made:
            here = tables.kinds_of(table)
            tables.agree(self._kinds, here)
            self._kinds |= here

    def known(self) -> dict[bytes, str]:
        """The status of each finished point, by key: "ok", "failed" or "died"."""
        return {key: point.status for key, point in self._points.items()}

    def table(self, keys: Sequence[bytes] | None = None) -> Any:
        """The rows of the points ``keys``, in that order, as a ``pyarrow.Table`` (default: of every point, ordered by key).

        Keys that are not there are left out, and so are points without rows; a failed point has one row. The user's columns come first,
        then ours: ``_key``, ``_status``, ``_row`` (0, 1, … within its point), ``_seconds`` (the whole point's), ``_error``,
        ``_traceback``, ``_time`` (seconds since 1970), ``_run``, ``_sweep``, ``_version``.

        A column's type is decided over all points of this sweep and version, so that it does not depend on how they were batched: int64,
        float64 (some are floats, or absent: NaN), bool (some absent: float64 with 1, 0 and NaN) or string (absent: ""). Raises
        ``MixedColumn`` when a column of these rows mixes numbers, truth values and text.
        """
        return tables.finished(tables.chosen(self._tables, self._keys() if keys is None else keys))

    def _keep(self, table: Any) -> None:
        self._tables.append(table)
        self._learn(parts.points_of(table, self.name, self.version or ""))

    def _learn(self, points: Iterable[tuple[bytes, Point]]) -> None:
        found = dict(points)
        for key in found.keys() & self._points.keys():
            if tables.RANKS[self._points[key].status] > tables.RANKS[found[key].status]:
                found[key] = self._points[key]
        self._points |= found

    def _keys(self) -> list[bytes]:
        """The points of this sweep and, where one was named, of this version."""
        versions = {self.version} if self.version is not None else {point.version for point in self._points.values()}
        return sorted(key for key, point in self._points.items() if point.sweep == self.name and point.version in versions)
