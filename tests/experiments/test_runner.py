"""The runner, on small experiments in a temporary folder: seeds, stopping and resuming, failures, figures, exit codes."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("matplotlib")

from experiments import _runner as runner
from experiments import _store as store
from experiments.__main__ import main
from experiments._progress import Progress, duration

EXPERIMENT = '''
"""A toy experiment.

It draws one normal number per point and method.
"""
from pathlib import Path
import os

from experiments._ledger import Finding

SOURCE = "nobody2024, Figure 1"
SCALES = {
    "quick": [{"method": m, "trial": t} for t in range(2) for m in ("a", "b")],
    "full": [{"method": m, "trial": t} for t in range(3) for m in ("a", "b")],
}
SEED_AXES = ("trial",)
HERE = Path(__file__).parent


def run_one(params, *, rng):
    with (HERE / "calls.log").open("a") as log:
        log.write(f"{params['method']}{params['trial']}\\n")
    SPECIAL
    return [{"draw": rng.normal()}]


def findings(table):
    return [Finding("the mean is | finite", "reproduced", f"{table['draw'].mean():.6f}")]
'''
FIGURE = """
from matplotlib.figure import Figure

def draw(table):
    figure = Figure()
    figure.subplots().plot(table["trial"], table["draw"], "o", label="drawn")
    return figure
"""
LEDGER = "# Ledger\n\nWords by hand.\n\n<!-- generated: begin -->\n<!-- generated: end -->\n\nMore words.\n"


@pytest.fixture
def house(tmp_path):
    """A folder laid out like the repository, with one experiment called toy."""
    for folder in ("experiments", "figures"):
        (tmp_path / folder).mkdir()
    add(tmp_path, "toy")
    (tmp_path / "paper_repro.md").write_text(LEDGER, encoding="utf-8")
    return tmp_path


def add(root: Path, stem: str, special: str = "pass") -> None:
    (root / "experiments" / f"{stem}.py").write_text(EXPERIMENT.replace("SPECIAL", special).lstrip(), encoding="utf-8")
    (root / "figures" / f"{stem}.py").write_text(FIGURE, encoding="utf-8")


def calls(root: Path) -> list[str]:
    return (root / "experiments" / "calls.log").read_text().split()


def table(root: Path, stem: str = "toy", scale: runner.Scale = "quick") -> store.Table:
    return store.read_table(runner.results_folder(scale, root) / f"{stem}.parquet")[0]


def test_a_run_writes_table_provenance_figure_and_ledger(house, capsys):
    assert main(["toy"], house) == 0
    rows, about = store.read_table(house / "experiments" / "results" / "quick" / "toy.parquet")
    assert set(rows["scale"]) == {"quick"} and set(rows["device"]) == {"cpu"}
    assert rows["method"].tolist() == ["a", "b", "a", "b"]
    assert about["rows"] == about["points"] == 4 and about["seed_axes"] == ["trial"] and about["device"] == ["cpu"]
    assert {"python", "numpy", "scipy", "blas"} <= set(about["versions"])
    assert {"seed_rule", "fingerprint", "commit", "dirty", "date", "platform", "wall_seconds"} <= set(about)
    assert (house / "figures" / "quick" / "toy.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (house / "figures" / "quick" / "toy.svg").read_text()
    ledger = (house / "paper_repro.md").read_text(encoding="utf-8")
    assert "the mean is \\| finite" in ledger and f"{rows['draw'].mean():.6f}" in ledger
    assert ledger.startswith("# Ledger\n\nWords by hand.\n") and ledger.endswith("\n\nMore words.\n")
    assert not list(house.rglob("*.partial.jsonl")) and not list(house.rglob("*.tmp"))
    assert "4/4" in capsys.readouterr().err


def test_a_second_run_writes_the_same_bytes(house):
    written = [
        house / "figures/quick/toy.svg",
        house / "figures/quick/toy.png",
        house / "experiments/results/quick/toy.parquet",
        house / "paper_repro.md",
    ]
    assert main([], house) == 0
    before = [path.read_bytes() for path in written]
    assert main([], house) == 0
    assert [path.read_bytes() for path in written] == before


def test_quick_can_not_touch_full_results_or_the_ledger_made_of_them(house):
    assert main(["--full"], house) == 0
    full = [*(house / "experiments/results").glob("toy.*"), *(house / "figures").glob("toy.[sp][vn]g"), house / "paper_repro.md"]
    assert len(full) == 5
    before = [path.read_bytes() for path in full]
    assert main(["--quick"], house) == 0
    assert [path.read_bytes() for path in full] == before
    assert len(table(house)["draw"]) == 4 and len(table(house, scale="full")["draw"]) == 6


def test_methods_share_draws_and_a_new_point_disturbs_none(house):
    main([], house)
    main(["--full"], house)
    quick, full = table(house), table(house, scale="full")
    for rows in (quick, full):
        np.testing.assert_array_equal(rows["draw"][rows["method"] == "a"], rows["draw"][rows["method"] == "b"])
    np.testing.assert_array_equal(full["draw"][:4], quick["draw"])
    assert len(set(full["draw"].tolist())) == 3
    add(house, "other")
    main(["other"], house)
    assert not np.any(table(house, "other")["draw"] == quick["draw"])


def test_a_seed_depends_on_stem_and_seed_axes_only():
    def words(stem, axes, params):
        return runner.point_seed(stem, axes, params).generate_state(4).tolist()

    reference = words("toy", ("trial",), {"trial": 1, "method": "a"})
    assert words("toy", ("trial",), {"method": "b", "trial": np.int64(1)}) == reference
    others = [("toy", ("trial",), {"trial": 2}), ("toys", ("trial",), {"trial": 1}), ("toy", ("n",), {"n": 1})]
    assert all(words(*other) != reference for other in others)
    with pytest.raises(ValueError, match=r"SEED_AXES of toy must name values of every point; \['seed'\]"):
        words("toy", ("seed",), {"trial": 1})


def test_a_failed_run_goes_on_where_it_stopped_with_the_same_rows(house, capsys):
    add(house, "undisturbed")
    main(["undisturbed", "--no-figures"], house)
    assert calls(house) == ["a0", "b0", "a1", "b1"]
    flag = 'if params["trial"] == 1 and not (HERE / "repaired").exists(): raise ArithmeticError("no luck")'
    add(house, "toy", flag)
    assert main(["toy", "--no-figures"], house) == 1
    told = capsys.readouterr().err
    assert "toy failed at {'method': 'a', 'trial': 1}" in told and "Traceback" in told and "ArithmeticError: no luck" in told
    assert not (house / "experiments/results/quick/toy.parquet").exists()
    (house / "experiments" / "repaired").touch()
    assert main(["toy", "--no-figures"], house) == 0
    assert calls(house)[4:] == ["a0", "b0", "a1", "a1", "b1"]  # the two finished points were not run again
    assert "2 kept" in capsys.readouterr().err
    # the same draws, in the grid's order, as a run under its own stem that nothing stopped
    assert table(house)["method"].tolist() == table(house, "undisturbed")["method"].tolist()
    rng = np.random.default_rng(runner.point_seed("toy", ("trial",), {"trial": 1}))
    assert table(house)["draw"][2] == rng.normal()


def test_a_changed_experiment_does_not_go_on_with_old_points(house):
    add(house, "toy", 'if params["trial"] == 1: raise ArithmeticError')
    assert main(["toy", "--no-figures"], house) == 1
    add(house, "toy", "pass  # repaired")
    assert main(["toy", "--no-figures"], house) == 0
    assert calls(house) == ["a0", "b0", "a1", "a0", "b0", "a1", "b1"]


def test_the_fingerprint_sees_the_experiment_and_its_shared_files_but_not_other_experiments(house):
    reference = runner.fingerprint("toy", house)
    add(house, "other")
    assert runner.fingerprint("toy", house) == reference
    (house / "experiments" / "_shared.py").write_text("X = 1\n")
    shared = runner.fingerprint("toy", house)
    add(house, "toy", "pass  # changed")
    assert len({reference, shared, runner.fingerprint("toy", house)}) == 3


def test_other_experiments_are_finished_when_one_fails(house, capsys):
    add(house, "broken", "1 / 0")
    (house / "experiments" / "garbled.py").write_text('"""Garbled."""\ndef (:\n')
    (house / "experiments" / "missing_figure.py").write_text((house / "experiments" / "toy.py").read_text())
    assert main([], house) == 1
    told = capsys.readouterr().err
    assert "3 failed:" in told
    last = told.splitlines()[-3:]
    assert last[0].startswith("  broken: broken failed at {'method': 'a', 'trial': 0}: ZeroDivisionError")
    assert last[1].startswith("  garbled: ") and "line 2" in last[1]
    assert last[2].startswith("  missing_figure: ") and "does not exist" in last[2]
    assert len(table(house)["draw"]) == 4 and (house / "figures/quick/toy.svg").exists()


@pytest.mark.parametrize(
    ("special", "why"),
    [
        ("return [{'draw': rng.normal(size=2)}]", "'draw' must be a str, int, float or bool"),
        ("return [{'scale': 3.0}]", "'scale' is the runner's column"),
        ("return []", "rows must not be empty"),
    ],
)
def test_rows_that_can_not_be_a_table_are_refused(house, capsys, special, why):
    add(house, "toy", special)
    assert main(["toy"], house) == 1
    assert why in capsys.readouterr().err


def test_a_grid_that_repeats_a_point_is_refused(house, capsys):
    path = house / "experiments" / "toy.py"
    path.write_text(path.read_text().replace('"trial": t} for t', '"trial": 0} for t'))
    assert main(["toy"], house) == 1
    assert "must not hold the same point twice" in capsys.readouterr().err


def test_an_unavailable_experiment_is_skipped_with_its_reason(house, capsys):
    path = house / "experiments" / "toy.py"
    path.write_text(
        path.read_text() + '\n\ndef unavailable(scale):\n    return "W2S_DATA names no folder" if scale == "full" else ""\n'
    )
    assert main(["toy", "--full"], house) == 0
    assert "skipped: W2S_DATA names no folder" in capsys.readouterr().err
    assert not (house / "experiments/results").exists()
    assert main(["toy", "--quick"], house) == 0
    assert "skipped" not in capsys.readouterr().err
    assert (house / "experiments/results/quick/toy.parquet").exists()


@pytest.mark.parametrize("arguments", [["tyo"], ["--quick", "--full"], ["--fast"], ["--no-figures", "--figures-only"]])
def test_misuse_has_exit_code_2(house, capsys, arguments):
    try:
        code = main(arguments, house)
    except SystemExit as stop:
        code = stop.code
    assert code == 2
    assert "error:" in capsys.readouterr().err
    assert not (house / "experiments/results").exists()


def test_an_unknown_stem_is_answered_with_a_close_one(house, capsys):
    main(["tyo"], house)
    assert "did you mean toy?" in capsys.readouterr().err


def test_listing_parses_the_files_without_running_them(house, capsys):
    add(house, "explosive")
    path = house / "experiments" / "explosive.py"
    path.write_text(path.read_text() + "\nraise SystemExit('imported')\n")
    assert main(["--list"], house) == 0
    told = capsys.readouterr().out
    assert "toy        A toy experiment" in told and "nobody2024, Figure 1; results: none" in told


def test_figures_only_redraws_and_runs_nothing(house):
    assert main(["toy", "--no-figures"], house) == 0
    picture = house / "figures/quick/toy.svg"
    assert not picture.exists()
    ran = calls(house)
    assert main(["toy", "--figures-only"], house) == 0
    assert picture.exists() and calls(house) == ran


def test_a_damaged_table_is_reported_and_neither_drawn_nor_entered(house, capsys):
    assert main([], house) == 0
    ledger = (house / "paper_repro.md").read_bytes()
    damaged = house / "experiments/results/quick/toy.parquet"
    damaged.write_bytes(damaged.read_bytes()[:-10])
    assert main(["--figures-only"], house) == 1
    told = capsys.readouterr().err
    assert f"{damaged} can't be read" in told and "Rebuild it: python -m experiments toy --quick" in told
    assert (house / "paper_repro.md").read_bytes() == ledger
    assert main([], house) == 0


def test_ctrl_c_keeps_the_finished_points_and_has_exit_code_130(house, capsys):
    add(house, "toy", 'if len((HERE / "calls.log").read_text().split()) == 3: raise KeyboardInterrupt')
    assert main(["toy"], house) == 130
    assert "stopped" in capsys.readouterr().err
    assert main(["toy"], house) == 0
    assert calls(house) == ["a0", "b0", "a1", "a1", "b1"]


def test_a_killed_run_loses_the_open_point_only(house):
    repository = runner.ROOT
    for path in (repository / "experiments").glob("_[!_]*.py"):
        shutil.copy(path, house / "experiments")
    for name in ("experiments/__init__.py", "experiments/__main__.py", "figures/__init__.py", "figures/_style.py"):
        shutil.copy(repository / name, house / name)
    add(house, "toy", 'if len((HERE / "calls.log").read_text().split()) == 3: os.kill(os.getpid(), 9)')
    command = [sys.executable, "-m", "experiments", "toy", "--no-figures"]
    environment = os.environ | {"PYTHONPATH": str(repository)}
    killed = subprocess.run(command, cwd=house, env=environment, capture_output=True, text=True)
    assert killed.returncode == -9
    assert len(store.Checkpoint(house / "experiments/results/quick/toy.partial.jsonl").points) == 2
    done = subprocess.run(command, cwd=house, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert calls(house) == ["a0", "b0", "a1", "a1", "b1"]
    draws = [np.random.default_rng(runner.point_seed("toy", ("trial",), {"trial": t})).normal() for t in (0, 0, 1, 1)]
    assert table(house)["draw"].tolist() == draws


def test_git_state_outside_a_checkout_is_unknown(house):
    assert runner.git_state(house) == ("unknown", True)


def test_git_state_is_dirty_for_changed_code_but_not_for_changed_results(house):
    if shutil.which("git") is None:
        pytest.skip("needs git")

    def git(*arguments):
        identity = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false", "-c", "core.hooksPath=/dev/null"]
        subprocess.run(["git", *identity, *arguments], cwd=house, check=True, capture_output=True)

    git("init")
    git("add", ".")
    git("commit", "-m", "first")
    commit, is_dirty = runner.git_state(house)
    assert len(commit) == 40 and not is_dirty
    assert main(["--full"], house) == 0
    (house / "experiments" / "calls.log").unlink()
    assert runner.git_state(house) == (commit, False)
    about = json.loads((house / "experiments/results/toy.json").read_text())
    assert about["commit"] == commit and about["dirty"] is False
    add(house, "toy", "pass  # changed")
    assert runner.git_state(house) == (commit, True)


def test_the_progress_in_a_log_is_a_few_plain_lines():
    log = io.StringIO()
    progress = Progress("toy", log)
    for done in range(1000):
        progress.report(done + 1, 1000)
    lines = log.getvalue().splitlines()
    assert len(lines) == 2 and "1000/1000" in lines[-1] and "\r" not in log.getvalue()


def test_the_progress_on_a_terminal_stays_on_one_line_and_tells_the_time_left():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    progress = Progress("toy", terminal)
    progress.report(2, 6)
    progress.start -= 100.0  # as if the first point had taken 100 seconds
    progress.report(3, 6)
    assert "\n" not in terminal.getvalue()
    assert terminal.getvalue().endswith("3/6  5m00s left (2 kept from an unfinished run)")
    progress.report(6, 6)
    assert terminal.getvalue().endswith("\n")


@pytest.mark.parametrize(("seconds", "told"), [(0.4, "0s"), (59.4, "59s"), (59.6, "1m00s"), (185, "3m05s"), (7800, "2h10m")])
def test_a_duration_is_told_for_a_human(seconds, told):
    assert duration(seconds) == told
