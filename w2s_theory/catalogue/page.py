"""A statement as a page of a textbook: ``page(name)`` puts together all that the library knows of it.

The text is the docstring of the statement's file; the rest is read off the statement, refs.bib, the ledger and the experiments. Nothing
is printed here: ``as_text`` and ``as_markdown`` return the page, ``as_plain`` gives it to a program, ``sections`` to other renderers.
"""

from __future__ import annotations

import importlib
import inspect
import re
from dataclasses import asdict, dataclass
from typing import Any

from ..statements import Statement
from ..theorems import STATEMENTS, find
from .blocks import Block, Formula, Numbered, PageSection, Paragraph, Terms, blocks_of
from .example import Example, example
from .kinds import CHECKED, KINDS
from .ledger import LedgerRow, ledger_row
from .places import Place, checkout, places
from .references import Reference, references
from .rendering import markdown, text
from .symbols import Symbol, symbols_in

#: What opens the proof in a docstring.
_PROOF = re.compile(r"(?<![\w`])(?=(?:Proof|Derivation|Idea)(?: \([^)]*\))?:)")


@dataclass(frozen=True)
class Neighbour:
    """Another statement, what it says, and why it stands here: "mentioned", "same paper" or "same problems"."""

    name: str
    says: str
    why: str


@dataclass(frozen=True)
class StatementPage:
    """Everything a page says. ``theorem``, ``proof`` and ``remarks`` are blocks of the docstring, ``title`` its first paragraph.

    ``is_ours`` tells what is derived in this library from what is printed in a paper; ``reference`` is the paper, of the statement itself
    or, for ours, the one that it follows (``None`` where there is none); ``example`` is ``None`` on a page made without one, and
    ``ledger`` outside a checkout. ``from_checkout`` says whether the paths of ``places`` are those of files on this machine.
    """

    name: str
    title: str
    claim: str
    theorem: tuple[Block, ...]
    proof: tuple[Block, ...]
    remarks: tuple[Block, ...]
    symbols: tuple[Symbol, ...]
    assumptions: tuple[str, ...]
    problem: tuple[tuple[str, str], ...]
    kind: str
    kind_means: str
    how_checked: str
    source: str
    locus: str
    is_ours: bool
    reference: Reference | None
    tightness: str
    example: Example | None
    ledger: LedgerRow | None
    neighbours: tuple[Neighbour, ...]
    places: tuple[Place, ...]
    from_checkout: bool

    def sections(self) -> tuple[PageSection, ...]:
        """The page below its title, in reading order, for a renderer."""
        return tuple(section for section in _sections(self) if section.blocks)

    def as_text(self, width: int = 80) -> str:
        """The page for a terminal of that many columns (40 at least); only formulas and names may run over."""
        return text(self.name, self.title, self.sections(), width)

    def as_markdown(self, level: int = 1) -> str:
        """The page in Markdown, its title a heading of that level."""
        return markdown(self.name, self.title, self.sections(), level)

    def as_plain(self) -> dict[str, Any]:
        """The page as plain values, for JSON."""
        plain = asdict(self)
        for part in ("theorem", "proof", "remarks"):
            plain[part] = [_plain_block(block) for block in getattr(self, part)]
        if self.example is not None:
            plain["example"] = self.example.as_plain()
        if self.reference is not None:
            plain["reference"]["cited"] = str(self.reference)
        return plain


def page(name: str | Statement, *, seed: int | None = 0) -> StatementPage:
    """The page of a statement; its example is computed now, with ``seed``, or left out when that is ``None``.

    Raises ``KeyError`` with the closest names for an unknown one, ``ValueError`` for a negative seed.
    """
    statement = find(name)
    title, theorem, proof, remarks = _parts(_docstring(statement))
    words = " ".join(
        [statement.says, title, *map(_words, (*theorem, *proof, *remarks)), *(a.says for a in statement.assumptions)]
    )
    about = statement.about if isinstance(statement.about, tuple) else (statement.about,)
    return StatementPage(
        name=statement.name,
        title=title,
        claim=statement.says,
        theorem=theorem,
        proof=proof,
        remarks=remarks,
        symbols=symbols_in(words, statement.name),
        assumptions=tuple(assumption.says for assumption in statement.assumptions),
        problem=tuple((kind.__name__, _first_paragraph(kind)) for kind in about),
        kind=statement.kind.noun,
        kind_means=KINDS[type(statement.kind)],
        how_checked=CHECKED[type(statement.kind)],
        source=str(statement.source),
        locus=statement.source.locus,
        is_ours=statement.source.derived,
        reference=references().get(statement.source.key),
        tightness=statement.tightness,
        example=None if seed is None else example(statement, seed),
        ledger=ledger_row(statement.name),
        neighbours=_neighbours(statement, words),
        places=places(statement, _docstring(statement)),
        from_checkout=checkout() is not None,
    )


def _docstring(statement: Statement) -> str:
    """The docstring of the statement's own file; a statement made elsewhere has none."""
    if STATEMENTS.get(statement.name) is not statement:
        return statement.says
    return inspect.getdoc(importlib.import_module(f"w2s_theory.theorems.{statement.name}")) or statement.says


def _parts(docstring: str) -> tuple[str, tuple[Block, ...], tuple[Block, ...], tuple[Block, ...]]:
    """Title, theorem, proof and remarks: the first paragraph, what follows to the word "Proof", its paragraph (and the formulas and
    paragraphs that a colon announces), the rest."""
    head, _, body = docstring.replace("``", "").partition("\n\n")
    body = re.sub(r"\s*\bDerived here\.(?=\s*(?:\n\n|\Z))", "", body)  # the section on the source says so
    opening = _PROOF.search(body)
    title = " ".join(head.split())
    if opening is None:
        return title, blocks_of(body), (), ()
    theorem, rest = blocks_of(body[: opening.start()]), blocks_of(body[opening.start() :])
    end = 1
    while end < len(rest) and (not isinstance(rest[end], Paragraph) or not isinstance(rest[end - 1], Paragraph)):
        end += 1
    return title, theorem, (_without_label(rest[0]), *rest[1:end]), rest[end:]


def _without_label(opening: Block) -> Block:
    """A proof without the word "Proof:", which is its heading; what follows begins a sentence, unless it is a sign or a name."""
    if not isinstance(opening, Paragraph):
        return opening
    words = re.sub(
        r"^(?:Proof|Derivation|Idea)(?: \(([^)]*)\))?: ", lambda label: f"{label[1]}: " if label[1] else "", opening.text
    )
    return Paragraph(words[0].upper() + words[1:] if re.match(r"[a-z]{2,}[ ,:]|a ", words) else words)


def _first_paragraph(kind: type) -> str:
    """What a type of problem is: the first paragraph of its docstring, or of its module's where that is a list of its parameters."""
    said = inspect.getdoc(kind) or ""
    if said.startswith("``"):
        said = inspect.getdoc(inspect.getmodule(kind)) or said
    return " ".join(said.partition("\n\n")[0].replace("``", "").split())


def _neighbours(statement: Statement, words: str) -> tuple[Neighbour, ...]:
    """Statements that the text mentions; then those of the same paper; then those on the same type of problem, in reading order."""
    paper = statement.name.partition(".")[0]
    found: dict[str, str] = {}
    named = set(re.findall(r"[\w.]*\w", words))
    for name in STATEMENTS:
        home, short = name.split(".")
        # A short name of one word may be a word of the sentence.
        if name in named or (home == paper and "_" in short and short in named):
            found[name] = "mentioned"
    for name in STATEMENTS:
        if name.startswith(f"{paper}."):
            found.setdefault(name, "same paper")
    for name, other in STATEMENTS.items():
        if other.about == statement.about:
            found.setdefault(name, "same problems")
    found.pop(statement.name, None)
    return tuple(Neighbour(name, STATEMENTS[name].says, why) for name, why in found.items())


def _sections(page: StatementPage) -> list[PageSection]:
    """The sections in reading order; empty ones have no blocks."""
    ours = "Ours: derived here, and not printed in this form."
    if not page.is_ours:
        origin = [Paragraph(f"The paper's: {page.locus} of")]
    elif page.reference is not None:
        origin = [Paragraph(f"{ours} What it starts from{f' ({page.locus})' if page.locus else ''}:")]
    else:
        origin = [Paragraph(f"{ours} After: {page.locus}." if page.locus else ours)]
    if page.reference is not None:
        origin.append(Paragraph(str(page.reference)))
    mentioned, same_paper, same_problems = (
        [n for n in page.neighbours if n.why == why] for why in ("mentioned", "same paper", "same problems")
    )
    shown = [*mentioned, *same_paper[:4], *same_problems[:3]]
    near: list[Block] = [Terms(tuple((n.name, f"{n.says} ({n.why})") for n in shown))] if shown else []
    if same_paper[4:]:
        paper = page.name.partition(".")[0]
        near.append(Paragraph(f"{len(same_paper) - 4} more of the same paper: w2s list --paper {paper}"))
    where = (
        "Paths in this checkout." if page.from_checkout else "Paths in the repository; an installed package has the code only."
    )
    return [
        PageSection("Claim", (Paragraph(f"{page.claim}."),)),
        PageSection("Theorem" if any(isinstance(block, Formula) for block in page.theorem) else "In detail", page.theorem),
        PageSection("Proof", page.proof),
        PageSection("Remarks", page.remarks),
        PageSection("Symbols", (Terms(tuple((s.sign, s.means) for s in page.symbols)),) if page.symbols else ()),
        PageSection("Assumptions", (Numbered(page.assumptions) if page.assumptions else Paragraph("None."),)),
        PageSection("About", (Terms(page.problem),)),
        PageSection(f"Kind of claim: {page.kind}", (Paragraph(page.kind_means), Paragraph(page.how_checked))),
        PageSection("Where it is tight", (Paragraph(f"{page.tightness[:1].upper()}{page.tightness[1:]}."),)),
        PageSection("An example in numbers", page.example.blocks() if page.example else ()),
        PageSection("In the ledger", (Paragraph(f"{page.ledger.status}: {page.ledger.evidence}."),) if page.ledger else ()),
        PageSection("Source", tuple(origin)),
        PageSection("Neighbours", tuple(near)),
        PageSection("Where it lives", (Paragraph(where), Terms(tuple((place.what, place.path) for place in page.places)))),
    ]


def _words(block: Block) -> str:
    """The text of a block of a docstring."""
    return block.text if isinstance(block, Paragraph) else " ".join(block.lines) if isinstance(block, Formula) else ""


def _plain_block(block: Block) -> dict[str, Any]:
    return {"block": type(block).__name__.lower(), **asdict(block)}
