"""A report is whole, self-contained, readable by a non-author, and shows texts without acting on them."""

from __future__ import annotations

import base64
import json
import math
import re
import sys
from dataclasses import dataclass
from html.parser import HTMLParser

import numpy as np
import pytest

from w2s_theory.outcomes import Estimate, Verdict
from w2s_theory.report import Section, digest, interval, provenance, write_report
from w2s_theory.report.markup import MOST_ROWS
from w2s_theory.report.sections import shown
from w2s_theory.report.writing import json_ready

EVIL = "<script>alert(1)</script> | ![x](http://a.b/c.png) \u202egnp `c` $x$ \x00 & \ud800"
PROVENANCE = {"seed": 3, "command": "w2s check-embeddings --seed 3", "versions": {"numpy": "0"}, "inputs": {}}


class Page(HTMLParser):
    """What an independent parser finds on a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def written(tmp_path, *sections, **options):
    paths = write_report("A <title>", sections, tmp_path, **({"plain": {}, "provenance": PROVENANCE} | options))
    return [path.read_text(encoding="utf-8") for path in paths[:3]]


def line(axes):
    axes.plot([0, 1], [0, 1])


def test_the_page_is_well_formed_and_fetches_nothing_and_runs_nothing(tmp_path):
    _, _, text = written(tmp_path, Section(EVIL, EVIL, rows=[{EVIL: EVIL}], picture=line, caption=EVIL))
    page = Page(text)
    assert page.open == []
    names = [tag for tag, _ in page.tags]
    assert "script" not in names and "link" not in names and "iframe" not in names
    assert not any(key.startswith("on") for _, attributes in page.tags for key in attributes)
    sources = [a["src"] for tag, a in page.tags if tag == "img"]
    assert len(sources) == 1 and (sources[0] or "").startswith("data:image/png;base64,")
    assert "default-src 'none'" in text and "viewport" in text and "@media print" in text
    assert sum("<script>alert(1)</script>" in word for word in page.words) >= 4  # shown, as it was written


def test_characters_that_reorder_or_break_a_page_are_replaced(tmp_path):
    for text in written(tmp_path, Section("t", EVIL, rows=[{"a": EVIL}]))[1:]:
        assert not set(text) & {"\u202e", "\x00"}
        assert "\ufffd" in text


def test_markdown_shows_what_it_is_given_and_never_a_table_a_picture_or_a_tag_of_the_text(tmp_path):
    _, text, _ = written(tmp_path, Section("t", EVIL + "\n\n# no title\n\n1. no list", rows=[{"a": EVIL, "b": "- x"}]))
    assert "<script>" not in text and "](http" not in text and "\n# no" not in text and "\n1. no" not in text
    row = next(part for part in text.splitlines() if part.startswith("| &lt;script"))
    assert len(re.findall(r"(?<!\\)\|", row)) == 3  # two cells


def test_the_picture_in_the_page_is_the_file_beside_the_markdown(tmp_path):
    _, markdown, page = written(tmp_path, Section("first"), Section("second", picture=line, caption="a line"))
    image = (tmp_path / "picture_1.png").read_bytes()
    assert image.startswith(b"\x89PNG")
    assert base64.b64encode(image).decode() in page
    assert "![a line](picture_1.png)" in markdown
    assert [a["alt"] for tag, a in Page(page).tags if tag == "img"] == ["a line"]


def test_without_matplotlib_the_report_says_so_and_has_its_numbers(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    machine, markdown, page = written(tmp_path, Section("s", rows=[{"gain": 0.5}], picture=line), plain={"gain": 0.5})
    assert json.loads(machine)["result"] == {"gain": 0.5}
    assert "w2s-theory[figures]" in page and "There is no picture here" in markdown
    assert "<img" not in page and not list(tmp_path.glob("*.png"))


def test_numbers_are_on_disk_before_a_picture_is_drawn(tmp_path):
    def broken(axes):
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        written(tmp_path, Section("s", picture=broken), plain={"gain": 1.0})
    assert json.loads((tmp_path / "report.json").read_text())["result"] == {"gain": 1.0}


def explained(markdown):
    """The words in the first column of the glossary of a page."""
    _, _, glossary = markdown.partition("## Glossary")
    return re.findall(r"(?m)^\| (\S+) \| ", glossary.partition("\n## ")[0])[2:] if glossary else []


@pytest.mark.parametrize(
    ("section", "words"),
    [
        (Section("s", "Weakness, and again."), []),
        (Section("s", rows=[{"speed": 1.0}]), []),
        (Section("s", rows=[{"speed": interval(1.0, 0.5, 1.5)}]), ["interval"]),
        (Section("s", caption="Weak and strong."), ["weak"]),
        (Section("s", rows=[{"expected_gain": 1.0}]), ["weak", "student", "gain"]),  # gain is explained by weak and student
        (Section("s", rows=[{"what": "PGRs"}]), ["weak", "student", "ceiling", "gain", "PGR"]),
        (Section("The misfit"), ["weak", "student", "misfit"]),
    ],
    ids=lambda value: None if isinstance(value, Section) else " ".join(value) or "none",
)
def test_the_words_that_occur_are_explained_and_no_others(tmp_path, section, words):
    _, markdown, page = written(tmp_path, section)
    assert explained(markdown) == words
    assert ("Glossary" in page) == bool(words)


def test_everybody_finds_how_it_was_made(tmp_path):
    for text in written(tmp_path, Section("s"))[1:]:
        assert "How this report was made" in text and "check-embeddings" in text and "SHA-256" not in text
    assert "SHA-256" in written(tmp_path, Section("s"), provenance={"inputs": {"a.csv": "0" * 64}})[2]


def test_nan_is_null_for_the_machine_and_everything_is_kept(tmp_path):
    rows = [{"gain": interval(0.5, 0.4, math.inf), "verdict": Verdict.HOLDS, "none": None}]
    plain = {"x": np.array([1.0, math.nan]), "n": np.int64(3), "v": Verdict.VIOLATED, "deep": {"k": (True, math.inf)}}
    machine = json.loads(written(tmp_path, Section("s", rows=rows), plain=plain)[0])
    assert machine["result"] == {"x": [1.0, None], "n": 3, "v": "VIOLATED", "deep": {"k": [True, None]}}
    assert machine["sections"][0]["rows"][0]["gain"]["value"] == 0.5
    assert machine["sections"][0]["rows"][0]["gain"]["high"] is None
    assert machine["provenance"]["seed"] == 3


def test_what_json_cannot_say_is_named():
    @dataclass
    class Held:
        f: object

    with pytest.raises(TypeError, match=r"result\.a\.f must be"):
        json_ready({"a": Held(lambda: 0)})


def test_a_long_table_is_cut_and_says_where_the_rest_is(tmp_path):
    machine, markdown, page = written(tmp_path, Section("s", rows=({"i": i} for i in range(MOST_ROWS + 7))))
    assert len(json.loads(machine)["sections"][0]["rows"]) == MOST_ROWS + 7
    for text in (markdown, page):
        assert "7 more rows are in report.json" in text
    assert f'<td class="number">{MOST_ROWS - 1}</td>' in page and f">{MOST_ROWS}</td>" not in page


def test_columns_of_numbers_are_set_to_the_right_even_where_one_is_unknown(tmp_path):
    _, markdown, page = written(tmp_path, Section("s", rows=[{"name": "a", "gain": 1.5}, {"name": "b", "gain": math.nan}]))
    assert "| --- | ---: |" in markdown and "| b | – |" in markdown
    assert '<th scope="col" class="number">gain</th>' in page and '<th scope="col">name</th>' in page


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.123456, "0.1235"),
        (-12.3456, "−12.35"),
        (0.0, "0"),
        (-0.00000123, "−1.230e−06"),
        (math.nan, "–"),
        (-math.inf, "−∞"),
        (1234, "1234"),
        (1234567, "1\u202f234\u202f567"),
        (True, "yes"),
        (None, "–"),
        (np.float32(0.5), "0.5000"),
        (Verdict.HOLDS, "HOLDS"),
        (interval(0.12345, 0.1, 0.15), "0.123 [0.100, 0.150]"),
        (interval(-0.00001, -0.02, 0.02), "0.000 [−0.020, 0.020]"),
        (interval(123.456, 23.0, 223.0), "123 [23, 223]"),
        (interval(0.3, math.nan, math.nan), "0.3000"),
        (Estimate(0.3, low=-math.inf, high=1.0), "0.3000 [−∞, 1.000]"),
    ],
    ids=lambda value: str(value),
)
def test_a_cell_has_the_digits_that_are_known(value, text):
    assert shown(value)[0] == text


def test_a_cell_of_another_kind_is_refused():
    with pytest.raises(TypeError, match="a cell must be"):
        shown([1, 2])


def test_a_report_replaces_the_one_before_and_leaves_no_temporary_file(tmp_path):
    written(tmp_path, Section("old"))
    _, markdown, _ = written(tmp_path, Section("new"))
    assert "new" in markdown and "## old" not in markdown
    assert sorted(p.name for p in tmp_path.iterdir()) == ["report.html", "report.json", "report.md"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(OSError, match=r"taken.report\.json"):
        written(tmp_path / "taken", Section("s"))


def test_a_report_needs_a_section(tmp_path):
    with pytest.raises(ValueError, match="at least one Section"):
        written(tmp_path)


def test_provenance_names_versions_and_the_digest_of_every_input(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_bytes(b"abc")
    made = provenance(seed=4, device="cpu", inputs={"labels.csv": path, "again": digest(path)}, command=["w2s", "a b"])
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2's example: SHA-256 of "abc"
    assert made["inputs"] == {"labels.csv": known, "again": known}
    assert made["command"] == "w2s 'a b'" and made["seed"] == 4
    assert made["versions"]["numpy"] == np.__version__
