"""Plans of batches, and running them with memory that runs out, on one device and on several."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from w2s_theory.embeddings.batches import SLACK, checked_texts, is_out_of_memory, pad, plan, run

LENGTHS = np.array([3, 9, 4, 4, 1, 2, 7, 2, 8])


def fits(lengths: list[int], rows: list[int], budget: int) -> bool:
    """Whether the texts are one batch: within the budget, and little of it padding."""
    padded = len(rows) * max(lengths[row] for row in rows)
    return padded <= budget and padded - sum(lengths[row] for row in rows) <= SLACK * budget


@given(st.lists(st.integers(1, 30), max_size=40), st.integers(1, 200))
def test_a_plan_has_every_row_once_from_long_to_short_in_batches_that_could_not_be_longer(
    lengths: list[int], budget: int
) -> None:
    batches = [batch.tolist() for batch in plan(lengths, budget)]
    rows = [row for batch in batches for row in batch]
    assert rows == sorted(range(len(lengths)), key=lambda row: (-lengths[row], row))
    assert all(fits(lengths, batch, budget) or len(batch) == 1 for batch in batches)
    assert not any(fits(lengths, [*batch, after[0]], budget) for batch, after in itertools.pairwise(batches))


def test_a_budget_must_be_a_whole_number() -> None:
    with pytest.raises(ValueError, match="budget must be a whole number >= 1; it is 0"):
        plan([1], 0)


def test_padding_keeps_every_token_on_the_left_and_the_mask_says_which_they_are() -> None:
    ids, mask = pad([[5, 6, 7], [8], [9, 9]], filler=4)
    assert ids.tolist() == [[5, 6, 7], [8, 4, 4], [9, 9, 4]]
    assert mask.tolist() == [[True, True, True], [True, False, False], [True, True, False]]


class Device:
    """Squares row numbers; has room for so many padded tokens, and remembers the batches that it was asked for."""

    def __init__(self, room: float = np.inf, error: BaseException | None = None) -> None:
        self.room, self.error, self.asked = room, error or MemoryError("no room"), []
        self.threads: set[str] = set()

    def __call__(self, rows: np.ndarray) -> Callable[[], np.ndarray]:
        self.threads.add(threading.current_thread().name)
        self.asked.append(rows.tolist())
        if len(rows) * LENGTHS[rows].max() > self.room:
            raise self.error
        return lambda: rows.astype(float) ** 2


class Meeting(Device):
    """Waits at its first batch until every device of the meeting has one as well."""

    def __init__(self, together: threading.Barrier, **options: Any) -> None:
        super().__init__(**options)
        self.together = together

    def __call__(self, rows: np.ndarray) -> Callable[[], np.ndarray]:
        if not self.asked:
            self.together.wait()
        return super().__call__(rows)


def squares(*devices: Device, budget: int = 20) -> np.ndarray:
    """What the devices make of all rows; every row comes once."""
    made, seen = np.full(len(LENGTHS), np.nan), []

    def keep(rows: np.ndarray, values: np.ndarray) -> None:
        made[rows] = values
        seen.extend(rows.tolist())

    run(plan(LENGTHS, budget), LENGTHS, devices, keep)
    assert sorted(seen) == list(range(len(LENGTHS)))
    return made


@pytest.mark.parametrize("kind", ["numpy", "cuda", "cpu"])
def test_when_memory_runs_out_batches_are_halved_and_every_row_still_gets_its_own_result(kind: str) -> None:
    torch = pytest.importorskip("torch")
    error = {
        "numpy": MemoryError(),
        "cuda": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        "cpu": RuntimeError("[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory"),
    }[kind]
    assert is_out_of_memory(error)
    device = Device(room=9, error=error)
    np.testing.assert_array_equal(squares(device), np.arange(len(LENGTHS)) ** 2.0)
    failed = [rows for rows in device.asked if len(rows) * LENGTHS[rows].max() > device.room]
    assert failed == [[1, 8]]  # 18 tokens; the ones after it stay below 9


def test_what_a_device_has_room_for_is_remembered_from_run_to_run() -> None:
    device, limits = Device(room=9), [np.inf]
    for _ in range(2):
        device.asked.clear()
        run(plan(LENGTHS, 20), LENGTHS, [device], lambda rows, values: None, limits)
    assert limits == [9]
    assert all(len(rows) * LENGTHS[rows].max() <= device.room for rows in device.asked)


def test_an_interrupt_ends_the_run_on_several_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    began, asked = threading.Event(), []

    def launch(rows: np.ndarray) -> Callable[[], np.ndarray]:
        asked.append(rows)
        began.set()
        time.sleep(0.005)
        return lambda: rows

    def interrupted(_future: Any, timeout: float | None = None) -> None:
        began.wait(20)
        raise KeyboardInterrupt

    monkeypatch.setattr("concurrent.futures.Future.result", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(list(np.arange(300)[:, None]), np.ones(300), [launch, launch], lambda rows, values: None)
    assert 0 < len(asked) < 150


def test_torch_s_own_error_for_memory_that_is_not_there_counts() -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)


def test_a_text_that_does_not_fit_alone_is_named_with_the_way_out() -> None:
    with pytest.raises(MemoryError, match=r"text in row 2 alone, 9 tokens long, does not fit in memory\. Lower max_tokens"):
        squares(Device(room=8))


def test_another_error_is_raised_as_it_is_and_ends_the_run() -> None:
    together = threading.Barrier(2, timeout=20)
    broken, sound = Meeting(together, room=0, error=RuntimeError("shapes differ")), Meeting(together)
    assert not is_out_of_memory(broken.error)
    with pytest.raises(RuntimeError, match="shapes differ"):
        squares(broken, sound, budget=1)
    assert len(broken.asked) == 1


def test_several_devices_share_the_batches_and_each_has_a_thread_of_its_own() -> None:
    together = threading.Barrier(2, timeout=20)
    devices = Meeting(together), Meeting(together)
    np.testing.assert_array_equal(squares(*devices), np.arange(len(LENGTHS)) ** 2.0)
    assert [len(device.threads) for device in devices] == [1, 1]
    assert devices[0].threads != devices[1].threads
    asked = sorted(devices[0].asked + devices[1].asked)
    assert asked == sorted(rows.tolist() for rows in plan(LENGTHS, 20))


def test_the_next_batch_is_launched_before_the_last_one_is_waited_for() -> None:
    events: list[str] = []

    def launch(rows: np.ndarray) -> Callable[[], np.ndarray]:
        events.append(f"launch {rows[0]}")
        return lambda: (events.append(f"wait {rows[0]}"), rows)[1]

    run([np.array([0]), np.array([1]), np.array([2])], [1, 1, 1], [launch], lambda rows, values: None)
    assert events == ["launch 0", "launch 1", "wait 0", "launch 2", "wait 1", "wait 2"]


@pytest.mark.parametrize(("bad", "kind"), [(float("nan"), TypeError), (None, ValueError), ("", ValueError), (" \n", ValueError)])
def test_a_row_that_is_no_text_is_named(bad: object, kind: type[Exception]) -> None:
    with pytest.raises(kind, match="row 3"):
        checked_texts(["a", "b", bad])


def test_one_string_is_not_a_sequence_of_texts() -> None:
    with pytest.raises(TypeError, match="it is one string"):
        checked_texts("a text")
