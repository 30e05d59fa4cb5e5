"""Files of a store, written so that a kill or a full disk leaves nothing half written that counts."""

from __future__ import annotations

import errno
import json
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

#: How the name of a file ends that is not finished.
TEMPORARY = ".tmp"


def layer_file(folder: Path, layer: int) -> Path:
    """The file of a layer's features."""
    return folder / f"layer_{layer}.npy"


def replace_file(path: Path, data: bytes) -> None:
    """Replace ``path`` by ``data``, durably; see ``replaced``. Raises ``OSError`` as the system has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced(path) as file:
        file.write(data)


@contextmanager
def replaced(path: Path) -> Iterator[Any]:
    """A new file in the place of ``path``: written under another name beside it, flushed to the disk and renamed.

    Readers see the old file or the new one, never a part; after an error the old file stays, and nothing of the new one.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=TEMPORARY)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            _flush(file)
        os.chmod(temporary, path.stat().st_mode & 0o777 if path.exists() else 0o644)  # mkstemp makes files that only we can read
        os.replace(temporary, path)
        _flush_folder(path.parent)
    finally:
        with suppress(OSError):
            os.unlink(temporary)


def write_json(path: Path, content: Any) -> None:
    """Write ``content`` in the place of what is at ``path``: readers see the old file or the new one, never a part."""
    with _said(path), replaced(path) as file:
        file.write(json.dumps(content, indent=1).encode())


def reserve(path: Path, shape: tuple[int, int]) -> None:
    """An .npy file for a float32 matrix of ``shape``, with room for all of it; raises ``OSError`` when the disk has less."""
    with _said(path), replaced(path) as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
        start, size = file.tell(), 4 * shape[0] * shape[1]
        file.flush()
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), start, size)
        else:
            file.truncate(start + size)


def write_rows(path: Path, start: int, block: np.ndarray) -> None:
    """Write ``block`` (m, width) of float32 into the matrix at ``path``, from row ``start`` on, and flush it to the disk."""
    with _said(path), path.open("r+b") as file:
        np.lib.format.read_magic(file)
        np.lib.format.read_array_header_1_0(file)
        file.seek(4 * start * block.shape[1], os.SEEK_CUR)
        file.write(np.ascontiguousarray(block).data)
        _flush(file)


@contextmanager
def exclusively(folder: Path) -> Iterator[None]:
    """Hold the lock of ``folder``, which is made if need be; raises ``BlockingIOError`` when a running process holds it, and ``OSError`` for
    a file system without locks.

    The lock is the operating system's (flock): it ends with its process, also a killed one, so that none is ever left over. The file
    names the process for the message.
    """
    path = folder / "lock"
    with _said(folder):
        folder.mkdir(parents=True, exist_ok=True)
        file = path.open("a+b")
    with file:
        try:
            _lock(file)
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES):
                raise OSError(
                    error.errno, f"the file system has no locks ({error.strerror}). Choose a folder on a local disk", str(folder)
                ) from error
            file.seek(0)
            owner = file.read(200).decode(errors="replace").strip() or "another process"
            raise BlockingIOError(
                errno.EAGAIN, f"{owner} is extracting into this folder. Wait for it to end, or stop it", str(folder)
            ) from error
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}".encode())
        file.flush()
        yield


def _lock(file: Any) -> None:
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        return
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def _said(path: Path) -> Iterator[None]:
    """Add the way out to errors of the disk."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        why = "no room is left there" if full else (error.strerror or str(error))
        way = "Free some, or choose another folder" if full else "Choose another folder"
        raise OSError(
            error.errno, f"{why}. {way}; shards that are finished stay, and the same call goes on from them", str(path)
        ) from error


def _flush(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    """Make a rename durable, where the system lets a folder be opened (Windows does not)."""
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
