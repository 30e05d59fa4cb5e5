"""Stored features, read: whole layers as memory maps, compared with their checksums. ``store`` says how they lie on the disk."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from .files import layer_file


class CorruptStore(ValueError):
    """A store does not hold what its recipe and its entries say; the message names the file and the rows."""


@dataclass(frozen=True, eq=False)
class Embeddings:
    """The finished features of N texts: ``layer(k)`` is (N, width) for every k of ``layers``; ``len()`` is N. ``open`` reads a folder."""

    folder: Path
    layers: tuple[int, ...]
    width: int
    count: int
    shard: int
    _verified: set[int] = field(default_factory=set, repr=False)

    @classmethod
    def open(cls, folder: str | Path) -> Embeddings:
        """The store in ``folder``, which must be complete; no extractor is needed.

        Raises ``FileNotFoundError``, ``CorruptStore`` for a recipe that is not that of the folder's name, and ``ValueError`` for a
        store whose extraction has not ended.
        """
        folder = Path(folder)
        recipe = read_recipe(folder)
        store = cls(folder, tuple(recipe["layers"]), recipe["width"], recipe["texts"]["count"], recipe["shard"])
        done = store.finished()
        if len(done) < store.shards:
            raise ValueError(
                f"{folder} is not finished: it holds {len(done)} of {store.shards} shards. Run the extraction again: it goes on from there."
            )
        for layer in store.layers:
            store.map(layer)
        return store

    def __len__(self) -> int:
        return self.count

    @property
    def shards(self) -> int:
        """How many shards there are."""
        return -(-self.count // self.shard)

    def rows(self, shard: int) -> slice:
        """The rows of a shard."""
        return slice(shard * self.shard, min((shard + 1) * self.shard, self.count))

    def layer(self, k: int) -> np.ndarray:
        """The features of layer ``k``: a read-only, contiguous memory map (N, width) of float32.

        The first call reads the layer once to compare its checksums; the other layers are not read. Raises ``ValueError`` for a layer that
        was not extracted and ``CorruptStore`` where bytes are not those that were written.
        """
        if k not in self.layers:
            raise ValueError(
                f"layer must be one of {', '.join(map(str, self.layers))}; it is {k!r}. Extract it, or choose one of these."
            )
        k = self.layers[self.layers.index(k)]  # 1.0 is 1, and the name of a file
        if k not in self._verified:
            array = self.map(k)
            for shard in range(self.shards):
                self._compare(shard, k, array)
            self._verified.add(k)
        return self.map(k)

    def verify(self) -> None:
        """Compare the checksums of every layer; raises ``CorruptStore``."""
        for k in self.layers:
            self.layer(k)

    @property
    def truncated(self) -> int:
        """How many texts were cut off because the model takes no longer ones; 0 too for an extractor that does not count them."""
        return sum(self._recorded(shard).get("truncated", 0) for shard in range(self.shards))

    def entry(self, shard: int) -> Path:
        """The file that makes a shard count."""
        return self.folder / "shards" / f"{shard:05d}.json"

    def finished(self) -> list[int]:
        """The shards that count."""
        return [shard for shard in range(self.shards) if self.entry(shard).is_file()]

    def map(self, layer: int) -> np.memmap:
        """The file of a layer as a memory map; its size and type are compared, its checksums are not."""
        path = layer_file(self.folder, layer)
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except FileNotFoundError:
            raise corrupt(f"{path} is missing") from None
        except (ValueError, EOFError) as error:
            raise corrupt(f"{path} is cut off or not an .npy file ({error})") from error
        if not isinstance(array, np.memmap):  # an archive under the name of an array
            raise corrupt(f"{path} is not an .npy file")
        if array.shape != (self.count, self.width) or array.dtype != np.dtype("<f4"):
            raise corrupt(f"{path} must hold float32 ({self.count}, {self.width}); it holds {array.dtype} {array.shape}")
        surplus = path.stat().st_size - array.offset - array.nbytes
        if surplus:
            raise corrupt(f"{path} is too long, by {surplus} bytes")
        return array

    def is_whole(self, shard: int) -> bool:
        """Whether a shard has its checksum in every layer."""
        try:
            for layer in self.layers:
                self._compare(shard, layer, self.map(layer))
        except CorruptStore:
            return False
        return True

    def _compare(self, shard: int, layer: int, array: np.ndarray) -> None:
        """Raise unless the bytes of a shard in a layer are those that its entry has the checksum of."""
        rows = self.rows(shard)
        if digest_of_rows(array[rows]) != self._recorded(shard)["sha256"].get(str(layer)):
            raise corrupt(
                f"shard {shard} (rows {rows.start + 1} to {rows.stop}, counted from 1) of {layer_file(self.folder, layer)} is not what was "
                "written: its checksum is another"
            )

    def _recorded(self, shard: int) -> dict[str, Any]:
        """The entry of a shard, which must be of its rows."""
        path, rows = self.entry(shard), self.rows(shard)
        try:
            entry = json.loads(path.read_bytes())
            begin_and_end, digests, truncated = entry["rows"], entry["sha256"], entry.get("truncated", 0)
            if not isinstance(digests, dict) or not isinstance(truncated, int):
                raise TypeError("sha256 must be an object, truncated a whole number")
        except FileNotFoundError:
            raise corrupt(f"{path} is missing: shard {shard} does not count") from None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise corrupt(f"{path} is not the entry of a shard ({error!r})") from error
        if begin_and_end != [rows.start, rows.stop]:
            raise corrupt(f'{path} must say "rows": [{rows.start}, {rows.stop}]; it says {begin_and_end}')
        return entry


def read_recipe(folder: Path) -> dict[str, Any]:
    """The recipe of a store; raises unless its address is the name of the folder."""
    path = folder / "recipe.json"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there: {folder} is not a store of embeddings, or it is damaged. Extract again.")
    try:
        recipe = json.loads(path.read_bytes())
        found = address(recipe)
    except (ValueError, RecursionError) as error:
        raise corrupt(f"{path} is not JSON ({error})") from error
    if found != folder.name:
        raise corrupt(
            f"{path} is not the recipe of this folder: its address is {found}. The file was changed, or the folder renamed"
        )
    return recipe


def corrupt(what: str) -> CorruptStore:
    """The error for ``what`` is damaged, with the way out."""
    return CorruptStore(f"{what}. Extract it again with repair=True (w2s embed … --repair), which keeps what is whole.")


def digest_of_rows(block: np.ndarray) -> str:
    """SHA-256 of the bytes of a matrix, row by row."""
    return sha256(np.ascontiguousarray(block).data).hexdigest()


def address(recipe: Any) -> str:
    """SHA-256 of a recipe as canonical JSON: sorted keys, no spaces, no NaN."""
    return sha256(json.dumps(recipe, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()).hexdigest()
