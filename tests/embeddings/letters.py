"""A small extractor that is real and deterministic: counts of letters, through fixed random matrices. As a program, it stalls when told to."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from w2s_theory.embeddings import files, store

WIDTH, LAYERS = 6, (0, 1, 3)
#: Ten shards of two texts but for the last, of one.
TREES = ("ash", "birch", "cedar", "elm", "fir", "hazel", "ivy", "juniper", "larch", "maple")
TEXTS = tuple(f"{tree} number {k} of the texts" for k, tree in enumerate(TREES * 2))[:19]
SHARD = 2


class Letters:
    """Three layers of hyperbolic tangents over letter counts. ``calls`` has the first text of every ``extract``, as ``log`` has, a file."""

    layers, width = LAYERS, WIDTH

    def __init__(self, seed: int = 0, log: Path | None = None) -> None:
        rng = np.random.default_rng(seed)
        self.key: dict[str, Any] = {"kind": "letters", "seed": seed}
        self.matrices = [rng.standard_normal((64, WIDTH)), *rng.standard_normal((2, WIDTH, WIDTH))]
        self.calls: list[str] = []
        self.log = log

    def extract(self, texts: Sequence[str]) -> np.ndarray:
        self.calls.append(texts[0])
        if self.log is not None:
            with self.log.open("a") as file:
                file.write(f"{texts[0]}\n")
        states = np.array([np.bincount([ord(letter) % 64 for letter in text], minlength=64) / len(text) for text in texts])
        made = []
        for matrix in self.matrices:
            states = np.tanh(states @ matrix)
            made.append(states)
        return np.stack(made, axis=1).astype(np.float32)


def stall() -> None:
    """Say so, and wait for the end."""
    sys.stdout.write("stalled\n")
    sys.stdout.flush()
    time.sleep(120)


def main(folder: str, log: str, where: str, shard: int) -> None:
    """Extract into ``folder``, and stall in ``shard`` at ``where``: in the model, in the rows of a layer, or before the entry counts."""
    letters = Letters(log=Path(log))
    extract, write_rows, replace = letters.extract, store.write_rows, os.replace

    def slow_extract(texts: Sequence[str]) -> np.ndarray:
        made = extract(texts)
        if where == "model" and texts[0] == TEXTS[shard * SHARD]:
            stall()
        return made

    def torn_rows(path: Path, start: int, block: np.ndarray) -> None:
        if where == "rows" and start == shard * SHARD and path == files.layer_file(path.parent, 1):
            write_rows(path, start, block[:1] + 1.0)  # half of it, and not even right
            stall()
        write_rows(path, start, block)

    def late_replace(source: Path, target: Path) -> None:
        if where == "entry" and Path(target).name == f"{shard:05d}.json":
            stall()
        replace(source, target)

    letters.extract = slow_extract  # type: ignore[method-assign]
    store.write_rows, files.os.replace = torn_rows, late_replace
    store.embed(TEXTS, letters, folder=folder, shard=SHARD)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
