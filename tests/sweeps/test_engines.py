"""Engines: calls come back, each once, with what became of them."""

from __future__ import annotations

import os
import sys
import time

import psutil
import pytest

from w2s_theory.sweeps import Engine, InProcess, WorkerDied, open_engine
from w2s_theory.sweeps.carried import Carried, run_carried
from w2s_theory.sweeps.loky_engine import LokyEngine


@pytest.fixture(params=["here", "loky"])
def engine(request):
    if request.param == "loky":
        yield request.getfixturevalue("two_workers")
    else:
        with open_engine("in-process") as made:
            yield made


def all_of(engine, tickets):
    found = {}
    while len(found) < len(tickets):
        for ticket, answer in engine.finished():
            assert ticket in tickets and ticket not in found
            found[ticket] = answer
    return [found[ticket] for ticket in tickets]


def test_every_call_comes_back_once_and_what_was_raised_is_handed_over(engine):
    assert isinstance(engine, Engine) and engine.slots >= 1
    assert engine.finished() == [] and engine.finished(0.0) == []
    tickets = [engine.submit(divmod, 7, k) for k in (2, 0, 3)]
    assert len(set(tickets)) == 3
    first, second, third = all_of(engine, tickets)
    assert first == (3, 1) and third == (2, 1) and isinstance(second, ZeroDivisionError)
    assert engine.finished() == []


def test_local_functions_and_large_arguments_travel(engine):
    offset = 5
    (answer,) = all_of(engine, [engine.submit(lambda data: len(data) + offset, b"x" * 10_000_000)])
    assert answer == 10_000_005
    (answer,) = all_of(engine, [engine.submit(lambda: b"y" * 10_000_000)])
    assert len(answer) == 10_000_000


def test_workers_are_other_processes_with_one_blas_thread_that_do_not_run_the_script_again(two_workers):
    def about():
        import sys

        return os.getpid(), os.getppid(), os.environ["OMP_NUM_THREADS"], sys.modules["__main__"].__spec__.name

    pid, parent, threads, main = all_of(two_workers, [two_workers.submit(about)])[0]
    assert parent == os.getpid() != pid and threads == "1" and main.startswith("loky")


def test_calls_run_at_the_same_time_and_more_than_there_are_workers_wait(two_workers):
    def met(folder, name):
        (folder / name).touch()
        end = time.monotonic() + 30.0
        while len(list(folder.iterdir())) < 2 and time.monotonic() < end:
            time.sleep(0.01)
        return len(list(folder.iterdir()))

    import pathlib
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        tickets = [two_workers.submit(met, pathlib.Path(folder), name) for name in "abcde"]
        assert min(all_of(two_workers, tickets)) >= 2


def test_waiting_can_be_cut_short(two_workers):
    ticket = two_workers.submit(time.sleep, 0.5)
    assert two_workers.finished(0.0) == []
    assert all_of(two_workers, [ticket]) == [None]


def test_a_worker_that_dies_costs_its_own_call_only(two_workers):
    tickets = [
        two_workers.submit(os._exit, 3),
        two_workers.submit(lambda: (time.sleep(0.3), "there")[1]),
        two_workers.submit(abs, -1),
    ]
    died, slow, quick = all_of(two_workers, tickets)
    assert isinstance(died, WorkerDied) and "exit code 3" in str(died)
    assert (slow, quick) == ("there", 1)


def test_what_can_not_be_pickled_on_the_way_back_is_an_error_and_the_worker_lives(two_workers):
    class Odd(Exception):
        def __init__(self, first, second):
            super().__init__(first)

    def odd():
        raise Odd(1, 2)

    answers = all_of(two_workers, [two_workers.submit(lambda: lambda: 1), two_workers.submit(odd), two_workers.submit(os.getpid)])
    assert isinstance(answers[0], Exception)
    assert isinstance(answers[1], RuntimeError) and "Odd: 1" in str(answers[1])
    assert isinstance(answers[2], int)


@pytest.mark.parametrize("now", [True, False])
def test_a_stopped_engine_leaves_no_process_and_can_be_used_again(now, tmp_path):
    engine = LokyEngine(1)
    pids = all_of(engine, [engine.submit(os.getpid)])
    engine.submit(lambda path: (time.sleep(0.2), path.touch()), tmp_path / "done")
    engine.stop(now=now)
    engine.stop(now=now)
    assert (tmp_path / "done").exists() is not now, "what was submitted is done unless it must end now"
    assert not psutil.pid_exists(pids[0])
    assert all_of(engine, [engine.submit(abs, -2)]) == [2]
    engine.stop(now=True)
    assert not [child for child in psutil.Process().children() if child.pid in pids]


def test_stopping_now_ends_what_the_points_have_started_as_well():
    def starts():
        import subprocess
        import sys

        return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]).pid

    with LokyEngine(1) as engine:
        (pid,) = all_of(engine, [engine.submit(starts)])
        assert psutil.pid_exists(pid)
        engine.stop(now=True)
        _, alive = psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=30)
        assert not alive


def test_points_may_start_processes_of_their_own(two_workers):
    def starts():
        import multiprocessing

        with multiprocessing.get_context("spawn").Pool(1) as pool:
            return pool.apply(abs, (-3,)), multiprocessing.get_start_method(), multiprocessing.current_process().daemon

    import multiprocessing

    assert all_of(two_workers, [two_workers.submit(starts)]) == [(3, multiprocessing.get_start_method(), False)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_death_is_seen_though_what_the_point_has_forked_lives_on(tmp_path):
    def forks(path):
        import signal

        child = os.fork()
        if not child:
            time.sleep(60)
            os._exit(0)
        path.write_text(str(child))
        os.kill(os.getpid(), signal.SIGKILL)

    with LokyEngine(1) as engine:
        (answer,) = all_of(engine, [engine.submit(forks, tmp_path / "child")])
    child = psutil.Process(int((tmp_path / "child").read_text()))
    child.kill()
    assert isinstance(answer, WorkerDied) and "SIGKILL" in str(answer)


def test_workers_that_end_while_they_start_are_an_error_and_not_dead_points(monkeypatch):
    monkeypatch.setattr("w2s_theory.sweeps.loky_engine._serve", lambda connection, parent: os._exit(4))
    with LokyEngine(1) as engine:
        with pytest.raises(RuntimeError, match=r"have ended while they started, the last one with exit code 4"):
            all_of(engine, [engine.submit(abs, 1)])
        engine.stop(now=True)


def test_a_worker_that_can_not_be_started_is_an_error(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with LokyEngine(1) as engine:
        with pytest.raises(RuntimeError, match=r"can't be started|have ended while they started"):
            for _ in range(3):
                engine.submit(abs, 1)
                engine.finished()
        engine.stop(now=True)


def test_a_function_is_sent_to_a_worker_once():
    ballast = os.urandom(2_000_000)

    def run_one(params, rng):
        return {"bytes": len(ballast), "y": rng.normal()}

    carried = Carried(run_one)
    arguments = ("name", [({"x": 1}, None)], 0, ["x"], 1.0)
    expected = [result.rows for result in run_carried(carried, *arguments)]
    sent = []
    with LokyEngine(1) as engine:
        feed = engine._dumps
        engine._dumps = lambda value: sent.append(len(data := feed(value))) or data
        assert all_of(engine, [engine.submit(run_carried, carried, *arguments)]) == [None], "it has not got it yet"
        (answer,) = all_of(engine, [engine.submit(run_carried, carried.heavy, *arguments)])
        (again,) = all_of(engine, [engine.submit(run_carried, Carried(run_one), *arguments)])
    assert [result.rows for result in answer] == [result.rows for result in again] == expected
    assert sent[0] < 2000 and sent[1] > 2_000_000 and sent[2] < 2000


@pytest.mark.parametrize("executor", ["threads", "loky:x", "loky:0", 0, True, 1.5, object], ids=str)
def test_an_executor_that_is_none_is_refused(executor):
    with pytest.raises(ValueError, match="executor must be"):
        open_engine(executor)


def test_names_of_executors():
    assert isinstance(open_engine(None), InProcess)
    assert open_engine("loky:3").slots == open_engine(3).slots == 3
    assert open_engine("loky").slots >= 1
    engine = InProcess()
    assert open_engine(engine) is engine
