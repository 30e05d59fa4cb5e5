"""Extracted features on disk, under an address that says what they are: they are computed once, and an interrupted run goes on.

The address is the SHA-256 of the recipe as canonical JSON: what the extractor says determines its bytes, the digest of the texts, the size of
a shard and the version of this format. A folder of that name holds

    recipe.json          the recipe
    layer_0.npy …        one matrix (N, width) of float32 per layer, made at full size before the first text is read
    shards/00000.json    one entry per finished shard: its rows (begin and end from 0), the SHA-256 of its bytes in every layer, and how many
                         of its texts were cut off
    lock                 held by the process that extracts, and let go by the operating system when that process ends, however it ends

A shard is a range of rows. Its numbers are written into place and flushed to the disk; then its entry is written under another name,
flushed and renamed. Only the entry makes a shard count, so that a kill at any moment costs the open shard and nothing else, and rows
without an entry are written again. Whole layers in one file each: reading one never touches the others, a memory map of it is
contiguous, and nothing has to be assembled at the end, at twice the room. The room is reserved first, so that a full disk
shows before the first hour and not after it.

Numbers are float32, whatever precision the model ran in: float32 holds float16 and bfloat16 exactly, and means over tokens of
half-precision states need the digits.
"""

from __future__ import annotations

import inspect
import json
import os
import re
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from .._validation import whole
from .files import TEMPORARY, exclusively, layer_file, reserve, write_json, write_rows
from .stored import CorruptStore, Embeddings, address, digest_of_rows, read_recipe
from .texts import checked_texts

__all__ = ["FORMAT", "CorruptStore", "Embeddings", "Features", "cache_folder", "digest_of_texts", "embed"]

#: The version of the layout described above.
FORMAT = 1


class Features(Protocol):
    """What ``embed`` needs of an extractor: ``Extractor`` has it, and so has any object with these four.

    ``key`` is JSON and decides what ``extract`` returns: (n, number of layers, width) float32 for n texts. An ``extract`` that
    takes a keyword ``progress`` is given one, to be called with (texts done, texts to do). Where there is an attribute
    ``truncated``, the texts cut off so far, its growth is recorded with every shard.
    """

    @property
    def key(self) -> dict[str, Any]: ...
    @property
    def layers(self) -> tuple[int, ...]: ...
    @property
    def width(self) -> int: ...
    def extract(self, texts: Sequence[str]) -> np.ndarray: ...


def embed(
    texts: Sequence[str],
    extractor: Features,
    *,
    folder: str | Path | None = None,
    shard: int = 1024,
    progress: Callable[[int, int], None] | None = None,
    repair: bool = False,
) -> Embeddings:
    """The features of ``texts``, extracted where they are not stored yet, ``shard`` texts at a time.

    ``folder`` holds the stores, ``cache_folder()`` by default. What an earlier run finished is kept, so that the same call goes on
    after an interruption of any kind. ``progress(done, total)`` is called at the start, after every shard, and in between by an
    extractor whose ``extract`` takes ``progress``. ``repair`` compares all checksums first and extracts again what is damaged; without
    it damage is an error when its layer is read.

    The same texts, extractor and shard size give the same address, ``Embeddings.folder.name``.

    Raises ``TypeError`` for an extractor whose key is not plain JSON; ``ValueError`` for an empty text, features of another shape than
    the extractor promises, NaN or infinity in them; ``CorruptStore`` for damage; ``OSError`` for a disk that is full or can't be
    written, and ``BlockingIOError`` when another process is extracting into the same folder. Shards that were finished before stay.
    An error of the extractor has a note of the row of all texts.
    """
    shard = whole("shard", shard)
    texts = checked_texts("texts", texts, len(texts))
    if not texts:
        raise ValueError("texts must not be empty. Pass at least one text.")
    layers = tuple(int(layer) for layer in extractor.layers)
    recipe = {
        "format": FORMAT,
        "extractor": _plain_json(extractor.key),
        "layers": list(layers),
        "width": whole("extractor.width", extractor.width),
        "texts": {"count": len(texts), "sha256": digest_of_texts(texts)},
        "shard": shard,
    }
    home = (cache_folder() if folder is None else Path(folder)) / address(recipe)
    store = Embeddings(home, layers, recipe["width"], len(texts), shard)
    if not repair and (home / "recipe.json").is_file() and read_recipe(home) and len(store.finished()) == store.shards:
        for layer in layers:
            store.map(layer)
        if progress is not None:
            progress(len(texts), len(texts))
        return store
    with exclusively(home):
        _prepare(store, recipe, repair)
        _extract(store, texts, extractor, repair, progress)
    return store


def _prepare(store: Embeddings, recipe: dict[str, Any], repair: bool) -> None:
    """The recipe and room for every layer. Files that are there must fit, or are made again with ``repair``."""
    (store.folder / "shards").mkdir(exist_ok=True)
    for left in (*store.folder.glob(f".*{TEMPORARY}"), *(store.folder / "shards").glob(f".*{TEMPORARY}")):
        left.unlink()
    if repair or not (store.folder / "recipe.json").is_file():
        write_json(store.folder / "recipe.json", recipe)
    read_recipe(store.folder)
    begun = bool(store.finished())
    made: list[Path] = []
    try:
        for layer in store.layers:
            path = layer_file(store.folder, layer)
            if not _fits(store, layer, repair or not begun):
                reserve(path, (store.count, store.width))
                made.append(path)
    except OSError:
        for path in made:  # room for some layers is of no use
            path.unlink()
        raise


def _fits(store: Embeddings, layer: int, replaceable: bool) -> bool:
    """Whether the file of a layer is there and has the right size; raises ``CorruptStore`` where not, unless it is ``replaceable``."""
    try:
        store.map(layer)
    except CorruptStore:
        if replaceable:
            return False
        raise
    return True


def _extract(
    store: Embeddings, texts: Sequence[str], extractor: Features, repair: bool, progress: Callable[[int, int], None] | None
) -> None:
    finished = set(store.finished())
    if repair:
        for shard in sorted(finished):
            if not store.is_whole(shard):
                store.entry(shard).unlink()
                finished.discard(shard)
    done = sum(store.rows(shard).stop - store.rows(shard).start for shard in finished)
    if progress is not None:
        progress(done, store.count)
    reports = "progress" in inspect.signature(extractor.extract).parameters
    for shard in range(store.shards):
        if shard in finished:
            continue
        rows = store.rows(shard)
        options = {} if progress is None or not reports else {"progress": _from(done, store.count, progress)}
        before = getattr(extractor, "truncated", 0)
        try:
            features = np.asarray(extractor.extract(texts[rows], **options))
        except Exception as error:
            _say_which_rows(error, rows)
            raise
        _refuse_wrong(features, store, rows)
        _put(store, shard, features, getattr(extractor, "truncated", 0) - before)
        done += rows.stop - rows.start
        if progress is not None:
            progress(done, store.count)


def _put(store: Embeddings, shard: int, features: np.ndarray, truncated: int) -> None:
    """Write one shard into place, and then its entry."""
    rows, digests = store.rows(shard), {}
    for place, layer in enumerate(store.layers):
        block = np.ascontiguousarray(features[:, place, :], dtype="<f4")
        write_rows(layer_file(store.folder, layer), rows.start, block)
        digests[str(layer)] = digest_of_rows(block)
    write_json(store.entry(shard), {"rows": [rows.start, rows.stop], "sha256": digests, "truncated": int(truncated)})


def _say_which_rows(error: Exception, rows: slice) -> None:
    """Add to an extractor's error which rows of all texts it speaks of: it saw one shard, and counts from 1 there."""
    if not rows.start:
        return
    named = re.search(r"\brow (\d+)\b", str(error))
    which = f": row {named[1]} of it is row {rows.start + int(named[1])} of all texts" if named else ""
    error.add_note(f"This happened in the shard of rows {rows.start + 1} to {rows.stop} of all texts{which}.")


def _from(done: int, total: int, progress: Callable[[int, int], None]) -> Callable[[int, int], None]:
    """``progress`` of all texts out of that of one shard; its end is reported when the shard is stored."""
    return lambda now, end: progress(done + now, total) if now < end else None


def _refuse_wrong(features: np.ndarray, store: Embeddings, rows: slice) -> None:
    shape = (rows.stop - rows.start, len(store.layers), store.width)
    if features.shape != shape or features.dtype != np.float32:
        raise ValueError(
            f"the extractor must return float32 {shape} for {shape[0]} texts; it returned {features.dtype} {features.shape}."
        )
    if not np.isfinite(features).all():
        row, place, _ = np.argwhere(~np.isfinite(features))[0]
        raise ValueError(
            f"the features of the text in row {rows.start + row + 1} are not finite in layer {store.layers[place]}. Half precision "
            "overflows in some models: take bfloat16 or float32."
        )


def digest_of_texts(texts: Sequence[str]) -> str:
    """SHA-256 of the texts in order, each behind its length in bytes, so that no two lists share one: ["ab", "c"] and ["a", "bc"] differ."""
    digest = sha256()
    for text in texts:
        encoded = text.encode()
        digest.update(len(encoded).to_bytes(8, "little") + encoded)
    return digest.hexdigest()


def _plain_json(key: Any) -> Any:
    """An extractor's key, which must come back from JSON as it went there: no numbers as names, no tuples, no NumPy, no NaN."""
    try:
        back = json.loads(json.dumps(key, allow_nan=False))
        why = "it does not come back from JSON as it is: names must be strings, and sequences lists"
    except (TypeError, ValueError, RecursionError) as error:
        back, why = None, str(error)
    if not isinstance(key, dict) or back != key:
        raise TypeError(f"extractor.key must be a dict of plain JSON; it is {key!r} ({why}). Convert what is in it.")
    return back


def cache_folder() -> Path:
    """Where stores lie by default: ``$W2S_CACHE``, else ``~/.cache/w2s_theory``; raises ``ValueError`` where ~ has no meaning."""
    chosen = os.environ.get("W2S_CACHE") or "~/.cache/w2s_theory"
    try:
        return Path(chosen).expanduser()
    except RuntimeError as error:
        raise ValueError(
            f"the folder of features, {chosen}, needs a home folder, and there is none ({error}). Set W2S_CACHE to a folder, or pass "
            "one (folder=…, --cache)."
        ) from error
