"""``sweep`` as a whole: the same table everywhere, resumed, shared, with its failures in it."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from w2s_theory.sweeps import Interrupted, OtherVersion, Progress, SourceFile, Store, StoreError, grids, sweep
from w2s_theory.sweeps.interrupts import PatientInterrupts
from w2s_theory.sweeps.progress import duration, speed

GRID = grids.product(n=[3, 30], method=["ridge", "lasso"])
pinned = functools.partial(sweep, version="1")  # so that an edit of the library during the tests doesn't make another version


def drawn(params, rng):
    """Rows of every kind, two for one method and one for the other, with NaN and infinity."""
    values = np.linalg.svd(rng.normal(size=(params["n"], 8)), compute_uv=False)
    row = {
        "value": values[0],
        "share": float("nan") if params["n"] == 3 else float("inf"),
        "count": len(values),
        "word": "é",
        "yes": True,
    }
    return row if params["method"] == "ridge" else [row, row | {"extra": np.float32(0.5)}]


class Counting:
    """A function that notes each call in a file, also from other processes."""

    def __init__(self, folder, function):
        self.log, self.function = folder / "calls", function
        self.log.touch()

    def __call__(self, params, rng):
        with self.log.open("a") as file:
            file.write(f"{sorted(params.items())}\n")
        return self.function(params, rng)

    def calls(self):
        lines = self.log.read_text().splitlines()
        self.log.write_text("")
        return lines


@pytest.mark.parametrize("kept", [False, True], ids=["in memory", "in a store"])
def test_the_table_is_the_same_bit_for_bit_on_every_engine(tmp_path, two_workers, kept):
    here = pinned(drawn, GRID, trials=3, name="s")
    there = pinned(drawn, GRID, trials=3, name="s", executor=two_workers, store=tmp_path / "store" if kept else None)
    assert here.arrow().schema == there.arrow().schema
    for name, column in here.table.items():
        assert column.dtype == there.table[name].dtype and column.tobytes() == there.table[name].tobytes(), name
    assert {name: column.dtype.kind for name, column in here.table.items()} == {
        "n": "i", "method": "U", "trial": "i", "value": "f", "share": "f", "count": "i", "word": "U", "yes": "b", "extra": "f", "error": "U",
    }  # fmt: skip
    assert len(here.table["n"]) == 3 * (1 + 2 + 1 + 2)
    assert here.table["n"].tolist() == sorted(here.table["n"].tolist()) and not here.failures


def test_methods_share_their_draws_when_the_method_is_no_seed_axis():
    def first(params, rng):
        return {"draw": rng.normal()}

    shared = pinned(first, GRID, trials=2, name="s", seed_axes=["n"]).table["draw"].reshape(2, 2, 2)
    assert np.array_equal(shared[:, 0], shared[:, 1]) and len(set(shared[:, 0].ravel())) == 4
    assert len(set(pinned(first, GRID, trials=2, name="s").table["draw"])) == 8
    assert len(set(pinned(first, GRID, trials=2, name="s", seed=1).table["draw"]) & set(shared.ravel())) == 0
    longer = pinned(first, grids.product(n=[3, 5, 30], method=["lasso"]), trials=4, name="s", seed_axes=["n"]).table
    assert longer["draw"][[0, 1, 8, 9]].tolist() == shared[:, 0].ravel().tolist(), "new points and trials disturb no others"


def test_a_store_is_resumed_and_a_larger_grid_runs_what_is_new(tmp_path):
    run_one = Counting(tmp_path, drawn)
    go = functools.partial(pinned, run_one, name="s", store=tmp_path / "store")
    first = go(GRID, trials=2)
    assert len(run_one.calls()) == 8
    again = go(GRID, trials=2)
    assert run_one.calls() == [] and str(again.rows()) == str(first.rows()) and again.provenance["held"] == 8
    larger = go(GRID + grids.product(n=[9], method=["ridge"]), trials=3)
    assert len(run_one.calls()) == 7
    assert str(larger.rows()) == str(pinned(drawn, GRID + grids.product(n=[9], method=["ridge"]), trials=3, name="s").rows())
    assert go(GRID[:1], trials=1).table["n"].tolist() == [3], "a smaller grid has its own points only"
    assert run_one.calls() == []


def test_failures_are_rows_and_are_run_again_when_asked_for_or_when_the_code_has_changed(tmp_path):
    def fails(params, rng):
        if params["n"] == 30:
            raise ValueError("too large")
        return {"value": 1, "word": "a"}

    run_one = Counting(tmp_path, fails)
    go = functools.partial(sweep, run_one, GRID, name="s", store=tmp_path / "store")
    result = go(version="1")
    assert result.table["error"].tolist() == ["", "", "ValueError: too large", "ValueError: too large"]
    assert result.table["value"].tolist()[:2] == [1, 1] and np.isnan(result.table["value"][2:]).all()
    assert result.table["word"].tolist() == ["a", "a", "", ""]
    assert [(f["n"], f["method"], f["status"]) for f in result.failures] == [(30, "ridge", "failed"), (30, "lasso", "failed")]
    assert "in fails" in result.failures[0]["traceback"] and "2 failed" in repr(result)
    assert len(run_one.calls()) == 4
    go(version="1")
    assert run_one.calls() == []
    go(version="1", retry_failed=True)
    assert len(run_one.calls()) == 2
    with pytest.warns(OtherVersion):
        go(version="2")
    assert len(run_one.calls()) == 4


def test_points_of_other_code_are_kept_left_out_and_told_of_and_can_be_gone_on_with(tmp_path):
    go = functools.partial(sweep, name="s", store=tmp_path)
    old = go(lambda params, rng: {"y": 1}, GRID[:3])
    version = old.provenance["version"]
    with pytest.warns(OtherVersion, match=f"3 of version {version}.*kept and left out.*version='{version}'"):
        new = go(lambda params, rng: {"y": 2}, GRID)
    assert new.table["y"].tolist() == [2] * 4 and new.provenance["version"] != version and len(new.notes) == 1
    with pytest.warns(OtherVersion, match="4 of version"):
        more = go(lambda params, rng: {"y": 3}, GRID, version=version)
    assert more.table["y"].tolist() == [1, 1, 1, 3]


def test_several_sweeps_share_a_folder_without_seeing_each_other(tmp_path):
    first = pinned(drawn, GRID, name="a", store=tmp_path)
    other = pinned(lambda params, rng: {"y": rng.normal()}, GRID, name="b", store=tmp_path)
    assert "value" not in other.table and not other.notes
    assert str(pinned(drawn, GRID, name="a", store=tmp_path).rows()) == str(first.rows())


def test_two_runs_on_one_store_at_once_share_the_points(tmp_path, monkeypatch):
    monkeypatch.setattr("w2s_theory.sweeps.run.REFRESH_SECONDS", 0.05)
    run_one = Counting(tmp_path, lambda params, rng: time.sleep(0.004) or {"y": rng.normal()})
    grid = grids.product(x=list(range(400)))
    results, draws = [], lambda params, rng: {"y": rng.normal()}

    def go():
        results.append(pinned(run_one, grid, name="s", store=tmp_path / "store"))

    others = [threading.Thread(target=go) for _ in range(2)]
    for other in others:
        other.start()
    for other in others:
        other.join()
    calls = run_one.calls()
    assert len(set(calls)) == 400 and len(calls) < 700, "most points are run by one of them only"
    assert str(results[0].rows()) == str(results[1].rows()) == str(pinned(draws, grid, name="s").rows())


def test_a_file_and_a_function_of_the_script_that_is_run_work_on_workers(tmp_path, two_workers):
    (tmp_path / "helper.py").write_text("import functools\n@functools.cache\ndef twice(x):\n    return 2 * x\n")
    (tmp_path / "study.py").write_text(
        "from helper import twice\ndef run_one(params, rng):\n    return {'y': twice(params['x'])}\n"
    )
    result = pinned(SourceFile(tmp_path / "study.py"), [{"x": 1}, {"x": 2}], executor=two_workers)
    assert result.table["y"].tolist() == [2, 4] and result.provenance["name"] == "study"
    script = tmp_path / "script.py"
    script.write_text(
        "from w2s_theory.sweeps import sweep\nFACTOR = 3\ndef helper(x):\n    return FACTOR * x\n"
        "def run_one(params, rng):\n    return {'y': helper(params['x'])}\n"
        "result = sweep(run_one, [{'x': x} for x in range(5)], executor=2)\nprint(result.provenance['name'], result.table['y'].tolist())\n"
    )  # no guard: workers must not run it again
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("script [0, 3, 6, 9, 12]\n", "")


def test_a_function_that_can_not_travel_or_arrive_says_so(tmp_path, two_workers):
    lock = threading.Lock()

    def holds_a_lock(params, rng):
        return {"y": lock.locked()}

    with pytest.raises(TypeError, match=r"can't be sent to workers.*in-process"):
        pinned(holds_a_lock, GRID, executor=two_workers)
    assert pinned(holds_a_lock, GRID).table["y"].tolist() == [False] * 4
    sys.path.insert(0, str(tmp_path))
    try:
        (tmp_path / "only_here.py").write_text("def run_one(params, rng):\n    return {'y': 1}\n")
        import only_here  # pyright: ignore[reportMissingImports]

        del sys.path[0]
        with pytest.raises(RuntimeError, match=r"only_here.*SourceFile"):
            pinned(only_here.run_one, GRID, executor=two_workers)
        assert pinned(SourceFile(tmp_path / "only_here.py"), GRID, executor=two_workers).table["y"].tolist() == [1] * 4
    finally:
        sys.modules.pop("only_here", None)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"grid": []}, "no points"),
        ({"grid": {"n": [1, 2]}}, r"grids.product\(\*\*grid\)"),
        ({"grid": [3]}, "entry 0 is 3"),
        ({"grid": [{"n": 1}, {"n": 1}]}, "same point twice; points 0 and 1"),
        ({"grid": [{"n": 1}, {"n": 2, "m": 1}]}, "same axes"),
        ({"grid": [{"n": float("nan")}]}, "must not hold NaN"),
        ({"grid": [{"n": [1]}]}, "'n' must be a str"),
        ({"grid": [{1: 1}]}, "named by strings"),
        ({"grid": [{"_n": 1}]}, "'_n'"),
        ({"grid": [{"error": 1}]}, "'error'"),
        ({"grid": [{"trial": 1}], "trials": 2}, "axis 'trial' already"),
        ({"trials": 0}, "trials must be a whole number >= 1"),
        ({"trials": True}, "trials"),
        ({"seed": -1}, "seed"),
        ({"seed_axes": ["lam"]}, r"\['lam'\] are none of them"),
        ({"seed_axes": ["trial"]}, r"\['trial'\] are none of them"),
        ({"seed_axes": "n"}, r"Pass \['n'\]"),
        ({"seed_axes": ["n", "n"]}, "twice"),
        ({"name": ""}, "name must be"),
        ({"version": 3}, "version must be"),
        ({"executor": "threads"}, "executor must be"),
        ({"run_one": 3}, "must be a function"),
        ({"run_one": lambda params: {}}, r"function of \(params, rng\)"),
        ({"run_one": lambda params, generator: {}}, r"function of \(params, rng\)"),
    ],
)
def test_what_can_not_be_is_refused_before_anything_runs(tmp_path, arguments, words):
    calls = []
    with pytest.raises((ValueError, TypeError), match=words):
        sweep(
            **{
                "run_one": lambda params, rng: calls.append(1) or {},
                "grid": [{"n": 1}],
                "store": tmp_path / "store",
                "version": "1",
                **arguments,
            }
        )
    assert calls == []


def test_a_grid_may_have_an_axis_called_trial_and_rows_may_repeat_it():
    result = pinned(lambda params, rng: {"trial": params["trial"], "y": 1}, grids.product(trial=[0, 1]), name="s")
    assert result.table["trial"].tolist() == [0, 1] and not result.failures


def test_a_store_that_can_not_be_written_stops_the_sweep_and_what_was_finished_stays(tmp_path):
    with pytest.raises(StoreError, match="blocked"):
        (tmp_path / "blocked").write_text("a file")
        pinned(drawn, GRID, store=tmp_path / "blocked")
    folder = tmp_path / "store"
    code = f"""
import resource, sys, time
from w2s_theory.sweeps import StoreError, sweep
def run_one(params, rng):
    time.sleep(0.02)
    return {{"word": "x" * params["size"]}}
try:
    sweep(run_one, [{{"size": 10 + k if k < 30 else 3_000_000 + k}} for k in range(60)], store={str(folder)!r}, name="s", version="1")
except StoreError as error:
    sys.exit(f"{{error}}")
"""
    limited = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
"""
    done = subprocess.run([sys.executable, "-c", limited + code], capture_output=True, text=True)
    assert done.returncode == 1 and str(folder) in done.stderr and "kept" in done.stderr and "Traceback" not in done.stderr
    known = Store(folder, "s", version="1").known()
    assert 1 <= len(known) <= 30 and not list(folder.glob("*.tmp"))


def test_ctrl_c_keeps_what_is_finished_and_the_exception_carries_it():
    def run_one(params, rng):
        if params["x"] == 5:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(30.0)
        return {"y": params["x"]}

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(Interrupted, match=r"5 of 9 points are finished.*Pass store=") as stop:
        pinned(run_one, [{"x": x} for x in range(9)], name="s")
    assert stop.value.result.table["y"].tolist() == [0, 1, 2, 3, 4]
    assert signal.getsignal(signal.SIGINT) is before
    assert isinstance(stop.value, KeyboardInterrupt)


def test_an_interrupt_that_a_point_raises_itself_keeps_what_is_finished_here_and_on_workers(tmp_path, two_workers):
    def run_one(params, rng):
        if params["x"] == 5:
            raise KeyboardInterrupt
        return {"y": params["x"]}

    for executor in ("in-process", two_workers):
        store = tmp_path / str(executor is two_workers)
        with pytest.raises(Interrupted, match="points are finished and kept in"):
            pinned(run_one, [{"x": x} for x in range(9)], name="s", store=store, executor=executor)
        kept = Store(store, "s", version="1").table().column("x").to_pylist()
        assert 5 not in kept and (executor is two_workers or sorted(kept) == [0, 1, 2, 3, 4])
        again = pinned(lambda params, rng: {"y": params["x"]}, [{"x": x} for x in range(9)], name="s", store=store)
        assert again.table["y"].tolist() == list(range(9))


def test_the_store_of_a_sweep_that_is_through_is_one_file_unless_another_run_may_be_at_it(tmp_path, monkeypatch):
    monkeypatch.setattr("w2s_theory.sweeps.run.WRITE_SECONDS", 0.0)  # a file for each unit
    grid = grids.product(x=list(range(40)))
    go = functools.partial(pinned, lambda params, rng: {"y": rng.normal()}, name="s")

    def files(store):
        return len(list(store.glob("*.parquet")))

    result = go(grid, store=tmp_path / "alone")
    assert files(tmp_path / "alone") == 1
    Store(tmp_path / "shared", "s", version="1").write_run("other", {"running": True})
    assert go(grid, store=tmp_path / "shared").arrow().equals(result.arrow())
    assert files(tmp_path / "shared") > 1


def test_an_interrupt_waits_for_its_place_unless_it_is_the_second():
    with PatientInterrupts(breaks=True) as patient:
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            patient.obey()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    with PatientInterrupts(breaks=True) as patient, pytest.raises(KeyboardInterrupt), patient.welcome():
        os.kill(os.getpid(), signal.SIGINT)
    with PatientInterrupts(breaks=False) as patient, patient.welcome():
        os.kill(os.getpid(), signal.SIGINT)


def test_a_sweep_in_another_thread_works():
    results = []
    other = threading.Thread(target=lambda: results.append(pinned(drawn, GRID, name="s")))
    other.start()
    other.join()
    assert len(results[0].table["n"]) == 6


def test_progress_is_told_of_what_was_held_and_of_every_point(tmp_path, two_workers):
    seen = []
    go = functools.partial(
        pinned, drawn, name="s", store=tmp_path, executor=two_workers, progress=lambda *numbers: seen.append(numbers)
    )
    go(GRID)
    assert seen[0] == (0, 4) and seen[-1] == (4, 4) and seen == sorted(seen)
    seen.clear()
    go(GRID, trials=2)
    assert seen[0] == (0, 8) and seen[-1] == (8, 8)
    seen.clear()
    go(GRID, trials=3)
    assert seen[0] == (8, 12) and seen[-1] == (12, 12)


class Terminal:
    def __init__(self, is_terminal):
        self.text, self.is_terminal = "", is_terminal

    def isatty(self):
        return self.is_terminal

    def write(self, text):
        self.text += text

    def flush(self):
        pass


def shown(monkeypatch, is_terminal, steps):
    now = [1000.0]
    monkeypatch.setattr("w2s_theory.sweeps.progress.time.monotonic", lambda: now[0])
    stream = Terminal(is_terminal)
    progress = Progress("gain", stream)  # pyright: ignore[reportArgumentType]
    for seconds, done in steps:
        now[0] += seconds
        progress(done, 200)
    return stream.text


def test_a_terminal_shows_a_bar_with_rate_and_time_left_drawn_in_place(monkeypatch):
    text = shown(monkeypatch, True, [(0, 100), (10, 120), (0.01, 121), (30, 180), (10, 200)])
    frames = text.split("\r\033[K")[1:]
    assert frames[0] == "gain  [############............] 100/200  time left unknown (100 kept from before)"
    assert "120/200  2.0/s, 40s left" in frames[1] and "180/200  2.0/s, 10s left" in frames[2]
    again = shown(monkeypatch, True, [(0, 200), (10, 200)])
    assert again.count("\n") == 1 and "200/200  done in 0s (200 kept from before)" in again
    assert len(frames) == 4 and frames[3].endswith("200/200  done in 50s (100 kept from before)\n") and text.count("\n") == 1


def test_the_bars_of_workers_on_one_terminal_do_not_overwrite_each_other(monkeypatch):
    monkeypatch.setattr("w2s_theory.sweeps.progress.multiprocessing.parent_process", lambda: "the main process")
    text = shown(monkeypatch, True, [(0, 0), (1, 10), (30, 120), (1, 200)])
    assert [line.split()[2].split("/")[0] for line in text.split("\n")[:-1]] == ["0", "120", "200"]
    assert text.count("\n") == text.count("\r\033[K") == 3  # each on a line of its own, in the place of the main process's bar


def test_a_log_gets_a_plain_line_now_and_then(monkeypatch):
    lines = shown(monkeypatch, False, [(0, 0), (1, 10), (1, 20), (29, 50), (1, 60), (30, 120), (1, 200)]).splitlines()
    assert [line.split()[2].split("/")[0] for line in lines] == ["0", "50", "120", "200"] and "\r" not in "".join(lines)


def test_the_rate_is_that_of_the_last_minute(monkeypatch):
    steps = [(0, 0), *((10, 10 * k) for k in range(1, 11)), *((100, 100 + k) for k in range(1, 9))]
    assert shown(monkeypatch, True, steps).endswith("108/200  36/h, 2h33m left")


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0s"), (59.6, "1m00s"), (185, "3m05s"), (7800, "2h10m"), (273_600, "3d04h")]
)
def test_durations_for_humans(seconds, words):
    assert duration(seconds) == words


@pytest.mark.parametrize(("rate", "words"), [(123.4, "123/s"), (2.5, "2.5/s"), (0.2, "12/min"), (3 / 3600, "3/h")])
def test_rates_for_humans(rate, words):
    assert speed(rate) == words


def test_a_job_in_the_background_goes_on_ignoring_ctrl_c():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with PatientInterrupts(breaks=True) as patient, patient.welcome():
            os.kill(os.getpid(), signal.SIGINT)
            patient.obey()
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
