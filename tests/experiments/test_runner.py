"""The runner, on small experiments in a temporary folder: seeds, stopping and resuming, failures, figures, exit codes."""

from __future__ import annotations

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

from experiments import __main__ as program
from experiments import _runner as runner
from experiments import _store as store
from w2s_theory.sweeps import Store, point_seed

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


def main(arguments: list[str], root: Path) -> int:
    """``python -m experiments`` without other processes."""
    return program.main([*arguments, "--workers", "1"], root)


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
    assert not list(house.rglob(".sweeps/*")) and not list(house.rglob("*.tmp"))
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


def test_seed_axes_that_no_point_has_are_refused(house, capsys):
    path = house / "experiments" / "toy.py"
    path.write_text(path.read_text().replace('SEED_AXES = ("trial",)', 'SEED_AXES = ("seed",)'))
    assert main(["toy"], house) == 1
    assert "seed_axes must name axes of the grid, ['method', 'trial']; ['seed'] are none of them" in capsys.readouterr().err


@pytest.mark.parametrize("workers", ["2", "3"])
def test_a_table_is_the_same_bytes_on_several_workers(house, workers):
    add(house, "toy", "return [{'draw': rng.normal(), 'error': 0.5}] * (1 + params['trial'])")
    assert main(["toy", "--no-figures"], house) == 0
    path = house / "experiments/results/quick/toy.parquet"
    alone = path.read_bytes()
    assert program.main(["toy", "--no-figures", "--workers", workers], house) == 0
    assert path.read_bytes() == alone
    assert table(house)["error"].tolist() == [0.5] * 6  # a column of this name is the experiment's own


def test_columns_keep_the_order_in_which_rows_name_them_also_where_they_are_absent(house):
    add(house, "toy", "return [{'b': None, 'draw': 1.0}, {'c': 'x', 'draw': 2.0}, {'b': 3, 'draw': 3.0, 'device': 'cuda'}]")
    assert main(["toy", "--no-figures"], house) == 0
    rows = table(house)
    assert list(rows) == ["scale", "device", "method", "trial", "b", "draw", "c"]
    assert rows["device"].tolist()[:3] == ["cpu", "cpu", "cuda"] and rows["c"].tolist()[:3] == ["", "x", ""]
    np.testing.assert_array_equal(rows["b"][:3], [np.nan, np.nan, 3.0])


def test_a_failed_run_goes_on_where_it_stopped_with_the_same_rows(house, capsys):
    add(house, "undisturbed")
    main(["undisturbed", "--no-figures"], house)
    assert calls(house) == ["a0", "b0", "a1", "b1"]
    flag = 'if params["trial"] == 1 and not (HERE / "repaired").exists(): raise ArithmeticError("no luck")'
    add(house, "toy", flag)
    assert main(["toy", "--no-figures"], house) == 1
    told = capsys.readouterr().err
    assert "toy failed at 2 of 4 points:" in told and "Traceback" in told
    for method in "ab":
        assert f"  {{'method': '{method}', 'trial': 1}}: ArithmeticError: no luck" in told
    assert not (house / "experiments/results/quick/toy.parquet").exists()
    (house / "experiments" / "repaired").touch()
    assert main(["toy", "--no-figures"], house) == 0
    assert calls(house)[4:] == ["a0", "b0", "a1", "b1", "a1", "b1"]  # the two finished points were not run again
    assert "2 kept" in capsys.readouterr().err
    # the same draws, in the grid's order, as a run under its own stem that nothing stopped
    assert table(house)["method"].tolist() == table(house, "undisturbed")["method"].tolist()
    rng = np.random.default_rng(point_seed("toy", ("trial",), {"trial": 1}))
    assert table(house)["draw"][2] == rng.normal()


def test_a_changed_experiment_does_not_go_on_with_old_points(house):
    add(house, "toy", 'if params["trial"] == 1: raise ArithmeticError')
    assert main(["toy", "--no-figures"], house) == 1
    add(house, "toy", "assert True")
    assert main(["toy", "--no-figures"], house) == 0
    assert calls(house) == ["a0", "b0", "a1", "b1"] * 2


def test_the_fingerprint_sees_what_the_experiment_does_and_the_shared_files_it_imports(house):
    reference = runner.fingerprint("toy", house)
    add(house, "other")
    add(house, "toy", "pass  # a comment")
    (house / "experiments" / "_unused.py").write_text("X = 1\n")
    assert runner.fingerprint("toy", house) == reference
    add(house, "toy", "from experiments import _shared")
    imported = runner.fingerprint("toy", house)
    (house / "experiments" / "_shared.py").write_text("X = 1\n")
    shared = runner.fingerprint("toy", house)
    (house / "experiments" / "_shared.py").write_text("X = 2\n")
    assert len({reference, imported, shared, runner.fingerprint("toy", house)}) == 4


def test_other_experiments_are_finished_when_one_fails(house, capsys):
    add(house, "broken", "1 / 0")
    (house / "experiments" / "garbled.py").write_text('"""Garbled."""\ndef (:\n')
    (house / "experiments" / "missing_figure.py").write_text((house / "experiments" / "toy.py").read_text())
    assert main([], house) == 1
    told = capsys.readouterr().err
    assert "3 failed:" in told
    listed = told[told.index("3 failed:") :]
    assert "  broken: broken failed at 4 of 4 points:\n" in listed
    assert "{'method': 'a', 'trial': 0}: ZeroDivisionError: division by zero" in listed
    last = listed.splitlines()[-2:]
    assert last[0].startswith("  garbled: ") and "line 2" in last[0]
    assert last[1].startswith("  missing_figure: ") and "does not exist" in last[1]
    assert len(table(house)["draw"]) == 4 and (house / "figures/quick/toy.svg").exists()


@pytest.mark.parametrize(
    ("special", "why"),
    [
        ("return [{'draw': rng.normal(size=2)}]", "'draw' must be a str, int, float or bool"),
        ("return [{'scale': 3.0}]", "'scale' is the runner's column"),
        ("return [{'trial': 7}]", "a row must repeat its point: 'trial' is 0 there and 7 in the row"),
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


@pytest.mark.parametrize(
    "arguments",
    [
        ["tyo"],
        ["--quick", "--full"],
        ["--fast"],
        ["--no-figures", "--figures-only"],
        ["--workers", "0"],
        ["--workers", "2", "--scheduler", "tcp://host:1"],
        ["--scheduler", "host"],
    ],
)
def test_misuse_has_exit_code_2(house, capsys, arguments):
    try:
        code = program.main(arguments, house)
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
    add(house, "toy", 'if len((HERE / "calls.log").read_text().split()) == 3: os.kill(os.getpid(), 2)')
    assert main(["toy"], house) == 130
    assert "stopped; finished points are kept: run the same command again to go on." in capsys.readouterr().err
    kept = Store(house / "experiments/results/.sweeps/toy-quick", "toy").known()
    ran = len(calls(house))
    assert 2 <= len(kept) < 4 and ran == 3
    assert main(["toy"], house) == 0
    assert len(calls(house)) - ran == 4 - len(kept)


def test_a_run_that_another_one_overtook_ends_with_its_table(house, capsys):
    take_away = "import shutil; shutil.rmtree(HERE / 'results/.sweeps/toy-quick') if (HERE / 'overtaken').exists() else None"
    add(house, "toy", take_away)
    (house / "experiments" / "overtaken").touch()
    assert main(["toy", "--no-figures"], house) == 1  # there is no table: the store went for another reason
    assert "could not write" in capsys.readouterr().err
    (house / "experiments" / "overtaken").unlink()
    assert main(["toy", "--no-figures"], house) == 0
    (house / "experiments" / "overtaken").touch()
    assert main(["toy", "--no-figures"], house) == 0
    assert len(table(house)["draw"]) == 4


def test_points_that_go_while_a_run_is_under_way_are_an_error_and_no_shorter_table(house, capsys):
    take = """
    import time
    time.sleep(0.15)  # so that the points before it are written
    for part in HERE.glob("results/.sweeps/toy-quick/part*") if params == {"method": "b", "trial": 1} else ():
        part.unlink()
    """
    add(house, "toy", take.strip())
    assert main(["toy", "--no-figures"], house) == 1
    assert "finished points are gone from" in capsys.readouterr().err and not list(house.rglob("toy.parquet"))
    add(house, "toy")
    assert main(["toy", "--no-figures"], house) == 0
    assert len(table(house)["draw"]) == 4


def test_a_killed_run_loses_the_open_points_only(house):
    repository = runner.ROOT
    for path in (repository / "experiments").glob("_[!_]*.py"):
        shutil.copy(path, house / "experiments")
    for name in ("experiments/__init__.py", "experiments/__main__.py", "figures/__init__.py", "figures/_style.py"):
        shutil.copy(repository / name, house / name)
    kill = """
    import time
    while (HERE / "armed").exists() and params["trial"] == 1:
        time.sleep(0.01)
        if list(HERE.glob("results/.sweeps/toy-quick/part*")):
            os.kill(os.getppid(), 9)
            time.sleep(60)
    """
    add(house, "toy", kill.strip())
    (house / "experiments" / "armed").touch()
    command = [sys.executable, "-m", "experiments", "toy", "--no-figures", "--workers", "2"]
    environment = os.environ | {"PYTHONPATH": str(repository)}
    killed = subprocess.run(command, cwd=house, env=environment, capture_output=True, text=True)
    assert killed.returncode == -9
    kept = Store(house / "experiments/results/.sweeps/toy-quick", "toy").known()
    assert kept and set(kept.values()) == {"ok"}
    (house / "experiments" / "armed").unlink()
    ran = len(calls(house))
    done = subprocess.run(command, cwd=house, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(calls(house)) - ran == 4 - len(kept)
    draws = [np.random.default_rng(point_seed("toy", ("trial",), {"trial": t})).normal() for t in (0, 0, 1, 1)]
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
