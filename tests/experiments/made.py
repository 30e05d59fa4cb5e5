"""Tables of experiments, made to come out otherwise, and what is said of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import numpy as np

from experiments._ledger import Finding

Table = Mapping[str, np.ndarray]


def changed(table: Table, change: Callable[[np.ndarray], Any], column: str = "value", **where: Any) -> dict[str, np.ndarray]:
    """The table with ``change`` of a column in the rows whose columns have the values ``where``, or one of them."""
    rows = np.all([np.isin(table[name], value) for name, value in where.items()], axis=0)
    return {**table, column: np.where(rows, change(table[column]), table[column])}


def changed_part(table: Table, part: str, **columns: Callable[[Table], Any]) -> dict[str, np.ndarray]:
    """The table with columns of one part replaced, each by what its change makes of the whole table."""
    rows = table["part"] == part
    return {**table, **{name: np.where(rows, change(table), table[name]) for name, change in columns.items()}}


def finding(experiment: ModuleType, table: Table, words: str) -> Finding:
    """The one finding whose claim holds these words."""
    (found,) = [each for each in experiment.findings(table) if words in each.claim]
    return found


def statuses(experiment: ModuleType, table: Table) -> list[str]:
    """The status of every finding."""
    return [each.status for each in experiment.findings(table)]
