"""Batches read ahead in the background, and on a GPU copied there beside the computation: features larger than memory, or than the GPU."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Any, NamedTuple

import numpy as np

from .._array import is_array
from .._validation import MissingExtra, whole


class Ahead:
    """The same ``batches``, up to ``ahead`` of them made ready before they are asked for. Can be read any number of times.

    ``batches``: arrays of features, or mappings of NumPy arrays such as ``RowBlocks`` makes of a memory map. What comes out can go
    into ``Design.from_batches``: NumPy arrays in memory with ``device=None``, torch tensors on ``device`` otherwise ("cpu", "cuda",
    "cuda:1").

        blocks = RowBlocks(embeddings.layer(6), weak=weak, target=target)
        design = Design.from_batches(Ahead(blocks, device="cuda"))

    One thread reads a batch from the disk while the one before is multiplied. For a GPU it reads into page-locked memory and copies
    from there on a stream of its own, so that the copy runs beside the products; the memory is used again when its copy has ended.
    At most ``ahead`` + 2 batches exist at a time, however many there are. (Pages of a memory map are not counted: they
    belong to the operating system's cache, which takes them back when memory is short.)

    Raises ``TypeError`` for batches that can be read only once, ``MissingExtra`` without torch, ``ValueError`` for a device that torch can't
    use; an error while reading is raised where the batch is asked for.

    >>> from w2s_theory.design import Design, RowBlocks
    >>> x = np.arange(12.0).reshape(6, 2)
    >>> Design.from_batches(Ahead(RowBlocks(x, rows=4))).moments.gram.tolist()
    [[220.0, 250.0], [250.0, 286.0]]
    """

    def __init__(self, batches: Iterable[Any], *, device: str | None = None, ahead: int = 2) -> None:
        if is_array(batches) or iter(batches) is batches:
            raise TypeError(
                "batches must be batches that can be read again, such as a list or RowBlocks(array); it is "
                f"{'one array' if is_array(batches) else 'an iterator'}."
            )
        self.batches = batches
        self.ahead = whole("ahead", ahead)
        self._device = None if device is None else _usable(device)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        hand_over = _in_memory if self._device is None else _Copier(self._device, self.ahead + 2)
        ready: Queue[Any] = Queue(self.ahead)
        stopped = Event()
        reader = Thread(target=_read, args=(self.batches, hand_over, ready, stopped), name="w2s read-ahead", daemon=True)
        reader.start()
        try:
            while (item := ready.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item if isinstance(item, dict) else item.received()
        finally:  # also when the reading is given up half-way
            stopped.set()
            with suppress(Empty):
                while True:
                    ready.get_nowait()
            reader.join()


def _read(batches: Iterable[Any], hand_over: Any, ready: Queue[Any], stopped: Event) -> None:
    """The thread: every batch into the queue, then None; an error in the place of what could not be read."""
    last: Any = None
    try:
        for batch in batches:
            batch = batch if isinstance(batch, Mapping) else {"features": batch}
            if not _offer(ready, hand_over({name: np.asarray(part) for name, part in batch.items()}), stopped):
                return
    except BaseException as error:  # handed to the reader of the batches, who raises it
        last = error
    _offer(ready, last, stopped)


def _offer(ready: Queue[Any], item: Any, stopped: Event) -> bool:
    while not stopped.is_set():
        try:
            ready.put(item, timeout=0.1)
        except Full:
            continue
        return True
    return False


def _in_memory(batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: np.array(part) for name, part in batch.items()}


class _Sent(NamedTuple):
    """A batch on its way to the device, and the event that says that it has arrived (None where nothing is asynchronous)."""

    parts: dict[str, Any]
    arrived: Any

    def received(self) -> dict[str, Any]:
        """The batch, for the stream that is current where it is used."""
        if self.arrived is not None:
            import torch

            stream = torch.cuda.current_stream(self.arrived.device)
            stream.wait_event(self.arrived)
            for part in self.parts.values():
                part.record_stream(stream)  # its memory is not given away while that stream uses it
        return self.parts


class _Copier:
    """Copies batches to a device from a ring of page-locked buffers."""

    def __init__(self, device: Any, slots: int) -> None:
        import torch

        self.torch, self.device = torch, device
        self.on_gpu = device.type == "cuda"
        self.stream = torch.cuda.Stream(device) if self.on_gpu else None
        self.buffers: list[dict[str, Any]] = [{} for _ in range(slots)]
        self.arrivals: list[Any] = [None] * slots
        self.turn = 0

    def __call__(self, batch: dict[str, np.ndarray]) -> _Sent:
        if not self.on_gpu:
            return _Sent({name: self.torch.from_numpy(np.array(part)) for name, part in batch.items()}, None)
        slot, self.turn = self.turn, (self.turn + 1) % len(self.buffers)
        if self.arrivals[slot] is not None:
            self.arrivals[slot].synchronize()
        with self.torch.cuda.stream(self.stream):
            parts = {name: self._locked(slot, name, part).to(self.device, non_blocking=True) for name, part in batch.items()}
            arrived = self.stream.record_event()  # type: ignore[union-attr]
        self.arrivals[slot] = arrived
        return _Sent(parts, arrived)

    def _locked(self, slot: int, name: str, part: np.ndarray) -> Any:
        """``part`` in page-locked memory: the buffer of this slot, made anew when it is too small."""
        dtype = self.torch.from_numpy(np.empty(0, part.dtype)).dtype
        buffer = self.buffers[slot].get(name)
        if buffer is None or buffer.dtype != dtype or buffer.numel() < part.size:
            buffer = self.torch.empty(part.size, dtype=dtype, pin_memory=True)
            self.buffers[slot][name] = buffer
        view = buffer[: part.size].view(part.shape)
        np.copyto(view.numpy(), part)
        return view


def _usable(device: str) -> Any:
    try:
        import torch
    except ImportError as error:
        raise MissingExtra("torch", "torch") from error
    try:
        chosen = torch.device(device)
        torch.empty(1, device=chosen)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"device must be one that torch can use; it is {device!r} ({error}).") from error
    return chosen
