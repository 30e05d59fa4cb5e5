"""Tables of rows, which most experiments cut the same way; and the level of one interval among several that decide one line of the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from w2s_theory.montecarlo import mean_estimate

#: Below this many independent trials an interval decides nothing: rates are discrete, and two or three of them often coincide.
FEWEST = 5


def pick(table: Mapping[str, np.ndarray], **values: Any) -> dict[str, np.ndarray]:
    """The rows whose columns have these values."""
    rows = np.ones(len(next(iter(table.values()))), dtype=bool)
    for name, value in values.items():
        rows &= table[name] == value
    return {name: column[rows] for name, column in table.items()}


def part(table: Mapping[str, np.ndarray], name: str, **values: Any) -> dict[str, np.ndarray]:
    """The rows of one part, and of ``values`` among them."""
    return pick(table, part=name, **values)


def joint(comparisons: int, *, level: float = 0.95) -> float:
    """The level of each of ``comparisons`` intervals that together cover with at least ``level`` (Bonferroni)."""
    return 1.0 - (1.0 - level) / comparisons


def told(values: np.ndarray, *, level: float = 0.95) -> int:
    """1 or −1 where the Student-t interval of the mean of ``values`` (n,) leaves out 0, else 0; 0 for fewer than ``FEWEST``, or all alike."""
    values = np.asarray(values, dtype=np.float64)
    if len(values) < FEWEST or np.ptp(values) == 0.0:
        return 0
    estimate = mean_estimate(values, level=level)
    return int(estimate.low > 0.0) - int(estimate.high < 0.0)
