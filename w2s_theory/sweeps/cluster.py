"""Units on the workers of a Dask cluster, or of one started here for the occasion."""

from __future__ import annotations

import itertools
import os
import pickle
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from .._validation import MissingExtra
from .dask_worker import ClusterError, differences, place_here, run_call
from .engines import EngineBase, Ticket, WorkerDied, cores
from .local_cluster import kill_workers, local_cluster
from .units import ONE_THREAD

if TYPE_CHECKING:
    from distributed import Client, LocalCluster

#: Units under way for each worker: one runs, one is there when it ends.
AHEAD = 2
WORKERS_SECONDS = 1.0  # how old the count of workers may be
POLL_SECONDS = 0.5
PATIENCE_SECONDS = 10.0  # without a worker, before it is said
CLOSE_SECONDS = 5.0
KEPT = "What is finished is kept in the store, and the same call goes on from there."


class DaskEngine(EngineBase):
    """The workers of a Dask cluster: ``scheduler`` is an address, "tcp://host:8786", or a ``distributed.Client``; None starts one here.

    The one started here has a process per core, no dashboard and nothing that listens to other machines; it ends with the engine. Of any
    other only the connection is closed, and not even that of a ``Client`` that was passed.

    A worker process does one unit at a time, whatever number of threads it has. A worker that dies, alone or with its machine, costs the
    units that it held. Each comes back as ``WorkerDied`` once as many workers as the scheduler allows have died of it
    (``distributed.scheduler.allowed-failures``; here 0). From then on no worker is given a second unit before it has ended the first,
    so that the one to blame can be told from its neighbours.

    Raises ``ClusterError`` when there is no scheduler at the address or a worker is not like this process (another version of Python,
    NumPy, SciPy, torch or w2s_theory: its rows would not be those that are asked for), before anything is sent, and from ``finished``
    when the connection is lost or such a worker joins; ``MissingExtra`` without Dask.
    """

    def __init__(self, scheduler: str | Client | None = None) -> None:
        try:
            import cloudpickle
            import distributed
        except ImportError as error:
            raise MissingExtra("cluster", "dask.distributed") from error
        self._dumps = cloudpickle.dumps
        self._environment = os.environ.copy()
        self._cluster: LocalCluster | None = None
        self._own_client = not isinstance(scheduler, distributed.Client)
        if isinstance(scheduler, distributed.Client):
            if scheduler.asynchronous:
                raise TypeError(
                    "scheduler must be a Client that is not asynchronous. Pass its address, client.scheduler.address."
                )
            self._client = scheduler
        else:
            if scheduler is None:
                self._cluster = local_cluster(cores())
            elif not isinstance(scheduler, str) or "://" not in scheduler:
                raise ValueError(f"scheduler must be an address such as 'tcp://host:8786', or a Client; it is {scheduler!r}.")
            self._client = _connected(scheduler or self._cluster)
        self.address = str(self._client.scheduler.address) if self._client.scheduler else str(scheduler)
        self._tickets = itertools.count()
        self._unsent: list[tuple[Ticket, bytes]] = []
        self._under_way: dict[Any, Ticket] = {}
        self._ended: SimpleQueue[Any] = SimpleQueue()
        self._is_careful = False
        self._broken: ClusterError | None = None
        self._is_stopped = False
        self._workers, self._counted = 0, -WORKERS_SECONDS
        self._told, self._seen = False, time.monotonic()  # that there is no worker; when there was one last
        self._place = place_here()
        try:
            while not self._count():
                time.sleep(POLL_SECONDS)
            self._compare()
        except BaseException:
            self.stop(now=True)
            raise

    @property
    def slots(self) -> int:
        """How many units are sent ahead: two for each worker, and one for each after a worker has died."""
        return max(self._count(), 1) * (1 if self._is_careful else AHEAD)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Ticket:
        """Have ``function(*arguments)`` run on a worker. What is submitted together is sent together, by the next ``finished``."""
        ticket = next(self._tickets)
        self._unsent.append((ticket, self._dumps((function, arguments))))
        return ticket

    def finished(self, timeout: float | None = None) -> list[tuple[Ticket, Any]]:
        """What has ended since, see ``Engine``. Raises ``ClusterError``, and from then on every time."""
        end = time.monotonic() + (float("inf") if timeout is None else timeout)
        self._send()
        while self._under_way:
            if self._broken is not None:
                raise self._broken
            left = end - time.monotonic()
            if ended := self._ended_within(max(0.0, min(left, POLL_SECONDS))):
                answers = self._answers(ended)
                if answers:  # before what has gone wrong
                    return answers
                continue
            self._count()
            if left <= 0:
                break
        return []

    def stop(self, *, now: bool) -> None:
        """Close the connection (and end the cluster that was started here), at once or when what was submitted is done.

        Units that run on other machines can't be stopped there; they end by themselves.
        """
        if self._is_stopped:
            return
        try:
            while not now and (self._unsent or self._under_way) and self._broken is None:
                self.finished()
        finally:
            self._is_stopped = True
            if (
                self._broken is None and self._client.status == "running"
            ):  # cancelling at a scheduler that is gone goes on for ever
                with suppress(Exception):
                    self._client.cancel(list(self._under_way))
            if self._own_client:
                with suppress(Exception):
                    self._client.close(timeout=CLOSE_SECONDS)
            if self._cluster is not None:
                if now and self._under_way:
                    kill_workers(self._cluster)
                self._cluster.close(timeout=CLOSE_SECONDS)
                for name in ONE_THREAD.keys() | {"PYTHONHASHSEED"}:  # Dask sets them for its workers, here as well
                    os.environ.pop(name, None)
                    if name in self._environment:
                        os.environ[name] = self._environment[name]
            self._under_way.clear()

    def _send(self) -> None:
        """One message for all that waits: a call each would cost the scheduler several times as much."""
        if not self._unsent:
            return
        tickets, data = zip(*self._unsent, strict=True)
        self._unsent.clear()
        with self._said():
            futures = self._client.map(run_call, data, place=tuple(self._place.items()), pure=False)
        for ticket, future in zip(tickets, futures, strict=True):
            self._under_way[future] = ticket
            future.add_done_callback(self._ended.put)

    def _ended_within(self, seconds: float) -> list[Any]:
        """Futures that have ended; waits for the first only."""
        ended = []
        with suppress(Empty):
            ended.append(self._ended.get(timeout=seconds))
            while True:
                ended.append(self._ended.get_nowait())
        return ended

    def _answers(self, ended: list[Any]) -> list[tuple[Ticket, Any]]:
        """What became of ``ended``. What the cluster itself did wrong is kept in ``_broken``, so that good answers come through."""
        from distributed import KilledWorker

        good = [future for future in ended if future.status == "finished"]
        with self._said():
            data: dict[Any, bytes] = dict(zip(good, self._client.gather(good), strict=True))  # type: ignore[arg-type]
        answers: list[tuple[Ticket, Any]] = []
        for future in ended:
            ticket = self._under_way.pop(future)
            if future in data:
                answers.append((ticket, pickle.loads(data[future])))
            elif future.status != "error":
                self._under_way[future] = ticket
                self._broken = self._lost(f"it has dropped what it was given ({future.status})")
            elif isinstance(error := future.exception(), KilledWorker):
                self._is_careful = True
                self._counted = -WORKERS_SECONDS
                answers.append((ticket, WorkerDied(f"{error.last_worker.address}, {1 + error.allowed_failures} in all")))
            else:  # a call returns what it raises, so this one was not begun
                self._under_way[future] = ticket
                if not isinstance(error, ClusterError):
                    error = f"a worker of {self.address} can't read what it is sent ({type(error).__name__}: {error})."
                self._broken = ClusterError(f"{error} Install there what is installed here, with the extra cluster. {KEPT}")
        return answers

    def _count(self) -> int:
        """How many workers there are, asked for now and then; says so when there have been none for a while."""
        now = time.monotonic()
        if now < self._counted + WORKERS_SECONDS:
            return self._workers
        with self._said():
            threads: Mapping[str, int] = self._client.nthreads()  # type: ignore[assignment]
        before, self._workers, self._counted = self._workers, len(threads), now
        if threads:
            self._told, self._seen = False, now
        elif now > self._seen + PATIENCE_SECONDS and not self._told:
            self._told = True
            warnings.warn(f"the scheduler {self.address} has no worker; the sweep goes on when one joins.", stacklevel=3)
        if not before and max(threads.values(), default=1) > 1:
            warnings.warn(
                f"the workers of {self.address} have up to {max(threads.values())} threads, and a worker does one unit at a time. "
                "Start them with one thread each: dask worker --nthreads 1 --nworkers ….",
                stacklevel=3,
            )
        return self._workers

    def _compare(self) -> None:
        """Raise unless every worker is like this process."""
        with self._said():
            found: Mapping[str, Any] = self._client.run(place_here, on_error="return")  # type: ignore[assignment]
        wrong = []
        for worker, place in found.items():
            if isinstance(place, ImportError):
                wrong.append(f"{worker}: {place}")
            elif isinstance(place, BaseException):
                wrong.append(f"{worker}: {type(place).__name__}: {place}")
            elif place != self._place:
                wrong.append(f"{worker}: {differences(place, self._place)}")
        if wrong:
            more = f"; and {len(wrong) - 5} more" if len(wrong) > 5 else ""
            raise ClusterError(
                f"the workers of {self.address} must have what is installed here: {'; '.join(wrong[:5])}{more}. "
                "Install the same versions there, with the extra cluster, or start the sweep from such an environment."
            )

    @contextmanager
    def _said(self) -> Iterator[None]:
        """Errors of a connection that is gone, in words."""
        from distributed.client import ClosedClientError

        try:
            yield
        except (OSError, ClosedClientError, RuntimeError) as error:
            if isinstance(error, ClusterError) or (self._client.status == "running" and not isinstance(error, OSError)):
                raise
            raise self._lost(str(error) or type(error).__name__) from error

    def _lost(self, why: str) -> ClusterError:
        return ClusterError(
            f"the scheduler {self.address} is lost: {why}. {KEPT} Start a scheduler again, or use executor='loky'."
        )


def _connected(scheduler: Any) -> Any:
    from distributed import Client

    try:
        return Client(scheduler, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"there is no scheduler at {scheduler} ({error}). Start one (dask scheduler, dask worker), or correct the address. "
            "Nothing was run; what the store holds stays."
        ) from error
