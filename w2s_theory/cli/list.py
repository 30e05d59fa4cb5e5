"""``w2s list``: the statements of the catalogue."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, arg

from .misuse import refused
from .options import Given
from .printing import print_json
from .screen import screen_width

if TYPE_CHECKING:
    from ..catalogue.listing import Entry


@dataclass(frozen=True)
class List:
    """List the statements of the catalogue by paper, one line each: name, kind of claim, what it says.

    examples:
      w2s list                         all of them
      w2s list --paper charikar2024    those of one paper
      w2s list misfit ridge            those that speak of both
      w2s list --kind limit --status reproduced
                                       claims in a limit that the ledger calls so
      w2s list --json                  for a program, with sources

    Lines are cut at the width of a terminal, and whole in a pipe or a file.
    """

    words: Annotated[Positional[Given[tuple[str, ...]]], arg(metavar="[WORD ...]")] = None
    """words that name, claim or source must hold, all of them, in any case"""
    paper: Annotated[str, arg(metavar="PAPER")] = ""
    """the paper, as the names begin: charikar2024, prior_shift, ..."""
    kind: Given[Literal["every", "expectation", "probability", "limit"]] = None
    """the kind of claim: for every problem, in expectation, with probability 1 − δ, in a limit"""
    status: Annotated[str, arg(metavar="STATUS")] = ""
    """how the status in the ledger begins: "reproduced", "holds", ... (in a checkout)"""
    json: bool = False
    """print one JSON object instead of lines"""

    def run(self) -> int:
        """Print the statements found, and how many there are of each kind and status."""
        from ..catalogue.listing import entries, paper_title

        with refused(ValueError):
            found = entries(paper=self.paper, kind=self.kind or "", status=self.status, words=self.words or ())
        if self.json:
            print_json("list", {"count": len(found), "statements": [asdict(entry) for entry in found]})
            return 0
        width = screen_width(piped=10_000)
        name, kind = (max((len(getattr(entry, part)) for entry in found), default=0) for part in ("name", "kind"))
        # A paper's statements need not stand together in reading order.
        papers = list(dict.fromkeys(entry.paper for entry in found))
        for paper, group in groupby(sorted(found, key=lambda entry: papers.index(entry.paper)), key=lambda entry: entry.paper):
            print(_cut(f"{paper}: {paper_title(paper)}", width))
            for entry in group:
                print(_cut(f"  {entry.name:<{name}}  {entry.kind:<{kind}}  {entry.says}", width))
            print()
        print(_counted(found))
        return 0


def _cut(line: str, width: int) -> str:
    return line if len(line) <= width else f"{line[: width - 1].rstrip()}…"


def _counted(found: list[Entry]) -> str:
    """How many there are, by kind and by the ledger's word."""
    if not found:
        return "no statement matches; `w2s list` shows all of them"
    lines = [f"{len(found)} statement{'s' if len(found) > 1 else ''}"]
    for what, of in (
        ("kind", Counter(e.kind for e in found)),
        ("ledger", Counter(e.status.partition(" (")[0] for e in found if e.status)),
    ):
        if of:
            lines.append(f"{what}: " + ", ".join(f"{count} {word}" for word, count in of.most_common()))
    return "\n".join(lines)
