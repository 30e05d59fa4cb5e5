"""``sweep``: run a function over a grid on an engine, keep what is finished in a store, return one table."""

from __future__ import annotations

import time
import uuid
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from .carried import Carried, run_carried
from .code import file_of
from .engines import Engine, InProcess, WorkerDied, open_engine
from .interrupts import PatientInterrupts
from .plan import Plan, make_plan
from .points import SEED_RULE
from .provenance import provenance
from .result import Interrupted, SweepResult
from .schedule import Schedule, Unit
from .store import Memory, Store, StoreError
from .units import PointResult

REFRESH_SECONDS = 2.0  # how often at most a run looks for what other runs have added
WRITE_SECONDS = 0.1  # units that end within it are written as one file
TICK_SECONDS = 0.2  # what Ctrl-C takes at most to be seen


class Reporter(Protocol):
    """What ``progress`` is: called with the numbers of finished and of all points; first with those that the store held already."""

    def __call__(self, done: int, total: int) -> None: ...


class OtherVersion(UserWarning):
    """The store holds points of the same sweep that other code made; they are kept, and left out."""


def sweep(
    run_one: Callable[..., Any],
    grid: Iterable[Mapping[str, Any]],
    *,
    trials: int | None = None,
    store: str | Path | None = None,
    executor: str | int | Engine | None = "in-process",
    name: str | None = None,
    seed: int = 0,
    seed_axes: Sequence[str] | None = None,
    version: str | None = None,
    retry_failed: bool = False,
    progress: Reporter | None = None,
) -> SweepResult:
    """Run ``run_one(params, rng=rng)`` at every point of ``grid`` and return its rows as one table, in the order of the grid.

    ``run_one`` returns a dict, or several: a row of the table, with the point's values before its own. Values are str, int, float or bool
    (NaN and infinity are allowed). Very cheap points are best put together: what a sweep adds to each is then shared by the rows that one
    returns. ``grid`` is a list of dicts with the same names; see ``grids``. ``trials=k`` repeats every point with
    an axis "trial" (0, …, k − 1), which ``run_one`` doesn't see.

    The draws of a point follow from ``name``, ``seed`` and its values on ``seed_axes`` (default: all axes) and nothing else: points
    that differ only elsewhere, in the method for instance, share them. So the table is the same, bit for bit, on every engine
    (``executor``, see ``open_engine``) with the same libraries. Every point runs on one BLAS thread.

    With ``store``, a folder, finished points are on disk within fractions of a second, and a later call runs only those that are missing: after
    Ctrl-C, a kill, or a grid that has grown. What other code made (``version``, by default ``code_version(run_one)``) is kept, left out
    and told of; pass its ``version`` to go on with it. Several runs may work on one store at once and share the points.

    A point at which ``run_one`` raises is a row with ``error``; so is one whose worker died twice. ``retry_failed=True`` runs the former again,
    the latter are always run again. Ctrl-C raises ``Interrupted``. ``progress(done, total)`` is called as points end; see ``Progress``.

    Raises ``TypeError`` and ``ValueError`` for arguments that can't be, before anything runs; ``StoreError`` when the store can't be written;
    ``MissingExtra``.

    >>> result = sweep(lambda params, rng: {"mean": rng.normal(size=params["n"]).mean()}, [{"n": 10}, {"n": 1000}], trials=2, name="means")
    >>> result.table["n"].tolist(), result.table["trial"].tolist()
    ([10, 10, 1000, 1000], [0, 1, 0, 1])
    """
    is_kept = store is not None
    plan = make_plan(run_one, grid, trials=trials, name=name, seed=seed, seed_axes=seed_axes, version=version, is_kept=is_kept)
    notes: list[str] = []
    tell = _teller(progress, notes)
    kept = Memory(plan.name, version=plan.version) if store is None else Store(store, plan.name, version=plan.version)
    if isinstance(kept, Store):
        _tell_of_other_versions(kept, plan, tell)
    engine = open_engine(executor)
    try:
        result = _Run(run_one, plan, kept, engine, retry_failed, progress or (lambda done, total: None), notes).result()
    except BaseException:
        engine.stop(now=True)  # also one that is the caller's: what it runs belongs to nobody now
        raise
    if engine is not executor:
        engine.stop(now=False)
    return result


class _Run:
    """One call of ``sweep`` under way."""

    def __init__(
        self,
        run_one: Callable[..., Any],
        plan: Plan,
        kept: Memory,
        engine: Engine,
        retry_failed: bool,
        progress: Reporter,
        notes: list[str],
    ) -> None:
        self.plan, self.kept, self.engine, self.progress, self.notes = plan, kept, engine, progress, notes
        self.carried = Carried(run_one)
        self.settled = {"ok"} if retry_failed else {"ok", "failed"}
        self.name = f"{time.strftime('%Y%m%dT%H%M%S')}-{uuid.uuid4().hex[:8]}"
        self.start = time.monotonic()
        self.known = kept.known()
        waiting = [number for number, key in enumerate(plan.keys) if self.known.get(key) not in self.settled]
        self.done = len(plan.keys) - len(waiting)
        self.about: dict[str, Any] = {
            "name": plan.name,
            "run": self.name,
            "version": plan.version,
            "points": len(plan.keys),
            "held": self.done,
            "axes": [*plan.grid[0], *(["trial"] if plan.trials is not None else [])],
            "trials": plan.trials,
            "seed": plan.seed,
            "seed_axes": list(plan.seed_axes),
            "seed_rule": SEED_RULE,
        }
        self.about |= provenance(source=file_of(run_one)) | {"threads": 1}
        self.schedule = Schedule(waiting, self._is_settled)
        self.under_way: dict[Any, Unit] = {}
        self.ended: list[tuple[int, PointResult]] = []
        self.write_seconds, self.written = 0.0, -WRITE_SECONDS
        self.refreshed = time.monotonic()

    def result(self) -> SweepResult:
        """Do what is left to do."""
        self._write_run(is_running=True)
        if isinstance(self.kept, Store) and self._may_have_company(self.kept):
            self.schedule.go_elsewhere()
        try:
            with PatientInterrupts(breaks=isinstance(self.engine, InProcess)) as patient:
                self.progress(self.done, len(self.plan.keys))
                try:
                    self._work(patient)
                finally:
                    self._write()
        except KeyboardInterrupt:
            raise self._interrupted() from None
        self._write_run()
        is_last = self.about["complete"] and self.done > self.about["held"]
        if isinstance(self.kept, Store) and is_last and not self._may_have_company(self.kept):
            with suppress(StoreError):  # nothing is lost with the files as they are
                self.kept.compact()
        return SweepResult(self.kept, self.plan.keys, self.about, self.notes)

    def _work(self, patient: PatientInterrupts) -> None:
        while True:
            self._submit()
            if not self.under_way:
                return
            if time.monotonic() > self.written + WRITE_SECONDS:
                self._write()
            with patient.welcome():
                ended = self.engine.finished(TICK_SECONDS)
            for ticket, answer in ended:
                if (unit := self.under_way.pop(ticket, None)) is not None:
                    self._take(unit, answer)
            patient.obey()
            self._refresh()
            self.progress(self.done, len(self.plan.keys))

    def _submit(self) -> None:
        while len(self.under_way) < self.engine.slots:
            unit = self.schedule.next(self.engine.slots, self.write_seconds)
            if unit is None:
                return
            self._send(unit, self.carried)

    def _send(self, unit: Unit, carried: Carried) -> None:
        points = [self.plan.point(number) for number in unit.points]
        ticket = self.engine.submit(
            run_carried, carried, self.plan.name, points, self.plan.seed, self.plan.seed_axes, unit.seconds
        )
        self.under_way[ticket] = unit

    def _take(self, unit: Unit, answer: Any) -> None:
        """What became of a unit."""
        if answer is None:  # a worker that has not got the function yet
            self._send(unit, self.carried.heavy)
        elif isinstance(answer, WorkerDied):
            for number in self.schedule.died(unit):
                error = f"its worker died while it ran, twice (killed, out of memory, or a crash): {answer}".rstrip(": ")
                self._keep(number, PointResult(0, "died", [], 0.0, error))
        elif isinstance(answer, BaseException):
            if isinstance(self.engine, InProcess) or isinstance(answer, KeyboardInterrupt):  # one that run_one itself has raised
                raise answer
            raise RuntimeError(
                f"run_one can't be run in a worker: {type(answer).__name__}: {answer}. What it imports must be there too; "
                "SourceFile carries a file, executor='in-process' needs neither."
            ) from answer
        else:
            self.schedule.ended(unit, len(answer), sum(result.seconds for result in answer))
            for number, result in zip(unit.points, answer, strict=False):
                self._keep(number, result)

    def _keep(self, number: int, result: PointResult) -> None:
        self.ended.append((number, result))
        self.done += 1

    def _write(self) -> None:
        if not self.ended:
            return
        ended, self.ended = self.ended, []
        start = time.perf_counter()
        self.kept.add([(self.plan.keys[number], *self.plan.point(number), result) for number, result in ended], self.name)
        self.written = time.monotonic()
        if isinstance(self.kept, Store):
            self.write_seconds += 0.2 * (time.perf_counter() - start - self.write_seconds)

    def _refresh(self) -> None:
        if not isinstance(self.kept, Store) or time.monotonic() < self.refreshed + REFRESH_SECONDS:
            return
        start = time.monotonic()
        self.kept.refresh()
        self.known = self.kept.known()
        self.refreshed = time.monotonic() + 20 * (time.monotonic() - start)

    def _is_settled(self, number: int) -> bool:
        is_settled = self.known.get(self.plan.keys[number]) in self.settled
        self.done += is_settled
        return is_settled

    def _may_have_company(self, store: Store) -> bool:
        """Whether there is another run of this sweep that has not said that it ended; it was killed, or is at work."""
        others = (about for name, about in store.runs().items() if name != self.name and about.get("sweep") == self.plan.name)
        return any(about.get("running") for about in others)

    def _interrupted(self) -> Interrupted:
        self._write_run()
        finished = f"{self.about['finished']} of {len(self.plan.keys)} points are finished"
        if isinstance(self.kept, Store):
            way = f"{finished} and kept in {self.kept.folder}. Run the same again to go on."
        else:
            way = f"{finished} and are in .result of this exception. Pass store='a folder' to be able to go on after a stop."
        return Interrupted(f"stopped; {way}", SweepResult(self.kept, self.plan.keys, self.about, self.notes))

    def _write_run(self, *, is_running: bool = False) -> None:
        """Say what this run is and how far it is, also beside the points."""
        known, plan = self.kept.known(), self.plan
        finished = sum(key in known for key in plan.keys)
        self.about |= {
            "finished": finished,
            "complete": finished == len(plan.keys),
            "running": is_running,
            "engine": type(self.engine).__name__,
            "slots": self.engine.slots,
            "wall_seconds": round(time.monotonic() - self.start, 3),
        }
        if isinstance(self.kept, Store):
            self.kept.write_run(self.name, self.about)


def _teller(progress: Any, notes: list[str]) -> Callable[[str], None]:
    """Where notes go at once: to ``progress.note`` where there is one, else they are warnings."""
    note = getattr(progress, "note", None)

    def tell(text: str) -> None:
        notes.append(text)
        if note is not None:
            note(text)
        else:
            warnings.warn(text, OtherVersion, stacklevel=4)

    return tell


def _tell_of_other_versions(kept: Store, plan: Plan, tell: Callable[[str], None]) -> None:
    others = {version: count for version, count in kept.versions().items() if version != plan.version}
    if others:
        counts = ", ".join(f"{count} of version {version}" for version, count in others.items())
        tell(
            f"{kept.folder} holds finished points of {plan.name!r} that other code made: {counts}; this is version {plan.version}. They are "
            f"kept and left out. Pass version={next(iter(others))!r} to go on with them."
        )
