"""A ``Design`` of rows that no machine holds: each worker reduces the shards that it reads, and what they leave is added here."""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from .._array import is_array
from ..design import Design
from ..design.rows import as_changed, as_features, metric_change
from .carried import Carried
from .engines import Engine, WorkerDied, open_engine
from .run import Reporter
from .units import one_thread

#: Shards under way or waiting for an earlier one, for each unit that the engine takes at a time.
AHEAD = 2


class ShardFailed(ValueError):
    """A shard can't be read or reduced; ``shard`` is the one, the message says why, and notes hold the worker's traceback."""

    def __init__(self, message: str, shard: Any) -> None:
        super().__init__(message)
        self.shard = shard


def design_of_shards(
    read: Callable[[Any], Any],
    shards: Sequence[Any],
    *,
    executor: str | int | Engine | None = "in-process",
    intercept: bool = False,
    metric: Any = None,
    progress: Reporter | None = None,
) -> Design:
    """The design of the rows of all ``shards``: what ``Design.from_batches`` makes of them, with every shard read and reduced in a worker.

    ``read(shard)`` returns a batch as ``Design.from_batches`` takes it, an array of features (m, d) or a mapping with ``features`` and any of
    ``weak``, ``target`` and ``weights``; or several of them, one after the other (a generator, ``RowBlocks``), for a shard that its worker
    can't hold. ``shards`` are whatever ``read`` understands, numbers or paths for instance, and small: they are sent. Memory maps and
    other large arrays are opened in ``read``.

    A worker sends back sums, d² numbers whatever the number of rows. They are added in the order of ``shards``, and only a few wait for
    their turn, so that the design is the same, bit for bit, on every engine with the same BLAS, and needs the memory of a few d × d
    matrices here. From one ``Design`` of all rows it differs by rounding, as ``from_batches`` does. Large shards are best: at least ten
    times as many rows as features, so that sending is little beside the work.

    The rows are gone, as those of a generator are: where the Gram matrix is too ill-conditioned, ``solve`` raises. A worker that dies costs
    its shard, which is tried once more. ``progress(done, total)`` is called as shards are added.

    Raises ``ShardFailed`` for a shard that can't be read, holds NaN, has another width or other labels than the first, or whose worker
    died twice; ``TypeError`` and ``ValueError`` for arguments that can't be.

    >>> import numpy as np
    >>> x = np.arange(12.0).reshape(6, 2)
    >>> design = design_of_shards(lambda shard: {"features": x[shard::3], "weak": x[shard::3, 0]}, range(3))
    >>> design.moments.gram.tolist()
    [[220.0, 250.0], [250.0, 286.0]]
    """
    if not callable(read):
        raise TypeError(f"read must be a function of a shard that returns its rows; it is {read!r}.")
    if not len(shards):
        raise ValueError("shards must not be empty. Pass at least one.")
    change = None if metric is None else metric_change(metric)
    engine = open_engine(executor)
    try:
        total = _added(_in_order(engine, Carried(read), shards, (intercept, change)), shards, progress)
    except BaseException:
        engine.stop(now=True)
        raise
    if engine is not executor:
        engine.stop(now=False)
    total.change = change  # its features were changed where they were read
    return total


def _added(parts: Iterator[Design], shards: Sequence[Any], progress: Reporter | None) -> Design:
    """The sum of ``parts``, from the first to the last."""
    report = progress or (lambda done, total: None)
    report(0, len(shards))
    total = next(parts)
    report(1, len(shards))
    for number, part in enumerate(parts, start=1):
        try:
            total = total + part
        except ValueError as error:
            wide, first = part.mean.shape[0], total.mean.shape[0]
            why = (
                str(error) if wide == first else f"its features have {wide} columns, those of the first, {shards[0]!r}, {first}."
            )
            raise ShardFailed(f"{_named(shards, number)} does not go with those before it: {why}", shards[number]) from None
        report(number + 1, len(shards))
    return total


def _in_order(engine: Engine, read: Carried, shards: Sequence[Any], options: tuple[bool, Any]) -> Iterator[Design]:
    """The design of every shard, in their order; few are under way or waiting at a time."""
    waiting, next_one = deque[int](), 0
    under_way: dict[Any, int] = {}
    ready: dict[int, Design] = {}
    deaths: dict[int, int] = {}

    def send(number: int, function: Carried = read) -> None:
        under_way[engine.submit(_reduced, function, shards[number], *options)] = number

    for wanted in range(len(shards)):
        while wanted not in ready:
            while len(under_way) < engine.slots:
                if waiting:
                    send(waiting.popleft())
                elif next_one < min(len(shards), wanted + AHEAD * engine.slots):
                    send(next_one)
                    next_one += 1
                else:
                    break
            for ticket, answer in engine.finished():
                number = under_way.pop(ticket)
                if answer is None:  # a worker that has not got the function yet
                    send(number, read.heavy)
                elif isinstance(answer, Design):
                    ready[number] = answer
                elif isinstance(answer, WorkerDied):
                    deaths[number] = deaths.get(number, 0) + 1
                    if deaths[number] > 1:
                        raise ShardFailed(
                            f"{_named(shards, number)} cost two workers their lives (killed, out of memory, or a crash): {answer}. "
                            "Cut it into smaller ones.",
                            shards[number],
                        )
                    waiting.append(number)
                elif isinstance(answer, _Failure):
                    error = ShardFailed(f"{_named(shards, number)} can't be reduced: {answer.message}", shards[number])
                    error.add_note(answer.traceback)
                    raise error
                else:
                    raise RuntimeError(
                        f"read can't be run in a worker: {type(answer).__name__}: {answer}. What it imports must be there too; "
                        "executor='in-process' needs nothing."
                    ) from answer
        yield ready.pop(wanted)


class _Failure:
    """What went wrong with a shard, in words: exceptions of any kind travel so."""

    def __init__(self, error: Exception) -> None:
        self.message = f"{type(error).__name__}: {error}"
        self.traceback = "".join(traceback.format_exception(error))


def _reduced(read: Any, shard: Any, intercept: bool, change: Any) -> Design | _Failure | None:
    """In a worker: the design of a shard, without its rows; None when this process has not got ``read``."""
    if read is None:
        return None
    read = read.function if isinstance(read, Carried) else read
    try:
        with one_thread():
            return Design.from_batches(_batches(read(shard), change), intercept=intercept)
    except Exception as error:
        return _Failure(error)


def _batches(found: Any, change: Any) -> Iterator[Any]:
    """The batches of a shard in the basis where the penalty is round. Not kept: what comes from a generator can't be."""
    batches: Iterable[Any] = (found,) if is_array(found) or isinstance(found, Mapping) else found
    for batch in batches:
        if change is not None:
            batch = dict(batch) if isinstance(batch, Mapping) else {"features": batch}
            batch["features"] = as_changed(as_features(batch["features"]), change)
        yield batch


def _named(shards: Sequence[Any], number: int) -> str:
    return f"shard {number + 1} of {len(shards)}, {shards[number]!r},"
