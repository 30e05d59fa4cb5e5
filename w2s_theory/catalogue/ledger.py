"""What the committed ledger of a checkout says of a statement: the row of ``paper_repro.md``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from .places import checkout


@dataclass(frozen=True)
class LedgerRow:
    """The status word (with its detail) of a statement, and on what it rests."""

    status: str
    evidence: str


def ledger_rows() -> dict[str, LedgerRow]:
    """The row of every statement in the ledger, by name; empty outside a checkout."""
    root = checkout()
    if root is None:
        return {}
    about = (root / "paper_repro.md").stat()
    return _rows(root / "paper_repro.md", about.st_mtime_ns, about.st_size)


@lru_cache(maxsize=1)
def _rows(path: Path, modified: int, size: int) -> dict[str, LedgerRow]:
    """The rows of a file, read again when its time or size has changed."""
    rows = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        name = re.match(r"\| `([\w.]+)` \|", line)
        if name:
            cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)]
            rows[name[1]] = LedgerRow(cells[5], cells[6])
    return rows


def ledger_row(name: str) -> LedgerRow | None:
    """The row of one statement, or ``None`` where there is no ledger or no row."""
    return ledger_rows().get(name)
