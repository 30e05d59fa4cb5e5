"""Tables on disk: written whole or not at all, refused when damaged."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pyarrow")

from experiments import _store as store

ROWS = [
    {"method": "ols", "n": 10, "gain": 0.25, "is_good": True},
    {"method": "ridge", "n": 20, "gain": float("nan"), "is_good": False},
]


def written(folder: Path) -> Path:
    path = folder / "toy.parquet"
    store.write_table(path, store.columns(ROWS), {"experiment": "toy"})
    return path


def test_a_table_comes_back_as_it_was_written(tmp_path):
    table, about = store.read_table(written(tmp_path))
    assert list(table) == ["method", "n", "gain", "is_good"]
    assert [column.dtype.kind for column in table.values()] == ["U", "i", "f", "b"]
    for name, column in store.columns(ROWS).items():
        np.testing.assert_array_equal(table[name], column)
    assert about["experiment"] == "toy"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["toy.json", "toy.parquet"]


def test_the_same_table_is_the_same_bytes(tmp_path):
    assert written(tmp_path / "a").read_bytes() == written(tmp_path / "b").read_bytes()


def test_absent_values_become_nan_or_the_empty_string():
    rows = [{"gain": 1, "why": "x", "is_good": True}, {"gain": None}, {"gain": np.float32(0.5), "why": None, "is_good": False}]
    table = store.columns(rows)
    np.testing.assert_array_equal(table["gain"], [1.0, np.nan, 0.5])
    assert table["why"].tolist() == ["x", "", ""]
    np.testing.assert_array_equal(table["is_good"], [1.0, np.nan, 0.0])


def test_columns_stand_in_the_order_in_which_rows_name_them_also_without_a_value():
    assert list(store.columns([{"a": None, "b": 1}, {"c": 2, "a": 1}])) == ["a", "b", "c"]


@pytest.mark.parametrize("value", [np.zeros(2), [1, 2], {"a": 1}, object()])
def test_a_value_that_is_not_plain_is_refused_by_name(value):
    with pytest.raises(TypeError, match="'gain' must be a str, int, float or bool"):
        store.columns([{"gain": value}])


@pytest.mark.parametrize("values", [("a", 1), (True, 1), ("a", True)])
def test_a_column_of_several_kinds_is_refused(values):
    with pytest.raises(TypeError, match="column 'x' must hold one kind"):
        store.columns([{"x": value} for value in values])


def test_no_rows_are_refused():
    with pytest.raises(ValueError, match="rows must not be empty"):
        store.columns([])


@pytest.mark.parametrize("keep", [0.0, 0.5, 0.99])
@pytest.mark.parametrize("suffix", [".parquet", ".json"])
def test_a_truncated_file_is_named_with_the_way_to_rebuild_it(tmp_path, suffix, keep):
    folder = tmp_path / "quick"
    damaged = written(folder).with_suffix(suffix)
    data = damaged.read_bytes().rstrip()
    damaged.write_bytes(data[: int(keep * len(data))])
    with pytest.raises(store.StoreError, match=r"python -m experiments toy --quick") as caught:
        store.read_table(folder / "toy.parquet")
    assert str(damaged) in str(caught.value)


def test_a_changed_byte_or_another_table_is_refused(tmp_path):
    path = written(tmp_path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(store.StoreError, match=r"not those that toy.json describes.*--full"):
        store.read_table(path)


@pytest.mark.parametrize("suffix", [".parquet", ".json"])
def test_a_missing_file_is_named(tmp_path, suffix):
    missing = written(tmp_path).with_suffix(suffix)
    missing.unlink()
    with pytest.raises(store.StoreError, match=f"toy{suffix} can't be read"):
        store.read_table(tmp_path / "toy.parquet")


def test_a_full_disk_leaves_the_old_file_and_no_litter(tmp_path, monkeypatch):
    path = tmp_path / "picture.svg"
    store.write_bytes(path, b"old")

    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(store.StoreError, match=r"picture\.svg: the disk is full"):
        store.write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_the_system_cuts_short_leaves_the_old_file(tmp_path):
    """The limit on the size of a file is a real failure in the middle of a write, unlike the one above."""
    path = tmp_path / "big.svg"
    path.write_bytes(b"old")
    code = (
        "import resource, signal, sys; from pathlib import Path; from experiments import _store\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, (1000, {resource.getrlimit(resource.RLIMIT_FSIZE)[1]}))\n"
        "_store.write_bytes(Path(sys.argv[1]), b'x' * 5000)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, cwd=Path(store.__file__).parents[1]
    )
    assert done.returncode == 1 and "StoreError: could not write" in done.stderr
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
