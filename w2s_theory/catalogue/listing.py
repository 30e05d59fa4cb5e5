"""The statements in rows: found by paper, kind, status in the ledger, and words."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from dataclasses import dataclass

from ..statements import ForEvery, InExpectation, InLimit, WithProbability
from ..theorems import STATEMENTS
from .ledger import ledger_rows

#: Short names of the kinds of claim.
KIND_NAMES = {ForEvery: "every", InExpectation: "expectation", WithProbability: "probability", InLimit: "limit"}


@dataclass(frozen=True)
class Entry:
    """One statement in a list; ``status`` is the ledger's, "" outside a checkout."""

    name: str
    paper: str
    says: str
    relation: str
    kind: str
    source: str
    is_ours: bool
    status: str


def entries(*, paper: str = "", kind: str = "", status: str = "", words: Iterable[str] = ()) -> list[Entry]:
    """The statements of that paper and kind whose status begins so, and that hold all ``words``; in reading order.

    A word is looked for, without regard to case, in name, claim and source. Raises ``ValueError`` that lists what there is for a paper
    or a kind that no statement has, and for a status outside a checkout, where there is no ledger.
    """
    papers = list(dict.fromkeys(name.partition(".")[0] for name in STATEMENTS))
    if paper and paper not in papers:
        raise ValueError(f"paper must be one of {', '.join(papers)}; it is {paper!r}.")
    if kind and kind not in KIND_NAMES.values():
        raise ValueError(f"kind must be one of {', '.join(KIND_NAMES.values())}; it is {kind!r}.")
    ledger = ledger_rows()
    if status and not ledger:
        raise ValueError(
            "status is read from paper_repro.md, which an installed package does not have. Ask in a checkout, or leave it out."
        )
    wanted = [word.casefold() for word in words]
    found = []
    for name, statement in STATEMENTS.items():
        row = ledger.get(name)
        entry = Entry(
            name=name,
            paper=name.partition(".")[0],
            says=statement.says,
            relation=statement.relation,
            kind=KIND_NAMES[type(statement.kind)],
            source=str(statement.source),
            is_ours=statement.source.derived,
            status=row.status if row else "",
        )
        text = f"{entry.name} {entry.says} {entry.source}".casefold()
        if (
            paper in ("", entry.paper)
            and kind in ("", entry.kind)
            and entry.status.startswith(status)
            and all(word in text for word in wanted)
        ):
            found.append(entry)
    return found


def paper_title(paper: str) -> str:
    """What the folder of a paper under ``theorems/`` says it holds."""
    text = importlib.import_module(f"w2s_theory.theorems.{paper}").__doc__ or paper
    return " ".join(text.split())
