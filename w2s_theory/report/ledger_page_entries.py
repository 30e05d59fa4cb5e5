"""The entries of the ledger's page: a card for a statement, a card for an experiment."""

from __future__ import annotations

import base64
import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from ..catalogue.blocks import Block, PageSection
from .ledger_page_chart import Margins, chart, signed
from .ledger_page_text import Link, badge, blocks, definitions, inline, links, status_word
from .markup import escaped

__all__ = ["ExperimentEntry", "Margins", "Picture", "StatementEntry", "experiment_card", "statement_card"]

SIGNS = {"<=": "≤", ">=": "≥", "==": "="}


@dataclass(frozen=True)
class StatementEntry:
    """A statement: its ``title``, what it ``says`` in a line, and its row of the ledger, from a table of that ``scale``.

    ``papers`` are the folder it lives in and the paper that it is from, ``sections`` the page behind it, ``margins`` its checks,
    ``figures`` the stems of the experiments that show it.
    """

    name: str
    title: str
    says: str
    papers: tuple[str, ...]
    source: str
    kind: str
    relation: str
    tightness: str
    status: str
    evidence: str
    scale: str
    margins: Margins | None
    sections: tuple[PageSection, ...]
    figures: tuple[str, ...]
    links: tuple[Link, ...]


@dataclass(frozen=True)
class Picture:
    """A figure: the bytes of an image of that ``media_type``, its size in pixels, what is to be seen, and the caption below it."""

    data: bytes
    media_type: str
    width: int
    height: int
    seen: str
    caption: str


@dataclass(frozen=True)
class ExperimentEntry:
    """An experiment: what it is (``about``), its findings (claim, status, evidence), its figure, and how its table was made.

    ``absent`` is why there is no picture, ``command`` what rebuilds table and figure.
    """

    stem: str
    title: str
    about: tuple[Block, ...]
    papers: tuple[str, ...]
    source: str
    scale: str
    rows: int
    findings: tuple[tuple[str, str, str], ...]
    picture: Picture | None
    absent: str
    provenance: tuple[tuple[str, str], ...]
    command: str
    links: tuple[Link, ...]


def statement_card(entry: StatementEntry, words: tuple[str, ...], titles: Mapping[str, str], names: Collection[str]) -> str:
    """A statement; ``titles`` are those of the experiments with a figure, by stem, ``names`` those of all statements."""
    name = escaped(entry.name)
    shows = [stem for stem in entry.figures if stem in titles]
    facts = [
        ("Source", entry.source),
        ("Kind of claim", f"{entry.kind}, {SIGNS[entry.relation]}"),
        ("Checked on", entry.evidence),
    ]
    facts += [("Tight", entry.tightness)] if entry.tightness else []
    whole = [f'<p class="title">{inline(entry.title)}</p>']
    whole += [f"<h5>{escaped(part.title)}</h5>\n{blocks(part.blocks, names)}" for part in entry.sections]
    if shows:
        # The script puts the picture in when the entry is opened; it stands in the page once.
        listed = "".join(
            f'<li data-shows="{escaped(stem)}"><a href="#experiment-{escaped(stem)}">{escaped(titles[stem])}</a></li>'
            for stem in shows
        )
        whole.append(f'<h5>Figures</h5>\n<ul class="figures">{listed}</ul>')
    whole.append(f"<h5>Code and test</h5>\n{links(entry.links)}")
    return (
        f'<article class="entry statement" id="{name}" {_data(entry.papers, [entry.status], words, entry.scale, bool(shows))} '
        f'data-kind="{escaped(entry.kind)}">\n'
        f'<h4><a href="#{name}">{name}</a></h4>\n<p class="badge">{badge(entry.status, words)}{_quick(entry.scale)}</p>\n'
        f'<p class="claim">{inline(entry.says)}</p>\n{definitions(facts)}\n{_margins(entry)}\n'
        f'<details><summary>The whole statement<span class="unseen"> {name}</span>: theorem, proof, assumptions, code, test</summary>\n'
        f'<div class="whole">{chr(10).join(whole)}</div>\n</details>\n</article>'
    )


def experiment_card(entry: ExperimentEntry, words: tuple[str, ...]) -> str:
    """An experiment."""
    stem = escaped(entry.stem)
    head = f'<article class="entry experiment" id="experiment-{stem}" '
    head += _data(entry.papers, [row[1] for row in entry.findings], words, entry.scale, entry.picture is not None)
    whose = f'How the table was made<span class="unseen"> of {stem}</span>'
    made = f"<details><summary>{whose}</summary>{definitions(entry.provenance)}</details>" if entry.provenance else ""
    return "\n".join(
        [
            f'{head} data-kind="">\n<h3><a href="#experiment-{stem}">{escaped(entry.title)}</a></h3>',
            f'<p class="source"><code>{stem}</code>; {inline(entry.source)}; {entry.rows} rows{_quick(entry.scale)}</p>',
            _figure(entry),
            _findings(entry, words),
            f'<div class="prose">{blocks(entry.about)}</div>',
            f'<p class="command">Make it again: <code>{escaped(entry.command)}</code></p>',
            links(entry.links),
            made,
            "</article>",
        ]
    )


def _data(papers: Iterable[str], statuses: Iterable[str], words: tuple[str, ...], scale: str, has_figure: bool) -> str:
    """What the filters look at."""
    found = dict.fromkeys(status_word(status, words) for status in statuses)
    return (
        f'data-paper="{escaped(" ".join(papers))}" data-status="{escaped("|".join(found))}" data-scale="{escaped(scale)}" '
        f'data-figure="{"yes" if has_figure else ""}"'
    )


def _quick(scale: str) -> str:
    return f' <span class="quick">{escaped(scale)}</span>' if scale != "full" else ""


def _margins(entry: StatementEntry) -> str:
    margins = entry.margins
    if margins is None:
        return ""
    drawn = chart(margins)
    said = "No margin: no check came to a comparison"
    if math.isfinite(margins.margin):
        sides = f"{signed(margins.left, 4)} {SIGNS[margins.relation]} {signed(margins.right, 4)}"
        said = f"Worst margin {signed(margins.margin, 2)} ± {signed(margins.error, 1)}, where {sides}"
        said += f", ratio {signed(margins.tightness, 3)}" if math.isfinite(margins.tightness) else ""
    no_chart = "" if drawn else " A side is 0, so there is no ratio to draw."
    return f'<div class="margins">{drawn}<p>{said}.{no_chart}</p></div>'


def _figure(entry: ExperimentEntry) -> str:
    picture = entry.picture
    if picture is None:
        return f'<p class="note">{inline(entry.absent)}</p>'
    data = base64.b64encode(picture.data).decode()
    return (
        f'<figure><img alt="{escaped(picture.seen)}" width="{picture.width}" height="{picture.height}" decoding="async" '
        f'src="data:{picture.media_type};base64,{data}"><figcaption>{inline(picture.caption)}</figcaption></figure>'
    )


def _findings(entry: ExperimentEntry, words: tuple[str, ...]) -> str:
    if not entry.findings:
        return ""
    head = "".join(f'<th scope="col">{title}</th>' for title in ("claim", "status", "evidence"))
    rows = [
        f'<tr data-status="{escaped(status_word(status, words))}"><th scope="row">{inline(claim)}</th>'
        f"<td>{badge(status, words)}</td><td>{inline(evidence)}</td></tr>"
        for claim, status, evidence in entry.findings
    ]
    caption = f'<caption><span class="unseen">Findings of {escaped(entry.stem)}</span><span class="part"></span></caption>'
    return (
        f'<div class="table"><table class="findings">{caption}'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{chr(10).join(rows)}\n</tbody></table></div>"
    )
