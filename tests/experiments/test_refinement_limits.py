"""The experiment on the limits of refinement: samples against loops, findings that can come out otherwise, and the picture."""

from __future__ import annotations

import numpy as np
import pytest

from experiments import _runner
from experiments import refinement_limits as experiment
from experiments._agreement import select
from experiments._store import columns
from tests.tolerances import ROUNDING, STANDARD_ERRORS
from w2s_theory.quantities.prior_shift import confusion


@pytest.fixture(scope="module")
def table():
    """The quick grid, without some of its larger samples."""
    rows = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiment, "COUNTED", 33_000)
        for params in experiment.SCALES["quick"]:
            small = params | ({} if params["part"] == "separation" else {"samples": 30})
            if params["part"] != "labels" or params["at"] not in (3000, 10_000):
                rng = np.random.default_rng(_runner.point_seed("any", experiment.SEED_AXES, params))
                rows += [small | row for row in experiment.run_one(small, rng=rng)]
    return columns(rows)


def changed(table, factor, column="value", **where):
    rows = np.all([table[name] == value for name, value in where.items()], axis=0)
    return table | {column: np.where(rows, factor * table[column], table[column])}


def statuses(table):
    return [finding.status for finding in experiment.findings(table)]


def test_the_shares_of_a_sample_are_those_of_its_refined_labels_and_unbiased():
    world = experiment.triple()
    found = experiment.shares(world, 200, 6000, rng=np.random.default_rng(0))  # in pieces of a million labels
    assert found.shape == (6000, 3)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=ROUNDING)
    np.testing.assert_allclose(200 * found, np.round(200 * found), atol=200 * ROUNDING)
    expected = confusion(world).T @ world.target
    stderr = np.sqrt(expected * (1.0 - expected) / (200 * 6000))
    assert np.all(np.abs(found.mean(axis=0) - expected) < STANDARD_ERRORS * stderr)
    np.testing.assert_allclose(found.std(axis=0), np.sqrt(expected * (1.0 - expected) / 200), rtol=0.1)


def test_variance_after_over_before_is_that_of_the_drawn_concepts():
    world = experiment.triple()
    (ratio,) = experiment._amplification(1.0, 500, 1, rng=np.random.default_rng(3))["amplification"]
    (share,) = experiment.shares(world, 500, 1, rng=np.random.default_rng(3))
    drawn = np.repeat(np.eye(3), np.round(500 * share).astype(int), axis=0)
    after = np.linalg.solve(confusion(world).T, drawn.T).T
    assert ratio == pytest.approx(np.sum(after.var(axis=0) / world.source) / np.sum(drawn.var(axis=0) / world.source))


def test_every_finding_holds(table):
    found = statuses(table)
    assert [status.split(" (")[0] for status in found] == [
        *["holds"] * 3,
        "holds but loose",
        "holds",
        "not attempted",
    ]


@pytest.mark.parametrize(
    ("place", "factor", "where"),
    [
        (0, 1.1, {"part": "separation", "rule": "refined"}),
        (0, 1.1, {"part": "separation", "rule": "frozen"}),
        (1, 1.1, {"part": "labels", "rule": "refined"}),
        (1, 1.1, {"part": "labels", "rule": "deconvolved"}),
        (2, 0.1, {"part": "labels", "rule": "refined"}),
        (2, 500.0, {"part": "labels", "rule": "em"}),
        (3, 1.1, {"part": "variance"}),
        (3, 3.0, {"part": "variance"}),
        (4, 30.0, {"part": "regression", "rule": "weak training", "at": 0.0}),
        (4, 30.0, {"part": "regression", "rule": "refined"}),
    ],
)
def test_findings_notice_what_does_not_hold(table, place, factor, where):
    assert statuses(changed(table, factor, **where))[place] == "counterexample found"


@pytest.mark.parametrize(("place", "part"), [(0, "separation"), (1, "labels"), (3, "variance"), (4, "regression")])
def test_samples_too_few_to_tell_decide_nothing(table, place, part):
    assert statuses(changed(table, 100.0, "stderr", part=part))[place].startswith("not attempted (too")


def test_the_picture_shows_every_sample(table):
    pytest.importorskip("matplotlib")
    from figures._style import style
    from figures.refinement_limits import draw

    with style():
        figure = draw(table)
        figure.draw_without_rendering()
    bias, error, variance, students = figure.axes
    for axes, part, rules in (
        (bias, "separation", 4),
        (error, "labels", 3),
        (variance, "variance", 1),
        (students, "regression", 2),
    ):
        drawn = np.sort(np.concatenate([bars[0].get_ydata() for bars in axes.containers]))
        values = np.sort(table["value"][table["part"] == part])
        np.testing.assert_allclose(drawn, np.sqrt(values) if part == "labels" else values)
        assert len(axes.containers) == rules
    at, value, _ = select(table, part="separation", rule="refined")
    assert len(at) == len(experiment.SEPARATIONS) and value[0] > value[-1]
