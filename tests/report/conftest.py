"""The ledger's page, written once by the command, and a small report of a user's own."""

from __future__ import annotations

import json
import os
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
    """The page of this checkout, made once for all processes of the run."""
    for package in ("pyarrow", "markdown", "PIL", "tyro"):
        pytest.importorskip(package, reason=f"the page needs {package}")
    fcntl = pytest.importorskip("fcntl", reason="the page is made under a lock of files")
    from w2s_theory import cli

    base = tmp_path_factory.getbasetemp()
    folder = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    path, said = folder / "page.html", folder / "page.json"
    with (folder / "page.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not said.exists():
            with redirect_stdout(StringIO()) as out:
                assert cli.main(["report", "--out", str(path), "--json"]) == 0
            said.write_text(out.getvalue(), encoding="utf-8")
    return Written(path, json.loads(said.read_text(encoding="utf-8")))


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
