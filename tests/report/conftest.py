"""The ledger's page, written once by the command, and a small report of a user's own."""

from __future__ import annotations

import json
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True)
class Written:
    """Where ``w2s report --json`` wrote its page, and what it said."""

    path: Path
    said: dict[str, Any]


@pytest.fixture(scope="session")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """The page of this checkout."""
    for package in ("pyarrow", "markdown", "PIL", "tyro"):
        pytest.importorskip(package, reason=f"the page needs {package}")
    from w2s_theory import cli

    path = tmp_path_factory.mktemp("ledger") / "page.html"
    with redirect_stdout(StringIO()) as out:
        assert cli.main(["report", "--out", str(path), "--json"]) == 0
    return Written(path, json.loads(out.getvalue()))


@pytest.fixture(scope="session")
def ledger_path(ledger: Written) -> Path:
    """The file of that page."""
    return ledger.path


@pytest.fixture(scope="session")
def user_report_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of somebody's own results, with a picture, a wide table and a long word."""
    from w2s_theory.report import Section, interval, provenance, write_report

    rows = [
        {"task": f"task {i}", **{f"a number called {k}": interval(0.1 * k, 0.0, 0.2 * k) for k in range(1, 9)}} for i in range(3)
    ]
    sections = [
        Section(
            "What came out", "A text.\n\n" + "long" * 60, rows, lambda axes: axes.plot([0, 1], [0, 1]), "A line from 0 to 1."
        ),
        Section("And more", "Nothing else."),
    ]
    folder = tmp_path_factory.mktemp("report")
    return next(
        path for path in write_report("Mine", sections, folder, plain={}, provenance=provenance(seed=0)) if path.suffix == ".html"
    )
