"""The experiment on self-distillation: its markers against closed forms, its picture, and findings that can come out otherwise."""

from __future__ import annotations

import numpy as np
import pytest

from experiments import _runner
from experiments import self_distillation as experiment
from experiments._store import columns
from tests.tolerances import STANDARD_ERRORS


@pytest.fixture(scope="module")
def table():
    rows = []
    for params in experiment.SCALES["quick"]:
        rng = np.random.default_rng(_runner.point_seed("self_distillation", experiment.SEED_AXES, params))
        rows += [{"scale": "quick"} | params | row for row in experiment.run_one(dict(params), rng=rng)]
    return columns(rows)


def test_refitted_students_have_the_risk_of_the_closed_form(table):
    off = (table["risk"] - experiment.exact_risks(table)) / table["risk_stderr"]
    assert np.abs(off).max() < STANDARD_ERRORS
    assert np.median(table["risk_stderr"] / table["risk"]) < 0.02, "too noisy to have seen a 10 % error"
    assert [f.status for f in experiment.findings(table)] == 4 * ["holds (derived here)"]


def test_findings_notice_a_wrong_risk_and_a_bias_that_is_removed(table):
    assert experiment.findings(table | {"risk": 1.1 * table["risk"]})[0].status == "counterexample found"
    backwards = np.where(table["part"] == "mixing", -table["risk"], table["risk"])
    assert experiment.findings(table | {"risk": backwards})[1].status == "counterexample found"
    never = np.where(table["part"] == "steps", 1.1 * table["risk"], table["risk"])
    assert experiment.findings(table | {"risk": never})[2].status == "counterexample found"
    corrected = table["risk"] - 0.2 * table["bias"]
    assert experiment.findings(table | {"risk": corrected})[3].status == "counterexample found"


def test_students_too_few_to_tell_decide_nothing(table):
    found = experiment.findings(table | {"risk_stderr": 30.0 * table["risk_stderr"]})
    assert all(found[place].status.startswith("not attempted (too noisy") for place in (0, 2, 3))


def test_the_best_penalty_of_the_grid_is_a_minimum_inside_it():
    penalty, risk = experiment.tuned_ridge()
    assert experiment.PENALTIES[0] < penalty < experiment.PENALTIES[-1]
    assert experiment.UNDER < penalty < experiment.OVER
    assert experiment.wiener_floor(experiment.world(1.0)) < risk


def test_the_picture_has_a_marker_for_every_row(table):
    pytest.importorskip("matplotlib")
    from figures._style import style
    from figures.self_distillation import draw

    with style():
        figure = draw(table)
        figure.draw_without_rendering()
    drawn = sum(len(container[0].get_xdata()) for axes in figure.axes for container in axes.containers)
    assert drawn == table["risk"].size
