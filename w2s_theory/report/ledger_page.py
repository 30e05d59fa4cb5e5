"""The ledger as one HTML page: what is claimed, what became of it, by which margin, and where the code, the test and the figure are.

``LedgerPage`` is everything that stands there, ``ledger_html`` the page: nothing is fetched, the one script only filters what is there,
and without it everything is shown.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files

from .ledger_page_entries import ExperimentEntry, Margins, Picture, StatementEntry, experiment_card, statement_card
from .ledger_page_text import Link, badge, definitions, from_markdown, inline, status_word
from .markup import escaped

__all__ = ["ExperimentEntry", "LedgerPage", "Link", "Margins", "Picture", "StatementEntry", "ledger_html", "tally"]

TITLE = "The ledger of w2s_theory"
INTRODUCTION = (
    "Published and derived claims on weak-to-strong generalization (when does a strong model that learns from a weak supervisor's labels "
    "become better than the supervisor?), each checked by running code. Every statement was checked on problems of its own, every "
    "experiment was run, and this page says what came out: what was reproduced, what holds only with a change, what is loose and by how "
    "much, and what failed. No test here is a proof."
)
MARGINS = (
    "The small charts show every check of a statement as a dot; a red cross is a violation. For an inequality the axis is the ratio of "
    "its sides, smaller over larger: 1 means that the bound is attained, 0 also stands for sides of unlike sign. For an equality it is "
    "the difference of the sides over the larger one, on a logarithmic axis. The ring is the worst check: the one with the least margin "
    "in units of its numerical or statistical error. The margin is the room that the claim leaves (below 0 by more than its error: "
    "violated)."
)


@dataclass(frozen=True)
class LedgerPage:
    """The page: ``words`` of statuses in their order, the entries, ``papers`` (key → citation), ``notes`` in Markdown, how it was ``made``.

    ``link`` turns a path in the repository into an address as seen from the page.
    """

    words: tuple[str, ...]
    statements: tuple[StatementEntry, ...]
    experiments: tuple[ExperimentEntry, ...]
    papers: Mapping[str, str]
    notes: str
    made: tuple[tuple[str, str], ...]
    link: Callable[[str], str]


def ledger_html(page: LedgerPage) -> str:
    """The whole page. Raises ``MissingExtra`` without the package that renders the notes, ``ValueError`` for an unknown status."""
    style, script = (
        files(__name__.rpartition(".")[0]).joinpath(f"ledger_page.{kind}").read_text(encoding="utf-8") for kind in ("css", "js")
    )
    policy = f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none'; form-action 'none'"
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            f'<meta name="color-scheme" content="light dark">\n<title>{TITLE}</title>\n<style>{style}</style>\n</head>\n<body>',
            '<a class="skip" href="#statements">Skip to the statements</a>',
            f"<header>\n<h1>{TITLE}</h1>\n<p>{INTRODUCTION}</p>",
            _tally(page),
            f'<div class="made">{definitions(page.made)}</div>',
            '<nav aria-label="Parts of this page"><a href="#statements">Statements</a> <a href="#experiments">Experiments</a> '
            '<a href="#notes">Notes</a></nav>\n</header>',
            _filters(page),
            "<main>",
            '<p id="nothing" role="status" hidden>Nothing matches all of these filters. '
            '<button type="button" data-clear>Show everything</button></p>',
            _statements(page),
            _experiments(page),
            f'<section id="notes">\n<h2>Notes</h2>\n<div class="prose">{from_markdown(page.notes, page.link)}</div>\n</section>',
            f"</main>\n<script>{script}</script>\n</body>\n</html>\n",
        ]
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def tally(page: LedgerPage) -> Counter[str]:
    """How many statements have each status."""
    return Counter(status_word(entry.status, page.words) for entry in page.statements)


def _tally(page: LedgerPage) -> str:
    """How many statements and findings have each status; a status leads to what has it."""
    statements = tally(page)
    findings = Counter(status_word(row[1], page.words) for entry in page.experiments for row in entry.findings)
    lines = [
        f'<tr><th scope="row"><a href="#status={word.replace(" ", "+")}">{badge(word, page.words)}</a></th>'
        f'<td class="number">{statements[word]}</td><td class="number">{findings[word]}</td></tr>'
        for word in page.words
        if statements[word] or findings[word]
    ]
    total = (
        f'<tr><th scope="row">all</th><td class="number">{statements.total()}</td><td class="number">{findings.total()}</td></tr>'
    )
    head = (
        '<tr><th scope="col">status</th><th scope="col" class="number">statements</th>'
        '<th scope="col" class="number">findings</th></tr>'
    )
    counted = (
        f"{statements.total()} statements and {len(page.experiments)} experiments with {findings.total()} findings, by status"
    )
    return (
        f'<table class="tally"><caption>{counted}</caption><thead>{head}</thead>\n<tbody>{"".join(lines)}{total}</tbody></table>'
    )


def _filters(page: LedgerPage) -> str:
    """The controls; the script shows them."""
    entries = [*page.statements, *page.experiments]
    papers = Counter(paper for entry in entries for paper in entry.papers)
    scales = Counter(entry.scale for entry in entries)
    choices = {
        "show": ("Show", {"statements": "statements only", "experiments": "experiments only"}, "everything"),
        "paper": ("Paper or topic", {key: f"{key} ({papers[key]})" for key in sorted(papers)}, "every paper"),
        "status": ("Status", {word: word for word in page.words}, "every status"),
        "kind": ("Kind of claim", {kind: kind for kind in dict.fromkeys(s.kind for s in page.statements)}, "every kind"),
        "scale": ("Run", {scale: f"{scale} ({count})" for scale, count in sorted(scales.items())}, "full and quick"),
    }
    controls = ['<p><label for="q">Search</label><input id="q" name="q" type="search" autocomplete="off" spellcheck="false"></p>']
    for name, (label, options, everything) in choices.items():
        listed = "".join(f'<option value="{escaped(value)}">{escaped(text)}</option>' for value, text in options.items())
        controls.append(
            f'<p><label for="{name}">{label}</label><select id="{name}" name="{name}"><option value="">{everything}</option>{listed}</select></p>'
        )
    controls.append(
        '<p class="tick"><input id="figure" name="figure" type="checkbox" value="yes"><label for="figure">has a figure</label></p>'
    )
    controls.append('<p id="count" role="status"></p><p><button type="button" data-clear>Clear</button></p>')
    return f'<form id="filters" role="search" aria-label="Filter the ledger" hidden>{"".join(controls)}</form>'


def _statements(page: LedgerPage) -> str:
    groups: dict[str, list[StatementEntry]] = {}
    for entry in page.statements:
        groups.setdefault(entry.name.partition(".")[0], []).append(entry)
    titles = {entry.stem: entry.title for entry in page.experiments if entry.picture}
    parts = [f'<section id="statements">\n<h2>Statements</h2>\n<p class="note">{MARGINS}</p>']
    for name, entries in groups.items():
        cited = f'<p class="cited">{inline(page.papers[name])}</p>' if name in page.papers else ""
        cards = "\n".join(statement_card(entry, page.words, titles, {e.name for e in page.statements}) for entry in entries)
        parts.append(f'<section class="group">\n<h3 id="paper-{escaped(name)}">{escaped(name)}</h3>{cited}\n{cards}\n</section>')
    return "\n".join([*parts, "</section>"])


def _experiments(page: LedgerPage) -> str:
    cards = [experiment_card(entry, page.words) for entry in page.experiments]
    return "\n".join(['<section id="experiments" class="group">\n<h2>Experiments</h2>', *cards, "</section>"])
