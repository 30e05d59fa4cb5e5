"""The store: what goes in comes out, whatever the batches, the merges and the other runs; damage is seen and costs only its own points."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import shutil
import time
from pathlib import Path

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from w2s_theory.sweeps import compaction, parts
from w2s_theory.sweeps.compaction import merge
from w2s_theory.sweeps.folder import STALE_SECONDS, TEMPORARY, Folder
from w2s_theory.sweeps.rows import MixedColumn
from w2s_theory.sweeps.store import DamagedPart, Memory, Store, StoreError
from w2s_theory.sweeps.units import PointResult


def key(number: int) -> bytes:
    return hashlib.md5(b"%d" % number).digest()


def ok(number: int, *rows: dict, trial: int | None = None):
    return key(number), {"n": number}, trial, PointResult(0, "ok", list(rows), 0.25)


def failed(number: int, status: str = "failed"):
    return key(number), {"n": number}, None, PointResult(0, status, [], 0.25, f"ValueError: {number}", "Traceback …")


def content(table) -> tuple[list[tuple[str, str]], str]:
    """Columns, types and rows of a table, without what differs from run to run; text, because NaN is not equal to itself."""
    table = table.drop_columns(["_time"])
    return [(field.name, str(field.type)) for field in table.schema], str(table.to_pylist())


def files(folder: Path, pattern: str = "part*.parquet") -> list[Path]:
    return sorted(folder.glob(pattern))


values = st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1), st.floats())
row = st.fixed_dictionaries({"gain": values}, optional={"word": st.text(), "good": st.booleans()})
rows = st.lists(row.flatmap(lambda made: st.permutations(list(made.items())).map(dict)), max_size=3)


@settings(max_examples=15)  # every example writes and syncs a dozen files
@given(points=st.lists(st.one_of(rows, st.just("failed"), st.just("died")), min_size=1, max_size=8), data=st.data())
def test_the_table_does_not_depend_on_how_the_points_were_batched_ordered_or_merged(tmp_path_factory, points, data):
    entries = [failed(i, made) if isinstance(made, str) else ok(i, *made, trial=i) for i, made in enumerate(points)]
    keys = [key(i) for i in range(len(points))]
    memory = Memory("s", version="v")
    memory.add(entries, "r")
    folder = tmp_path_factory.mktemp("store")
    store = Store(folder, "s", version="v")
    left = data.draw(st.permutations(entries))
    while left:
        size = data.draw(st.integers(1, len(left)))
        store.add(left[:size], "r")
        left = left[size:]
        if data.draw(st.booleans()):
            store.compact()
    expected = content(memory.table(keys))
    assert content(store.table(keys)) == content(Store(folder, "s", version="v").table(keys)) == expected
    store.compact()
    assert len(files(folder)) == 1 and content(store.table(keys)) == expected
    assert store.known() == memory.known() == {key(i): made if isinstance(made, str) else "ok" for i, made in enumerate(points)}
    shutil.rmtree(folder)


def test_types_are_decided_over_all_rows_and_absent_values_are_nan_or_empty_text(tmp_path):
    store = Store(tmp_path, "s")
    for entry in (
        ok(0, {"a": 1, "b": True, "w": "x", "i": 3}),
        ok(1, {"a": 2**53 + 1, "i": 4}),
        ok(2, {"a": 0.5, "b": False, "i": 5}),
    ):
        store.add([entry], "r")
    table = store.table([key(0), key(1), key(2)])
    assert table.column_names[:5] == ["n", "a", "b", "w", "i"]
    assert [str(kind) for kind in table.schema.types[:5]] == ["int64", "double", "double", "string", "int64"]
    assert table.column("a").to_pylist() == [1.0, 2.0**53, 0.5] and table.column("w").to_pylist() == ["x", "", ""]
    assert table.column("b").to_pylist()[::2] == [1.0, 0.0] and math.isnan(table.column("b")[1].as_py())


def test_a_failed_point_is_a_row_and_a_point_without_rows_is_finished_without_one(tmp_path):
    store = Store(tmp_path, "s")
    store.add([failed(0), ok(1), ok(2, {"gain": 2}, {"gain": 3})], "r")
    table = store.table([key(2), key(1), key(0), key(9)])
    assert table.column("n").to_pylist() == [2, 2, 0] and table.column("_row").to_pylist() == [0, 1, 0]
    assert (
        table.column("_error").to_pylist() == ["", "", "ValueError: 0"] and table.column("_traceback")[2].as_py() == "Traceback …"
    )
    assert np.array_equal(table.column("gain").to_numpy(), [2.0, 3.0, math.nan], equal_nan=True)
    assert Store(tmp_path, "s").known() == {key(0): "failed", key(1): "ok", key(2): "ok"}


def test_ok_beats_failed_beats_died_and_then_the_latest_counts(tmp_path):
    folders = [tmp_path / name for name in "ab"]
    order = [[failed(0), failed(1, "died"), ok(2, {"gain": 1})], [ok(0, {"gain": 5}), failed(1), ok(2, {"gain": 2})]]
    for folder, batches in zip(folders, (order, order[::-1]), strict=True):
        store = Store(folder, "s")
        for batch in batches:
            store.add(batch, "r")
        for _ in range(2):
            assert store.known() == Store(folder, "s").known() == {key(0): "ok", key(1): "failed", key(2): "ok"}
            latest = batches[1][2][3].rows[0]["gain"]
            gains = store.table([key(0), key(1), key(2)]).column("gain").to_pylist()
            assert gains[::2] == [5, latest] and math.isnan(gains[1])
            store.compact()


def test_a_column_that_mixes_kinds_is_an_error_that_names_it_and_loses_nothing(tmp_path):
    store = Store(tmp_path, "s")
    with pytest.raises(MixedColumn, match="'gain' must hold one kind of value; it holds numbers in some rows and text in others"):
        store.add([ok(0, {"gain": 1.0}), ok(1, {"gain": "much"}), ok(2, {"gain": 2})], "r")
    for again in (store, Store(tmp_path, "s")):
        assert set(again.known()) == {key(0), key(1), key(2)}
        with pytest.raises(MixedColumn, match="'gain'"):
            again.table()
        assert again.table([key(0), key(2)]).column("gain").to_pylist() == [1.0, 2.0]
        assert again.table([key(1)]).column("gain").to_pylist() == ["much"]
        again.compact()
    with pytest.raises(MixedColumn):
        store.add([ok(3, {"gain": True})], "r")


def test_a_point_whose_own_rows_mix_kinds_is_a_failed_one(tmp_path):
    store = Store(tmp_path, "s")
    store.add([ok(0, {"gain": 1.0}, {"gain": "x"}), ok(1, {"gain": 2.0}), ok(2, {"gain": 2**64})], "r")
    assert store.known() == {key(0): "failed", key(1): "ok", key(2): "failed"}
    assert "MixedColumn: column 'gain'" in store.table([key(0)]).column("_error")[0].as_py()
    assert "64 bits" in store.table([key(2)]).column("_error")[0].as_py()


def spoil_empty(path: Path) -> None:
    path.write_bytes(b"")


def spoil_truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def spoil_flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def spoil_text(path: Path) -> None:
    path.write_text("not a table at all")


@pytest.mark.parametrize("is_merged", [False, True], ids=["unit", "merged"])
@pytest.mark.parametrize("spoil", [spoil_empty, spoil_truncate, spoil_flip, spoil_text], ids=lambda spoil: spoil.__name__)
def test_a_damaged_file_is_set_aside_and_said_and_costs_only_its_own_points(tmp_path, spoil, is_merged):
    first = Store(tmp_path, "s")
    first.add([ok(0, {"gain": 0})], "r")
    first.add([ok(1, {"gain": 1})], "r")
    if is_merged:
        first.compact()
    spoiled = files(tmp_path)
    spoiled = spoiled if is_merged else spoiled[:1]
    first.add([ok(2, {"gain": 2})], "r")
    spoil(spoiled[0])
    with pytest.warns(DamagedPart, match=f"{spoiled[0].name}.*renamed {spoiled[0].name}.damaged. Its points run again"):
        store = Store(tmp_path, "s")
    assert len(store.known()) == (1 if is_merged else 2) and key(2) in store.known()
    assert not spoiled[0].exists() and Path(f"{spoiled[0]}.damaged").exists()
    assert set(store.table().column("gain").to_pylist()) <= {0, 1, 2}
    again = [number for number in range(3) if key(number) not in store.known()]
    store.add([ok(number, {"gain": number}) for number in again], "r")
    assert store.table([key(i) for i in range(3)]).column("gain").to_pylist() == [0, 1, 2]
    first._files.damaged |= {spoiled[0].name}
    assert first.table([key(i) for i in range(3)]).num_rows == 3


def test_damage_that_happens_while_a_store_is_open_is_seen_by_the_next_reading(tmp_path):
    store = Store(tmp_path, "s")
    store.add([ok(0, {"gain": 0})], "r")
    spoil_flip(files(tmp_path)[0])
    store.add([ok(1, {"gain": 1})], "r")
    with pytest.warns(DamagedPart):
        assert store.table([key(0), key(1)]).column("gain").to_pylist() == [1]
    assert store.known() == {key(1): "ok"}


def test_compaction_sets_a_damaged_file_aside_and_keeps_the_rest(tmp_path):
    store = Store(tmp_path, "s")
    for number in range(4):
        store.add([ok(number, {"gain": number})], "r")
    spoil_truncate(files(tmp_path)[1])
    with pytest.warns(DamagedPart):
        store.compact()
    assert len(files(tmp_path)) == 1 and len(files(tmp_path, "*.damaged")) == 1
    assert Store(tmp_path, "s").table().num_rows == 3


def test_files_that_are_not_the_stores_are_left_alone(tmp_path):
    foreign = {
        "notes.txt": b"mine",
        "part0-abc.parquet": b"PAR1",
        "other.parquet": b"not even that",
        "part0-" + "0" * 32 + ".parquet.bak": b"x",
    }
    for name, data in foreign.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "folder").mkdir()
    store = Store(tmp_path, "s")
    store.add([ok(0, {"gain": 0})], "r")
    store.add([ok(1, {"gain": 1})], "r")
    store.compact()
    assert store.table().num_rows == 2
    assert {name: (tmp_path / name).read_bytes() for name in foreign} == foreign


def test_a_store_of_a_later_schema_is_refused_with_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "VERSION", 2)
    Store(tmp_path, "s").add([ok(0, {"gain": 0})], "r")
    monkeypatch.undo()
    with pytest.raises(
        StoreError, match=r"version 2 of the schema 'w2s-theory/sweep-points'; this w2s-theory reads up to 1. Upgrade"
    ):
        Store(tmp_path, "s")
    assert len(files(tmp_path)) == 1


def test_values_that_look_like_the_stores_own_metadata_are_values(tmp_path):
    word = '{"schema": "w2s-theory/sweep-points/9", "keys": "AAAA", "statuses": "00"}'
    store = Store(tmp_path, word, version=word)
    store.add([(key(0), {word: word}, None, PointResult(0, "ok", [{"x": word + "é"}], 0.0))], word)
    again = Store(tmp_path, word, version=word)
    assert again.known() == {key(0): "ok"} and again.table().column("x").to_pylist() == [word + "é"]


def test_sweeps_and_versions_share_a_folder_without_touching_each_other(tmp_path):
    kinds = {("a", "v1"): 1, ("a", "v2"): 2.5, ("b", "v1"): "text"}
    for number, ((name, version), value) in enumerate(kinds.items()):
        for copy in range(3):
            Store(tmp_path, name, version=version).add([ok(10 * number + copy, {"gain": value})], "r")
    for _ in range(2):
        for (name, version), value in kinds.items():
            column = Store(tmp_path, name, version=version).table().column("gain")
            assert column.to_pylist() == [value] * 3 and type(column[0].as_py()) is type(value)
        assert Store(tmp_path, "a").table().num_rows == 6 and Store(tmp_path, "a", version="v2").versions() == {"v1": 3, "v2": 3}
        Store(tmp_path, "a").compact()
    assert len(files(tmp_path)) == 3


def test_many_units_are_merged_by_themselves_in_levels(tmp_path, monkeypatch):
    monkeypatch.setattr(compaction, "FAN", 4)
    store, other = (Store(tmp_path, "s", version="v") for _ in range(2))
    for number in range(70):
        (store if number % 3 else other).add([ok(number, {"gain": number})], "r")
        assert len(files(tmp_path, "part0-*")) <= 2 * 4
    assert len(files(tmp_path)) <= 12 and files(tmp_path, "part[23]-*")
    assert store.table([key(i) for i in range(70)]).column("gain").to_pylist() == list(range(70))
    other.refresh()
    assert other.known() == dict.fromkeys(map(key, range(70)), "ok")


def test_very_many_loose_units_are_merged_in_one_pass_before_they_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(compaction, "FAN", 99)
    store = Store(tmp_path, "s")
    for number in range(11):
        store.add([ok(number, {"gain": number if number % 2 else number + 0.5})], "r")
    monkeypatch.setattr(compaction, "FAN", 2)
    monkeypatch.setattr(compaction, "MOST", 4)
    listed, merged = [], []
    monkeypatch.setattr(
        compaction, "merge", lambda folder, names, level: merged.append(len(names)) or merge(folder, names, level)
    )
    monkeypatch.setattr(Folder, "size", lambda folder, name: listed.append(name) or 1)
    assert store.table([key(i) for i in range(11)]).column("gain").to_pylist()[:3] == [0.5, 1.0, 2.5]
    assert merged[:3] == [4, 4, 3] and len(files(tmp_path, "part0-*")) == 0
    assert len([name for name in listed if name.startswith("part0-")]) == 11  # each is looked at once


def test_compaction_leaves_large_files_as_they_are(tmp_path, monkeypatch):
    store = Store(tmp_path, "s")
    for number in range(4):
        store.add([ok(number, {"gain": number})], "r")
    size = max(path.stat().st_size for path in files(tmp_path))
    monkeypatch.setattr(compaction, "LARGEST", 2 * size + 1)
    store.compact()
    assert len(files(tmp_path)) == 2 and len(files(tmp_path, "part1-*")) == 2
    monkeypatch.setattr(compaction, "LARGEST", size)
    before = files(tmp_path)
    store.compact()
    assert files(tmp_path) == before and store.table().num_rows == 4


def test_left_overs_of_killed_processes_are_removed_when_they_are_old(tmp_path):
    store = Store(tmp_path, "s")
    for name, age in (("old", 2 * STALE_SECONDS), ("new", 0)):
        path = tmp_path / f".part0-{name}{TEMPORARY}"
        path.write_bytes(b"half")
        os.utime(path, (time.time() - age,) * 2)
    store.compact()
    assert [path.name for path in tmp_path.iterdir()] == [f".part0-new{TEMPORARY}"]


def test_the_statements_of_the_docstring_run_in_duckdb(tmp_path):
    store = Store(tmp_path / "gains", "s")
    point = [(key(i), {"lam": 0.5}, i, PointResult(0, "ok", [{"gain": gain}], 0.0)) for i, gain in enumerate((1, 2.5))]
    store.add(point[:1], "r")
    store.add([*point[1:], ok(2), failed(3)], "r")
    store.add(point[:1], "another run at the same time")
    statements = re.findall(r"SELECT .*?(?=\n\n)", Store.__doc__ or "", re.DOTALL)
    mean, distinct = (duckdb.sql(statement.replace("gains/", f"{tmp_path}/gains/")) for statement in statements)
    assert mean.fetchall() == [(0.5, (1 + 2.5 + 1) / 3)]
    found = distinct.project("gain, _status").order("gain").fetchall()
    assert found == [(1.0, "ok"), (2.5, "ok"), (None, "failed")]
    store.compact()
    assert duckdb.sql(statements[0].replace("gains/", f"{tmp_path}/gains/")).fetchall() == [(0.5, 1.75)]


def test_a_run_leaves_its_provenance_as_json(tmp_path):
    store = Store(tmp_path, "s", version="v")
    store.write_run("20260101-ab", {"wall_seconds": 1.5, "words": "é"})
    (tmp_path / "run-broken.json").write_text("{")
    written = json.loads((tmp_path / "run-20260101-ab.json").read_text())
    assert written["schema"] == "w2s-theory/sweep-run/1" and store.runs() == {"20260101-ab": written}
    assert (written["sweep"], written["version"], written["wall_seconds"], written["words"]) == ("s", "v", 1.5, "é")


def test_an_empty_store_has_an_empty_table_with_the_stores_columns(tmp_path):
    table = Store(tmp_path, "s").table()
    assert table.num_rows == 0 and {"_key", "_row", "_status", "_error", "_seconds"} <= set(table.column_names)
    assert Memory("s").table([key(1)]).num_rows == 0
