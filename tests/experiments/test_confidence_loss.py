"""The experiment on the confidence loss: rows that agree with the closed forms, findings that can come out otherwise, and the picture."""

from __future__ import annotations

import numpy as np
import pytest

from experiments import _runner
from experiments import confidence_loss as experiment
from experiments._store import columns
from tests.experiments import made


@pytest.fixture(scope="module")
def table():
    """The quick grid with fewer students of the other parts."""
    rows = []
    for params in experiment.SCALES["quick"]:
        small = params | ({} if params["part"] == "population" else {"items": 40})
        rng = np.random.default_rng(_runner.point_seed("any", experiment.SEED_AXES, params))
        rows += [small | row for row in experiment.run_one(small, rng=rng)]
    return columns(rows)


def statuses(table):
    return made.statuses(experiment, table)


def test_every_finding_holds(table):
    """The gain by as many drawn items as it takes to see a closed form that is 10 per cent off."""
    assert statuses(table) == ["holds (derived here)"] * 4


def test_few_items_decide_nothing_about_the_gain(table):
    fewer = made.changed(table, lambda stderr: 4.0 * stderr, "stderr", part="population")
    assert statuses(fewer)[1].startswith("not attempted (too noisy")
    fewest = made.changed(table, lambda stderr: 40.0 * stderr, "stderr", part="population")
    assert statuses(fewest)[2].startswith("not attempted (sign open: helps, hurts")


@pytest.mark.parametrize(
    ("place", "change", "where"),
    [
        (0, lambda v: 1.0 - v, {"part": "transition", "world": "0.9", "at": 0.4}),
        (0, lambda v: 0.98 * v, {"part": "transition", "world": "0.55"}),
        (1, lambda v: v + 0.05, {"part": "population", "world": "helps", "at": 0.4}),
        (1, lambda v: v - 0.05, {"part": "population", "world": "hurts"}),
        (2, lambda v: 0.7 + 0.0 * v, {"part": "population", "world": "helps", "at": 0.9}),
        (2, lambda v: 0.8 + 0.0 * v, {"part": "population", "world": "hurts"}),
        (2, lambda v: 0.95 + 0.0 * v, {"part": "population", "world": "helps if not overdone", "at": 0.75}),
        (3, lambda v: v + 0.2, {"part": "collapse", "world": "half"}),
        (3, lambda v: v + 0.2, {"part": "collapse", "world": "batch"}),
    ],
)
def test_findings_notice_what_does_not_hold(table, place, change, where):
    assert statuses(made.changed(table, change, **where))[place] == "counterexample found"


def test_no_level_of_confidence_is_at_a_border():
    for a in experiment.COEFFICIENTS:
        border = 0.5 / (1.0 - a)
        assert np.abs(experiment.LEVELS - border).min() > 1e-3
        assert np.abs(np.array(experiment.CONFIDENCES) - border).min() > 1e-3


def test_the_border_of_the_figure_is_that_of_the_law():
    for confidence in experiment.CONFIDENCES:
        border = 1.0 - 0.5 / confidence
        assert experiment.predicted_kept(confidence, border - 1e-6) == 0.0
        assert experiment.predicted_kept(confidence, border + 1e-6) == 1.0


def test_the_picture_shows_every_rate(table):
    pytest.importorskip("matplotlib")
    from figures._style import style
    from figures.confidence_loss import draw

    with style():
        figure = draw(table)
        figure.draw_without_rendering()
    drawn = np.concatenate([bars[0].get_ydata() for bars in figure.axes[1].containers])
    np.testing.assert_allclose(np.sort(drawn), np.sort(table["value"][table["part"] == "population"]))
