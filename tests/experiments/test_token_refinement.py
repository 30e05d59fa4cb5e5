"""The experiment on tokens: rates and their errors, findings that can come out otherwise, and the picture."""

from __future__ import annotations

import numpy as np
import pytest

from experiments import _runner
from experiments import token_refinement as experiment
from experiments._store import columns


@pytest.fixture(scope="module")
def table():
    """The quick grid with fewer draws for the longest prompts."""
    rows = []
    for params in experiment.SCALES["quick"]:
        small = params | {"trials": 2500 if params["part"] == "accuracy" else 15_000}
        rng = np.random.default_rng(_runner.point_seed("any", experiment.SEED_AXES, params))
        rows += [small | row for row in experiment.run_one(small, rng=rng)]
    return columns(rows)


def changed(table, factor, column="value", **where):
    rows = np.all([np.isin(table[name], value) for name, value in where.items()], axis=0)
    return table | {column: np.where(rows, factor * table[column], table[column])}


def statuses(table):
    return [finding.status for finding in experiment.findings(table)]


def test_every_finding_holds(table):
    assert [status.split(" (")[0] for status in statuses(table)] == ["holds"] * 3 + ["not attempted"]


def test_a_rate_of_zero_has_an_error():
    assert experiment._stderr(np.zeros(98)) == pytest.approx(np.sqrt(0.01 * 0.99 / 98))
    assert experiment._stderr(np.ones(98)) == pytest.approx(experiment._stderr(np.zeros(98)))


@pytest.mark.parametrize(
    ("place", "factor", "where"),
    [
        (0, 1.1, {"rule": "flip"}),
        (0, 1 / 1.1, {"rule": "flip"}),
        (0, 1.1, {"rule": "flip", "world": "hard"}),
        (1, 1 / 1.1, {"rule": "naive"}),
        (1, 1 / 1.1, {"rule": "refined"}),
        (1, 1 / 1.1, {"rule": "voted"}),
        (1, 1 / 1.1, {"rule": "random"}),
        (2, 0.5, {"rule": "refined", "at": 0.3}),
        (2, 2.0, {"rule": "refined", "at": 0.6}),
        (2, 0.5, {"rule": "random", "at": 0.3}),
    ],
)
def test_findings_notice_what_does_not_hold(table, place, factor, where):
    assert statuses(changed(table, factor, **where))[place] == "counterexample found"


def test_a_bound_that_is_exceeded_is_reported(table, monkeypatch):
    monkeypatch.setattr(experiment, "bound", lambda name, n: 0.8 * experiment.predicted_flip(name, int(n)))
    found = experiment.findings(table)[0]
    assert found.status == "counterexample found" and "exceeded by more than five standard errors" in found.evidence


@pytest.mark.parametrize(("place", "part"), [(0, "identification"), (1, "accuracy")])
def test_draws_too_few_to_tell_decide_nothing(table, place, part):
    assert statuses(changed(table, 20.0, "stderr", part=part))[place].startswith("not attempted (too noisy")


def test_the_picture_shows_every_rate(table):
    pytest.importorskip("matplotlib")
    from figures._style import style
    from figures.token_refinement import draw

    with style():
        figure = draw(table)
        figure.draw_without_rendering()
    for axes, part in zip(figure.axes, ("accuracy", "identification"), strict=True):
        drawn = np.concatenate([bars[0].get_ydata() for bars in axes.containers])
        values = table["value"][table["part"] == part]
        np.testing.assert_allclose(np.sort(drawn), np.sort(values[values > 0]))
