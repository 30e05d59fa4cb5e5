"""Where a statement's code, proof, test and figures are: paths from the root of the repository."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ..statements import Statement
from ..theorems import STATEMENTS

_PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Place:
    """What is to be found ("code", "derivation", "test", "experiment", "figure") and its path in the repository."""

    what: str
    path: str


@cache
def checkout() -> Path | None:
    """The checkout that this package is part of, or ``None`` for an installed one."""
    root = _PACKAGE.parent
    return root if (root / "paper_repro.md").is_file() and (root / "experiments").is_dir() else None


def places(statement: Statement, docstring: str) -> tuple[Place, ...]:
    """Code, modules that the docstring names, test, and the experiments (with their figures) whose content the statement is."""
    if STATEMENTS.get(statement.name) is not statement:
        return ()
    paper, short = statement.name.split(".")
    found = [Place("code", f"w2s_theory/theorems/{paper}/{short}.py")]
    found += [Place("derivation", path) for path in _modules_named(docstring)]
    found.append(Place("test", f"tests/theorems/test_{paper}.py"))
    for stem in figures_of(statement.name):
        found += [Place("experiment", f"experiments/{stem}.py"), Place("figure", f"figures/{stem}.svg")]
    return tuple(found)


def _modules_named(docstring: str) -> list[str]:
    """Files of the modules that a docstring names between double backticks, with or without a function behind them."""
    found = []
    for words in re.findall(r"``([a-z_]+(?:\.[a-z_0-9]+)+)``", docstring):
        parts = words.split(".")
        for end in (len(parts), len(parts) - 1):
            path = _PACKAGE.joinpath(*parts[:end]).with_suffix(".py")
            if end > 1 and path.is_file() and parts[0] != "theorems":
                found.append(str(path.relative_to(_PACKAGE.parent)))
                break
    return list(dict.fromkeys(found))


def figures_of(name: str) -> tuple[str, ...]:
    """Stems of the experiments whose figure shows the content of a statement, sorted (``figures.json``, written from their ``SHOWS``)."""
    return tuple(stem for stem, names in _figures().items() if name in names)


@cache
def _figures() -> dict[str, list[str]]:
    return json.loads(Path(__file__).with_name("figures.json").read_text(encoding="utf-8"))
