"""Provenance says what is true of this process, and of the checkout that the code lies in, and nothing of any other."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from w2s_theory import __version__
from w2s_theory.sweeps.provenance import blas, checkout, git_state, pools, provenance, version


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    return subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A checkout with a committed file and an ignored environment."""
    folder = tmp_path / "project"
    (folder / "env").mkdir(parents=True)
    (folder / "env" / "library.py").write_text("")
    (folder / ".gitignore").write_text("env/\n")
    (folder / "sweep.py").write_text("x = 1\n")
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "first")
    return folder


def test_provenance_is_plain_and_names_code_libraries_threads_machine_and_command():
    with threadpool_limits(1):
        made = provenance(command=["w2s", "sweep", "a b.py"], device="cuda", wall_seconds=1.23456)
    assert json.loads(json.dumps(made)) == made
    assert made["command"] == "w2s sweep 'a b.py'" and made["device"] == "cuda" and made["wall_seconds"] == 1.235
    assert made["versions"]["numpy"] == np.__version__ and made["versions"]["w2s_theory"] == __version__
    assert made["versions"]["blas"] == blas() != "" and made["machine"]["cores"] >= 1
    assert made["threads"] and all(count == 1 for name, count in made["threads"].items() if name != "torch")
    assert {"date", "commit", "dirty"} <= made.keys() and "wall_seconds" not in provenance()
    assert version("no such package") == ""


def test_packages_are_named_where_they_are_in_use():
    code = (
        "from w2s_theory.sweeps.provenance import provenance; assert 'scikit-learn' not in provenance()['versions']\n"
        "import sklearn; assert provenance()['versions']['scikit-learn'] == sklearn.__version__"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def test_the_commit_is_that_of_the_checkout_and_changes_make_it_dirty_unless_they_are_outputs(project):
    head = git(project, "rev-parse", "HEAD")
    source = project / "sweep.py"
    assert provenance(source=source)["commit"] == head and provenance(source=source)["dirty"] is False
    (project / "results").mkdir()
    (project / "results" / "table.csv").write_text("1")
    assert git_state(project) == (head, True)
    assert provenance(source=project, written=["results", "*.png"])["dirty"] is False
    source.write_text("x = 2\n")
    assert provenance(source=source, written=["results"])["dirty"] is True


def test_outside_of_a_checkout_and_in_an_ignored_environment_the_commit_is_unknown(project, tmp_path):
    assert checkout(project / "sweep.py") == checkout(project) == project.resolve()
    assert checkout(project / "env" / "library.py") is None and checkout(tmp_path) is None
    for source in (project / "env" / "library.py", tmp_path):
        made = provenance(source=source)
        assert (made["commit"], made["dirty"]) == ("unknown", True)
    assert git_state(project / "env") == git_state(None) == ("unknown", True)


def test_pools_name_each_library_with_its_threads():
    with threadpool_limits(1):
        assert pools() and all({"name", "version", "threads", "core"} == set(pool) for pool in pools())
