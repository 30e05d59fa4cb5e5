"""Reading ahead: the same design as in memory, a batch ready before it is asked for, memory that does not depend on the rows."""

from __future__ import annotations

import threading
import tracemalloc

import numpy as np
import pytest

from tests.embeddings.letters import Letters
from tests.tolerances import FLAT_MEMORY, ROUNDING
from w2s_theory.design import Design, RowBlocks
from w2s_theory.embeddings.store import embed
from w2s_theory.embeddings.streaming import Ahead

DEVICES = [None, "cpu", pytest.param("cuda", marks=pytest.mark.gpu)]


def threads() -> int:
    return sum(thread.name == "w2s read-ahead" for thread in threading.enumerate())


@pytest.fixture
def data(tmp_path):
    """A memory map of 1,000 rows, of float64 for the last digit, and labels of two tasks."""
    rng = np.random.default_rng(0)
    path = tmp_path / "x.npy"
    np.save(path, rng.standard_normal((1000, 12)))
    x = np.load(path, mmap_mode="r")
    weak = np.asarray(x) @ rng.standard_normal((12, 2)) + rng.standard_normal((1000, 2))
    return x, weak, weak + 0.3 * rng.standard_normal((1000, 2)), rng.random(1000)


def numbers(value) -> np.ndarray:
    return value.cpu().numpy() if hasattr(value, "cpu") else np.asarray(value)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("scale", [1.0, 1e-3], ids=["the Gram matrix does", "the rows are read again"])
def test_a_design_read_ahead_is_the_design_in_memory(data, device, scale):
    x, weak, target, weights = data
    x = x * np.append(np.ones(11), scale)  # nearly collinear rows need a QR, and so a second reading
    batches = Ahead(RowBlocks(x, weak=weak, target=target, weights=weights, rows=96), device=device)
    streamed = Design.from_batches(batches, intercept=True)
    memory = Design(np.asarray(x), weak=weak, target=target, weights=weights, intercept=True)
    got, expected = (design.solve(penalties=[0.0, 1e-3]) for design in (streamed, memory))
    assert (got.route == "gram") == (scale == 1.0)
    fitted = [x @ numbers(heads.coefficients) + numbers(heads.intercept)[:, None, :] for heads in (got, expected)]
    np.testing.assert_allclose(fitted[0], fitted[1], rtol=0, atol=ROUNDING * np.abs(fitted[1]).max())
    reports = [design.report(penalties=[1e-3]) for design in (streamed, memory)]
    np.testing.assert_allclose(numbers(reports[0].misfit), numbers(reports[1].misfit), rtol=ROUNDING)
    assert threads() == 0


@pytest.mark.parametrize("device", DEVICES)
def test_batches_come_in_order_complete_and_again(data, device):
    x, weak, _, _ = data
    batches = Ahead(RowBlocks(x, weak=weak, rows=300), device=device, ahead=1)
    for _ in range(2):
        read = list(batches)
        assert [len(batch["features"]) for batch in read] == [300, 300, 300, 100]
        np.testing.assert_array_equal(np.concatenate([numbers(batch["features"]) for batch in read]), x)
        np.testing.assert_array_equal(np.concatenate([numbers(batch["weak"]) for batch in read]), weak)


def test_features_of_a_store_stream_as_they_are(tmp_path):
    texts = [f"text {k} of the store" for k in range(50)]
    layer = embed(texts, Letters(), folder=tmp_path, shard=20).layer(1)
    gram = Design.from_batches(Ahead(RowBlocks(layer, rows=16))).moments.gram
    np.testing.assert_array_equal(gram, Design.from_batches(RowBlocks(np.array(layer), rows=16)).moments.gram)


class Watched:
    """Batches that say how many were read, and wait to be told that they may be."""

    def __init__(self, count: int) -> None:
        self.count, self.read = count, 0
        self.progress = threading.Condition()

    def __iter__(self):
        for k in range(self.count):
            with self.progress:
                self.read += 1
                self.progress.notify_all()
            yield np.full((4, 2), float(k))

    def wait_for(self, count: int, seconds: float) -> bool:
        with self.progress:
            return self.progress.wait_for(lambda: self.read >= count, seconds)


def test_batches_are_read_while_one_is_used_but_only_so_far_ahead():
    watched = Watched(20)
    for k, batch in enumerate(Ahead(watched, ahead=3)):
        assert batch["features"][0, 0] == k
        assert watched.wait_for(min(k + 2, 20), seconds=30.0)
        assert watched.read <= k + 1 + 3 + 1  # handed over, waiting in line, and one in the hand of the reader
    watched = Watched(20)
    first = iter(Ahead(watched, ahead=3))
    next(first)
    assert watched.wait_for(5, seconds=30.0)
    assert not watched.wait_for(6, seconds=0.3)


def test_giving_up_half_way_ends_the_thread():
    for _ in Ahead(Watched(1000)):
        assert threads() == 1
        break
    assert threads() == 0


def test_an_error_while_reading_is_raised_where_the_batch_is_asked_for():
    class Failing:
        def __iter__(self):
            yield np.ones((3, 2))
            raise OSError("the disk is gone")

    batches = iter(Ahead(Failing()))
    next(batches)
    with pytest.raises(OSError, match="the disk is gone"):
        next(batches)
    assert threads() == 0


def test_what_can_be_read_only_once_and_unknown_devices_are_refused(data):
    with pytest.raises(TypeError, match="an iterator"):
        Ahead(batch for batch in [np.ones((2, 2))])
    with pytest.raises(TypeError, match="one array"):
        Ahead(data[0])
    with pytest.raises(ValueError, match="device must be one that torch can use; it is 'cpux'"):
        Ahead([np.ones((2, 2))], device="cpux")
    with pytest.raises(ValueError, match="ahead"):
        Ahead([np.ones((2, 2))], ahead=0)


def test_memory_does_not_depend_on_the_number_of_rows(tmp_path):
    peaks = []
    for rows in (8_000, 64_000):
        path = tmp_path / f"{rows}.npy"
        x = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(rows, 16))
        x[:] = np.random.default_rng(0).standard_normal((rows, 16), dtype=np.float32)
        x.flush()
        blocks = RowBlocks(np.load(path, mmap_mode="r"), rows=500)
        tracemalloc.start()
        design = Design.from_batches(Ahead(blocks))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert design.mass == rows
    assert peaks[1] <= FLAT_MEMORY * peaks[0]
    assert peaks[1] < x.nbytes / 8
