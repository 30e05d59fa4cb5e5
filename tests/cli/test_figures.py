"""``w2s figures``: what it does in a checkout, and what it says without one."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("matplotlib")

from tests.experiments.test_runner import LEDGER, add
from w2s_theory import cli
from w2s_theory.cli.checkout import checkout_root
from w2s_theory.cli.misuse import Misuse
from w2s_theory.schemas import schema

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A small checkout that runs with this library, as the working directory."""
    root = tmp_path / "checkout"
    for folder in ("experiments", "figures", "deep/down"):
        (root / folder).mkdir(parents=True)
    (root / "pyproject.toml").write_text('[project]\nname = "w2s-theory"\n')
    (root / "paper_repro.md").write_text(LEDGER, encoding="utf-8")
    (root / "w2s_theory").symlink_to(REPOSITORY / "w2s_theory")
    add(root, "toy")
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.chdir(root / "deep" / "down")
    return root


@pytest.fixture
def run(capsys):
    def call(*words):
        try:
            code = cli.main(["figures", *words])
        except SystemExit as stop:
            code = stop.code
        return code, *capsys.readouterr()

    return call


def as_json(out: str) -> dict:
    plain = json.loads(out)
    jsonschema.validate(plain, schema("figures"))
    return plain


def test_it_runs_draws_and_rewrites_the_ledger(run, checkout):
    code, out, err = run("toy", "--workers", "1")
    assert code == 0 and "4/4" in err
    files = ["experiments/results/quick/toy.parquet", "figures/quick/toy.svg", "figures/quick/toy.png", "paper_repro.md"]
    assert out.splitlines() == files and all((checkout / file).is_file() for file in files)
    assert "the mean is" in (checkout / "paper_repro.md").read_text(encoding="utf-8")


def test_failures_and_skipped_experiments_are_in_the_json(run, checkout):
    add(checkout, "broken", "1 / 0")
    add(checkout, "dataless")
    with (checkout / "experiments" / "dataless.py").open("a") as file:
        file.write('\n\ndef unavailable(scale):\n    return "no data"\n')
    code, out, _ = run("--workers", "1", "--no-figures", "--json")
    plain = as_json(out)
    assert code == plain["exit_code"] == 1 and plain["scale"] == "quick" and plain["skipped"] == {"dataless": "no data"}
    assert len(plain["failures"]) == 1 and "broken failed at 4 of 4 points" in plain["failures"][0]
    assert "experiments/results/quick/toy.parquet" in plain["written"]


def test_it_lists_experiments_and_the_results_they_have(run, checkout):
    run("toy", "--workers", "1", "--no-figures")
    code, out, _ = run("--list")
    assert code == 0 and "toy  A toy experiment" in out and "nobody2024, Figure 1; results: quick" in out
    listed = as_json(run("--list", "--json")[1])["experiments"]
    assert listed == [{"stem": "toy", "title": "A toy experiment", "source": "nobody2024, Figure 1", "results": ["quick"]}]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["tyo"], "did you mean toy?"),
        (["--no-figures", "--figures-only"], "leave nothing to do"),
        (["--workers", "0"], "--workers must be a whole number >= 1"),
        (["--workers", "2", "--scheduler", "tcp://host:1"], "give one of them"),
    ],
)
def test_misuse_has_exit_code_2(run, checkout, words, why):
    code, _, err = run(*words)
    assert code == 2 and why in err and not (checkout / "experiments" / "results").exists()


def test_the_working_directory_decides_and_this_repository_is_found_from_elsewhere(checkout, tmp_path, monkeypatch):
    assert checkout_root() == checkout
    monkeypatch.chdir(tmp_path)
    assert checkout_root() == REPOSITORY
    (checkout / "w2s_theory").unlink()
    monkeypatch.chdir(checkout)
    with pytest.raises(Misuse, match="must run with its own w2s_theory"):
        checkout_root()
    (checkout / "pyproject.toml").write_text('[project]\nname = "another"\n')
    assert checkout_root() == REPOSITORY


def test_an_installed_package_says_that_it_needs_a_checkout(tmp_path):
    site = tmp_path / "site"
    shutil.copytree(REPOSITORY / "w2s_theory", site / "w2s_theory", ignore=shutil.ignore_patterns("__pycache__"))
    code = f"import sys; sys.path.insert(0, {str(site)!r}); from w2s_theory.cli import main; sys.exit(main(['figures']))"
    done = subprocess.run([sys.executable, "-P", "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "needs a checkout of the repository" in done.stderr and "pip install -e '.[dev]'" in done.stderr
