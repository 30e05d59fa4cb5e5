"""The experiment on the error of every student: small runs agree with the closed forms, and a wrong one would be reported."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("pyarrow")

from experiments import refinement_risk as experiment
from experiments._runner import results_folder
from experiments._store import columns, read_table
from figures._style import style
from tests.tolerances import ROUNDING, STANDARD_ERRORS


@pytest.fixture(scope="module")
def table():
    """Few sizes and two rounds of repetition (closed forms are slow), each with enough students to see a tenth."""
    rows = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiment, "ROUNDS", 2)
        for point in (p for p in experiment.SCALES["quick"] if p["n"] in (0, 2, 8)):
            small = point | {"prompts": 10_000, "students": 300 if point["n"] else 1500}
            rng = np.random.default_rng([list(experiment.WORLDS).index(point["weak"]), point["n"]])
            rows += [small | row for row in experiment.run_one(small, rng=rng)]
    return columns(rows)


def statuses(table):
    return {finding.claim: finding.status for finding in experiment.findings(table)}


def changed(table, column, factor, **where):
    rows = np.all([table[name] == value for name, value in where.items()], axis=0)
    return table | {column: np.where(rows, factor * table[column], table[column])}


def test_every_closed_form_agrees_with_its_students_and_every_finding_holds(table):
    found = statuses(table)
    assert len(found) == len(experiment.LAWS) + len(experiment.WORLDS) + 2
    assert set(found.values()) == {"holds (derived here)"}


@pytest.mark.parametrize("student", experiment.LAWS)
@pytest.mark.parametrize("factor", [1.1, 1 / 1.1])
def test_a_closed_form_that_is_a_tenth_off_is_reported(table, student, factor):
    found = statuses(changed(table, "closed_form", factor, student=student))
    assert found[f"error of the student: {student}"] == "counterexample found"


@pytest.mark.parametrize("student", experiment.LAWS)
def test_students_too_few_to_see_a_tenth_decide_nothing(table, student):
    found = statuses(changed(table, "stderr", 20.0, student=student))
    assert found[f"error of the student: {student}"].startswith("not attempted (too noisy")


def test_a_wrong_order_of_students_is_reported(table):
    found = statuses(changed(table, "error", 1e-3, student="naive"))
    assert found["biased weak model: who wins is known before anything is run"] == "counterexample found"


def test_students_too_alike_to_be_ordered_decide_nothing(table):
    found = statuses(changed(table, "stderr", 1000.0, n=0))
    assert found["biased weak model: who wins is known before anything is run"] == "not attempted (too few students to tell)"


def test_repetition_that_always_sharpens_or_a_gap_that_shrinks_is_reported(table):
    sharpens = statuses(changed(table, "error", 0.1, student="repeated"))
    assert sharpens["repeating refinement forgets with few examples and sharpens with many"] == "counterexample found"
    shrinks = statuses(changed(table, "closed_form", 5.0, student="refined", n=8))
    assert shrinks["the gap over naive fine-tuning grows to its limit"] == "counterexample found"


def test_the_squared_length_of_a_mean_is_unbiased_and_its_error_is_that_of_its_scatter():
    rng = np.random.default_rng(0)
    mean = np.array([1.0, -0.5, 0.0])
    draws = mean + rng.standard_exponential((3000, 40, 3)) - 1.0
    values, errors = np.transpose([experiment.squared_length(each) for each in draws])
    scatter = np.std(values)
    naive = np.mean(np.sum(draws.mean(axis=1) ** 2, axis=1))
    within = STANDARD_ERRORS * scatter / np.sqrt(len(draws))
    assert abs(np.mean(values) - mean @ mean) < within < naive - mean @ mean, "the plain square would be seen to be biased"
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(scatter, rel=0.15)  # the jackknife over-states it a little
    pairs = [draws[0][i] @ draws[0][j] for i in range(40) for j in range(40) if i != j]
    assert values[0] == pytest.approx(np.mean(pairs), rel=1e3 * ROUNDING)


def test_the_committed_closed_forms_are_what_the_code_says_now():
    """The table keeps them because they take half a minute in all; these take a second and cover every law."""
    path = results_folder("full") / "refinement_risk.parquet"
    if not path.exists():
        pytest.skip("no full table yet: python -m experiments refinement_risk --full")
    table = read_table(path)[0]
    for student, law in experiment.LAWS.items():
        n = 0 if student in ("naive", "shrunken") else 2
        (i,) = np.flatnonzero((table["student"] == student) & (table["n"] == n) & (table["weak"] == "noisy and biased"))
        # Quadrature over the weights is good to 1e-5, and its points may change.
        assert table["closed_form"][i] == pytest.approx(law(experiment.WORLDS["noisy and biased"], n), rel=1e-3), student


def test_a_row_holds_its_closed_form_beside_what_was_measured(table):
    refined = table["student"] == "refined"
    assert np.all(np.isfinite(table["closed_form"][refined])) and not np.any(
        table["closed_form"][refined] == table["error"][refined]
    )
    assert np.all(np.isnan(table["closed_form"][table["student"] == "hull"]))


def test_the_picture_has_a_panel_per_weak_model_and_names_every_student(table):
    pytest.importorskip("matplotlib")
    from figures.refinement_risk import CURVES, FLAT, draw

    with style():
        figure = draw(table)
    assert [axes.get_title(loc="left").lower() for axes in figure.axes] == [f"{name} weak model" for name in experiment.WORLDS]
    named = {text.get_text() for text in figure.legends[0].get_texts()}
    assert {label for _, _, label in (*CURVES.values(), *FLAT.values())} <= named
