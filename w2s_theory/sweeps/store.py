"""The store of a sweep: a folder of Parquet files, one for each finished unit, merged as they grow in number.

    store = Store("gains", "gain", version=code_version(run_one))
    store.add([(key, params, trial, result), …], run)     # durable when it returns
    missing = [key for key in keys if key not in store.known()]
    store.table(keys)                                     # a pyarrow table, in the order of the keys

The files are all there is: no index can disagree with them. Their names carry a digest of their bytes, so that a damaged file is seen;
it is set aside and its points run again. Any number of runs may add, read and compact at once. A file is deleted only when others
hold all of its points; of a point that is there several times the best status counts (ok, failed, died), then the latest.
"""

from __future__ import annotations

import functools
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..embeddings.files import replaced
from . import compaction, parts, tables
from .folder import DamagedPart, Folder, StoreError, unwritable
from .memory import Finished, Memory

__all__ = ["DamagedPart", "Finished", "Memory", "Store", "StoreError"]

#: What the JSON file of a run holds.
RUN_SCHEMA = "w2s-theory/sweep-run/1"
_TRIES = 100


class Store(Memory):
    """Finished points in ``folder``, which is made if need be, of the sweep ``name`` and the code ``version`` (None: read every version).

    Several sweeps and versions may share a folder; one folder for each sweep is easier to read. Anything that reads Parquet can read the
    files, for instance DuckDB:

        SELECT lam, avg(gain) FROM read_parquet('gains/*.parquet', union_by_name=true) WHERE _status = 'ok' AND _row >= 0 GROUP BY lam

    Points without rows have one with ``_row`` = -1. Two runs at once can leave a point twice; this takes one of each:

        SELECT * FROM read_parquet('gains/*.parquet', union_by_name=true) WHERE _row >= 0
        QUALIFY row_number() OVER (PARTITION BY _key, _row ORDER BY _status = 'ok' DESC, _status = 'failed' DESC, _time DESC) = 1

    Opening reads the keys of what is there. Raises ``StoreError`` when the folder can't be made or read, or a later version of this
    library wrote it, and warns (``DamagedPart``) of damaged files.
    """

    def __init__(self, folder: str | Path, name: str, *, version: str | None = None) -> None:
        super().__init__(name, version=version)
        self.folder = Path(folder)
        self._files = Folder(self.folder)
        self._seen: set[str] = set()
        self._loose = 0
        self._may_merge = True
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(self.folder, error, 0) from error
        self.refresh()

    def refresh(self) -> None:
        """See what other runs have added since."""
        # Again, until there are none: a listing can miss a file that is just renamed.
        while new := self._files.names(besides=self._seen):
            for name in sorted(new):
                found = self._files.load(name, parts.points)
                if found is not None:
                    self._learn(found)
                    self._seen.add(name)
                    self._loose += parts.is_unit(name)

    def add(self, results: Iterable[Finished], run: str) -> None:
        """Keep finished points, durably when this returns: one file, or several when a column mixes kinds. See ``Memory.add``.

        Raises ``StoreError`` when they can't be written; what was there before stays. Merges files now and then.
        """
        super().add(results, run)
        if self._loose >= compaction.FAN and self._may_merge:
            try:
                self._merge_level()
            except (OSError, StoreError):  # no room, or no right to delete: the files stay as they are
                self._may_merge = False

    def table(self, keys: Sequence[bytes] | None = None) -> Any:
        """See ``Memory.table``; with what other runs have added. Very many files are merged first, where that is possible."""
        self.refresh()
        with suppress(OSError, StoreError):
            while self._loose >= 4 * compaction.FAN and self._merge_level():
                pass
        parse = functools.partial(parts.table, sweep=self.name, version=self.version)
        for _ in range(_TRIES):
            made = [found for name in sorted(self._files.names()) if (found := self._files.load(name, parse)) is not None]
            wanted = self._keys() if keys is None else keys
            rows = tables.chosen(made, wanted)
            there = tables.count(rows)
            if there == len(wanted) or there == len(set(wanted).intersection(self._keys())):
                return tables.finished(rows)
            # A file was damaged or deleted, or another run merged it in this moment: begin again.
            self._points, self._seen, self._loose = {}, set(), 0
            self.refresh()
        raise StoreError(f"{self.folder} can't be read: its files change all the time. Wait for the other runs to end.")

    def compact(self) -> None:
        """Merge the files into as few as possible; other runs may go on meanwhile. Raises ``StoreError`` when they can't be written."""
        try:
            compaction.merge_all(self._files)
        except OSError as error:
            raise unwritable(self.folder, error, len(self._points)) from error
        self.refresh()

    def versions(self) -> dict[str, int]:
        """How many points of this sweep each version of its code has here."""
        return dict(Counter(point.version for point in self._points.values() if point.sweep == self.name))

    def write_run(self, run: str, provenance: Mapping[str, Any]) -> None:
        """Keep a run's provenance in ``run-<run>.json``, in the place of an earlier one. Raises ``StoreError``."""
        path = self.folder / f"run-{run}.json"
        about = {"schema": RUN_SCHEMA, "run": run, "sweep": self.name, "version": self.version, **provenance}
        data = (json.dumps(about, indent=2, ensure_ascii=False) + "\n").encode()
        try:
            with replaced(path) as file:
                file.write(data)
        except OSError as error:
            raise unwritable(path, error, len(self._points)) from error

    def runs(self) -> dict[str, dict[str, Any]]:
        """The provenance of each run, by its name; files that can't be read are left out."""
        found = {}
        for path in sorted(self.folder.glob("run-*.json")):
            with suppress(OSError, ValueError):
                found[path.stem.removeprefix("run-")] = json.loads(path.read_bytes())
        return found

    def _merge_level(self) -> bool:
        is_merged = compaction.merge_level(self._files)
        self._seen &= self._files.names()
        self._loose = sum(map(parts.is_unit, self._seen))
        return is_merged

    def _keep(self, table: Any) -> None:
        name, data = parts.encoded(table, self.name, self.version or "", 0)
        try:
            self._files.write(name, data)
        except OSError as error:
            raise unwritable(self.folder / name, error, len(self._points)) from error
        self._seen.add(name)
        self._loose += 1
        self._learn(parts.points(name, data))
