"""What is checked when the saved state of a stream is read again. No arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..._validation import positive


def check_plain(plain: Mapping[str, Any], kind: str, needed: tuple[str, ...]) -> None:
    """Raise ``ValueError`` unless ``plain`` is a mapping of that ``kind`` with all ``needed`` entries."""
    if not isinstance(plain, Mapping) or plain.get("kind") != kind:
        found = plain.get("kind") if isinstance(plain, Mapping) else type(plain).__name__
        raise ValueError(f"the state must be of the kind {kind!r}; it is {found!r}. Was it saved by another stream?")
    missing = [name for name in needed if name not in plain]
    if missing:
        raise ValueError(
            f"the state must hold {', '.join(needed)}; {', '.join(missing)} is missing. It is damaged: start a new stream."
        )


def finite_number(name: str, value: Any) -> float:
    """``value`` as a finite float; raises ``ValueError`` otherwise."""
    return math.copysign(positive(name, abs(float(value)) if isinstance(value, (int, float)) else math.nan, strict=False), value)
