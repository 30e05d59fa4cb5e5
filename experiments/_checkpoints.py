"""Checkpoints of a training: written whole or not at all, read without pickle, and not used when damaged or of another training.

A file is a line with the SHA-256 of what follows, then NumPy's .npz archive of named arrays, numbers and strings, among them the fingerprint of
the training. Whoever can't use a checkpoint starts again, so ``load`` gives a reason instead of raising.
"""

from __future__ import annotations

import ast
import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ._store import write_bytes

_FINGERPRINT = "fingerprint"


def fingerprint(*parts: object) -> str:
    """Sixteen hexadecimal digits of everything a training depends on.

    A ``Path`` is Python code and counts as what it does: its comments, docstrings and layout don't matter. Anything else counts as its
    ``repr``, bytes as they are.
    """
    digest = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else (_code(part) if isinstance(part, Path) else repr(part)).encode()
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()[:16]


def _code(path: Path) -> str:
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            del node.body[0]
    return ast.dump(tree)


def save(path: Path, values: Mapping[str, Any], mark: str) -> None:
    """Replace the checkpoint at ``path``: arrays, numbers and strings by name, of the training whose fingerprint is ``mark``.

    A kill at any moment leaves the old checkpoint or the new one. Raises ``StoreError`` when the file can't be written, ``TypeError``
    for a value that is no array of numbers, number or string.
    """
    arrays = {name: np.asarray(value) for name, value in values.items()}
    strange = [name for name, array in arrays.items() if array.dtype.kind not in "biufU" or name == _FINGERPRINT]
    if strange:
        raise TypeError(f"values must be arrays of numbers, numbers or strings, none called {_FINGERPRINT!r}; {strange} are not.")
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays, **{_FINGERPRINT: np.asarray(mark)})
    data = buffer.getvalue()
    write_bytes(path, hashlib.sha256(data).hexdigest().encode() + b"\n" + data)


def load(path: Path, mark: str) -> tuple[dict[str, Any] | None, str]:
    """What ``save`` kept for the training ``mark``, and ""; or ``None`` and the reason why that training has to start again."""
    try:
        head, _, data = path.read_bytes().partition(b"\n")
    except FileNotFoundError:
        return None, f"{path} does not exist"
    if hashlib.sha256(data).hexdigest().encode() != head:
        return None, f"{path} is damaged: its contents don't have the checksum in its first line"
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        found = {name: archive[name] for name in archive.files}
    if found.pop(_FINGERPRINT).item() != mark:
        return None, f"{path} belongs to a training with other settings, code or versions"
    return {name: array.item() if array.ndim == 0 else array for name, array in found.items()}, ""
