"""A Design reduced shard by shard on workers is the Design of all rows; what goes wrong names its shard."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("loky", reason="needs the extra sweeps")

from w2s_theory.design import Design, RowBlocks
from w2s_theory.embeddings.store import embed
from w2s_theory.sweeps.shards import ShardFailed, design_of_shards

from ..tolerances import ROUNDING, SOLVE

D, TASKS, SIZES = 6, 3, (40, 25, 70, 10, 55, 33)
PENALTIES = [0.1, 10.0]


def rows(shard: int) -> dict[str, np.ndarray]:
    """A shard that follows from its number."""
    rng = np.random.default_rng(shard)
    features = rng.standard_normal((SIZES[shard], D)) + 3.0
    weak = features @ rng.standard_normal((D, TASKS)) + rng.standard_normal((SIZES[shard], TASKS))
    return {"features": features, "weak": weak, "target": weak + 0.3, "weights": rng.uniform(0.5, 2.0, SIZES[shard])}


def together() -> dict[str, np.ndarray]:
    parts = [rows(shard) for shard in range(len(SIZES))]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def identical(one: Design, other: Design) -> bool:
    pairs = [(one.moments.gram, other.moments.gram), (one.moments.mean, other.moments.mean)]
    pairs += [(one._labels.cross, other._labels.cross), (one._labels.products, other._labels.products)]
    return all(np.array_equal(a, b) for a, b in pairs) and one.moments.noise == other.moments.noise


@pytest.mark.parametrize("intercept", [False, True])
def test_the_design_of_shards_is_that_of_all_rows(intercept):
    metric = np.diag(np.arange(1.0, D + 1)) + 0.2
    found = design_of_shards(rows, range(len(SIZES)), intercept=intercept, metric=metric)
    all_rows = Design(**together(), intercept=intercept, metric=metric)
    np.testing.assert_allclose(found.moments.gram, all_rows.moments.gram, rtol=0, atol=ROUNDING * all_rows.moments.gram.max())
    np.testing.assert_allclose(found.mean, all_rows.mean, rtol=0, atol=ROUNDING)
    ours, theirs = (design.solve(penalties=PENALTIES) for design in (found, all_rows))
    np.testing.assert_allclose(ours.coefficients, theirs.coefficients, rtol=0, atol=SOLVE)
    np.testing.assert_allclose(ours.intercept, theirs.intercept, rtol=0, atol=SOLVE)
    gains = [design.report(penalties=PENALTIES).gain.gain for design in (found, all_rows)]
    np.testing.assert_allclose(*gains, rtol=0, atol=SOLVE)


def test_engines_agree_bit_for_bit_and_with_one_pass_over_the_shards(two_workers):
    here, there = (
        design_of_shards(rows, range(len(SIZES)), executor=executor, intercept=True) for executor in (None, two_workers)
    )
    assert identical(here, there)
    assert identical(here, Design.from_batches((rows(shard) for shard in range(len(SIZES))), intercept=True))


def test_a_shard_may_come_in_batches():
    cut = design_of_shards(lambda shard: RowBlocks(**rows(shard), rows=7), [2, 0])
    whole = Design.from_batches([rows(2), rows(0)])
    np.testing.assert_allclose(cut.moments.gram, whole.moments.gram, rtol=ROUNDING)


def test_the_store_of_embeddings_is_reduced_where_it_lies(tmp_path, two_workers):
    class Lengths:
        """Features of order one that follow from a text."""

        key, layers, width = {"extractor": "lengths"}, (0, 1), D

        def extract(self, texts):
            made = [[np.cos((1 + k + layer) * len(text)) for k in range(D)] for layer in (0, 1) for text in texts]
            return np.array(made, dtype=np.float32).reshape(2, len(texts), D).transpose(1, 0, 2)

    texts = ["x" * (1 + 7 * n % 101) for n in range(100)]
    store, weak = embed(texts, Lengths(), folder=tmp_path, shard=16), np.sin(np.arange(100.0))
    folder = store.folder

    def read(shard):
        from w2s_theory.embeddings.store import CorruptStore, Embeddings

        store = Embeddings.open(folder)
        if not store.is_whole(shard):
            raise CorruptStore(f"shard {shard} of {folder} is damaged")
        return {"features": store.map(1)[store.rows(shard)], "weak": weak[store.rows(shard)]}

    found = design_of_shards(read, range(store.shards), executor=two_workers, intercept=True)
    all_rows = Design(np.array(store.layer(1), dtype=np.float64), weak=weak, intercept=True)
    np.testing.assert_allclose(found.moments.gram, all_rows.moments.gram, rtol=0, atol=found.moments.noise * 10)
    assert found.moments.rows == 100

    path = folder / "layer_1.npy"
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)
    with pytest.raises(ShardFailed, match=r"shard 7 of 7, 6, can't be reduced: CorruptStore: shard 6 of .* is damaged") as caught:
        design_of_shards(read, range(store.shards))
    assert caught.value.shard == 6 and "in read" in caught.value.__notes__[0]


# ---- what goes wrong --------------------------------------------------------------------------------------------------------------------


def spoilt(number: int, change):
    """``rows``, with shard ``number`` changed."""

    def read(shard):
        return change(rows(shard)) if shard == number else rows(shard)

    return read


def with_nan(batch):
    batch["features"][3, 1] = np.nan
    return batch


def test_a_shard_with_nan_another_width_or_other_labels_is_named():
    with pytest.raises(
        ShardFailed, match=r"shard 3 of 6, 2, can't be reduced: ValueError: features must be finite.*first at index \(3, 1\)"
    ):
        design_of_shards(spoilt(2, with_nan), range(6))
    narrow = spoilt(4, lambda batch: {**batch, "features": batch["features"][:, :5]})
    with pytest.raises(ShardFailed, match=r"shard 5 of 6, 4, .*its features have 5 columns, those of the first, 0, 6"):
        design_of_shards(narrow, range(6))
    with pytest.raises(ShardFailed, match=r"shard 2 of 6, 1, .*same labels"):
        design_of_shards(
            spoilt(1, lambda batch: {**batch, "weak": batch["weak"][:, :2], "target": batch["target"][:, :2]}), range(6)
        )
    with pytest.raises(ShardFailed, match="Name its parts"):
        design_of_shards(lambda shard: [(1.0, 2.0)], range(6))


def test_what_can_not_be_is_refused_before_anything_runs():
    with pytest.raises(ValueError, match="shards must not be empty"):
        design_of_shards(rows, [])
    with pytest.raises(TypeError, match="read must be a function"):
        design_of_shards(3, [1])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="executor must be"):
        design_of_shards(rows, [1], executor="nonsense")


def deadly(folder: Path, deaths: int):
    """``rows``, except that shard 3 kills its worker ``deaths`` times; each begun shard leaves a line."""

    def read(shard):
        with (folder / "begun").open("a") as file:
            file.write(f"{shard}\n")
        if shard == 3 and (folder / "begun").read_text().split().count("3") <= deaths:
            os.kill(os.getpid(), 9)
        return rows(shard)

    return read


def test_a_killed_worker_costs_its_shard_once(tmp_path, two_workers):
    found = design_of_shards(deadly(tmp_path, 1), range(len(SIZES)), executor=two_workers)
    assert identical(found, design_of_shards(rows, range(len(SIZES))))
    assert sorted((tmp_path / "begun").read_text().split()) == ["0", "1", "2", "3", "3", "4", "5"]


def test_a_shard_that_kills_twice_is_named(tmp_path, two_workers):
    with pytest.raises(ShardFailed, match=r"shard 4 of 6, 3, cost two workers their lives"):
        design_of_shards(deadly(tmp_path, 2), range(len(SIZES)), executor=two_workers)


def test_few_shards_wait_for_a_slow_first_one(tmp_path, two_workers):
    """Two slots: at most four shards are begun before the first is added."""
    begun = tmp_path / "begun"

    def read(shard):
        import time

        with begun.open("a") as file:
            file.write(f"{shard}\n")
        end = time.monotonic() + 1.0
        while shard == 0 and time.monotonic() < end:
            time.sleep(0.01)
        return rows(shard % len(SIZES))

    counted = []
    design_of_shards(
        read,
        range(12),
        executor=two_workers,
        progress=lambda done, total: counted.append((done, len(begun.read_text().split()) if begun.exists() else 0)),
    )
    assert [done for done, _ in counted] == list(range(13))
    assert all(at_work <= done + 4 for done, at_work in counted[1:])
