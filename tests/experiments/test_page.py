"""What the ledger's page is made of: the ledger as it stands in paper_repro.md, the checks of the committed table, files that exist."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("PIL")

from experiments import _ledger as ledger
from experiments import _page
from experiments._pictures import picture, words_of
from experiments._runner import ROOT, catalogue
from experiments._store import StoreError, columns, write_table
from w2s_theory.theorems import STATEMENTS

TOY = '''"""{title}.

More on it.
"""
from experiments._ledger import Finding
SOURCE = "toy | 2024"


def findings(table):
    return [Finding("a | b", "reproduced", "c | d"), Finding("e", "not attempted (f | g)", "h")]
'''


def toy_root(tmp_path):
    """A root with three experiments: one with a full table, one with a quick one, one with none; nothing of them is drawn."""
    folder = tmp_path / "experiments"
    folder.mkdir()
    for stem, title in (("a", "The first | one"), ("b", "The second"), ("c", "The third")):
        (folder / f"{stem}.py").write_text(TOY.format(title=title), encoding="utf-8")
    write_table(
        folder / "results" / "a.parquet", columns([{"scale": "full", "x": 1.0}] * 3), {"versions": {"numpy": "2"}, "dirty": False}
    )
    write_table(folder / "results" / "quick" / "b.parquet", columns([{"scale": "quick", "x": 1.0}]), {})
    (tmp_path / "paper_repro.md").write_text(
        f"# Title\n\nBefore.\n\n## Generated\n\n{ledger.BEGIN}\n{ledger.END}\n\nAfter.\n", encoding="utf-8"
    )
    ledger.write(tmp_path)
    return tmp_path


def test_a_block_read_back_says_what_was_written_into_it(tmp_path):
    root = toy_root(tmp_path)
    statements, lines = ledger.read_back(ledger.committed(root), catalogue(root))
    found = (ledger.Finding("a | b", "reproduced", "c | d"), ledger.Finding("e", "not attempted (f | g)", "h"))
    absent = (ledger.Finding("", ledger.NO_ROWS, ledger.to_run("c")),)
    assert lines == {
        "a": ledger.Lines(3, "full", found),
        "b": ledger.Lines(1, "quick", found),
        "c": ledger.Lines(0, None, absent),
    }
    assert statements == {}.fromkeys(STATEMENTS) | {
        name: (ledger.Finding(name, ledger.NO_ROWS, ledger.to_run("statements")), "full") for name in STATEMENTS
    }


def test_the_committed_block_is_read_back_whole():
    block = ledger.committed()
    statements, lines = ledger.read_back(block, catalogue())
    assert list(statements) == list(STATEMENTS) and set(lines) == set(catalogue())
    rows = [line for line in block.splitlines() if line.startswith("|")]
    findings = sum(max(len(said.findings), 1) for said in lines.values())
    assert len(rows) == len(statements) + findings + 4  # two heads, each with its rule


def test_a_page_of_a_root_without_tables_or_figures_says_what_is_to_be_run(tmp_path):
    root = toy_root(tmp_path)
    page = _page.gather(root / "out" / "page.html", root)
    first, second, third = page.experiments
    assert {entry.status for entry in page.statements} == {ledger.NO_ROWS} and page.statements[0].margins is None
    assert first.picture is None and first.command == "python -m experiments a --full"
    assert ("versions", "numpy 2") in first.provenance and ("dirty", "no") in first.provenance
    assert (second.scale, third.scale) == ("quick", "none") and third.findings[0][1] == ledger.NO_ROWS
    assert [(link.path, link.address) for link in first.links] == [
        ("experiments/a.py", "../experiments/a.py"),
        ("figures/a.py", ""),
        ("figures/a.svg", ""),
        ("experiments/results/a.parquet", "../experiments/results/a.parquet"),
    ]
    assert "Before." in page.notes and "After." in page.notes and "Title" not in page.notes and "Generated" not in page.notes


def test_links_are_those_of_the_address_that_a_browser_is_given(tmp_path):
    root = toy_root(tmp_path)
    (root / "deep" / "down" / "there").mkdir(parents=True)
    (root / "out").symlink_to(root / "deep" / "down" / "there")
    assert _page.gather(root / "out" / "page.html", root).experiments[0].links[0].address == "../experiments/a.py"


def test_a_damaged_ledger_table_or_figure_is_named(tmp_path):
    root = toy_root(tmp_path)
    about = root / "experiments" / "results" / "a.json"
    whole = about.read_bytes()
    about.write_bytes(whole[:9])
    with pytest.raises(StoreError, match=r"a\.json can't be read: .* python -m experiments a --full"):
        _page.gather(root / "page.html", root)
    about.write_bytes(whole)
    (root / "figures").mkdir()
    (root / "figures" / "a.png").write_bytes(b"no image")
    with pytest.raises(OSError, match=r"a\.png is not an image .* python -m experiments a --figures-only"):
        _page.gather(root / "page.html", root)
    (root / "paper_repro.md").write_text("nothing")
    with pytest.raises(StoreError, match="must hold the lines"):
        _page.gather(root / "page.html", root)


def test_the_worst_check_has_the_least_margin_in_units_of_its_error():
    rows = {
        "relation": np.array(["<="] * 4),
        "verdict": np.array(["HOLDS", "HOLDS", "VIOLATED", "UNSOLVED"]),
        "left": np.array([1.0, 2.0, 3.0, np.nan]),
        "right": np.array([2.0, 2.5, 2.0, np.nan]),
        "margin": np.array([1.0, 0.5, -1.0, np.nan]),
        "error": np.array([0.01, 1.0, 0.1, np.nan]),
        "tightness": np.array([0.5, 0.8, 2 / 3, np.nan]),
    }
    found = _page._margins(rows)
    assert found.worst == 2 and found.margin == -1.0 and found.held.tolist() == [True, True, False, False]
    assert _page._margins({key: column[:2] for key, column in rows.items()}).worst == 1
    assert _page._margins({key: column[3:] for key, column in rows.items()}).worst == -1
    exact = {**rows, "error": np.zeros(4)}
    assert _page._margins(exact).worst == 2 and _page._margins({key: column[:2] for key, column in exact.items()}).worst == 0


def test_a_figure_is_embedded_in_fewer_bytes_with_the_same_pixels():
    from io import BytesIO

    from PIL import Image, ImageChops

    embedded = picture("theorem_2_slack", "full", words_of("theorem_2_slack"))
    assert embedded is not None
    path = ROOT / "figures" / "theorem_2_slack.png"
    assert embedded.media_type == "image/webp" and len(embedded.data) < path.stat().st_size
    with Image.open(BytesIO(embedded.data)) as ours, Image.open(path) as committed:
        assert ours.size == committed.size == (embedded.width, embedded.height)
        assert ImageChops.difference(ours.convert("RGB"), committed.convert("RGB")).getbbox() is None
    assert embedded.caption in embedded.seen and "theorem_2_slack" not in embedded.seen
