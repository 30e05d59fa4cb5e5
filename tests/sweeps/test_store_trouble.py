"""The store among full disks, folders that can't be written, other processes and kill -9: real processes, real limits."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.sweeps.store_worker import entry, key
from w2s_theory.sweeps.store import Store, StoreError

WORKER = Path(__file__).with_name("store_worker.py")
ROOT = Path(__file__).parents[2]


def started(*arguments: object) -> subprocess.Popen[str]:
    words = [sys.executable, str(WORKER), *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=ROOT)


def output(process: subprocess.Popen[str]) -> str:
    words, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return words


def test_a_full_disk_is_said_and_loses_nothing_while_writing_a_unit_a_merged_file_and_a_run(tmp_path):
    unit, merged, run = output(started("full_disk", tmp_path)).splitlines()
    assert "part0-" in unit and "run-r.json" in run
    for message in (unit, merged, run):
        assert message.startswith(f"could not write {tmp_path}")
        assert (
            "no room is left there. Free some, or use another folder" in message
            and "10 finished points that it holds are kept" in message
        )
    assert len(list(tmp_path.iterdir())) == len(list(tmp_path.glob("part0-*"))) == 14, "half-written files must not stay"
    assert Store(tmp_path, "s").table().column("n").to_pylist() == [
        int(n) for n in Store(tmp_path, "s").table().column("gain").to_pylist()
    ]
    assert len(Store(tmp_path, "s").known()) == 14


def test_a_read_only_folder_can_be_read_and_every_writing_says_why_it_fails():
    folder = Path(tempfile.mkdtemp())  # not pytest's folder, which no other user may enter
    try:
        folder.chmod(0o755)
        inner = folder / "store"
        made = Store(inner, "s")
        for number in range(3):
            made.add([entry(number)], "r")
        inner.chmod(0o555)
        counts, *messages = output(started("unprivileged", inner)).splitlines()
        assert counts == "3 3" and len(messages) == 3
        for message in messages:
            assert "Permission denied. Repair that, or use another folder" in message and "3 finished points" in message
        inner.chmod(0o755)
        assert len(list(inner.iterdir())) == 3
    finally:
        shutil.rmtree(folder)


def test_a_folder_that_can_not_be_is_refused_at_once(tmp_path):
    (tmp_path / "file").write_text("mine")
    for folder in (tmp_path / "file", tmp_path / "file" / "store"):
        with pytest.raises(StoreError, match=f"could not write {folder}: .*use another folder"):
            Store(folder, "s")
    assert (tmp_path / "file").read_text() == "mine"


def test_three_processes_that_add_read_and_compact_at_once_lose_and_double_nothing(tmp_path):
    processes = [started("contend", tmp_path, seed) for seed in range(3)]
    added = sorted(set().union(*(set(map(int, output(process).split())) for process in processes)))
    assert len(added) > 50
    for _ in range(2):
        store = Store(tmp_path, "s", version="v")
        assert store.known() == {key(number): "ok" for number in added}
        table = store.table([key(number) for number in added])
        assert table.column("n").to_pylist() == [number for number in added for _ in range(number % 3)]
        assert table.column("gain").to_pylist() == table.column("n").to_pylist()
        store.compact()
    assert len(list(tmp_path.iterdir())) == 1


def test_what_was_kept_stays_kept_when_the_process_is_killed_at_random_moments(tmp_path):
    told = [int(word) for word in output(started("kill_again_and_again", tmp_path, 7)).split()]
    assert len(told) > 50
    store = Store(tmp_path, "s")
    known = store.known()
    assert {key(number) for number in told} <= known.keys() and len(known) <= len(told) + 20
    table = store.table([key(number) for number in told])
    assert table.column("n").to_pylist() == [number for number in told for _ in range(number % 3)]
    store.compact()
    assert len(list(tmp_path.glob("part*"))) == 1 and store.known() == known
