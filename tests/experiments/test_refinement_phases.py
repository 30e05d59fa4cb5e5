"""The experiment on the phases of refinement: its numbers, its picture, and findings that can come out otherwise."""

from __future__ import annotations

import numpy as np
import pytest

from experiments import _runner
from experiments import refinement_phases as experiment
from experiments._store import columns
from tests.tolerances import ROUNDING, STANDARD_ERRORS
from w2s_theory.quantities.phase_boundaries import flip_size
from w2s_theory.quantities.refined_risk import refined_risk


@pytest.fixture(scope="module")
def table():
    rows = []
    for params in experiment.SCALES["quick"]:
        if params["part"] == "map" and params["n"] == experiment.LONG and params["angle"] % 30 > 10:
            continue  # every second direction of the map of long prompts, which the picture does not show
        small = dict(params, prompts=200, steps=6) if params["part"] == "map" else dict(params, prompts=200)
        rng = np.random.default_rng(_runner.point_seed("refinement_phases", experiment.SEED_AXES, params))
        rows += [{"scale": "quick"} | small | row for row in experiment.run_one(small, rng=rng)]
    return columns(rows)


def test_simulated_students_have_the_error_of_the_exact_law(table):
    rows = np.flatnonzero((table["part"] == "segment") & (table["n"] == 4))[::3]
    exact = np.array([refined_risk(experiment.biased_world(0.0, a), 4) for a in table["share"][rows]])
    assert np.abs((table["refined"][rows] - exact) / table["refined_stderr"][rows]).max() < STANDARD_ERRORS
    assert np.median(table["refined_stderr"][rows] / exact) < 0.15
    assert table["naive"][rows] == pytest.approx(2.0 * table["share"][rows] ** 2, abs=ROUNDING)


def test_the_drawn_boundary_is_the_flip_of_the_world():
    for angle in (0.0, 30.0, 60.0):
        world = experiment.biased_world(angle, 0.3)
        assert flip_size(world) / experiment.DISTANCE == pytest.approx(0.5 / np.cos(np.deg2rad(angle)), rel=ROUNDING)
    assert flip_size(experiment.biased_world(120.0, 0.3)) == np.inf


def test_the_findings_hold(table):
    assert [f.status for f in experiment.findings(table)] == 5 * ["holds (derived here)"]


def test_findings_notice_what_would_contradict_them(table):
    never = experiment.findings(table | {"refined": 0.0 * table["refined"]})
    assert [f.status for f in never[:4]] == 4 * ["counterexample found"]
    assert experiment.findings(table | {"one_prompt": 0.5 * table["one_prompt"]})[3].status == "counterexample found"
    assert experiment.findings(table | {"one_prompt": 1.2 * table["one_prompt"]})[4].status == "counterexample found"


def test_estimates_below_zero_do_not_hide_the_rows_that_are_asked_about(table):
    """The estimate of an error is unbiased, so all of those within the radius can be at or below zero."""
    long = (table["part"] == "map") & (table["n"] == experiment.LONG)
    radius = experiment.findings(table)[2]
    below = experiment.findings(table | {"refined": np.where(long & (table["size"] < 0.5), -1e-6, table["refined"])})[2]
    assert below.status == radius.status and "error at most 0.0000" in below.evidence
    lost = experiment.findings(table | {"refined": np.where(long & (table["size"] > 0.5), -1e-6, table["refined"])})[2]
    assert lost.status == "counterexample found"  # nothing is lost beyond it
    elsewhere = np.where(table["part"] == "tie", 5.0, np.where(long, table["refined"], -1.0))
    assert experiment.findings(table | {"refined": elsewhere})[2] == radius


def test_answers_that_stay_diverse_contradict_the_collapse(table):
    assert experiment.findings(table | {"diversity": 0.0 * table["diversity"] + 0.3})[4].status == "counterexample found"


def test_the_picture_has_a_marker_for_every_point_of_the_segment(table):
    pytest.importorskip("matplotlib")
    from figures._style import style
    from figures.refinement_phases import draw

    with style():
        figure = draw(table)
        figure.draw_without_rendering()
    drawn = sum(len(container[0].get_xdata()) for axes in figure.axes for container in axes.containers)
    assert drawn == np.sum(table["part"] == "segment")
