"""The experiment on the error of every student: small runs agree with the closed forms, and a wrong one would be reported."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("pyarrow")

from experiments import refinement_risk as experiment
from experiments._store import columns
from figures._style import style


@pytest.fixture(scope="module")
def table():
    rows = []
    for point in (p for p in experiment.SCALES["quick"] if p["n"] in (0, 1, 16, 32)):
        small = point | {"prompts": 4000, "students": 40}
        rng = np.random.default_rng([list(experiment.WORLDS).index(point["weak"]), point["n"]])
        rows += [point | row for row in experiment.run_one(small, rng=rng)]
    return columns(rows)


def statuses(table):
    return {finding.claim: finding.status for finding in experiment.findings(table)}


def test_every_closed_form_agrees_with_its_students(table):
    for student in experiment.LAWS:
        assert statuses(table)[f"error of the student: {student}"] == "holds (derived here)"


@pytest.mark.parametrize("student", ["one prompt", "refined", "intent", "naive"])
def test_a_closed_form_that_is_off_is_reported(table, student):
    off = np.where(table["student"] == student, 1.35, 1.0)  # few prompts: what 4000 of them can see in every student
    found = statuses(table | {"closed_form": off * table["closed_form"]})
    assert found[f"error of the student: {student}"] == "counterexample found"


def test_a_wrong_order_of_students_is_reported(table):
    naive = table["student"] == "naive"
    found = statuses(table | {"closed_form": np.where(naive, 1e-6, table["closed_form"])})
    assert found["biased weak model: who wins is known before anything is run"] == "not reproduced"


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
