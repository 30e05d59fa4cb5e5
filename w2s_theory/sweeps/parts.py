"""One file of a store: its name, its bytes, and how its keys are found without parsing it.

``part<level>-<digest>.parquet``: level 0 is a finished unit, higher ones were merged; the digest is the start of the SHA-256
of the bytes, so that damage is seen. The Parquet metadata has one entry of ours, JSON: the schema, the sweep and the version of its code,
and in a unit the keys and statuses of its points, which a search of the bytes finds a hundred times faster than a Parquet reader.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from binascii import a2b_base64, a2b_hex, b2a_base64
from collections.abc import Iterator
from typing import Any, NamedTuple

from . import rows, tables

#: What the files hold; the number goes up when a reader of this version could misread them.
SCHEMA, VERSION = "w2s-theory/sweep-points", 1
_ENTRY = "w2s_theory"
_NAME = re.compile(r"part(\d+)-([0-9a-f]{32})\.parquet")
_START = f'{{"schema": "{SCHEMA}/'.encode()
_STATES, _KEYS = b', "statuses": "', b'", "keys": "'
_SCHEMA = f"{SCHEMA}/{VERSION}"
_STATUSES = tuple(tables.RANKS)
_KEY = 16
_TEXT = ("_status", "_run", "_version", "_sweep", "_error", "_traceback")


class Damaged(ValueError):
    """The bytes of a part are not those that were written."""


class NewerSchema(ValueError):
    """A part was written by a later version of this library."""


class Point(NamedTuple):
    """What resuming needs to know of a finished point."""

    status: str
    version: str
    sweep: str


def level(name: str) -> int | None:
    """The level in the name of a part: 0 for a unit, higher for merged ones; None for any other file."""
    match = _NAME.fullmatch(name)
    return int(match[1]) if match else None


def is_unit(name: str) -> bool:
    """Whether the part ``name`` was not merged yet."""
    return name.startswith("part0-")


def at_level(name: str, level: int) -> str:
    """The name of the same part on another level."""
    return f"part{level}-{name.partition('-')[2]}"


def encoded(table: Any, sweep: str, version: str, level: int) -> tuple[str, bytes]:
    """The file name and the bytes of a part that holds ``table``: whole points of one sweep and version, one after another."""
    import pyarrow
    from pyarrow import parquet

    about: dict[str, Any] = {"schema": f"{SCHEMA}/{VERSION}", "sweep": sweep, "version": version, "orders": rows.orders_of(table)}
    if level == 0:
        found = list(points_of(table, sweep, version))
        about["statuses"] = bytes(_STATUSES.index(point.status) for _, point in found).hex()
        about["keys"] = b2a_base64(b"".join(key for key, _ in found), newline=False).decode()
    dictionaries: Any = [name for name in _TEXT if level] or False
    sink = pyarrow.BufferOutputStream()
    with parquet.ParquetWriter(
        sink,
        table.schema.remove_metadata(),
        store_schema=False,
        use_dictionary=dictionaries,
        compression="snappy" if level else "none",
        write_statistics=bool(level),
    ) as writer:
        writer.write_table(table.replace_schema_metadata())
        writer.add_key_value_metadata({_ENTRY: json.dumps(about)})
    data = sink.getvalue().to_pybytes()
    return f"part{level}-{_digest(data)}.parquet", data


def points(name: str, data: bytes) -> Iterator[tuple[bytes, Point]]:
    """Key and state of each point of a part. Raises ``Damaged`` and ``NewerSchema``."""
    about, lists = _about(name, data)
    sweep, version = about["sweep"], about["version"]
    if not lists:
        return points_of(_table(data, ["_key", "_row", "_status"]), sweep, version)
    statuses, _, keys = lists.partition(_KEYS)
    return zip(_split(a2b_base64(keys)), map(_states(version, sweep).__getitem__, a2b_hex(statuses)), strict=True)


def points_of(table: Any, sweep: str, version: str) -> Iterator[tuple[bytes, Point]]:
    """Key and state of each point of a table of whole points."""
    import pyarrow

    compute = tables.compute_module()
    heads = table.filter(compute.less_equal(table.column("_row"), 0)).combine_chunks()
    keys = heads.column("_key").cast(pyarrow.binary()).combine_chunks()
    words = compute.dictionary_encode(heads.column("_status")).combine_chunks()
    states = [Point(status, version, sweep) for status in words.dictionary.to_pylist()]
    of_points = map(states.__getitem__, words.indices.to_numpy().tolist())
    return zip(_split(keys.buffers()[2].to_pybytes() if len(keys) else b""), of_points, strict=True)


@functools.lru_cache(maxsize=64)
def _states(version: str, sweep: str) -> tuple[Point, ...]:
    """The states that a unit's points can be in, by their number: the same objects for every unit."""
    return tuple(Point(status, version, sweep) for status in _STATUSES)


def _split(keys: bytes) -> Iterator[bytes]:
    return (keys[start : start + _KEY] for start in range(0, len(keys), _KEY))


def whole(name: str, data: bytes) -> tuple[tuple[str, str], Any]:
    """Sweep and version of a part, and its rows. Raises ``Damaged`` and ``NewerSchema``."""
    about, _ = _about(name, data)
    return (about["sweep"], about["version"]), rows.with_orders(_table(data, None), about["orders"])


def table(name: str, data: bytes, *, sweep: str, version: str | None) -> Any:
    """The rows of a part; None when it is of another sweep, or of another version than a given one. Raises as ``whole``."""
    about, _ = _about(name, data)
    if about["sweep"] != sweep or version not in (None, about["version"]):
        return None
    return rows.with_orders(_table(data, None), about["orders"])


def _table(data: bytes, columns: list[str] | None) -> Any:
    import pyarrow
    from pyarrow import parquet

    file = parquet.ParquetFile(pyarrow.BufferReader(data))
    return file.read(columns, use_threads=False)


def _about(name: str, data: bytes) -> tuple[dict[str, Any], bytes]:
    """Our entry of the metadata without a unit's lists, and these; it stands behind all values, so that no value can pass for it.

    Raises ``Damaged`` when the bytes are not those that were written, and ``NewerSchema``.
    """
    if name[-40:-8] != _digest(data):
        raise Damaged(f"{name} is damaged: its {len(data)} bytes are not those that were written")
    start = data.rfind(_START)
    middle = data.find(_STATES, start)  # within texts of the entry quotes are escaped
    try:
        if middle < 0:
            about, lists = _parsed(data[start:]), b""
        else:
            about, lists = _parsed(data[start:middle] + b"}"), data[middle + len(_STATES) : data.index(b'"}', middle)]
        version = VERSION if about["schema"] == _SCHEMA else int(about["schema"].rpartition("/")[2])
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged(f"{name} is not a part of a sweep: its metadata do not say what it holds") from error
    if version > VERSION:
        raise NewerSchema(
            f"{name} has version {version} of the schema {SCHEMA!r}; this w2s-theory reads up to {VERSION}. Upgrade w2s-theory, "
            "or use another folder."
        )
    return about, lists


@functools.lru_cache(maxsize=64)
def _parsed(words: bytes) -> dict[str, Any]:
    """The object that ``words`` begin with; it is the same in all units of a run."""
    return json.JSONDecoder().raw_decode(words.decode("latin-1"))[0]


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]
