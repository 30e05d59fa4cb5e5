"""How a report came about: versions, seed, device, command, time and the SHA-256 of every input."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
import shlex
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .. import __version__

#: Packages whose versions decide numbers; the optional ones are named where they are in use.
_ALWAYS, _WHERE_USED = ("numpy", "scipy"), ("torch", "transformers", "sklearn", "cvxpy")


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
    versions = {"w2s_theory": __version__, "python": platform.python_version()}
    for module in (*_ALWAYS, *(name for name in _WHERE_USED if name in sys.modules)):
        versions[module] = importlib.metadata.version("scikit-learn" if module == "sklearn" else module)
    if command is None:
        command = [Path(sys.argv[0]).name, *sys.argv[1:]]
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": shlex.join(command),
        "seed": seed,
        "device": device,
        "versions": versions,
        "machine": f"{platform.system()} {platform.machine()}",
        "inputs": {name: digest(source) for name, source in (inputs or {}).items()},
    }


def digest(source: str | Path) -> str:
    """The SHA-256 of a file, in hexadecimal; a string that is such a digest already is returned as it is."""
    if isinstance(source, str) and len(source) == 64 and not set(source) - set("0123456789abcdef"):
        return source
    with open(source, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
