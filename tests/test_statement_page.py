"""The page of a statement: every one has one, nothing on it is missing, it fits, and what it says can be found."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from w2s_theory.catalogue import Formula, Paragraph, Terms, page, references
from w2s_theory.catalogue.blocks import blocks_of
from w2s_theory.catalogue.example import drawn_problems
from w2s_theory.catalogue.page import _parts
from w2s_theory.catalogue.references import parse
from w2s_theory.catalogue.shown import INDEX, shown_by_experiments
from w2s_theory.catalogue.symbols import symbols_in
from w2s_theory.report.writing import json_ready
from w2s_theory.schemas import schema
from w2s_theory.statements import Statement
from w2s_theory.theorems import STATEMENTS, check_examples

ROOT = Path(__file__).parent.parent
#: One statement for each kind of claim.
ONE_OF_EACH = (
    "charikar2024.theorem_1",
    "finite_sample.expected_train_misfit",
    "charikar2024.theorem_2",
    "limits_of_refinement.saturation",
)
SHOW = jsonschema.Draft202012Validator(schema("show"))


@pytest.fixture(scope="module")
def pages():
    """The pages of all statements, without examples."""
    return {name: page(name, seed=None) for name in STATEMENTS}


def validate(found) -> None:
    SHOW.validate({"schema": schema("show")["$id"], **json_ready(found.as_plain())})


@pytest.mark.parametrize("name", STATEMENTS)
def test_every_statement_has_a_page_on_which_nothing_is_missing(name, pages):
    found = pages[name]
    titles = [section.title for section in found.sections()]
    assert found.title and (found.theorem or found.proof or found.remarks), "the docstring says no more than a title"
    for title in (
        "Claim",
        "Symbols",
        "Assumptions",
        "About",
        f"Kind of claim: {found.kind}",
        "Where it is tight",
        "Source",
        "Where it lives",
    ):
        assert title in titles
    assert found.symbols and all(symbol.means for symbol in found.symbols)
    assert found.is_ours or found.reference is not None
    assert found.ledger is not None and found.example is None
    assert found.problem and all(means for _, means in found.problem)
    assert found.neighbours and name not in [neighbour.name for neighbour in found.neighbours]
    kinds = [place.what for place in found.places]
    assert {"code", "test"} <= set(kinds)
    for place in found.places:
        assert (ROOT / place.path).exists(), place
    validate(found)


@pytest.mark.parametrize("width", [40, 100])
def test_text_fits_the_width_but_for_formulas_and_words_that_cannot_be_broken(width, pages):
    for name, found in pages.items():
        formulas = {
            line for block in (*found.theorem, *found.proof, *found.remarks) if isinstance(block, Formula) for line in block.lines
        }
        for line in found.as_text(width).splitlines():
            assert len(line) <= width or line.strip() in formulas or len(line.split()) <= 2, (name, line)


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_the_example_is_the_last_problem_that_verify_checks(name):
    found = page(name, seed=3).example
    rng = np.random.default_rng(np.random.SeedSequence([3, *name.encode()]))
    assert found is not None and found.index is not None
    assert found.check == check_examples(name, rng=rng)[-1]
    assert (found.seed, found.index) == (3, len(drawn_problems(STATEMENTS[name], 3)) - 1)
    assert type(drawn_problems(STATEMENTS[name], 3)[found.index][0]).__name__ == found.problem
    text = page(name, seed=3).as_text()
    assert f"{found.check.left:.6g}" in text and found.check.verdict.name in text and "seed 3" in text
    validate(page(name, seed=3))


def test_another_seed_is_another_example_and_the_same_seed_the_same():
    first, again, other = (page("charikar2024.theorem_1", seed=seed).example for seed in (0, 0, 1))
    assert first == again
    assert first is not None and other is not None and first.check.left != other.check.left


def test_the_page_of_theorem_1_reads_in_order_and_names_paper_proof_and_figure():
    found = page("charikar2024.theorem_1", seed=None)
    text = found.as_text()
    order = [
        "Theorem 1:",
        "Claim",
        "‖student − target‖²",
        "Proof",
        "Symbols",
        "Assumptions",
        "1. the target lies",
        "tight",
        "Pabbaraju",
    ]
    places = [text.index(words) for words in order]
    assert places == sorted(places)
    assert "https://arxiv.org/abs/2405.15116" in text
    assert "experiments/charikar2024_synthetic.py" in [place.path for place in found.places]
    assert ("charikar2024.theorem_1_affine", "mentioned") in [(n.name, n.why) for n in found.neighbours]
    assert not found.is_ours and page("charikar2024.theorem_2", seed=None).is_ours


def test_markdown_leaves_no_character_of_the_mathematics_to_be_read_as_a_command():
    text = page("finetuning.trapped_between_biases", seed=None).as_markdown(level=2)
    assert text.startswith("## finetuning.trapped\\_between\\_biases\n")
    assert "### Claim" in text
    assert re.search(r"β\\_\\\*", text) and not re.search(r"(?<![`\\])_\*", re.sub(r"`[^`]*`|^    .*$", "", text, flags=re.M))
    assert "<https://arxiv.org/abs/2405.16236>" in text


def test_a_docstring_falls_into_title_theorem_proof_and_remarks():
    words = "Title of\ntwo lines.\n\nLet x.\n\n    x ≥ 0.\n\nTrivial. Proof: squares are:\n\n    x² ≥ 0\n\nso it is.\n\n"
    words += "Attained at ``a.b``. Derived here."
    title, theorem, proof, remarks = _parts(words)
    assert title == "Title of two lines."
    assert theorem == (Paragraph("Let x."), Formula(("x ≥ 0.",)), Paragraph("Trivial."))
    assert proof == (Paragraph("Squares are:"), Formula(("x² ≥ 0",)), Paragraph("so it is."))
    assert remarks == (Paragraph("Attained at a.b."),)
    assert _parts("A.\n\nProof (by Chernoff): as usual.")[2] == (Paragraph("By Chernoff: as usual."),)
    assert _parts("Only a title.") == ("Only a title.", (), (), ())
    assert blocks_of("") == ()


def test_a_letter_of_a_word_is_no_symbol():
    signs = [symbol.sign for symbol in symbols_in("a student of the teacher's KL(w ‖ s)", "identities.squared")]
    assert signs == ["student", "KL", "w", "s"]
    assert [s.sign for s in symbols_in("b ≤ 1 − a, β_k", "tokens.naive_accuracy")] == ["b", "a"]


def test_a_statement_of_ones_own_has_a_page_too():
    mine = STATEMENTS["identities.squared"]
    own = Statement("mine.claim", "gain ≥ misfit", ">=", mine.sides, mine.about, tightness="open", examples=mine.examples)
    found = page(own)
    assert found.places == () and found.is_ours and found.reference is None
    assert "gain ≥ misfit" in found.as_text() and found.example is not None and found.example.seed == 0


def test_unknown_names_and_seeds_are_refused():
    with pytest.raises(KeyError, match=r"charikar2024\.theorem_1"):
        page("charikar2024.theorem1")
    with pytest.raises(ValueError, match="seed must be a whole number >= 0"):
        page("charikar2024.theorem_1", seed=-1)


def test_every_paper_that_a_statement_names_is_a_full_reference():
    known = references()
    for statement in STATEMENTS.values():
        if statement.source.key:
            assert known[statement.source.key].authors
    for reference in known.values():
        assert re.fullmatch(r"\d{4}", reference.year) and not re.search(r"[{}\\]|``|''", str(reference)), reference
    assert str(known["waudbysmith2024"]) == (
        "Ian Waudby-Smith and Aaditya Ramdas (2024). Estimating means of bounded random variables by betting. "
        "Journal of the Royal Statistical Society Series B 86(1), 1–27."
    )


def test_a_reference_without_a_year_is_refused_by_name():
    with pytest.raises(ValueError, match=r"the entry odd of refs\.bib must have year"):
        parse("@misc{odd,\n  title = {A},\n  author = {B, C},\n}\n")


def test_what_experiments_show_are_statements_and_the_packaged_index_agrees():
    shown = shown_by_experiments(ROOT / "experiments")
    assert shown, "no experiment says what it shows"
    for stem, names in shown.items():
        assert names and set(names) <= set(STATEMENTS), stem
        assert (ROOT / "figures" / f"{stem}.svg").exists()
    assert json.loads(INDEX.read_text()) == {stem: list(names) for stem, names in shown.items()}, (
        "run: python -m w2s_theory.catalogue.shown"
    )


def test_shows_that_is_no_literal_is_refused(tmp_path):
    (tmp_path / "odd.py").write_text("SHOWS = tuple(NAMES)\n")
    (tmp_path / "none.py").write_text("SOURCE = 'x'\n")
    with pytest.raises(ValueError, match=r"odd\.py must be a literal tuple"):
        shown_by_experiments(tmp_path)


def test_an_installed_package_has_pages_that_say_where_the_rest_is(tmp_path):
    shutil.copytree(ROOT / "w2s_theory", tmp_path / "w2s_theory", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "refs.bib", tmp_path / "w2s_theory" / "refs.bib")
    code = "import json; from w2s_theory.catalogue import page; p = page('charikar2024.theorem_1', seed=None)\n"
    code += "print(json.dumps([p.as_plain(), p.as_text()]))"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    plain, text = json.loads(done.stdout)
    here = page("charikar2024.theorem_1", seed=None)
    assert plain["ledger"] is None and plain["from_checkout"] is False and here.from_checkout
    assert "Paths in the repository" in text and "experiments/charikar2024_synthetic.py" in text
    assert plain["reference"]["cited"] == str(here.reference)
    assert all(isinstance(block, Terms | Paragraph) for section in here.sections()[-2:] for block in section.blocks)
