"""Real processes, really killed: what is finished stays, nothing is there twice, and the table is that of an undisturbed run."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pyarrow
import pyarrow.parquet
import pytest

from w2s_theory.sweeps import SourceFile, Store, grids, sweep
from w2s_theory.sweeps.plan import make_plan

PATIENCE = 60.0  # seconds until a test gives up waiting for a process
STUDY = """
import os, sys, time
import numpy as np

def run_one(params, rng):
    time.sleep(float(os.environ.get("STUDY_SLEEP", "0")))
    values = np.linalg.svd(rng.normal(size=(params["n"], 20)), compute_uv=False)
    return [{"rank": k, "value": float(value), "odd": bool(k % 2), "word": str(params["n"])} for k, value in enumerate(values[:3])]
"""
MAIN = """
import sys
from w2s_theory.sweeps import Interrupted, SourceFile, grids, sweep

points = int(sys.argv[3])
try:
    result = sweep(SourceFile(sys.argv[1]), grids.product(n=[5, 40], k=list(range(points))), store=sys.argv[2], executor=2, version="1")
except Interrupted as stop:
    sys.exit(f"{stop}")
sys.exit(1 if result.failures else 0)
"""


class Study:
    """A sweep in a process of its own, on two workers, with its store."""

    def __init__(self, folder: Path, points: int) -> None:
        self.file, self.store, self.points = folder / "study.py", folder / "store", points
        self.main = folder / "main.py"
        self.file.write_text(STUDY)
        self.main.write_text(MAIN)
        self.grid = grids.product(n=[5, 40], k=list(range(points)))
        plan = make_plan(SourceFile(self.file), self.grid, trials=None, name=None, seed=0, seed_axes=None, version="1")
        self.keys = plan.keys

    def start(self) -> subprocess.Popen[str]:
        command = [sys.executable, str(self.main), str(self.file), str(self.store), str(self.points)]
        environment = os.environ | {"STUDY_SLEEP": "0.01"}
        return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True)

    def finished(self) -> dict[bytes, str]:
        """Which run made each point that is on the disk."""
        table = Store(self.store, "study", version="1").table()
        table = table.filter(pyarrow.array(table.column("_status").to_numpy() == "ok"))
        return dict(zip(table.column("_key").to_pylist(), table.column("_run").to_pylist(), strict=True))

    def copies(self) -> list[bytes]:
        """The key of each point in each file."""
        keys = []
        for path in self.store.glob("*.parquet"):
            table = pyarrow.parquet.read_table(path, columns=["_key", "_row"])
            keys += [key for key, row in zip(*(column.to_pylist() for column in table.columns), strict=True) if row <= 0]
        return keys

    def resumed(self):
        return sweep(SourceFile(self.file), self.grid, store=self.store, version="1")

    def undisturbed(self):
        return sweep(SourceFile(self.file), self.grid, version="1")


def workers_of(parent: psutil.Process) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return [child for child in parent.children(recursive=True) if "popen_loky_posix" in " ".join(command_of(child))]
    return []


def command_of(process: psutil.Process) -> list[str]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.cmdline()
    return []


def until(is_so: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.002)


@contextlib.contextmanager
def started(study: Study) -> Iterator[subprocess.Popen[str]]:
    process = study.start()
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def kill_parent(process: subprocess.Popen[str]) -> None:
    """Kill -9, and see all that it had started end."""
    family = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    _, alive = psutil.wait_procs(family, timeout=PATIENCE)
    assert not alive, f"these outlived their parent: {alive}"


def kill_worker(process: subprocess.Popen[str], chance: random.Random) -> None:
    parent = psutil.Process(process.pid)
    until(lambda: workers_of(parent))
    time.sleep(chance.uniform(0.0, 0.3))
    workers = workers_of(parent)
    if workers:
        with contextlib.suppress(psutil.NoSuchProcess):
            chance.choice(workers).kill()


def stop_in_a_write(process: subprocess.Popen[str], store: Path) -> None:
    """Freeze the parent while a file of the store is half written."""
    while True:
        until(lambda: process.poll() is not None or list(store.glob(".*.tmp")))
        assert process.poll() is None, "it ended before it was caught writing"
        process.send_signal(signal.SIGSTOP)
        until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_STOPPED)
        if list(store.glob(".part*.tmp")):
            return
        process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize(
    ("seed", "points", "kills"),
    [(0, 300, ["worker", "write", "parent", "worker", "write"]), pytest.param(1, 1600, 20, marks=pytest.mark.slow)],
    ids=["five kills", "twenty kills"],
)
def test_kills_at_random_moments_lose_nothing_that_was_finished_and_change_nothing(seed, points, kills, tmp_path):
    study = Study(tmp_path, points)
    chance = random.Random(seed)
    if isinstance(kills, int):
        kills = [chance.choice(["worker", "parent", "write"]) for _ in range(kills)]
    on_disk: dict[bytes, str] = {}
    waiting = list(kills)
    while waiting:
        with started(study) as process:
            while waiting:
                kind = waiting.pop(0)
                if kind == "worker":
                    kill_worker(process, chance)
                    continue
                if kind == "write":
                    stop_in_a_write(process, study.store)
                else:
                    time.sleep(chance.uniform(0.0, 1.5))
                before = study.finished() if study.store.exists() else {}
                assert process.poll() is None, "it was through before it could be killed"
                kill_parent(process)
                after = study.finished() if study.store.exists() else {}
                assert before.items() <= after.items()
                assert on_disk.items() <= before.items(), "something finished was lost, or made again by another run"
                on_disk = after
                break
    with started(study) as process:  # nothing is left over that could disturb the next run
        _, words = process.communicate(timeout=PATIENCE)
        assert process.returncode in (0, 1), words
    result = study.resumed()
    assert not result.failures
    assert on_disk.items() <= study.finished().items()
    copies = study.copies()
    assert len(copies) == len(set(copies)) and set(copies) == set(study.keys)
    assert result.arrow().equals(study.undisturbed().arrow())


def test_ctrl_c_ends_the_workers_keeps_what_is_finished_and_says_how_to_go_on(tmp_path):
    study = Study(tmp_path, 300)
    with started(study) as process:
        until(lambda: list(study.store.glob("*.parquet")))
        family = psutil.Process(process.pid).children(recursive=True)
        os.killpg(process.pid, signal.SIGINT)
        _, words = process.communicate(timeout=PATIENCE)
        assert process.returncode == 1
        assert words.count("\n") == 1, "workers add nothing"
        assert "points are finished and kept in" in words and "Run the same again to go on" in words
        _, alive = psutil.wait_procs(family, timeout=PATIENCE)
        assert not alive
    kept = study.finished()
    assert f"stopped; {len(kept)} of 600 points" in words
    assert 0 < len(kept) < 600
    result = study.resumed()
    assert result.arrow().equals(study.undisturbed().arrow())
    assert kept.items() <= study.finished().items()


def test_a_point_that_kills_its_worker_is_recorded_once_it_has_done_so_twice_alone_and_its_neighbours_are_there(
    tmp_path, two_workers
):
    log = tmp_path / "log"

    def run_one(params, rng):
        if params["x"] in (0, 7):
            with log.open("a") as file:
                file.write(f"{params['x']}\n")
            if params["x"] == 7:
                os.kill(os.getpid(), signal.SIGKILL)
            os._exit(3)
        return {"y": rng.normal()}

    def go(points):
        return sweep(
            run_one, [{"x": x} for x in range(points)], store=tmp_path / "store", executor=two_workers, name="deadly", version="1"
        )

    result = go(200)
    assert [(each["x"], each["status"]) for each in result.failures] == [(0, "died"), (7, "died")]
    assert "exit code 3" in result.failures[0]["error"] and "SIGKILL" in result.failures[1]["error"]
    tries = log.read_text().split()
    assert tries.count("0") == 2, "it was alone in its unit, and is retried once"
    assert tries.count("7") == 3, "once in a unit with others, and twice alone"
    assert [row["x"] for row in result.rows()] == list(range(200))
    assert [row["x"] for row in result.rows() if row["error"]] == [0, 7]
    assert go(1).provenance["held"] == 0
    assert log.read_text().split().count("0") == 4, "the next run tries it again"


def test_a_worker_that_is_killed_while_it_has_nothing_to_do_costs_nothing(two_workers):
    def run_one(params, rng):
        return {"worker": os.getpid()}

    first = sweep(run_one, [{"x": x} for x in range(4)], executor=two_workers, name="idle")
    for worker in set(first.table["worker"].tolist()):
        os.kill(worker, signal.SIGKILL)
    second = sweep(run_one, [{"x": x} for x in range(4)], executor=two_workers, name="idle")
    assert not second.failures and not set(first.table["worker"].tolist()) & set(second.table["worker"].tolist())
