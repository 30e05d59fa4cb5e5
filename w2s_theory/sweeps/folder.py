"""The files of a store's folder: listed, read with their damage seen, written durably. Every error says what to do."""

from __future__ import annotations

import errno
import os
import time
import warnings
from collections.abc import Callable, Set
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..embeddings.files import TEMPORARY, replaced
from . import parts

#: Temporary files older than this are what a killed process left.
STALE_SECONDS = 3600.0
_CHUNK = 2**14
_READ = os.O_RDONLY | getattr(os, "O_BINARY", 0)


class StoreError(RuntimeError):
    """A file of the store can't be written or read; the message names it and says how to go on."""


class DamagedPart(UserWarning):
    """A file of the store was damaged and has been set aside; its points run again."""


class Folder:
    """The parts that lie in ``path``; other files there are left alone."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damaged: set[str] = set()

    def names(self, besides: Set[str] = frozenset()) -> set[str]:
        """The files of parts, without ``besides`` and those known to be damaged. Raises ``StoreError``."""
        try:
            there = set(os.listdir(self.path))
        except OSError as error:
            raise StoreError(
                f"{self.path} can't be read: {error.strerror or error}. Repair that, or use another folder."
            ) from error
        return {name for name in there - besides - self.damaged if parts.level(name) is not None}

    def load(self, name: str, parse: Callable[[str, bytes], Any]) -> Any:
        """What ``parse`` makes of a part; None when it is gone (another run merged it), or damaged: then it is set aside, and said."""
        path = f"{self.path}/{name}"
        try:
            try:
                return parse(name, _contents(path))
            except parts.Damaged:  # read once more before it is set aside: a network may have given a part of it
                return parse(name, Path(path).read_bytes())
        except FileNotFoundError:
            return None
        except parts.NewerSchema as error:
            raise StoreError(f"{self.path}: {error}") from error
        except parts.Damaged as error:
            self._set_aside(path, name, error)
            return None
        except OSError as error:
            raise StoreError(f"{path} can't be read: {error.strerror or error}. Repair that, or move the file away.") from error

    def write(self, name: str, data: bytes) -> None:
        """Write a part, durably. Raises ``OSError`` as the system has it."""
        with replaced(self.path / name) as file:
            file.write(data)

    def delete(self, name: str) -> None:
        """Delete a part, which may be gone already."""
        with suppress(FileNotFoundError):
            os.unlink(self.path / name)

    def rename(self, name: str, new: str) -> None:
        """Give a part another name; it may be gone already."""
        with suppress(FileNotFoundError):
            os.rename(self.path / name, self.path / new)

    def size(self, name: str) -> int:
        """Bytes of a part; 0 when it is gone."""
        with suppress(FileNotFoundError):
            return os.stat(self.path / name).st_size
        return 0

    def remove_left_overs(self) -> None:
        """Delete what processes that were killed long ago left half written."""
        for path in self.path.glob(f".*{TEMPORARY}"):
            with suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > STALE_SECONDS:
                    path.unlink()

    def _set_aside(self, path: str, name: str, why: Exception) -> None:
        self.damaged.add(name)
        where = f"it was renamed {name}.damaged"
        try:
            os.rename(path, f"{path}.damaged")
        except FileNotFoundError:
            where = "another run has set it aside"
        except OSError as error:
            where = f"it can't be renamed ({error.strerror}) and is left alone"
        warnings.warn(DamagedPart(f"{self.path}: {why}; {where}. Its points run again."), stacklevel=5)


def unwritable(path: Path, error: OSError, finished: int) -> StoreError:
    """The error for a file that could not be written to a store that holds ``finished`` points."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        why = "no room is left there. Free some"
    else:
        why = f"{error.strerror or error}. Repair that"
    kept = f": the {finished} finished points that it holds are kept" if finished else ""
    return StoreError(f"could not write {path}: {why}, or use another folder, and run the same again{kept}.")


def _contents(path: str) -> bytes:
    """The bytes of a file, at a third of what ``open`` costs: a folder may hold 10⁵ of them."""
    handle = os.open(path, _READ)
    try:
        data = os.read(handle, _CHUNK)
        if len(data) < _CHUNK:
            return data
        return b"".join([data, *iter(lambda: os.read(handle, 2**26), b"")])
    finally:
        os.close(handle)
