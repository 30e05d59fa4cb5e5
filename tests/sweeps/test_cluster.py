"""Sweeps on Dask: the same table, a dead worker costs its unit, and a cluster that can't be used says so before anything runs."""

from __future__ import annotations

import os
import shutil
import signal
import site
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("distributed", reason="needs the extra cluster")

import dask.config
import distributed

import w2s_theory
from w2s_theory.sweeps import Store, grids, open_engine, sweep
from w2s_theory.sweeps.cluster import ClusterError, DaskEngine
from w2s_theory.sweeps.shards import design_of_shards

GRID = grids.product(n=[3, 10, 40], method=["a", "b"])


def run_one(params, rng):
    draws = rng.normal(size=(params["n"], 5))
    return [{"row": k, "value": float(np.linalg.norm(draws[:, k] @ draws))} for k in range(2)]


@pytest.fixture(scope="module")
def dask_cluster():
    """The two processes that ``executor="dask"`` starts, for all tests."""
    before = {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "PYTHONHASHSEED")}
    with DaskEngine() as engine:
        yield engine
    assert {name: os.environ.get(name) for name in before} == before


def cluster_here(workers: int, threads: int = 1) -> distributed.LocalCluster:
    """A scheduler and workers in this process."""
    options = {"processes": False, "protocol": "tcp", "dashboard_address": "127.0.0.1:0"}
    return distributed.LocalCluster(n_workers=workers, threads_per_worker=threads, **options)


def subprocess_of(*arguments: str, path: Path | None = None) -> subprocess.Popen[bytes]:
    """A part of a cluster in a process of its own; ``path``: where it imports from, instead of the environment's packages."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(path or Path(w2s_theory.__file__).parents[1])}
    options = ["-S"] if path else []
    return subprocess.Popen(
        [sys.executable, *options, *arguments], env=environment, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def call(engine, function, *arguments):
    """What one call gives."""
    ticket = engine.submit(function, *arguments)
    while not (ended := engine.finished(1.0)):
        pass
    assert [each for each, _ in ended] == [ticket]
    return ended[0][1]


# ---- the same table ---------------------------------------------------------------------------------------------------------------------


def test_a_sweep_gives_the_same_table_on_dask_bit_for_bit(dask_cluster):
    here, there = (sweep(run_one, GRID, trials=4, name="dask", executor=executor) for executor in ("in-process", dask_cluster))
    assert here.arrow().equals(there.arrow())


def test_an_address_names_a_cluster_and_a_failure_is_a_row(dask_cluster):
    def sometimes(params, rng):
        if params["n"] == 3:
            raise ArithmeticError("three")
        return run_one(params, rng)

    result = sweep(sometimes, GRID, executor=dask_cluster.address)
    assert [(row["n"], row["status"], row["error"]) for row in result.failures] == [(3, "failed", "ArithmeticError: three")] * 2
    assert call(dask_cluster, os.getpid) != os.getpid(), "the cluster of somebody else goes on"


def test_a_client_of_the_users_stays_open_and_is_not_the_default(dask_cluster):
    with distributed.Client(dask_cluster.address, set_as_default=False) as client:
        with DaskEngine(client) as engine:
            assert call(engine, abs, -3) == 3
        assert client.submit(abs, -4).result() == 4


def test_a_worker_does_one_unit_at_a_time_on_one_blas_thread(dask_cluster):
    def threads():
        from threadpoolctl import threadpool_info

        return max(pool["num_threads"] for pool in threadpool_info())

    assert call(dask_cluster, threads) == 1
    with (
        cluster_here(1, threads=4) as cluster,
        pytest.warns(UserWarning, match="up to 4 threads.*--nthreads 1"),
        DaskEngine(cluster.scheduler_address) as engine,
    ):

        def alone(number, path):
            with open(path, "a") as file:
                file.write("+")
            time.sleep(0.02)
            with open(path, "a") as file:
                file.write("-")
            return number

        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/begun"
            tickets = {engine.submit(alone, number, path): number for number in range(6)}
            while tickets:
                for ticket, answer in engine.finished():
                    assert tickets.pop(ticket) == answer
            assert Path(path).read_text() == "+-" * 6


def test_points_may_start_processes_of_their_own(dask_cluster):
    def starts():
        import multiprocessing

        with multiprocessing.get_context("spawn").Pool(1) as pool:
            return pool.apply(abs, (-3,))

    assert call(dask_cluster, starts) == 3


def test_an_exception_of_a_call_is_returned_also_one_that_can_not_be_pickled(dask_cluster):
    class Locked(Exception):
        def __init__(self):
            super().__init__("locked")
            self.lock = threading.Lock()

    def refuse():
        raise Locked

    def leave():
        sys.exit(3)

    answer = call(dask_cluster, refuse)
    assert isinstance(answer, RuntimeError) and str(answer) == "Locked: locked"
    assert isinstance(call(dask_cluster, leave), SystemExit)


# ---- two schedulers on one store --------------------------------------------------------------------------------------------------------


def test_two_schedulers_share_a_store(dask_cluster, tmp_path):
    where, store = tmp_path / "where", tmp_path / "store"

    def slow(params, rng):
        with where.open("a") as file:
            file.write(f"{os.getpid()}\n")
        time.sleep(0.01)
        return run_one(params, rng)

    results, start = {}, threading.Barrier(2)

    def run(which, address):
        begun = []

        def together(done, total):
            if not begun:
                begun.append(start.wait(60))

        results[which] = sweep(slow, GRID, trials=8, name="shared", version="1", store=store, executor=address, progress=together)

    with cluster_here(1) as other:
        addresses = (dask_cluster.address, other.scheduler_address)
        runs = [threading.Thread(target=run, args=each) for each in enumerate(addresses)]
        for each in runs:
            each.start()
        for each in runs:
            each.join()
    wanted = sweep(run_one, GRID, trials=8, name="shared", version="1").arrow()
    assert results[0].arrow().equals(wanted) and results[1].arrow().equals(wanted)
    table = Store(store, "shared", version="1").table()
    pids = set(where.read_text().split())
    assert str(os.getpid()) in pids and len(pids) > 1, "each made some of the points: the other's worker is a thread here"
    pairs = list(zip(table.column("_key").to_pylist(), table.column("_row").to_pylist(), strict=True))
    assert len(pairs) == len(set(pairs)) == wanted.num_rows


# ---- killed workers ---------------------------------------------------------------------------------------------------------------------


def test_a_point_that_kills_its_worker_is_recorded_and_its_neighbours_are_not(dask_cluster):
    def deadly(params, rng):
        if params["n"] == 7:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.005)
        return {"value": rng.normal()}

    grid = grids.product(n=list(range(12)))
    result = sweep(deadly, grid, name="deadly", version="1", executor=DaskEngine(dask_cluster.address))
    assert [(row["n"], row["status"]) for row in result.failures] == [(7, "died")]
    fine = [row["value"] for row in result.rows() if not row["error"]]
    safe = [point for point in grid if point["n"] != 7]
    assert fine == sweep(lambda params, rng: {"value": rng.normal()}, safe, name="deadly", version="1").table["value"].tolist()


def test_a_design_of_shards_is_the_same_on_dask(dask_cluster):
    def read(shard):
        rng = np.random.default_rng(shard)
        return {"features": rng.standard_normal((30, 4)), "weak": rng.standard_normal(30)}

    here, there = (design_of_shards(read, range(6), executor=executor) for executor in (None, dask_cluster))
    assert np.array_equal(here.moments.gram, there.moments.gram)
    assert np.array_equal(here.solve(penalties=1.0).coefficients, there.solve(penalties=1.0).coefficients)


# ---- clusters that can't be used --------------------------------------------------------------------------------------------------------


def test_an_address_without_a_scheduler_is_named():
    with dask.config.set({"distributed.comm.timeouts.connect": "200ms"}), pytest.raises(ClusterError) as caught:
        open_engine("tcp://127.0.0.1:9")
    assert "no scheduler at tcp://127.0.0.1:9" in str(caught.value) and "Nothing was run" in str(caught.value)
    with pytest.raises(ValueError, match=r"address such as 'tcp://host:8786'"):
        DaskEngine("localhost:8786")


@pytest.fixture
def others(tmp_path):
    """The packages of this environment, without w2s_theory, as a folder to import from."""
    folder = tmp_path / "packages"
    folder.mkdir()
    for home in site.getsitepackages():
        for path in Path(home).iterdir():
            if (
                not path.name.startswith(("w2s_theory", "_w2s_theory", "w2s-theory", "__editable__"))
                and not (folder / path.name).exists()
            ):
                (folder / path.name).symlink_to(path)
    return folder


@pytest.mark.slow
def test_workers_without_w2s_theory_or_with_another_version_are_named_before_anything_runs(others, tmp_path):
    older = tmp_path / "older"
    shutil.copytree(others, older, symlinks=True)
    package = Path(w2s_theory.__file__).parent
    shutil.copytree(package, older / "w2s_theory", ignore=shutil.ignore_patterns("__pycache__"))
    init = older / "w2s_theory/__init__.py"
    init.write_text(init.read_text().replace(w2s_theory.__version__, "0.0.9"))
    with cluster_here(0) as cluster:
        command = (
            "-m",
            "distributed.cli.dask_worker",
            cluster.scheduler_address,
            "--no-nanny",
            "--nthreads",
            "1",
            "--no-dashboard",
        )
        workers = [subprocess_of(*command, path=path) for path in (others, older)]
        try:
            with distributed.Client(cluster, set_as_default=False) as client:
                client.wait_for_workers(2, timeout=60)
                with pytest.raises(ClusterError) as caught:
                    sweep(lambda params, rng: {}, GRID, executor=client.scheduler.address)
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()
    text = str(caught.value)
    assert cluster.scheduler_address in text and "No module named 'w2s_theory'" in text
    assert f"w2s_theory is 0.0.9, here {w2s_theory.__version__}" in text and "extra cluster" in text


def test_a_worker_of_another_version_that_joins_later_is_named(dask_cluster):
    with DaskEngine(dask_cluster.address) as engine:
        assert call(engine, abs, -1) == 1
        engine._place = {**engine._place, "numpy": "1.0.0"}  # as if the worker had come from elsewhere
        engine.submit(abs, -1)
        with pytest.raises(ClusterError, match=r"the worker tcp://.* joined.*numpy is .*, here 1\.0\.0.*kept in the store"):
            engine.finished()


def test_a_lost_scheduler_is_named_and_what_is_finished_is_kept(tmp_path):
    script = (
        "from distributed import LocalCluster\n"
        "import sys, time\n"
        "cluster = LocalCluster(processes=False, protocol='tcp', n_workers=1, threads_per_worker=1, dashboard_address='127.0.0.1:0')\n"
        f"open({str(tmp_path / 'part')!r}, 'w').write(cluster.scheduler_address)\n"
        f"__import__('os').rename({str(tmp_path / 'part')!r}, {str(tmp_path / 'address')!r})\n"
        "time.sleep(600)"
    )
    process = subprocess_of("-c", script)
    try:
        while not (tmp_path / "address").exists():
            assert process.poll() is None
            time.sleep(0.02)
        address = (tmp_path / "address").read_text()

        def kill_later(done, total):
            if done >= 2:
                process.kill()

        def slow(params, rng):
            time.sleep(0.1)
            return run_one(params, rng)

        arguments = {"name": "lost", "version": "1", "store": tmp_path / "store"}
        with dask.config.set({"distributed.comm.timeouts.connect": "500ms"}), pytest.raises(ClusterError) as caught:
            sweep(slow, GRID, trials=4, executor=address, progress=kill_later, **arguments)
    finally:
        process.kill()
        process.wait()
    assert address in str(caught.value) and "is lost" in str(caught.value) and "kept in the store" in str(caught.value)
    before = runs_of(tmp_path / "store")
    assert 2 <= len(before) < 24
    again = sweep(run_one, GRID, trials=4, **arguments)
    assert again.arrow().equals(sweep(run_one, GRID, trials=4, name="lost", version="1").arrow())
    after = runs_of(tmp_path / "store")
    assert {key: after[key] for key in before} == before, "what was finished is not run again"


def runs_of(folder: Path) -> dict[bytes, str]:
    """Which run made each point of the store."""
    table = Store(folder, "lost", version="1").table()
    return dict(zip(table.column("_key").to_pylist(), table.column("_run").to_pylist(), strict=True))


def test_stopping_at_once_leaves_no_process(dask_cluster):
    """The last of the file: it ends the cluster of all the others."""
    tickets = [dask_cluster.submit(os.getpid) for _ in range(4)]
    answers = []
    while len(answers) < len(tickets):
        answers += [pid for _, pid in dask_cluster.finished()]
    dask_cluster.submit(time.sleep, 60)
    assert dask_cluster.finished(0.2) == []
    for _ in range(2):
        dask_cluster.stop(now=True)
    for pid in answers:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
