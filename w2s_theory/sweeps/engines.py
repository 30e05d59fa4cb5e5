"""Where units run. An engine takes calls and hands back what became of them, in whatever order they end."""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Callable, Hashable
from types import TracebackType
from typing import Any, Protocol, Self, runtime_checkable

Ticket = Hashable


class WorkerDied(Exception):
    """The worker that ran, or may have run, a call ended before the call did (killed, out of memory, a crash below Python)."""


@runtime_checkable
class Engine(Protocol):
    """Workers that take calls; use it as a context manager, which stops it at the end.

    ``slots`` is how many calls can run at the same time; it may change (a cluster that grows) and is read again before each call. More may
    be submitted; they wait.
    """

    @property
    def slots(self) -> int:
        """How many calls can run at the same time."""
        ...

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Ticket:
        """Have ``function(*arguments)`` run and return its ticket, different from every other one. What is sent is pickled by cloudpickle."""
        ...

    def finished(self, timeout: float | None = None) -> list[tuple[Ticket, Any]]:
        """Wait until a call has ended and return all that have since, each once: (ticket, what was returned).

        In place of what was returned stands ``WorkerDied()`` when its worker ended, and the exception when one was raised (those are
        returned, not raised). Returns [] when ``timeout`` seconds have passed, or when nothing is under way.
        """
        ...

    def stop(self, *, now: bool) -> None:
        """End the workers: at once (``now``; what they run is lost), or when they have done what was submitted. Twice does no harm."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop: at once when an exception is on its way."""
        ...


class EngineBase:
    """The context manager that engines share."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop(now=kind is not None)

    def stop(self, *, now: bool) -> None:
        """End the workers."""
        raise NotImplementedError


class InProcess(EngineBase):
    """One call at a time, here: nothing is pickled, breakpoints work, and an exception that is no ``Exception`` goes through (Ctrl-C)."""

    slots = 1

    def __init__(self) -> None:
        self._tickets = itertools.count()
        self._waiting: deque[tuple[Ticket, Callable[..., Any], tuple[Any, ...]]] = deque()

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Ticket:
        """Have ``function(*arguments)`` run by the next ``finished``."""
        ticket = next(self._tickets)
        self._waiting.append((ticket, function, arguments))
        return ticket

    def finished(self, timeout: float | None = None) -> list[tuple[Ticket, Any]]:
        """Run the call that was submitted first and return what became of it; nothing is run with ``timeout=0``."""
        if not self._waiting or timeout == 0:
            return []
        ticket, function, arguments = self._waiting.popleft()
        try:
            return [(ticket, function(*arguments))]
        except Exception as error:
            return [(ticket, error)]

    def stop(self, *, now: bool) -> None:
        """Forget what was not run."""
        self._waiting.clear()


def open_engine(executor: str | int | Engine | None) -> Engine:
    """The engine that ``executor`` names.

    "in-process" or None: here, one point after the other. "loky", or 4 or "loky:4": processes on this machine, as many as there are cores or
    4. "dask": a Dask cluster on this machine; "tcp://host:8786" (or "tls://…"): the cluster of that scheduler. An engine is returned
    as it is, and so can serve several sweeps. Raises ``ValueError`` for anything else, ``MissingExtra`` for an absent package.
    """
    if executor is None or executor == "in-process":
        return InProcess()
    if isinstance(executor, int) and not isinstance(executor, bool):
        return _loky(executor)
    if isinstance(executor, str):
        kind, _, rest = executor.partition(":")
        if kind == "loky" and (not rest or rest.isdecimal()):
            return _loky(int(rest) if rest else None)
        if executor == "dask" or "://" in executor:
            from .cluster import DaskEngine

            return DaskEngine(None if executor == "dask" else executor)
    elif isinstance(executor, Engine):
        return executor
    raise ValueError(
        f"executor must be 'in-process', 'loky', 'loky:4', a number of processes, 'dask', 'tcp://host:8786' or an engine; it is {executor!r}."
    )


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _loky(workers: int | None) -> Engine:
    from .loky_engine import LokyEngine

    return LokyEngine(workers)
