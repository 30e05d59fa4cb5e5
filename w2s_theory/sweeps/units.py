"""What a worker does: the points of a unit, one after the other, on one BLAS thread, until its time is over."""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

import numpy as np

from .._validation import MissingExtra
from .points import Params, plain, point_seed

Status = Literal["ok", "failed", "died"]

#: What libraries of linear algebra read when they are loaded.
ONE_THREAD: dict[str, str] = dict.fromkeys(
    (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "BLIS_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
        "NUMEXPR_NUM_THREADS",
    ),
    "1",
)


class PointResult(NamedTuple):
    """What became of a point: its rows (columns of ``run_one`` only, not the point's own values), or why there are none.

    ``index`` is its place within the unit; ``status`` is "ok", "failed" (``run_one`` raised: ``error`` is one line, ``traceback`` all
    of it) or "died" (its worker ended twice while it ran); ``seconds`` is wall time.
    """

    index: int
    status: Status
    rows: list[dict[str, Any]]
    seconds: float
    error: str = ""
    traceback: str = ""


def run_unit(
    run_one: Callable[..., Any],
    name: str,
    points: Sequence[tuple[Params, int | None]],
    seed: int,
    seed_axes: Sequence[str],
    seconds: float,
) -> list[PointResult]:
    """Run ``points``, (params, trial) each, in order until ``seconds`` have passed, at least one; return those that were run.

    What ``run_one`` raises is a result with status "failed". The results don't depend on where, or in which unit, a point is run.
    """
    results: list[PointResult] = []
    end = time.perf_counter() + seconds
    with one_thread():
        for index, (params, trial) in enumerate(points):
            start = time.perf_counter()
            if results and start >= end:
                break
            try:
                results.append(_run_point(run_one, name, index, params, trial, seed, seed_axes, start))
            except KeyboardInterrupt:  # what is finished is kept; whoever asked for it asks again
                if not results:
                    raise
                break
    return results


def _run_point(
    run_one: Callable[..., Any],
    name: str,
    index: int,
    params: Params,
    trial: int | None,
    seed: int,
    seed_axes: Sequence[str],
    start: float,
) -> PointResult:
    try:
        values = params if trial is None else {**params, "trial": trial}
        rng = np.random.default_rng(point_seed(name, seed_axes, values, seed))
        returned = run_one(dict(params), rng=rng)
        rows = [_own_columns(row, values) for row in ((returned,) if isinstance(returned, Mapping) else _iterated(returned))]
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # also sys.exit(), which ends the point only, and the panics of compiled libraries
        lines = traceback.format_exception(error)
        one_line = " ".join(traceback.format_exception_only(error)[-1].split()) or type(error).__name__
        return PointResult(index, "failed", [], time.perf_counter() - start, _text(one_line), _text("".join(lines)))
    return PointResult(index, "ok", rows, time.perf_counter() - start)


def _iterated(returned: Any) -> Iterator[Any]:
    if isinstance(returned, str | bytes) or not hasattr(returned, "__iter__"):
        raise TypeError(
            f"run_one must return a dict, or an iterable of dicts; it returned {returned!r}. Wrap it: {{'value': …}}."
        )
    return iter(returned)


def _own_columns(row: Any, values: Params) -> dict[str, Any]:
    """The columns of a row that its point doesn't have, plain; raises when the row says otherwise than its point."""
    if not isinstance(row, Mapping):
        raise TypeError(f"run_one must return a dict, or an iterable of dicts; one of its rows is {row!r}.")
    own = {}
    for name, value in row.items():
        if type(name) is not str:
            raise TypeError(f"the columns of a row must be named by strings; one is {name!r}.")
        value = plain(name, value)
        if name in values:
            if value != values[name]:
                raise ValueError(
                    f"a row must repeat its point: {name!r} is {values[name]!r} there and {value!r} in the row. Rename it."
                )
            continue
        refuse_name(name)
        own[name] = value
    return own


def refuse_name(name: str) -> None:
    """Raise ``ValueError`` for the names of columns that are the sweep's own."""
    if name.startswith("_") or name in ("trial", "error"):
        raise ValueError(
            f"a column must not be named {name!r}: 'trial', 'error' and names that start with _ are the sweep's own. Rename it."
        )


def _text(words: str) -> str:
    return words.encode(errors="backslashreplace").decode()


@contextmanager
def one_thread() -> Iterator[None]:
    """One BLAS thread inside, also for libraries that are loaded there; as it was afterwards. Raises ``MissingExtra``."""
    kept = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(ONE_THREAD)
    try:
        with _thread_pools().limit(limits=1):
            yield
    finally:
        for name, value in kept.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


_seen: tuple[int, Any] = (0, None)


def _thread_pools() -> Any:
    """threadpoolctl's controller; the process is scanned for libraries only when modules were loaded since (a scan takes milliseconds)."""
    global _seen
    if _seen[0] != len(sys.modules) or _seen[1] is None:
        try:
            import threadpoolctl
        except ImportError as error:
            raise MissingExtra("sweeps", "threadpoolctl") from error
        _seen = (len(sys.modules), threadpoolctl.ThreadpoolController())
    return _seen[1]
