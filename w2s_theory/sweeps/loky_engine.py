"""Worker processes on this machine, started by loky, each with a pipe of its own: a killed worker costs what it ran, nothing else."""

from __future__ import annotations

import atexit
import itertools
import math
import multiprocessing
import os
import pickle
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from typing import Any

from .._validation import MissingExtra, whole
from .engines import EngineBase, Ticket, WorkerDied, cores
from .units import ONE_THREAD

WATCH_SECONDS = 0.5
LOOK_SECONDS = 1.0  # how often it is seen whether workers live that say nothing
END_SECONDS = 5.0
HELLO = b"here"
STILLBORN = 3


class LokyEngine(EngineBase):
    """``workers`` processes (default: as many as there are cores), started like loky's: fresh interpreters that don't run your script again.

    Each has one BLAS thread, leaves Ctrl-C to the parent and ends by itself when the parent is gone. A worker that dies is replaced. An engine
    that was stopped starts new workers when it is used again.
    """

    def __init__(self, workers: int | None = None) -> None:
        self.slots = cores() if workers is None else whole("executor", workers)
        try:
            import cloudpickle
            from loky.backend import get_context
            from loky.backend.utils import kill_process_tree
        except ImportError as error:
            raise MissingExtra("sweeps", "loky") from error
        self._dumps = cloudpickle.dumps
        self._context: Any = get_context("loky")
        self._kill = kill_process_tree  # with what the points have started
        self._tickets = itertools.count()
        self._waiting: deque[tuple[Ticket, bytes]] = deque()
        self._busy: dict[Connection, tuple[Ticket, bytes]] = {}
        self._workers: dict[Connection, Any] = {}
        self._idle: list[Connection] = []
        self._born: set[Connection] = set()  # started, and not heard of yet
        self._stillborn = 0  # one after the other

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Ticket:
        """Have ``function(*arguments)`` run by the next worker that is free."""
        ticket = next(self._tickets)
        self._waiting.append((ticket, self._dumps((function, arguments))))
        self._feed()
        return ticket

    def finished(self, timeout: float | None = None) -> list[tuple[Ticket, Any]]:
        """What has ended since, see ``Engine``. Raises ``RuntimeError`` when workers die before they have begun."""
        end = math.inf if timeout is None else time.monotonic() + timeout
        ended: list[tuple[Ticket, Any]] = []
        self._feed()
        while self._busy and not ended:
            left = None if timeout is None else max(end - time.monotonic(), 0.0)
            said = wait(list(self._busy), LOOK_SECONDS if left is None else min(left, LOOK_SECONDS))
            for connection in said or self._silent():
                ended += self._answer(connection)
            if time.monotonic() >= end:
                break
        return ended

    def _silent(self) -> list[Connection]:
        """Workers that are dead though their pipe is open: processes that their points forked hold its other end."""
        dead = [connection for connection in self._busy if not self._workers[connection].is_alive() and not connection.poll()]
        for connection in dead:
            connection.close()
        return dead

    def _answer(self, connection: Any) -> list[tuple[Ticket, Any]]:
        """What a worker has to say: that it is there, or what became of its call."""
        try:
            data = connection.recv_bytes()
        except (EOFError, OSError):  # also in the middle of an answer: nobody else holds the other end
            is_stillborn = connection in self._born
            call, how = self._busy.pop(connection), self._bury(connection)
            self._stillborn += is_stillborn
            if self._stillborn >= STILLBORN:
                raise RuntimeError(
                    f"{STILLBORN} workers have ended while they started, the last one with {how}. What it said is above; "
                    "executor='in-process' needs no workers."
                ) from None
            if is_stillborn:  # its call was not begun
                self._waiting.appendleft(call)
                self._feed()
                return []
            return [(call[0], WorkerDied(how))]
        if data == HELLO:
            self._born.discard(connection)
            self._stillborn = 0
            return []
        self._idle.append(connection)
        return [(self._busy.pop(connection)[0], pickle.loads(data))]

    def stop(self, *, now: bool) -> None:
        """End the workers, at once or when they have done what was submitted."""
        while not now and (self._waiting or self._busy):
            self.finished()
        self._waiting.clear()
        for connection in self._workers:
            connection.close()
        end = time.monotonic() + (0.0 if now else END_SECONDS)
        for process in self._workers.values():
            process.join(max(end - time.monotonic(), 0.0))
            if process.is_alive():  # the number of one that has ended may be another's by now
                self._kill(process)
        atexit.unregister(self.stop)
        self._workers.clear()
        self._born.clear()
        self._busy.clear()
        self._idle.clear()

    def _feed(self) -> None:
        """Give what waits to idle workers, and start workers while there are too few."""
        while self._waiting:
            if not self._idle:
                if len(self._workers) >= self.slots:
                    return
                self._idle.append(self._hire())
            ticket, data = self._waiting.popleft()
            connection = self._idle.pop()
            try:
                connection.send_bytes(data)
            except OSError:  # it died while it had nothing to do, so that nothing is lost
                self._bury(connection)
                self._waiting.appendleft((ticket, data))
            else:
                self._busy[connection] = ticket, data

    def _hire(self) -> Connection:
        if not self._workers:
            atexit.register(self.stop, now=True)  # before multiprocessing waits for its children
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs, os.getpid()), env=ONE_THREAD)
        try:
            with _without_interrupts():
                process.start()
        except OSError as error:  # no more processes or memory, or it ended before it could be told what to do
            ours.close()
            raise RuntimeError(f"a worker can't be started: {error}. Fewer of them may do, as executor='loky:2'.") from error
        finally:
            theirs.close()
        self._workers[ours] = process
        self._born.add(ours)
        return ours

    def _bury(self, connection: Connection) -> str:
        """Forget a dead worker; return how it ended."""
        process = self._workers.pop(connection)
        self._born.discard(connection)
        connection.close()
        process.join(END_SECONDS)
        code = process.exitcode
        if code is None:
            self._kill(process)
        if code is None or code >= 0:
            return f"exit code {code}"
        return f"killed by {signal.Signals(-code).name}" if -code in set(signal.Signals) else f"killed by signal {-code}"


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Ctrl-C waits, here and in the process that is started, until each is ready for it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(connection: Connection, parent: int) -> None:
    """A worker: answer calls until the parent hangs up."""
    signal.signal(signal.SIGINT, lambda *_: None)  # not SIG_IGN, which what run_one starts would inherit
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    multiprocessing.set_start_method(None, force=True)  # what points start is not loky's, which spawned processes don't know
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    with suppress(OSError):
        connection.send_bytes(HELLO)
    while True:
        try:
            data = connection.recv_bytes()
        except (EOFError, OSError):
            return
        try:
            function, arguments = pickle.loads(data)
            answer = pickle.dumps(function(*arguments), pickle.HIGHEST_PROTOCOL)
        except BaseException as error:
            answer = _pickled(error)
        try:
            connection.send_bytes(answer)
        except OSError:
            return


def _pickled(error: BaseException) -> bytes:
    try:
        data = pickle.dumps(error)
        pickle.loads(data)  # some exceptions can be written but not read
        return data
    except Exception:
        return pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"))


def _end_with(parent: int) -> None:
    """End this process and what it has started when ``parent`` is gone. (Where a parent's end leaves its number, the pipe tells.)"""
    from loky.backend.utils import kill_process_tree

    while os.getppid() == parent:
        time.sleep(WATCH_SECONDS)
    with suppress(Exception):
        kill_process_tree(multiprocessing.current_process())
    os._exit(1)
