"""How a report came about: code, libraries, machine and command as for a sweep, the seed, and the SHA-256 of every input."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..sweeps.provenance import provenance as of_process


def provenance(
    *,
    seed: int | None = None,
    device: str = "cpu",
    inputs: Mapping[str, str | Path] | None = None,
    command: Sequence[str] | None = None,
) -> dict[str, Any]:
    """What somebody needs to make the report again.

    ``inputs`` maps a name to a file, whose SHA-256 is recorded, or to a digest (64 hexadecimal digits) that the caller has already;
    ``command`` defaults to this process's own command line. Raises ``OSError`` when an input can't be read.
    """
    made = of_process(device=device, command=command)
    return made | {"seed": seed, "inputs": {name: digest(source) for name, source in (inputs or {}).items()}}


def digest(source: str | Path) -> str:
    """The SHA-256 of a file, in hexadecimal; a string that is such a digest already is returned as it is."""
    if isinstance(source, str) and len(source) == 64 and not set(source) - set("0123456789abcdef"):
        return source
    with open(source, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
