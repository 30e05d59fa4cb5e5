"""Points of a sweep: flat dictionaries of plain values, the seed that each one draws from and the key it is stored under."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Plain = str | int | float | bool | None
Params = dict[str, Any]

#: How a point's random draws follow from it, for provenance. The rule is part of every version: a change makes new points.
SEED_RULE = (
    "SeedSequence(SHA-256 of the JSON list [name, [[axis, value] for the seed axes]], with the seed at its end unless it is 0, "
    "as eight little-endian 32-bit words)"
)
_WHOLE = range(-(2**63), 2**63)
_sorted_json = json.JSONEncoder(sort_keys=True, ensure_ascii=True).encode


def plain(name: str, value: Any) -> Plain:
    """Return ``value`` as a plain Python value (NumPy scalars are unwrapped; None is a value that is absent).

    Raises ``TypeError`` for anything but str, int, float and bool, ``ValueError`` for what no table can hold: whole numbers beyond 64
    bits, strings that are not Unicode text.
    """
    if isinstance(value, np.generic):
        value = value.item()
    kind = type(value)
    if kind is float or kind is bool or value is None:
        return value
    if kind is int:
        if value not in _WHOLE:
            raise ValueError(f"{name!r} must fit 64 bits; it is {value}. Use a float, or a string.")
        return value
    if kind is str:
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"{name!r} must be Unicode text; {value!r} can't be encoded. Repair or escape it.") from error
        return value
    raise TypeError(
        f"{name!r} must be a str, int, float or bool; it is {_short(value)}. Convert it, or spread it over several columns."
    )


def point_seed(name: str, axes: Sequence[str], params: Mapping[str, Any], seed: int = 0) -> np.random.SeedSequence:
    """The seed of a point: a function of the sweep's name and seed and of the point's values on ``axes``, and of nothing else.

    Points that agree on ``axes`` share their draws. See ``SEED_RULE``.
    """
    words: list[Any] = [name, [[axis, plain(axis, params[axis])] for axis in axes]]
    if seed:
        words.append(seed)
    words_32 = np.frombuffer(hashlib.sha256(json.dumps(words).encode()).digest(), dtype="<u4")
    return np.random.SeedSequence(words_32.astype(np.uint32))  # type: ignore[arg-type]  # a list takes three times as long


def point_key(
    name: str, params: Mapping[str, Any], trial: int | None, seed: int, version: str, axes: Sequence[str] = ()
) -> bytes:
    """Sixteen bytes of what a point's rows depend on: the sweep's name, the point, what its draws are keyed by, and the code.

    The order of the axes within a point doesn't matter; that of the seed axes does, as it does for the draws.
    """
    words = _sorted_json([name, params, trial, seed, version, list(axes)])
    return hashlib.sha256(words.encode()).digest()[:16]


def _short(value: Any) -> str:
    shown = repr(value)
    return f"a {type(value).__name__}: {shown if len(shown) <= 60 else shown[:57] + '…'}"
