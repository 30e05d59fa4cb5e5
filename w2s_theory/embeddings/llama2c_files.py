"""The two files of a small Llama model in the format of llama2.c: the checkpoint's weights, and the pieces of its tokenizer.

Both are flat binary files, little-endian, and nothing in them is ever run. The checkpoint, its oldest layout: seven int32 (width, width
of the feed-forward part, layers, heads, key/value heads, pieces, longest text), then float32 arrays in the order of ``_shapes``. A
negative number of pieces says that the output head is not shared with the token embeddings and comes last. The tokenizer: the length of
the longest piece as int32, then for every piece a float32 score, an int32 length and the bytes. NumPy only. Reads files.

Source: karpathy/llama2.c, ``export.py`` (legacy_export), ``run.c`` and ``tokenizer.py``.
"""

from __future__ import annotations

import heapq
import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

#: The first pieces are unknown, start and end of text, and the 256 bytes: no letters of a text are ever joined to one of them.
START, BYTES, FIRST = 1, 3, 259
#: The base of the angles, which llama2.c has fixed in its code; tables made with it differ by rounding, with another by more than this.
THETA, ROUNDING = 10000.0, 1e-2
#: The newer layouts begin with this number ("ak42").
NEWER = 0x616B3432


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Sizes and weights of a checkpoint; ``weights`` by name, layers in front, as ``_shapes`` has them, float32."""

    width: int
    inner: int
    layers: int
    heads: int
    pairs: int
    pieces: int
    longest: int
    weights: dict[str, np.ndarray]


def _shapes(width: int, inner: int, layers: int, heads: int, pairs: int, pieces: int, longest: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the arrays in the order of the file; ``pairs`` is the number of key/value heads."""
    narrow, half = width // heads * pairs, width // heads // 2
    return {
        "embeddings": (pieces, width),
        "attention_norm": (layers, width),
        "query": (layers, width, width),
        "key": (layers, narrow, width),
        "value": (layers, narrow, width),
        "output": (layers, width, width),
        "inner_norm": (layers, width),
        "gate": (layers, inner, width),
        "down": (layers, width, inner),
        "up": (layers, inner, width),
        "norm": (width,),
        "cosines": (longest, half),
        "sines": (longest, half),
    }


def read_checkpoint(path: str | Path) -> Checkpoint:
    """The checkpoint in the file ``path``.

    Raises ``FileNotFoundError``, and ``ValueError`` naming the file for a newer layout, sizes that do not belong together, a length
    other than what the sizes ask for, weights that are not finite, or tables of angles of another base than ``THETA``.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there; it should hold a llama2.c checkpoint.")
    length = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(28)
        if len(head) < 28:
            raise ValueError(f"{path} must hold a llama2.c checkpoint; it ends after {len(head)} bytes. Copy it again.")
        sizes = struct.unpack("<7i", head)
        if sizes[0] == NEWER:
            raise ValueError(f"{path} must have the oldest layout of llama2.c; it has a newer one. Export it with --version 0.")
        width, inner, layers, heads, pairs, pieces, longest = sizes
        if (
            min(width, inner, layers, heads, pairs, abs(pieces), longest) < 1
            or width % heads
            or heads % pairs
            or width // heads % 2
        ):
            raise ValueError(
                f"{path} must begin with seven sizes that belong together (width a multiple of twice the heads, heads a multiple of the "
                f"key/value heads); it begins with {sizes}. Is it a llama2.c checkpoint?"
            )
        shapes = _shapes(width, inner, layers, heads, pairs, abs(pieces), longest)
        if pieces < 0:
            shapes["head"] = shapes["embeddings"]
        counts = [math.prod(shape) for shape in shapes.values()]
        if length != 28 + 4 * sum(counts):
            raise ValueError(
                f"{path} must have {28 + 4 * sum(counts)} bytes for a model of sizes {sizes}; it has {length}. Copy it again."
            )
        numbers = np.frombuffer(file.read(), dtype="<f4")
    if not np.all(np.isfinite(numbers)):
        raise ValueError(f"{path} must hold finite weights; {np.sum(~np.isfinite(numbers))} are not. Copy it again.")
    parts = np.split(numbers, np.cumsum(counts)[:-1])
    weights = {name: part.reshape(shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}
    turns = np.arange(longest)[:, None] / THETA ** (np.arange(width // heads // 2) / (width // heads // 2))
    if max(np.abs(weights["cosines"] - np.cos(turns)).max(), np.abs(weights["sines"] - np.sin(turns)).max()) > ROUNDING:
        raise ValueError(
            f"{path} must have the angles of the base {THETA:g}, as llama2.c computes them; its tables hold others. A model that was "
            "trained with another base can't be read from this layout."
        )
    return Checkpoint(width, inner, layers, heads, pairs, abs(pieces), longest, weights)


class Tokenizer:
    """Byte-pair encoding by scores: a text's characters, then the pair of neighbours whose joint piece scores highest is joined, and so on.

    Before the first character stands a space, and before that the start of the text. Characters that are no piece become their bytes.

    Raises ``ValueError`` naming the file when it is damaged or holds another number of pieces than ``count``.
    """

    def __init__(self, path: str | Path, count: int) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise FileNotFoundError(f"{self.path} is not there; it should hold the tokenizer of a llama2.c checkpoint.")
        self.pieces, scores = _pieces(self.path, count)
        known = range(FIRST, count)
        # Of pieces that are equal the first counts.
        self._number = {self.pieces[i]: i for i in reversed(known)}
        self._score = {self.pieces[i]: scores[i] for i in reversed(known)}
        # Words can be encoded one by one where no piece reaches from one into the next.
        self._by_words = not any(b" " in self.pieces[i][1:] for i in known)
        self._encode = lru_cache(maxsize=2**16)(self._joined)

    def encode(self, text: str) -> list[int]:
        """The numbers of the pieces of ``text``, the start of the text first; an empty text has no other."""
        if not text:
            return [START]
        text = " " + text
        parts = _words(text) if self._by_words else [text]
        return [START, *(number for part in parts for number in self._encode(part))]

    def _joined(self, text: str) -> tuple[int, ...]:
        parts = [
            piece
            for character in text
            for whole in [character.encode("utf-8", "surrogatepass")]
            for piece in ([whole] if whole in self._number else [bytes([byte]) for byte in whole])
        ]
        apart = [part not in self._number for part in parts]  # bytes are joined to nothing
        count = len(parts)
        after, before = list(range(1, count + 1)), list(range(-1, count - 1))
        # Neighbours that can be joined, the best first and of equals the leftmost, so that a text of n characters costs n log n. What
        # has changed since it was put there is passed over; a part that was joined to the one before it is empty.
        waiting: list[tuple[float, int, bytes, bytes]] = []

        def wait(left: int) -> None:
            right = after[left] if left >= 0 else count
            if right < count and not (apart[left] or apart[right]) and parts[left] + parts[right] in self._score:
                heapq.heappush(waiting, (-self._score[parts[left] + parts[right]], left, parts[left], parts[right]))

        for place in range(count - 1):
            wait(place)
        while waiting:
            _, left, first, second = heapq.heappop(waiting)
            right = after[left]
            if right == count or parts[left] != first or parts[right] != second:
                continue
            parts[left], parts[right] = first + second, b""
            after[left] = after[right]
            if after[left] < count:
                before[after[left]] = left
            wait(before[left])
            wait(left)
        return tuple(BYTES + part[0] if alone else self._number[part] for part, alone in zip(parts, apart, strict=True) if part)


def _words(text: str) -> Iterator[str]:
    """``text``, cut before every space."""
    start = 0
    while (end := text.find(" ", start + 1)) >= 0:
        yield text[start:end]
        start = end
    yield text[start:]


def _pieces(path: Path, count: int) -> tuple[list[bytes], list[float]]:
    """The bytes and the scores of ``count`` pieces."""
    raw = path.read_bytes()
    damaged = f"{path} must hold {count} pieces of a llama2.c tokenizer"
    pieces, scores, place = [], [], 4
    for i in range(count):
        if place + 8 > len(raw):
            raise ValueError(f"{damaged}; it ends within piece {i}. Copy it again.")
        score, length = struct.unpack_from("<fi", raw, place)
        place += 8 + length
        if length < 0 or place > len(raw) or not math.isfinite(score):
            raise ValueError(f"{damaged}; piece {i} has length {length} and score {score}. Copy it again.")
        pieces.append(raw[place - length : place])
        scores.append(score)
    if place != len(raw):
        raise ValueError(f"{damaged}; {len(raw) - place} bytes are left over. Is it another model's?")
    return pieces, scores
