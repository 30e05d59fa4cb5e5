"""Sweeps: what an engine adds to pure compute, beside joblib and Dask alone; reading a store of many points, and deciding what is left to do."""

from __future__ import annotations

import itertools
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import numpy as np

from w2s_theory.sweeps import PointResult, Store, code_version, grids, open_engine, point_key, sweep
from w2s_theory.sweeps.engines import cores

from ._place import Place
from ._record import Section, Table
from ._timing import Contender, Outcome, contest, peer

MODULES = ("pyarrow.parquet", "loky", "distributed", "joblib", "duckdb")


class Size(NamedTuple):
    """Seconds of a point on loky and of a unit on Dask, and seconds of work for each worker; points and units in a store."""

    point: float
    unit: float
    work: float
    points: int
    units: int


SIZES = {"quick": Size(0.002, 0.01, 0.1, 2_000, 200), "full": Size(0.01, 0.1, 5.0, 1_000_000, 100_000)}
#: The most that is wanted: above pure compute on either engine; seconds to read the store, and to decide.
OVERHEAD, READ, DECIDE = 0.05, 5.0, 2.0
#: A share of 5 % is told from nothing by medians of several rounds only.
PATIENCE = 3.5
_RING = np.random.default_rng(0).standard_normal(10_000)
_RUN = "made"


def busy(loops: int) -> float:
    """Keep a core busy with NumPy; what it returns depends on ``loops``."""
    total = 0.0
    for k in range(loops):
        total += float(np.sin(_RING + k).sum())
    return total


def busy_point(params: dict[str, Any], rng: np.random.Generator) -> dict[str, float]:
    """``busy`` as a point of a sweep."""
    return {"total": busy(params["loops"])}


def run(scale: str, here: Place) -> Section:
    """Overhead on both engines, then the store."""
    section = Section(
        "Sweeps",
        "What running through an engine and a store adds to the same NumPy work in bare processes; then a store of many points: reading it as "
        "one table, and the call of `sweep` that finds everything finished.",
    )
    size = SIZES[scale]
    on_loky(section, size, scale, here)
    on_dask(section, size, scale, here)
    with tempfile.TemporaryDirectory() as folder:
        reading(section, Path(folder), size, scale, here)
    with tempfile.TemporaryDirectory() as folder:
        resuming(section, Path(folder), size, scale, here)
    section.notes.append(
        "“pure compute” are bare processes, one for each worker, that were started before and do an equal share of the loops each: nothing that "
        "hands out work can be faster. The seconds of a point are calibrated in one process while the others rest."
    )
    return section


# ---- overhead ---------------------------------------------------------------------------------------------------------------------------


def on_loky(section: Section, size: Size, scale: str, here: Place) -> None:
    """Points of ten milliseconds on every core."""
    workers = cores()
    loops, count = calibrated(size.point), workers * round(size.work / size.point)
    wanted = busy(loops)
    points = grids.product(number=list(range(count)), loops=[loops])

    def error(totals: Any) -> float:
        return float(np.max(np.abs(np.asarray(totals) - wanted))) if len(totals) == count else float("inf")

    with ExitStack() as stack:
        engine = stack.enter_context(open_engine(workers))
        pure = stack.enter_context(bare_processes(workers))
        folders = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        names = map(str, itertools.count())

        def ours(store: bool) -> Callable[[], Any]:
            return lambda: sweep(busy_point, points, executor=engine, store=folders / next(names) if store else None).table[
                "total"
            ]

        def joblibs() -> Contender:
            import joblib

            return Contender(
                f"joblib.Parallel(n_jobs={workers})",
                lambda: joblib.Parallel(n_jobs=workers)(joblib.delayed(busy)(loops) for _ in range(count)),
                error,
                0.0,
            )

        entries = [
            Contender("ours, with a store", ours(True), error, 0.0),
            Contender("ours, in memory", ours(False), error, 0.0),
            peer(f"joblib.Parallel(n_jobs={workers})", joblibs),
            Contender("pure compute", lambda: pure(loops, count), error, 0.0),
        ]
        caption = f"loky: {count} points of {1e3 * size.point:g} ms on {workers} processes"
        outcomes = contest(entries, scale, here, patience=PATIENCE)
        section.add_contest(caption, outcomes, scale, "")
        overhead(section, outcomes, caption, scale)


def on_dask(section: Section, size: Size, scale: str, here: Place) -> None:
    """Units of a tenth of a second on Dask; one core is left to the scheduler, which elsewhere has a machine of its own."""
    try:
        from distributed import Client

        from w2s_theory.sweeps.cluster import DaskEngine
        from w2s_theory.sweeps.local_cluster import local_cluster
    except ImportError as error:
        section.notes.append(f"Dask: not run: {error}")
        return
    workers = max(cores() - 1, 1)
    loops, count = calibrated(size.unit), workers * round(size.work / size.unit)
    wanted = busy(loops)

    def error(totals: Any) -> float:
        return float(np.max(np.abs(np.asarray(totals) - wanted))) if len(totals) == count else float("inf")

    with ExitStack() as stack:
        cluster = stack.enter_context(local_cluster(workers))
        client = stack.enter_context(Client(cluster, set_as_default=False))
        engine = stack.enter_context(DaskEngine(client))
        pure = stack.enter_context(bare_processes(workers))

        def ours() -> list[float]:
            totals: list[float] = []
            sent = 0
            while len(totals) < count:
                while sent < count and sent - len(totals) < engine.slots:
                    engine.submit(busy, loops)
                    sent += 1
                totals += [answer for _, answer in engine.finished()]
            return totals

        points = grids.product(number=list(range(count)), loops=[loops])
        entries = [
            Contender("ours", ours, error, 0.0),
            Contender("ours, a sweep", lambda: sweep(busy_point, points, executor=engine).table["total"], error, 0.0),
            Contender("client.map", lambda: client.gather(client.map(busy, [loops] * count, pure=False)), error, 0.0),
            Contender("pure compute", lambda: pure(loops, count), error, 0.0),
        ]
        caption = (
            f"Dask: {count} units of {1e3 * size.unit:g} ms, {workers} worker{'s' * (workers > 1)}, a core for the scheduler"
        )
        outcomes = contest(entries, scale, here, patience=PATIENCE)
        section.add_contest(caption, outcomes, scale, "")
        overhead(section, outcomes, caption, scale)


def overhead(section: Section, outcomes: list[Outcome], caption: str, scale: str) -> None:
    """Every contender's time above the last one's, which is pure compute; the goal is for ours, the first."""
    *others, pure = outcomes
    above = {each.contender.name: each.median / pure.median - 1.0 for each in others if each.seconds}
    rows = [{"contender": name, "above pure compute": f"{share:.1%}"} for name, share in above.items()]
    section.tables.append(Table(f"Overhead, {caption}", rows))
    ours = above.get(others[0].contender.name, float("nan"))
    met = ours <= OVERHEAD and not others[0].is_wrong
    section.add_goal(caption, f"≤ {OVERHEAD:.0%} above pure compute", f"{ours:.1%}", met, scale)


def calibrated(seconds: float) -> int:
    """How many loops ``busy`` takes ``seconds`` for here."""
    loops = 1
    while (taken := _seconds(loops)) < 0.05:
        loops *= 2
    return max(1, round(loops * seconds / min(taken, _seconds(loops), _seconds(loops))))


def _seconds(loops: int) -> float:
    start = time.perf_counter()
    busy(loops)
    return time.perf_counter() - start


@contextmanager
def bare_processes(workers: int) -> Iterator[Callable[[int, int], list[float]]]:
    """A call that runs ``busy(loops)`` so many times on ``workers`` processes, shared out beforehand."""
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        pool.map(busy, [1] * workers)  # they are there

        def share_out(loops: int, count: int) -> list[float]:
            shares = [count // workers + (k < count % workers) for k in range(workers)]
            return list(itertools.chain(*pool.starmap(_several, [(loops, share) for share in shares], chunksize=1)))

        yield share_out


def _several(loops: int, count: int) -> list[float]:
    return [busy(loops) for _ in range(count)]


# ---- the store --------------------------------------------------------------------------------------------------------------------------


def finished(first: int, count: int, version: str) -> list[tuple[bytes, dict[str, Any], int | None, PointResult]]:
    """Finished points, as ``sweep`` hands them to a store."""
    made = []
    for number in range(first, first + count):
        params = {"number": number, "loops": 1}
        key = point_key(_RUN, params, None, 0, version, ["loops", "number"])
        made.append((key, params, None, PointResult(0, "ok", [{"total": number / 7.0}], 0.01)))
    return made


def reading(section: Section, folder: Path, size: Size, scale: str, here: Place) -> None:
    """All points of a store as one table."""
    store, step = Store(folder, _RUN, version="1"), max(size.points // 100, 1)
    for first in range(0, size.points, step):
        store.add(finished(first, min(step, size.points - first), "1"), _RUN)
    wanted = sum(number / 7.0 for number in range(size.points))

    def error(total: float) -> float:
        return abs(total - wanted) / wanted

    def ours() -> float:
        import pyarrow.compute as compute

        return compute.sum(Store(folder, _RUN, version="1").table().column("total")).as_py()

    def arrow() -> Contender:
        from pyarrow import compute, dataset

        name = "pyarrow.dataset: no checksums, order or twins"
        files = [str(path) for path in folder.glob("*.parquet")]
        return Contender(name, lambda: compute.sum(dataset.dataset(files).to_table().column("total")).as_py(), error, 1e-12)

    entries = [Contender("ours", ours, error, 1e-12), peer("pyarrow.dataset", arrow)]
    caption = f"Store: {size.points:,} points read back as one table"
    outcomes = contest(entries, scale, here)
    section.add_contest(caption, outcomes, scale, "")
    seconds = outcomes[0].median
    section.add_goal(caption, f"< {READ:g} s", f"{seconds:.2f} s", seconds < READ and not outcomes[0].is_wrong, scale)


def resuming(section: Section, folder: Path, size: Size, scale: str, here: Place) -> None:
    """The decision that nothing is left to do, over units of a point each: a file for each of them, and after compaction."""
    version = code_version(busy_point)
    store = Store(folder, _RUN, version=version)
    from w2s_theory.sweeps import compaction

    # Left to itself a store merges every few hundred files, and waits for the disk at each.
    with mock.patch.object(compaction, "FAN", 10**9), mock.patch("os.fsync"):
        for entry in finished(0, size.units, version):
            store.add([entry], _RUN)
    points = grids.product(number=list(range(size.units)), loops=[1])

    def ours() -> int:
        def refuse(done: int, total: int) -> None:
            if done < total:
                raise RuntimeError(f"only {done} of {total} points were found")

        return sweep(busy_point, points, name=_RUN, store=folder, progress=refuse).provenance["finished"]

    def read_bytes() -> int:
        return sum(len(path.read_bytes()) > 0 for path in folder.glob("*.parquet"))

    for state in ("a file each", "compacted"):
        if state == "compacted":
            store.compact()
        files = len(list(folder.glob("*.parquet")))
        entries = [
            Contender("ours: the whole call of sweep", ours, lambda found: abs(found / size.units - 1.0), 0.0),
            Contender("reading the bytes of every file", read_bytes, lambda found, files=files: abs(found / files - 1.0), 0.0),
        ]
        caption = f"Store: {size.units:,} finished units, {state} ({files:,} files): what is left to do?"
        outcomes = contest(entries, scale, here)
        section.add_contest(caption, outcomes, scale, "")
        seconds = outcomes[0].median
        section.add_goal(caption, f"< {DECIDE:g} s", f"{seconds:.2f} s", seconds < DECIDE and not outcomes[0].is_wrong, scale)
