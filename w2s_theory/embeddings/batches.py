"""Batches of texts of like length under a budget of tokens, and running them: on several devices, split when memory runs out.

Nothing here knows a model: ``launch`` computes one batch, whatever that takes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from .._validation import whole
from . import texts as texts_and_labels

#: Share of the budget that may be padding. Measured on a CPU, where a batch costs as much as some fifty tokens more.
SLACK = 1 / 16
#: Computes the texts with these row numbers, in this order: returns a call that waits for the values (rows, ...). What is launched may
#: still be running when ``launch`` returns (on a GPU it is).
Launch = Callable[[np.ndarray], Callable[[], np.ndarray]]


def plan(lengths: Sequence[int] | np.ndarray, budget: int) -> list[np.ndarray]:
    """Row numbers of every batch: texts from long to short (ties by row number), as many to a batch as ``budget`` padded tokens hold.

    The first text of a batch is its longest, so that b texts cost b · (its length) tokens. A batch also ends before more than a
    ``SLACK`` of the budget would be padding: beyond that, computing padding costs more than another batch does. A text longer than the
    budget is a batch of its own. The answer depends on ``lengths`` and ``budget`` alone. The longest come first, so that what does not fit
    in memory is known at once.

    >>> [rows.tolist() for rows in plan([3, 9, 4, 4, 1], budget=16)]
    [[1], [2, 3, 0], [4]]
    """
    whole("budget", budget)
    lengths = np.asarray(lengths, dtype=np.int64)
    order = np.argsort(-lengths, kind="stable")
    batches, start = [], 0
    while start < len(order):
        longest = max(1, int(lengths[order[start]]))
        rows = order[start : start + max(1, budget // longest)]
        padding = np.cumsum(longest - lengths[rows])
        rows = rows[: max(1, int(np.searchsorted(padding, SLACK * budget, side="right")))]
        batches.append(rows)
        start += len(rows)
    return batches


def pad(tokens: Sequence[Sequence[int]], filler: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Token lists as ``ids`` (B, T) int64, padded on the right with ``filler`` to the longest, and the mask (B, T) of their own tokens."""
    lengths = np.fromiter(map(len, tokens), dtype=np.int64, count=len(tokens))
    mask = np.arange(lengths.max()) < lengths[:, None]
    ids = np.full(mask.shape, filler, dtype=np.int64)
    ids[mask] = np.concatenate([np.asarray(each, dtype=np.int64) for each in tokens])
    return ids, mask


def run(
    batches: Sequence[np.ndarray],
    lengths: Sequence[int] | np.ndarray,
    launches: Sequence[Launch],
    keep: Callable[[np.ndarray, np.ndarray], None],
    limits: list[float] | None = None,
) -> None:
    """Compute every batch on whichever of ``launches`` is free, one thread each, and hand ``keep(rows, values)`` the results.

    ``keep`` is called by one thread at a time, in no particular order; the rows say where values belong. While one batch's results are
    waited for, the next is already launched.

    A batch that runs out of memory is halved, and so on; from then on that device takes no batch of more padded tokens than half of
    what failed. ``limits``, one for each device, says what was found out before, and is updated.

    Raises ``MemoryError`` when one text alone does not fit, with its row; any other error ends the run and is raised.
    """
    lengths = np.asarray(lengths)
    limits = [np.inf] * len(launches) if limits is None else limits
    waiting = iter(batches)
    lock, stop = threading.Lock(), threading.Event()

    def next_batch() -> np.ndarray | None:
        with lock:
            return None if stop.is_set() else next(waiting, None)

    def work(device: int) -> None:
        def finish(rows: np.ndarray, wait: Callable[[], np.ndarray]) -> None:
            values = wait()
            with lock:
                keep(rows, values)

        try:
            pending: tuple[np.ndarray, Callable[[], np.ndarray]] | None = None
            for launched in _fitting(launches[device], lengths, next_batch, limits, device):
                if pending is not None:
                    finish(*pending)
                pending = launched
            if pending is not None:
                finish(*pending)
        except BaseException:
            stop.set()
            raise

    if len(launches) == 1:
        work(0)
        return
    with ThreadPoolExecutor(len(launches), thread_name_prefix="w2s-device") as pool:
        try:
            for done in [pool.submit(work, device) for device in range(len(launches))]:
                done.result()
        except BaseException:  # Ctrl-C arrives here, while the threads go on
            stop.set()
            raise


def _fitting(
    launch: Launch, lengths: np.ndarray, next_batch: Callable[[], np.ndarray | None], limits: list[float], device: int
) -> Iterator[tuple[np.ndarray, Callable[[], np.ndarray]]]:
    """Launch every batch, in pieces where it has to be: above ``limits[device]`` tokens, which is lowered when memory runs out."""
    while (batch := next_batch()) is not None:
        pieces = [batch]
        while pieces:
            rows = pieces.pop()
            tokens = len(rows) * int(lengths[rows].max())
            if len(rows) == 1 or tokens <= limits[device]:
                try:
                    launched = launch(rows)
                except (MemoryError, RuntimeError) as error:
                    if not is_out_of_memory(error):
                        raise
                    if len(rows) == 1:
                        raise MemoryError(
                            f"the text in row {int(rows[0]) + 1} alone, {tokens} tokens long, does not fit in memory. Lower max_tokens, "
                            "use a shorter dtype (bfloat16), or a device with more memory."
                        ) from error
                    limits[device] = tokens // 2
                else:
                    yield rows, launched
                    continue
                _release()  # outside the handler: a caught error keeps the tensors of the frames that it went through
            half = (len(rows) + 1) // 2
            pieces += [rows[half:], rows[:half]]


def is_out_of_memory(error: BaseException) -> bool:
    """True for ``MemoryError``, ``torch.OutOfMemoryError`` (a ``RuntimeError``) and what torch's CPU allocator raises."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and ("out of memory" in text or "can't allocate memory" in text or "alloc_cpu" in text)
    )


def _release() -> None:
    """Give back what a failed batch had taken on a GPU, so that a smaller one finds whole pieces."""
    import sys

    if (torch := sys.modules.get("torch")) is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


def checked_texts(texts: Sequence[Any]) -> list[str]:
    """The texts as a list; raises ``TypeError`` for one that is no string (NaN, a number), ``ValueError`` for an empty one, with its row."""
    return list(texts_and_labels.checked_texts("texts", texts, len(texts)))
