"""Where a result comes from: the code, the libraries, the machine, the command. The one place that finds it out."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__

#: Packages that are named where they are in use, by the module that says so; NumPy and SciPy always are.
_WHERE_USED = {"torch": "torch", "transformers": "transformers", "cvxpy": "cvxpy", "sklearn": "scikit-learn"}
_GIT_SECONDS = 20.0


def provenance(
    *,
    source: str | Path | None = None,
    written: Iterable[str] = (),
    device: str = "cpu",
    command: Sequence[str] | None = None,
    wall_seconds: float | None = None,
) -> dict[str, Any]:
    """What somebody needs to make a result again, plain enough for JSON.

    ``source`` is a file or folder of the code (default: this library); ``commit`` and ``dirty`` are those of the git checkout that it
    lies in ("unknown" and True outside of one), where changes to ``written``, patterns of paths within it, don't count. ``command``
    defaults to this process's own command line. ``threads`` are those of each library of linear algebra in this process, now.
    """
    commit, is_dirty = git_state(checkout(source or Path(__file__).parent), written)
    if command is None:
        command = [Path(sys.argv[0]).name, *sys.argv[1:]]
    made = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": shlex.join(command),
        "commit": commit,
        "dirty": is_dirty,
        "versions": versions(),
        "threads": {pool["name"]: pool["threads"] for pool in pools()},
        "device": device,
        "machine": machine(),
    }
    return made if wall_seconds is None else made | {"wall_seconds": round(wall_seconds, 3)}


def versions() -> dict[str, str]:
    """Versions of this library, Python, NumPy, SciPy and NumPy's BLAS; of torch, transformers, cvxpy and scikit-learn where in use."""
    found = {"w2s_theory": __version__, "python": platform.python_version()}
    found |= {"numpy": np.__version__, "scipy": version("scipy"), "blas": blas()}
    return found | {package: version(package) for module, package in _WHERE_USED.items() if module in sys.modules}


def version(package: str) -> str:
    """The version of an installed package; "" when it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def blas() -> str:
    """Name and version of the BLAS that NumPy was built with."""
    built: Any = np.show_config(mode="dicts")
    about = built["Build Dependencies"]["blas"]
    return f"{about['name']} {about.get('version', '')}".strip()


def pools() -> list[dict[str, Any]]:
    """The BLAS and OpenMP libraries in this process: name, version, threads, and the kernel that OpenBLAS chose for the processor.

    Without threadpoolctl only torch can be asked.
    """
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        infos = []
    else:
        infos = threadpool_info()
    found = []
    for pool in infos:
        owner = next((part for part in reversed(pool["filepath"].split("/")) if part.endswith(".libs") or part == "torch"), "")
        found.append(
            {
                "name": f"{pool['internal_api']} of {owner.removesuffix('.libs') or pool['filepath'].rsplit('/', 1)[-1]}",
                "version": pool["version"],
                "threads": pool["num_threads"],
                "core": pool.get("architecture", ""),
            }
        )
    if "torch" in sys.modules:
        import torch

        found.append({"name": "torch", "version": torch.__version__, "threads": torch.get_num_threads(), "core": ""})
    return found


def machine() -> dict[str, Any]:
    """The operating system with its C library, the architecture, the processor and how many cores there are."""
    return {
        "system": " ".join([platform.system(), *platform.libc_ver()]).strip(),
        "architecture": platform.machine(),
        "processor": processor(),
        "cores": os.cpu_count(),
    }


def processor() -> str:
    """The processor's name where the system tells it, else its architecture."""
    otherwise = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return otherwise
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), otherwise)


def checkout(path: str | Path) -> Path | None:
    """The top folder of the git checkout that ``path`` belongs to; None when there is none, or no git, or git ignores the path.

    (A package installed into an environment within a project isn't that project's code.)
    """
    path = Path(path).absolute()
    folder = path if path.is_dir() else path.parent
    top = None
    try:
        top = Path(_git(folder, "rev-parse", "--show-toplevel"))
        _git(folder, "check-ignore", "--quiet", "--", str(path))
    except subprocess.CalledProcessError as error:
        return top if error.returncode == 1 else None  # 1: git does not ignore it; outside of a checkout it is 128
    except (OSError, subprocess.TimeoutExpired):
        return None
    return None


def git_state(top: Path | None, written: Iterable[str] = ()) -> tuple[str, bool]:
    """The commit of the checkout ``top``, and whether its files differ from it, those that match ``written`` left out.

    ("unknown", True) when ``top`` is None or not the top folder of a checkout, or git can't say.
    """
    try:
        if top is None or not Path(_git(top, "rev-parse", "--show-toplevel")).samefile(top):
            return "unknown", True
        left_out = [f":!{pattern}" for pattern in written]
        return _git(top, "rev-parse", "HEAD"), bool(_git(top, "status", "--porcelain", "--", ".", *left_out))
    except (OSError, subprocess.SubprocessError):
        return "unknown", True


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True, timeout=_GIT_SECONDS
    )
    return done.stdout.strip()
