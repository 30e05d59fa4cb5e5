"""``w2s sweep``: from a study's file to table, figure and page; going on, failures, refusals, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import jsonschema
import numpy as np
import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("matplotlib")

from pyarrow import parquet

from w2s_theory import cli
from w2s_theory.schemas import schema
from w2s_theory.sweeps.saved import read_table
from w2s_theory.sweeps.study import EXAMPLE

STUDY = '''
"""What noise does.

Words about it."""
from pathlib import Path
GRID = [{"noise": noise, "method": method} for noise in (0.1, 1.0, 10.0) for method in ("a", "b")]
TRIALS = 3
SEED_AXES = ("noise", "trial")
HERE = Path(__file__).parent

def run_one(params, rng):
    with (HERE / "calls.log").open("a") as log:
        log.write("x")
    SPECIAL
    return {"gain": params["noise"] * rng.normal()}
'''


@pytest.fixture
def study(tmp_path):
    """Write the study; returns its path."""

    def write(special: str = "pass", text: str = STUDY, name: str = "study.py"):
        path = tmp_path / name
        path.write_text(text.replace("SPECIAL", special), encoding="utf-8")
        return path

    return write


@pytest.fixture
def run(capsys):
    def call(*words):
        try:
            code = cli.main(["sweep", *map(str, words), *(() if "--workers" in words else ("--workers", "1"))])
        except SystemExit as stop:
            code = stop.code
        return code, *capsys.readouterr()

    return call


def calls(path) -> int:
    log = path.parent / "calls.log"
    return len(log.read_text()) if log.exists() else 0


def as_json(out: str) -> dict:
    plain = json.loads(out)
    jsonschema.validate(plain, schema("sweep"))
    return plain


def test_a_study_ends_as_a_table_a_figure_and_a_page(run, study):
    path = study()
    folder = path.parent / "study-sweep"
    code, out, err = run(path)
    assert code == 0 and "18/18" in err
    table, about = read_table(folder / "table.parquet")
    assert list(table) == ["noise", "method", "trial", "gain", "error"] and len(table["gain"]) == 18
    np.testing.assert_array_equal(table["gain"][table["method"] == "a"], table["gain"][table["method"] == "b"])
    jsonschema.validate(about, schema("sweep-table"))
    assert about["sweep"]["points"] == 18 and about["sweep"]["seed_axes"] == ["noise", "trial"]
    entry = json.loads(parquet.read_schema(folder / "table.parquet").metadata[b"w2s_theory"])
    assert entry["schema"] == about["schema"] == schema("sweep-table")["$id"]
    assert (folder / "table.csv").read_text().splitlines()[0] == '"noise","method","trial","gain","error"'
    assert (folder / "figure.png").read_bytes().startswith(b"\x89PNG") and "<svg" in (folder / "figure.svg").read_text()
    page = (folder / "report.html").read_text(encoding="utf-8")
    for words in (
        "What noise does",
        "Words about it.",
        "6 × 3 trials",
        "Mean of gain against noise, by method",
        "18 rows are in",
    ):
        assert words in page
    assert "data:image/png" in page and "Failures" not in page
    assert set(out.split()) == {str(file) for file in folder.iterdir() if file.is_file()}


def test_the_same_command_goes_on_and_more_trials_cost_only_those(run, study):
    path = study()
    run(path)
    before = (path.parent / "study-sweep" / "table.parquet").read_bytes()
    assert run(path)[0] == 0 and calls(path) == 18
    assert (path.parent / "study-sweep" / "table.parquet").read_bytes() == before
    code, out, _ = run(path, "--trials", "4", "--dry-run", "--json")
    plain = as_json(out)
    assert code == 0 and (plain["points"], plain["finished"], plain["left"]) == (24, 18, 6)
    assert plain["estimated_seconds"] == pytest.approx(6 * plain["seconds"]) and plain["seconds"] > 0
    assert run(path, "--trials", "4")[0] == 0 and calls(path) == 24


def test_another_seed_gives_other_draws(run, study):
    path = study()
    gains = []
    for seed in ("0", "1"):
        run(path, "--seed", seed, "--out", path.parent / seed)
        gains.append(read_table(path.parent / seed / "table.parquet")[0]["gain"])
    assert not np.any(gains[0] == gains[1])


def test_a_dry_run_runs_and_writes_nothing(run, study):
    path = study()
    code, out, _ = run(path, "--dry-run")
    assert code == 0 and "18 points, 0 finished, 0 failed, 18 to run" in out and "not known before" in out
    assert calls(path) == 0 and [file.name for file in path.parent.iterdir()] == ["study.py"]


def test_failures_are_listed_and_the_rest_is_written(run, study):
    path = study('if params["noise"] == 1.0 and not (HERE / "repaired").exists(): raise ArithmeticError("no <luck>")')
    code, out, err = run(path, "--json")
    plain = as_json(out)
    assert code == plain["exit_code"] == 1 and plain["failed"] == len(plain["failures"]) == 6
    assert plain["failures"][0] == {
        "point": {"noise": 1.0, "method": "a", "trial": 0},
        "status": "failed",
        "error": "ArithmeticError: no <luck>",
    }
    assert "failed: {'noise': 1.0, 'method': 'a', 'trial': 0}: ArithmeticError: no <luck>" in err
    assert "6 of 18 points failed; the first 5 are above" in err and f"--retry-failed --code-version {plain['version']}" in err
    table, _ = read_table(path.parent / "study-sweep" / "table.parquet")
    assert np.isnan(table["gain"]).sum() == 6 and (table["error"] != "").sum() == 6
    page = (path.parent / "study-sweep" / "report.html").read_text(encoding="utf-8")
    assert "Failures" in page and "ArithmeticError: no &lt;luck&gt;" in page
    (path.parent / "repaired").touch()
    assert run(path)[0] == 1 and calls(path) == 18  # the code is the same: they would fail again
    assert run(path, "--retry-failed")[0] == 0 and calls(path) == 24


def test_a_column_of_several_kinds_is_refused_at_every_run(run, study):
    path = study(text=STUDY.replace('{"gain":', '{"kind": "x" if params["method"] == "b" else 1, "gain":'))
    for _ in range(2):
        code, _, err = run(path)
        assert code == 2 and "column 'kind' must hold one kind of value" in err and "Traceback" not in err
    assert calls(path) == 18


def test_a_study_draws_its_own_figure(run, study):
    own = (
        STUDY
        + """
def draw(table):
    from matplotlib.figure import Figure
    figure = Figure()
    figure.subplots().set_title(f"drawn of {len(table['gain'])} rows")
    return figure
"""
    )
    path = study(text=own)
    assert run(path)[0] == 0
    for broken, why in (
        ("1 / 0", "draw, line 19, failed: ZeroDivisionError"),
        ("return None", "draw must return a matplotlib figure; it returned None"),
    ):
        path = study(text=own.replace("    figure = Figure()", f"    {broken}"))
        code, _, err = run(path)
        assert code == 1 and why in err
        assert why in (path.parent / "study-sweep" / "report.html").read_text(encoding="utf-8")
        assert not (path.parent / "study-sweep" / "figure.png").exists()
        assert len(read_table(path.parent / "study-sweep" / "table.parquet")[0]["gain"]) == 18
    code, _, err = run(study(text=STUDY + 'Y = "gian"'))
    assert code == 1 and "no figure: the figure of X, Y and BY failed: KeyError" in err and "gian" in err


def test_changed_code_is_told_and_code_version_goes_on_with_the_old(run, study):
    run(study())
    path = study("x = 1")
    plain = as_json(run(path, "--dry-run", "--json")[1])
    assert (plain["finished"], plain["other_versions"]) == (0, 18)
    old = read_table(path.parent / "study-sweep" / "table.parquet")[1]["sweep"]["version"]
    assert as_json(run(path, "--dry-run", "--json", "--code-version", old)[1])["finished"] == 18


def test_the_example_runs(run, study):
    code, out, _ = run("--example")
    assert code == 0 and out == EXAMPLE
    path = study(text=EXAMPLE.replace("TRIALS = 20", "TRIALS = 2"))
    assert run(path)[0] == 0
    table, _ = read_table(path.parent / "study-sweep" / "table.parquet")
    assert len(table["recovered"]) == 30 and np.all(table["recovered"] < 1.0)
    # penalties share their draws: without one, nothing but the misfit is gained
    free = table["penalty"] == 0.0
    np.testing.assert_allclose(table["gain"][free], table["misfit"][free], rtol=1e-9)


def test_ctrl_c_says_how_to_go_on_and_the_same_command_does(run, study):
    path = study('import time, os, signal; time.sleep(0.3 * (HERE / "slow").exists())')
    (path.parent / "slow").touch()
    command = [sys.executable, "-m", "w2s_theory", "sweep", "study.py", "--workers", "2", "--trials", "2"]
    started = subprocess.Popen(command, cwd=path.parent, stderr=subprocess.PIPE, text=True, env=os.environ)
    assert started.stderr is not None
    while calls(path) < 3:
        assert started.poll() is None
    started.send_signal(2)
    err = started.communicate(timeout=60)[1]
    assert started.returncode == 130, err
    assert "of 12 points are finished and kept in study-sweep/store. To go on: w2s sweep study.py --workers 2 --trials 2" in err
    assert "Traceback" not in err and not (path.parent / "study-sweep" / "table.parquet").exists()
    (path.parent / "slow").unlink()
    assert run(path, "--trials", "2")[0] == 0
    assert len(read_table(path.parent / "study-sweep" / "table.parquet")[0]["gain"]) == 12


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "FILE is missing"),
        (["absent.py"], "there is no file absent.py"),
        (["study.txt"], "must be a study: a .py file with GRID and run_one, or a .toml file"),
        (["study.py", "--workers", "0"], "--workers must be a whole number >= 1; it is 0"),
        (["study.py", "--scheduler", "here"], "--scheduler must be an address"),
        (["study.py", "--trials", "0"], "trials must be a whole number >= 1; it is 0"),
        (["study.py", "--seed", "-1"], "seed must be a whole number >= 0; it is -1"),
    ],
)
def test_misuse_has_exit_code_2(study, capsys, monkeypatch, words, why):
    path = study()
    monkeypatch.chdir(path.parent)
    assert cli.main(["sweep", *words]) == 2
    assert why in capsys.readouterr().err and calls(path) == 0


def test_a_folder_that_can_not_be_written_has_exit_code_3(run, study, tmp_path):
    path = study()
    (tmp_path / "taken").write_text("a file")
    code, _, err = run(path, "--out", tmp_path / "taken")
    assert code == 3 and "taken" in err and calls(path) == 0
