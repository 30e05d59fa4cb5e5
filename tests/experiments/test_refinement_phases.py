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
        small = dict(params, prompts=200, steps=6) if params["part"] == "map" else dict(params, prompts=200)
        rng = np.random.default_rng(_runner.point_seed("refinement_phases", experiment.SEED_AXES, params))
        rows += [{"scale": "quick"} | small | row for row in experiment.run_one(small, rng=rng)]
    return columns(rows)


def test_simulated_students_have_the_error_of_the_exact_law(table):
    rows = np.flatnonzero((table["part"] == "segment") & (table["n"] == 4))
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


def test_the_picture_has_a_marker_for_every_point_of_the_segment(table):
    pytest.importorskip("matplotlib")
    from figures._style import style
    from figures.refinement_phases import draw

    with style():
        figure = draw(table)
        figure.draw_without_rendering()
    drawn = sum(len(container[0].get_xdata()) for axes in figure.axes for container in axes.containers)
    assert drawn == np.sum(table["part"] == "segment")
