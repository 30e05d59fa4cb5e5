"""The ledger's page without a browser: it is whole and well formed, and shows what it is given without acting on it."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import numpy as np
import pytest

pytest.importorskip("markdown")

from w2s_theory.catalogue.blocks import Formula, Numbered, PageSection, Paragraph, Terms
from w2s_theory.report.ledger_page import ExperimentEntry, LedgerPage, Link, Margins, Picture, StatementEntry, ledger_html, tally
from w2s_theory.report.ledger_page_chart import END, WIDTH, chart
from w2s_theory.report.ledger_page_text import from_markdown, inline
from w2s_theory.schemas import schema
from w2s_theory.theorems import STATEMENTS

EVIL = '<script>alert(1)</script> "x" \' & \u202egnp \x00 `<b>` ![x](http://a.b/c.png)'
WORDS = ("reproduced", "reproduced, with changes", "not attempted")
VOID = {"meta", "img", "input", "br", "hr"}


class Parsed(HTMLParser):
    """What an independent parser finds on a page; an element that is not closed in its place is an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.setdefault(self.open[-1] if self.open else "", []).append(data)


def margins(closeness=(0.5, 1.0), held=(True, True), relation="<=", worst=0, **numbers) -> Margins:
    there = {"left": 1.0, "right": 2.0, "margin": 1.0, "error": 0.1, "tightness": 0.5} | numbers
    return Margins(relation, np.array(closeness), np.array(held), worst, **there)


def statement(**changes) -> StatementEntry:
    plan = {
        "name": "toy2024.square",
        "title": "A square.",
        "says": "x² ≥ 0",
        "papers": ("toy2024",),
        "source": "toy2024 Theorem 1",
        "kind": "for every problem",
        "relation": ">=",
        "tightness": "at 0",
        "status": "reproduced",
        "evidence": "1 problem",
        "scale": "full",
        "margins": margins(),
        "sections": (PageSection("Theorem", (Paragraph("Let ``x`` be real."), Formula(("x² ≥ 0",)))),),
        "figures": (),
        "links": (Link("code", "a/b.py", "../a/b.py"), Link("test", "t.py", "")),
    }
    return StatementEntry(**(plan | changes))


def experiment(**changes) -> ExperimentEntry:
    plan = {
        "stem": "toy",
        "title": "Toys",
        "about": (Paragraph("More on toys."),),
        "papers": ("toy2024",),
        "source": "toy2024, Figure 1",
        "scale": "quick",
        "rows": 3,
        "findings": (("a claim", "reproduced, with changes: two", "0.1 | 0.2"),),
        "picture": Picture(b"bytes", "image/webp", 3, 2, "Figure. A toy.", "A toy."),
        "absent": "No figure.",
        "provenance": (("commit", "abc"),),
        "command": "make toys",
        "links": (),
    }
    return ExperimentEntry(**(plan | changes))


def page(statements=(), experiments=(), **changes) -> LedgerPage:
    plan = {"words": WORDS, "papers": {}, "notes": "", "made": (("commit", "abc"),), "link": lambda path: f"../{path}"}
    return LedgerPage(statements=tuple(statements), experiments=tuple(experiments), **(plan | changes))


def test_whatever_a_text_holds_is_shown_and_never_acted_on():
    blocks = (Paragraph(EVIL), Formula((EVIL,)), Numbered((EVIL,)), Terms(((EVIL, EVIL),)))
    texts = {"title": EVIL, "says": EVIL, "source": EVIL, "evidence": EVIL, "tightness": EVIL, "kind": EVIL, "papers": (EVIL,)}
    one = statement(**texts, name=f"toy.{EVIL}", sections=(PageSection(EVIL, blocks),), links=(Link(EVIL, EVIL, EVIL),))
    two = experiment(
        title=EVIL,
        source=EVIL,
        about=blocks,
        findings=((EVIL, f"not attempted {EVIL}", EVIL),),
        picture=Picture(b"", "image/webp", 1, 1, EVIL, EVIL),
        provenance=((EVIL, EVIL),),
        command=EVIL,
    )
    text = ledger_html(page([one], [two, experiment(stem="other", picture=None, absent=EVIL)], notes=EVIL, made=((EVIL, EVIL),)))
    found = Parsed(text)
    tags = [tag for tag, _ in found.tags]
    assert tags.count("script") == 1 and tags.count("img") == 1
    assert not {"link", "iframe", "object", "base", "b"} & set(tags)
    assert not any(key.startswith("on") or key == "style" for _, attributes in found.tags for key in attributes)
    assert not set(text) & {"\u202e", "\x00"}
    assert sum("<script>alert(1)</script>" in words for words in found.words["p"]) >= 3


def test_the_policy_allows_the_one_style_and_the_one_script_that_are_there_and_nothing_else():
    text = ledger_html(page([statement()], [experiment()]))
    (policy,) = [attributes["content"] or "" for _, attributes in Parsed(text).tags if "http-equiv" in attributes]
    for tag in ("style", "script"):
        (inside,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; img-src data:; ") and "unsafe" not in policy and "http" not in policy


def test_a_status_is_its_longest_word_with_the_rest_behind_it():
    text = ledger_html(page([statement()], [experiment()]))
    assert '<span class="status s1">reproduced, with changes</span><span class="detail">: two</span>' in text
    assert tally(page([statement(), statement(status="not attempted (why)")])) == {"reproduced": 1, "not attempted": 1}
    with pytest.raises(ValueError, match=r"status must begin with one of .* 'fine'"):
        ledger_html(page([statement(status="fine")]))


def test_a_file_that_is_not_there_is_named_and_not_linked():
    text = ledger_html(page([statement()]))
    assert '<a href="../a/b.py"><code>a/b.py</code></a>' in text and "<code>t.py</code> (not there)" in text


def test_a_picture_stands_once_with_its_words_and_a_statement_points_at_it():
    one = statement(figures=("toy", "absent"))
    text = ledger_html(page([one], [experiment()]))
    assert text.count("data:image/webp;base64,") == 1 and 'alt="Figure. A toy."' in text
    assert 'data-shows="toy"' in text and 'data-shows="absent"' not in text
    assert 'data-figure=""' in ledger_html(page([one], [experiment(picture=None)]))
    assert "No figure." in ledger_html(page([one], [experiment(picture=None)]))


def test_a_page_without_entries_and_a_statement_without_checks_are_pages_too():
    Parsed(ledger_html(page()))
    text = ledger_html(page([statement(margins=None)]))
    assert 'class="margins"' not in text


def places(drawn: str, mark: str) -> list[float]:
    (path,) = re.findall(rf'class="{mark}" d="([^"]*)"', drawn)
    return [float(x) for x in re.findall(r"M([\d.]+)", path)]


def test_the_chart_of_a_bound_runs_from_0_to_attained():
    drawn = chart(margins(closeness=(-3.0, 0.0, 0.5, 1.0), held=(True,) * 4))
    assert places(drawn, "dots") == [END, WIDTH / 2, WIDTH - END]
    assert "unlike signs in 1" in drawn and "4 checks" in drawn and places(drawn, "crosses") == []


def test_the_chart_of_an_equality_is_logarithmic_in_the_difference():
    drawn = chart(margins(closeness=(1.0, 1.0 - 1e-8, 0.0), held=(True,) * 3, relation="=="))
    assert places(drawn, "dots") == [END, pytest.approx(WIDTH / 2, abs=0.1), WIDTH - END]


def test_a_violation_is_a_cross_and_is_said_and_the_worst_check_has_the_ring():
    drawn = chart(margins(closeness=(0.5, 1.0), held=(True, False), worst=1))
    assert len(places(drawn, "dots")) == len(places(drawn, "crosses")) == 1
    assert "1 without a verdict that it holds" in drawn and f'<circle cx="{WIDTH - END:.1f}"' in drawn


def test_without_a_ratio_there_is_no_chart_and_the_card_says_why():
    none = margins(closeness=(np.nan,), held=(True,))
    assert chart(none) == ""
    assert "A side is 0, so there is no ratio to draw." in ledger_html(page([statement(margins=none)]))


def test_notes_keep_their_tables_and_have_their_paths_as_seen_from_the_page():
    notes = "# One\n\n## Two\n\n[a](figures/a.svg) [b](https://a.b/c) <i>no</i>\n\n| x | y |\n| --- | --- |\n| 1 | `2` |\n"
    text = from_markdown(notes, lambda path: f"../../{path}")
    Parsed(text)
    assert 'href="../../figures/a.svg"' in text and 'href="https://a.b/c"' in text and "<i>" not in text
    assert '<h2 id="note-one">' in text and '<h3 id="note-two">' in text and '<th scope="col">x</th>' in text


def test_a_note_leads_to_files_that_are_there_and_to_the_web_and_nowhere_else():
    text = from_markdown(
        "[a](x.md) [b](javascript:f()) [c](JavaScript:f()) [d](file:///etc) [e](//a.b/c) [f](#g)", lambda path: ""
    )
    assert re.findall(r'href="([^"]*)"', text) == ["#g"] and text.count('<a title="not there">') == 5


def test_running_text_has_code_and_links():
    assert inline("see ``a_b`` and `c`,\n https://a.b/c.") == (
        'see <code>a_b</code> and <code>c</code>, <a href="https://a.b/c" rel="noreferrer">https://a.b/c</a>.'
    )


def test_the_page_of_this_checkout_has_every_statement_and_says_so_to_programs(ledger):
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator(schema("report")).validate(ledger.said)
    text = ledger.path.read_text(encoding="utf-8")
    found = Parsed(text)
    ids = {attributes.get("id") for _, attributes in found.tags}
    assert ids >= set(STATEMENTS)
    assert ledger.said["statements"] == len(STATEMENTS) == sum(ledger.said["statuses"].values())
    assert ledger.said["experiments"] == sum(1 for _, a in found.tags if (a.get("class") or "").startswith("entry experiment"))
    assert ledger.said["figures"] == sum(tag == "img" for tag, _ in found.tags) and ledger.said["absent"] == []
    assert ledger.said["bytes"] == len(text.encode()) < 12e6
