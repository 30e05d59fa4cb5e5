"""``--json``: one object on standard output that says which schema it keeps to."""

from __future__ import annotations

import json
from typing import Any

from ..schemas import schema


def print_json(name: str, content: Any) -> None:
    """Print ``content``, a mapping or a dataclass, as one JSON object; its first key says which schema of ``w2s_theory.schemas``, in which
    version.

    Arrays become lists, dataclasses objects, NaN and ±infinity null. Nothing is printed if something in it can't be said in JSON
    (``TypeError`` that names the key).
    """
    from ..report.writing import json_ready

    plain = {"schema": schema(name)["$id"], **json_ready(content)}
    print(json.dumps(plain, indent=2, allow_nan=False))
