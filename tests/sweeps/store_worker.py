"""What the processes do that the tests of the store start, starve and kill: ``python store_worker.py TASK FOLDER [NUMBER]``."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import resource
import signal
import sys
import time
from pathlib import Path

from w2s_theory.sweeps import compaction
from w2s_theory.sweeps.store import Store, StoreError
from w2s_theory.sweeps.units import PointResult

POINTS = 400
ACTIONS = 60


def key(number: int) -> bytes:
    return hashlib.md5(b"%d" % number).digest()


def entry(number: int, rows: int = 1):
    made = [{"gain": float(number), "word": hashlib.sha512(b"%d %d" % (number, row)).hexdigest()} for row in range(rows)]
    return key(number), {"n": number}, None, PointResult(0, "ok", made, 0.01)


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")


def load(folder: str) -> None:
    """Import whatever a store needs, which takes a second, and is not open to every user."""
    store = Store(f"{folder} of something else", "s")
    store.add([entry(0)], "r")
    store.add([entry(1)], "r")
    store.compact()
    store.table()


def limit(size: int) -> None:
    """No file may grow beyond ``size`` bytes from now on: what a full disk is, for this process."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def full_disk(folder: str) -> None:
    """Say what adding and compacting do when there is room for small files only."""
    store = Store(folder, "s")
    for number in range(10):
        store.add([entry(number)], "r")
    limit(max(path.stat().st_size for path in Path(folder).glob("part*")) + 500)
    for attempt in (
        lambda: store.add([entry(100, rows=50)], "r"),
        store.compact,
        lambda: store.write_run("r", {"x": "y" * 9999}),
    ):
        try:
            attempt()
        except StoreError as error:
            say(error)
    compaction.FAN = 4
    for number in range(10, 14):  # there is room for units still; merging them by itself fails, which must not matter
        store.add([entry(number)], "r")


def unprivileged(folder: str) -> None:
    """Say what a process does that may read the folder but not write there."""
    load(folder)
    if os.getuid() == 0:
        os.setgid(65534)
        os.setuid(65534)
    store = Store(folder, "s")
    say(store.table().num_rows, len(store.known()))
    for attempt in (lambda: store.write_run("r", {}), lambda: store.add([entry(100)], "r"), store.compact):
        try:
            attempt()
        except StoreError as error:
            say(error)


def contend(folder: str, seed: str) -> None:
    """Add, refresh, read and compact in random order beside other processes that do the same with the same points."""
    rng = random.Random(int(seed))
    compaction.FAN = 6
    store = Store(folder, "s", version="v")
    own: set[int] = set()
    for _ in range(ACTIONS):
        action = rng.random()
        if action < 0.75:
            numbers = rng.sample(range(POINTS), rng.randint(1, 4))
            store.add([entry(number, rows=number % 3) for number in numbers], f"run {seed}")
            own |= set(numbers)
        elif action < 0.85:
            store.compact()
        elif action < 0.95:
            store.refresh()
            assert {key(number) for number in own} <= store.known().keys()
        elif own:
            wanted = sorted(own)
            table = store.table([key(number) for number in wanted])
            assert table.column("n").to_pylist() == [number for number in wanted for _ in range(number % 3)]
    say(*sorted(own))


def kill_again_and_again(folder: str, seed: str) -> None:
    """Fork a writer, kill it at a random moment, twenty times; print the points that it had been told were kept."""
    rng = random.Random(int(seed))
    compaction.FAN = 5
    load(folder)
    for life in range(20):
        said, heard = os.pipe()
        child = os.fork()
        if child == 0:
            with contextlib.suppress(BaseException):
                store = Store(folder, "s")
                for number in range(1000 * life, 1000 * life + 1000):
                    store.add([entry(number, rows=number % 3)], f"life {life}")
                    os.write(heard, b"%d\n" % number)
                    if number % 7 == 6:
                        store.compact()
            os._exit(1)
        os.close(heard)
        time.sleep(rng.uniform(0.01, 0.25))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        with os.fdopen(said, "rb") as pipe:
            say(pipe.read().decode())


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
