"""Where the repository is, for the commands that need more of it than the installed package."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

from .misuse import Misuse


def checkout_root() -> Path:
    """The folder of the checkout: the working directory or one above it, else the one that the package is installed from.

    It has a ``pyproject.toml`` that names w2s-theory, ``experiments/`` and ``paper_repro.md``. When it returns, ``import experiments`` and
    ``import figures`` find those of that folder. Raises ``Misuse`` where there is none (an installed wheel has none of it), and where
    the package that runs is not the checkout's own, since code of two versions would be mixed.
    """
    here, package = Path.cwd(), Path(__file__).resolve().parents[1]
    root = next((folder for folder in (here, *here.parents, package.parent) if is_checkout(folder)), None)
    if root is None:
        raise Misuse(
            f"this command needs a checkout of the repository; neither {here} nor a folder above it is one, and w2s_theory is installed "
            f"without it ({package}). Unpack the sources of w2s-theory (the repository, or its source distribution), run "
            "pip install -e '.[dev]' in them and call w2s from that folder."
        )
    if package != (root / "w2s_theory").resolve():
        raise Misuse(
            f"the checkout {root} must run with its own w2s_theory; the one that runs is {package}. "
            f"Install the checkout (pip install -e {root}) or call w2s from another folder."
        )
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    return root


def is_checkout(folder: Path) -> bool:
    """True when ``folder`` is the root of a checkout of this repository."""
    if not ((folder / "experiments").is_dir() and (folder / "paper_repro.md").is_file()):
        return False
    try:
        about = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return about.get("project", {}).get("name") == "w2s-theory"
