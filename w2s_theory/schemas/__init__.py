"""JSON Schemas (draft 2020-12) of what the library writes for programs: ``schema("verify")`` is that of ``w2s verify --json``.

A schema has a name with a version, such as ``w2s-theory/verify/1``: its ``$id``, and the key ``schema`` of every output that keeps
to it. The number goes up when a reader of the old output could go wrong: a key is removed or renamed, means something else, has
another type or unit, or may be absent or null where it could not be before. A key that is new leaves the number as it is, so that
readers should pass over keys that they don't know; the schema here knows all that this version of the library writes.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Any


def schema(name: str) -> dict[str, Any]:
    """The schema called ``name``; ``names`` lists them. Raises ``KeyError`` with these names for an unknown one.

    >>> schema("verify")["$id"]
    'w2s-theory/verify/1'
    """
    known = names()
    if name not in known:
        raise KeyError(f"no schema is called {name!r}; there are {', '.join(known)}.")
    return json.loads((resources.files(__name__) / f"{name}.json").read_text(encoding="utf-8"))


def names() -> tuple[str, ...]:
    """The names of all schemas, without versions, sorted."""
    return tuple(
        sorted(file.name.removesuffix(".json") for file in resources.files(__name__).iterdir() if file.name.endswith(".json"))
    )
