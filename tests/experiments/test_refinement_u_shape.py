"""The experiment on soft concepts: its markers against the exact law, the best length, its picture, findings that can come out otherwise."""

from __future__ import annotations

import numpy as np
import pytest

from experiments import _runner
from experiments import refinement_u_shape as experiment
from experiments._store import columns
from tests.tolerances import STANDARD_ERRORS


@pytest.fixture(scope="module")
def table():
    rows = []
    for params in experiment.SCALES["quick"]:
        rng = np.random.default_rng(_runner.point_seed("refinement_u_shape", experiment.SEED_AXES, params))
        rows += [{"scale": "quick"} | params | row for row in experiment.run_one(dict(params), rng=rng)]
    return columns(rows)


def test_sampled_prompts_have_the_error_of_the_exact_law(table):
    rows = np.flatnonzero(table["risk_stderr"] < 0.03 * table["risk"])
    exact = [experiment.exact(float(table["variance"][i]), int(table["n"][i]))[0] for i in rows]
    assert np.abs((table["risk"][rows] - exact) / table["risk_stderr"][rows]).max() < STANDARD_ERRORS
    assert rows.size > 15
    assert np.min(table["risk_stderr"][rows] / table["risk"][rows]) < 0.019, "too noisy to have seen a 10 % error"


def test_the_best_length_is_the_best_of_all(table):
    errors = [experiment.exact(experiment.SHOWN, n)[0] for n in range(12, 30)]
    assert experiment.best_length(experiment.SHOWN) == 12 + int(np.argmin(errors))


def test_the_findings_hold(table):
    assert [f.status for f in experiment.findings(table)] == 5 * ["holds (derived here)"]


def test_findings_notice_what_would_contradict_them(table):
    wrong = experiment.findings(table | {"risk": 1.1 * table["risk"], "wrong": 1.1 * table["wrong"]})
    assert wrong[0].status == wrong[3].status == "counterexample found"
    falling = experiment.findings(table | {"risk": 1.0 / table["n"]})
    assert falling[1].status.startswith("not attempted")
    told = experiment.findings(table | {"risk": 1.3 * table["risk"]})
    assert told[2].status == "counterexample found"
    copied = experiment.findings(table | {"risk": np.full(table["n"].size, 0.6)})
    assert copied[4].status == "counterexample found"


def test_the_picture_has_two_markers_for_every_row(table):
    pytest.importorskip("matplotlib")
    from figures._style import style
    from figures.refinement_u_shape import draw

    with style():
        figure = draw(table)
        figure.draw_without_rendering()
    drawn = sum(len(container[0].get_xdata()) for axes in figure.axes for container in axes.containers)
    assert drawn == 2 * table["n"].size
