"""The ledger: it says what the tables say, in the agreed words, and paper_repro.md holds nothing else between its markers."""

from __future__ import annotations

import re

import numpy as np
import pytest

pytest.importorskip("pyarrow")

from experiments import _ledger as ledger
from experiments import statements as experiment
from experiments._store import StoreError, columns, write_table
from figures._style import Bars, caption, mean_interval, new_figure, style
from w2s_theory._validation import MissingExtra
from w2s_theory.statements import Assumption, InExpectation, Sides, Source, Statement
from w2s_theory.theorems import STATEMENTS


def square(factor: float, **changes) -> Statement:
    """The claim factor·x² ≤ x² about a float x, published unless ``changes`` say otherwise."""
    plan = {
        "name": "toy.square",
        "says": "factor x² ≤ x²",
        "relation": "<=",
        "sides": lambda x: Sides(np.array(factor * x**2), np.array(x**2)),
        "about": float,
        "source": Source("nobody2024", "Theorem 1"),
        "examples": lambda rng: tuple(rng.uniform(1.0, 2.0, size=3).tolist()),
    }
    return Statement(**(plan | changes))


def finding(statement: Statement, trials: int = 2) -> ledger.Finding:
    rows = [
        {"statement": statement.name, "trial": trial} | row
        for trial in range(trials)
        for row in experiment.check_rows(statement, rng=np.random.default_rng(trial))
    ]
    (found,) = experiment.findings(columns(rows))
    assert found.claim == statement.name
    return found


@pytest.fixture(scope="module")
def block():
    """The block without quick rows, which are not committed."""
    return ledger.render(with_quick=False)


def test_the_committed_block_is_what_the_tables_and_the_code_say(block):
    """A row can't be typed in. A block that also has the quick rows of this machine is right too."""
    assert ledger.committed() == block or ledger.committed() == ledger.render(), "rerun: python -m experiments --full"


def test_every_statement_has_a_row(block):
    assert STATEMENTS
    for name, statement in STATEMENTS.items():
        rows = [line for line in block.splitlines() if line.startswith(f"| `{name}` |")]
        assert len(rows) == 1 and str(statement.source) in rows[0]


def test_a_typed_in_row_or_a_changed_word_would_be_seen(tmp_path):
    (tmp_path / "paper_repro.md").write_text(f"{ledger.BEGIN}\n{ledger.END}\n", encoding="utf-8")
    (tmp_path / "experiments").mkdir()
    assert ledger.write(tmp_path) and not ledger.write(tmp_path)
    path = tmp_path / "paper_repro.md"
    path.write_text(path.read_text(encoding="utf-8").replace("not attempted", "reproduced", 1), encoding="utf-8")
    assert ledger.committed(tmp_path) != ledger.render(tmp_path)
    assert ledger.write(tmp_path) and ledger.committed(tmp_path) == ledger.render(tmp_path)


@pytest.mark.parametrize("text", ["", ledger.BEGIN, ledger.END + ledger.BEGIN, (ledger.BEGIN + ledger.END) * 2])
def test_a_ledger_without_its_markers_is_refused_and_left_alone(tmp_path, text):
    path = tmp_path / "paper_repro.md"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(StoreError, match=r"paper_repro\.md must hold the lines"):
        ledger.write(tmp_path)
    assert path.read_text(encoding="utf-8") == text


def test_full_rows_are_preferred_and_quick_rows_are_marked(tmp_path):
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "toy.py").write_text(
        '"""Toy."""\nfrom experiments._ledger import Finding\nSOURCE = "nobody2024"\n\n\ndef findings(table):\n'
        '    return [Finding("mean", "reproduced", str(table["x"].mean()))]\n'
    )
    results = tmp_path / "experiments" / "results"
    write_table(results / "quick" / "toy.parquet", columns([{"scale": "quick", "x": 1.5}]), {})
    assert "| Toy (figures/quick/toy.svg) | nobody2024 | 1, quick | mean | reproduced | 1.5 |" in ledger.render(tmp_path)
    assert "not attempted (no rows yet) | run `python -m experiments toy --full` |" in ledger.render(tmp_path, with_quick=False)
    write_table(results / "toy.parquet", columns([{"scale": "full", "x": 2.5}]), {})
    assert "| [Toy](figures/toy.svg) | nobody2024 | 1, full | mean | reproduced | 2.5 |" in ledger.render(tmp_path)
    assert ledger.render(tmp_path) == ledger.render(tmp_path, with_quick=False)


def test_a_table_of_an_older_experiment_is_named_with_the_way_to_rebuild_it(tmp_path):
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "toy.py").write_text('"""Toy."""\ndef findings(table):\n    return [table["new"]]\n')
    write_table(tmp_path / "experiments" / "results" / "toy.parquet", columns([{"scale": "full", "old": 1.0}]), {})
    with pytest.raises(StoreError, match=r"findings of toy .*KeyError: 'new'.*python -m experiments toy --full"):
        ledger.render(tmp_path)


@pytest.mark.parametrize("status", ["", "true", "Reproduced", "holds"])
def test_a_status_in_other_words_is_refused(status):
    with pytest.raises(ValueError, match="status must begin with one of"):
        ledger.Finding("claim", status, "evidence")


def test_every_word_of_a_status_is_explained_beside_the_ledger_and_accepted():
    head = (ledger.ROOT / "paper_repro.md").read_text(encoding="utf-8").partition(ledger.BEGIN)[0]
    for word in ledger.STATUS_WORDS:
        assert re.search(rf"^\| {re.escape(word)}( \(\w+\))? \|", head, flags=re.MULTILINE), word
        assert ledger.Finding("claim", f"{word} (why)", "").status.startswith(word)


def test_an_attained_published_bound_is_reproduced():
    assert finding(square(1.0)).status == "reproduced"
    assert finding(square(0.995)).status == "reproduced"


def test_a_loose_published_bound_has_the_factor_in_its_status():
    found = finding(square(0.25))
    assert found.status == "holds but loose (factor 4)"
    assert found.evidence == "ratio of the sides: best 0.25, median 0.25; 3 problems × 2 seeds"


def test_a_statement_of_ours_says_so_whether_tight_or_loose():
    ours = Source(derived=True)
    assert finding(square(1.0, source=ours)).status == "holds (derived here)"
    assert finding(square(0.5, source=ours)).status == "holds (derived here), loose (factor 2)"


def test_one_violation_among_many_checks_is_a_counterexample():
    def examples(rng):
        return (1.0, 2.0, 3.0)

    def sides(x):
        return Sides(np.array(1.1 if x == 2.0 else 0.9), np.array(1.0))

    found = finding(square(1.0, sides=sides, examples=examples))
    assert found.status == "counterexample found"
    assert found.evidence.startswith("2 of 6 checks VIOLATED")


def test_an_equality_reports_how_well_its_sides_agree():
    exact = finding(square(1.0, relation="=="))
    assert exact.status == "reproduced" and exact.evidence.startswith("sides agree to 0 of the larger")
    assert finding(square(1.1, relation="==")).status == "counterexample found"


def test_a_claim_about_a_sign_is_not_called_loose():
    found = finding(square(1.0, sides=lambda x: Sides(np.array(0.0), np.array(x))))
    assert found.status == "reproduced" and found.evidence.startswith("compares with 0, so no ratio; smallest margin 1")


def test_sides_of_unlike_sign_have_no_factor():
    found = finding(square(1.0, sides=lambda x: Sides(np.array(-x), np.array(x))))
    assert found.status == "holds but loose (sides of unlike sign)"


def test_mostly_unlike_signs_leave_the_best_factor():
    def sides(x):
        return Sides(np.array(0.2 if x == 1.0 else -0.5), np.array(1.0))

    found = finding(square(1.0, sides=sides, examples=lambda rng: (1.0, 2.0, 3.0)))
    assert found.status == "holds but loose (factor 5 at best)"


def test_a_bound_with_a_draw_counts_its_draws():
    def sides(x, count, rng):
        return Sides(rng.normal(x, 0.1, size=count), np.full(count, 2.0 * x))

    found = finding(square(1.0, sides=sides, kind=InExpectation()), trials=1)
    assert re.fullmatch(r"holds but loose \(factor (1\.9\d|2|2\.0\d)\)", found.status)
    assert re.search(r"3 problems × 1 seed, \d{3,} draws$", found.evidence)


def test_what_could_not_be_checked_is_not_attempted_and_says_why():
    def absent(x):
        raise MissingExtra("programs", "cvxpy")

    def no_examples(rng):
        raise MissingExtra("torch", "torch")

    assert finding(square(1.0, sides=absent)).status.startswith(
        "not attempted (unsolved: cvxpy is not installed; it comes with the extra"
    )
    assert finding(square(1.0, examples=no_examples)).status.startswith("not attempted (unsolved: torch is not installed")
    outside = (Assumption("x is negative", lambda x: x < 0),)
    assert finding(square(1.0, assumptions=outside)).status == "not attempted (out of scope: x is negative)"
    nan = finding(square(1.0, sides=lambda x: Sides(np.array(np.nan), np.array(x))))
    assert nan.status.startswith("not attempted (nonfinite: ")


def test_a_statement_without_examples_is_refused():
    with pytest.raises(ValueError, match=r"toy\.square must have examples"):
        experiment.check_rows(square(1.0, examples=None), rng=np.random.default_rng(0))


def test_an_example_keeps_its_draws_whatever_the_others_need():
    def sides(x, count, rng):
        return Sides(rng.normal(x, 1.0, size=count), np.full(count, 2.0))

    def checked(*examples):
        statement = square(1.0, sides=sides, kind=InExpectation(), examples=lambda rng: examples)
        return experiment.check_rows(statement, rng=np.random.default_rng(5))

    easy, hard = checked(-9.0, 1.0), checked(1.99, 1.0, 1.0)  # the first example of the second needs more draws
    assert hard[0]["draws"] > easy[0]["draws"]
    assert hard[1] == easy[1] and hard[2]["left"] != hard[1]["left"]


def test_the_grid_has_every_statement_and_quick_is_part_of_full():
    for scale, trials in experiment.TRIALS.items():
        assert [point["statement"] for point in experiment.SCALES[scale]] == [name for name in STATEMENTS for _ in range(trials)]
    assert all(point in experiment.SCALES["full"] for point in experiment.SCALES["quick"])


def test_the_picture_shows_every_check_and_names_every_statement():
    pytest.importorskip("matplotlib")
    from figures.statements import draw

    rows = [{"statement": "toy.a", "trial": 0} | row for row in experiment.check_rows(square(0.5), rng=np.random.default_rng(0))]
    wrong = experiment.check_rows(square(2.0), rng=np.random.default_rng(0))
    signs = experiment.check_rows(square(1.0, sides=lambda x: Sides(np.array(0.0), np.array(x))), rng=np.random.default_rng(0))
    rows += [{"statement": name, "trial": 0} | row for name, more in (("toy.b", wrong), ("toy.c", signs)) for row in more]
    with style():
        axes = draw(columns(rows)).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["toy.a", "toy.b", "toy.c"]
    drawn = {line.get_label(): np.asarray(line.get_xdata(), dtype=float) for line in axes.get_lines()}
    np.testing.assert_allclose(drawn["holds"][:3], 0.5)
    np.testing.assert_allclose(drawn["violated"], 0.5)
    assert np.all(drawn["holds"][3:] < 0)


def test_many_statements_stand_in_columns_and_none_is_lost(monkeypatch):
    pytest.importorskip("matplotlib")
    from figures import statements as picture

    monkeypatch.setattr(picture, "IN_A_COLUMN", 2)
    checks = experiment.check_rows(square(0.5), rng=np.random.default_rng(0))
    rows = [{"statement": f"toy.{name}", "trial": 0} | row for name in "abcde" for row in checks]
    with style():
        figure = picture.draw(columns(rows))
    named = [label.get_text() for axes in figure.axes for label in axes.get_yticklabels()]
    assert named == [f"toy.{name}" for name in "abcde"]
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == [f"holds ({5 * len(checks)})"]


def test_the_interval_over_seeds_is_student_t():
    bars = mean_interval(np.array([2, 1, 1, 2, 1, 3]), np.array([4.0, 1.0, 2.0, 8.0, 6.0, 5.0]))
    assert isinstance(bars, Bars)
    np.testing.assert_array_equal(bars.at, [1, 2, 3])
    np.testing.assert_array_equal(bars.count, [3, 2, 1])
    np.testing.assert_allclose(bars.mean, [3.0, 6.0, 5.0])
    # quantiles of Student's t from a printed table: 4.30265 with 2 degrees of freedom, 12.7062 with 1
    np.testing.assert_allclose(bars.half, [4.30265 * np.sqrt(7.0 / 3.0), 12.7062 * np.sqrt(8.0 / 2.0), np.nan], rtol=1e-5)


def test_a_caption_stays_within_the_figure_and_below_the_axes():
    pytest.importorskip("matplotlib")
    with style():
        figure, axes = new_figure()
        axes.set_xlabel("x")
        caption(figure, "Means over 20 seeds with 95 % intervals; synthetic data. " * 6)
        figure.draw_without_rendering()
        (text,) = figure.texts
        box = text.get_window_extent()
        width, height = figure.get_size_inches() * figure.dpi
        assert box.x0 >= 0 and box.x1 <= width
        assert box.y0 >= 0 and box.y1 < height / 2
        assert axes.get_tightbbox().y0 >= box.y1
