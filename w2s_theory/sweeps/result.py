"""What a sweep returns: one tidy table, its failures and where it all came from."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from .folder import StoreError


class Interrupted(KeyboardInterrupt):
    """A sweep was stopped by Ctrl-C; the message says how to go on, ``result`` has the points that are finished."""

    def __init__(self, message: str, result: SweepResult) -> None:
        super().__init__(message)
        self.result = result


class SweepResult:
    """The points of a sweep, in the order of its grid: their values and the rows that ``run_one`` returned for them.

    ``provenance`` says how they were made, ``notes`` what there is to know of the store (other versions, damaged files), in sentences.
    """

    def __init__(self, kept: Any, keys: Sequence[bytes], provenance: dict[str, Any], notes: Sequence[str]) -> None:
        self._kept = kept
        self._keys = keys
        self.provenance = provenance
        self.notes = tuple(notes)

    @functools.cached_property
    def _all(self) -> Any:
        table, known = self._kept.table(self._keys), self._kept.known()
        lost = self.provenance["finished"] - sum(key in known for key in self._keys)
        if lost > 0:
            raise StoreError(
                f"{lost} of {self.provenance['finished']} finished points are gone from {self._kept.folder}: files were damaged or deleted "
                "there since. Run the same again: it runs those points only."
            )
        return table

    def arrow(self) -> Any:
        """The table as a ``pyarrow.Table``: the point's values, ``trial``, what ``run_one`` returned, and ``error``.

        ``error`` is "" except in the one row of a point that has failed, where numbers are NaN and text is "".
        """
        names = [name for name in self._all.column_names if not name.startswith("_")]
        return self._all.select([*names, "_error"]).rename_columns([*names, "error"])

    @functools.cached_property
    def table(self) -> dict[str, np.ndarray]:
        """The same as NumPy columns: bool, int64, float64 or str."""
        return {name: _column(values) for name, values in zip(self.arrow().column_names, self.arrow().columns, strict=True)}

    def pandas(self) -> Any:
        """The same as a ``pandas.DataFrame``. Raises ``ImportError`` without pandas."""
        try:
            import pandas  # noqa: F401
        except ImportError as error:
            raise ImportError("pandas is not installed: pip install pandas. Without it, use .table or .arrow().") from error
        return self.arrow().to_pandas()

    def rows(self) -> list[dict[str, Any]]:
        """The same as dictionaries."""
        return self.arrow().to_pylist()

    @functools.cached_property
    def seconds(self) -> float:
        """Wall time of all points, added up: what a sweep on one worker takes, also where several runs or workers shared it."""
        rows = self._all.column("_row").to_numpy()
        return float(self._all.column("_seconds").to_numpy()[rows == 0].sum())

    @functools.cached_property
    def failures(self) -> list[dict[str, Any]]:
        """The points that have no rows because ``run_one`` raised ("failed") or its worker died ("died"): their values, and ``status``,
        ``error``, ``traceback``."""
        failed = self._all.take(np.flatnonzero(self._all.column("_status").to_numpy() != "ok"))
        axes = self.provenance["axes"]
        return [
            {axis: row[axis] for axis in axes} | {name: row[f"_{name}"] for name in ("status", "error", "traceback")}
            for row in failed.to_pylist()
        ]

    def __repr__(self) -> str:
        about = self.provenance
        words = [f"SweepResult: {about['name']}, {about['finished']} of {about['points']} points, {self._all.num_rows} rows"]
        words += [f"{len(self.failures)} failed (see .failures)"] if self.failures else []
        return "\n".join([", ".join(words), *self.notes])


def _column(values: Any) -> np.ndarray:
    array = values.to_numpy()
    return array.astype(np.str_) if array.dtype == object else array
