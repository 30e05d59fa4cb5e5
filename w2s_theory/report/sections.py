"""What a report is made of, and how a value looks in a table: numbers with the digits that are known, text made harmless."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np

from ..outcomes import Estimate

#: Significant digits of a number that comes without an interval.
DIGITS = 4
UNKNOWN = "–"
#: Characters that reorder the text around them.
_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True)
class Section:
    """One part of a report: a ``title``, plain ``text`` (an empty line starts a new paragraph), a table, a picture; all but the title optional.

    ``rows`` are mappings from a column's title to a cell: a str, int, float, bool, None, an ``Enum`` (its name is shown) or an
    ``Estimate`` (shown as "value [low, high]"); columns stand in order of first appearance. ``picture`` draws into the matplotlib axes
    it is called with, or is the bytes of a PNG; ``caption`` says in a sentence what it shows, below it and to those who can't see it
    (default: the title).
    """

    title: str
    text: str = ""
    rows: Iterable[Mapping[str, Any]] = ()
    picture: Callable[[Any], object] | bytes | None = None
    caption: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", tuple(self.rows))  # a generator would be empty for the second writer

    def columns(self) -> list[str]:
        """The titles of the columns, in order of first appearance."""
        return list(dict.fromkeys(name for row in self.rows for name in row))


def interval(value: float, low: float, high: float, *, level: float = 0.95) -> Estimate:
    """A cell that is shown as "value [low, high]"; NaN ends mean that no interval is known, and the value is shown alone.

    Raises ``ValueError`` when low > high.
    """
    if math.isnan(low) or math.isnan(high):
        return Estimate(float(value), level=level)
    return Estimate(float(value), low=float(low), high=float(high), level=level)


def shown(value: Any) -> tuple[str, bool]:
    """How a cell looks, and whether it is a number (which a table sets to the right).

    An interval decides the digits of its value: half its width is known to two. Other numbers have ``DIGITS`` significant ones, a
    whole number all of its own. None and NaN are "–". Raises ``TypeError`` for what is not one of the kinds of cell.
    """
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        value = value.item()
    if value is None:
        return UNKNOWN, True
    if isinstance(value, Enum):
        return value.name, False
    if isinstance(value, bool):
        return ("yes" if value else "no"), False
    if isinstance(value, int):
        return _signed(f"{value:,}".replace(",", "\u202f") if abs(value) >= 10_000 else str(value)), True
    if isinstance(value, float):
        return _number(value), True
    if isinstance(value, Estimate):
        return _estimate(value), True
    if isinstance(value, str):
        return harmless(value), False
    raise TypeError(f"a cell must be a str, a number, an Enum, an Estimate or None; it is {value!r}. Convert it first.")


def harmless(text: str) -> str:
    """``text`` without control characters (line ends aside), characters that reorder others, and halves of surrogate pairs."""
    kept = (
        "\ufffd" if c in _REORDERING or (unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t") else c
        for c in text.replace("\r\n", "\n")
    )
    return "".join(kept)


def _number(value: float) -> str:
    if math.isnan(value):
        return UNKNOWN
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0.0:
        return "0"
    if not 1e-4 <= abs(value) < 1e6:
        return _signed(f"{value:.{DIGITS - 1}e}")
    return _fixed(value, max(0, DIGITS - 1 - math.floor(math.log10(abs(value)))))


def _estimate(estimate: Estimate) -> str:
    half = (estimate.high - estimate.low) / 2.0
    if not math.isfinite(half):
        ends = f"{_number(estimate.low)}, {_number(estimate.high)}"
        return _number(estimate.value) if math.isnan(half) else f"{_number(estimate.value)} [{ends}]"
    if half == 0.0:
        return _number(estimate.value)
    if half < 1e-6 or abs(estimate.value) >= 1e6:
        return f"{_number(estimate.value)} [{_number(estimate.low)}, {_number(estimate.high)}]"
    places = max(0, 1 - math.floor(math.log10(half)))
    return f"{_fixed(estimate.value, places)} [{_fixed(estimate.low, places)}, {_fixed(estimate.high, places)}]"


def _fixed(value: float, places: int) -> str:
    return _signed(f"{value:z.{places}f}")


def _signed(text: str) -> str:
    return text.replace("-", "−")
