"""The experiment on exponents: slopes and their errors, findings that notice a wrong law, and a picture that shows every row."""

from __future__ import annotations

import numpy as np
import pytest

from experiments import _runner
from experiments import refinement_exponents as experiment
from experiments._store import columns
from tests.tolerances import ROUNDING, STANDARD_ERRORS


@pytest.fixture(scope="module")
def table():
    """Every third belief, with prompts enough to see a tenth in most slopes."""
    rows = []
    for params in (p for p in experiment.SCALES["quick"] if p["part"] == "error" or p["belief"] in experiment.BELIEFS[::3]):
        rng = np.random.default_rng(_runner.point_seed("any", experiment.SEED_AXES, params))
        small = params | {"prompts": 160_000 if "uniform" in params["setting"] else 60_000}
        rows += [small | row for row in experiment.run_one(small, rng=rng)]
    return columns(rows)


def test_a_slope_is_the_rate_of_an_exponential_and_the_jackknife_its_error():
    n = np.array(experiment.SIZES)
    assert experiment.slope(3.0 - 0.17 * n) == pytest.approx(0.17, abs=ROUNDING)
    draws = np.random.default_rng(0).standard_normal(experiment.BATCHES)
    value, stderr = experiment.jackknife(lambda kept: float(draws[kept].mean()))
    assert value == pytest.approx(draws.mean(), abs=ROUNDING)
    assert stderr == pytest.approx(draws.std(ddof=1) / np.sqrt(experiment.BATCHES), rel=1e3 * ROUNDING)


def test_measured_slopes_scatter_about_the_exact_ones_as_their_errors_say(table):
    rows = np.flatnonzero(table["part"] == "exponent")
    exact = [experiment.exact_slope(float(table["belief"][i]), str(table["quantity"][i])) for i in rows]
    off = (table["value"][rows] - exact) / table["stderr"][rows]
    assert np.max(np.abs(off)) < STANDARD_ERRORS and 0.3 < np.std(off) < 3.0
    assert np.median(table["stderr"][rows] / exact) < 0.05


def changed(table, factor, column="value", **where):
    rows = np.all([table[name] == value for name, value in where.items()], axis=0)
    return table | {column: np.where(rows, factor * table[column], table[column])}


def test_every_finding_holds(table):
    found = experiment.findings(table)
    assert len({finding.claim for finding in found}) == len(found) == 7
    words = ["holds (derived here)"] * 3 + ["observed here"] + ["holds (derived here)", "holds but loose", "holds (derived here)"]
    assert all(finding.status.startswith(word) for finding, word in zip(found, words, strict=True))


@pytest.mark.parametrize(
    ("place", "factor", "where", "status"),
    [
        *((0, factor, {"quantity": name}, "counterexample found") for name in experiment.MEASURED for factor in (1.1, 1 / 1.1)),
        (2, -1.0, {"quantity": "mean weight"}, "counterexample found"),
        (3, 0.5, {"quantity": "fresh prompts"}, "not reproduced"),
        (3, 2.0, {"quantity": "fresh prompts"}, "not reproduced"),
        *((4, factor, {"setting": "noise 1.5"}, "counterexample found") for factor in (1.1, 1 / 1.1)),
        *((6, factor, {"setting": "noise 1.5, uniform features"}, "counterexample found") for factor in (1.1, 1 / 1.1)),
    ],
)
def test_findings_notice_what_would_refute_them(table, place, factor, where, status):
    assert experiment.findings(changed(table, factor, **where))[place].status.startswith(status)


def test_findings_on_laws_alone_notice_a_wrong_law(table, monkeypatch):
    monkeypatch.setattr(experiment, "limit_slope", lambda belief, quantity: 1.1 * experiment.exact_slope(belief, quantity))
    monkeypatch.setattr(experiment, "chernoff_bound", lambda world, n: 0.9 * experiment.preference_probability(world, n))
    found = experiment.findings(table)
    assert found[1].status == found[5].status == "counterexample found"


def test_prompts_too_few_to_tell_decide_nothing(table):
    assert experiment.findings(changed(table, 10.0, "stderr", part="exponent"))[0].status.startswith("not attempted (too noisy")
    assert experiment.findings(changed(table, 1000.0, "stderr", part="exponent"))[2].status.startswith("not attempted (too few")
    few = experiment.findings(changed(table, 0.02, "prompts", part="error"))
    assert few[4].status.startswith("not attempted") and few[6].status.startswith("not attempted")


def test_the_picture_shows_every_measurement_and_the_two_regimes(table):
    pytest.importorskip("matplotlib")
    from figures._style import style
    from figures.refinement_exponents import draw

    with style():
        figure = draw(table)
        figure.draw_without_rendering()
    left, right = figure.axes
    assert {text.get_text().split("\n")[0] for text in left.texts} == {"identification-limited", "temperature-limited"}
    for axes, names in ((left, 3), (right, len(experiment.SETTINGS))):
        legend = axes.get_legend()
        assert legend is not None and len(legend.get_texts()) == names
    drawn = {bars.get_label(): bars.lines[0].get_ydata() for bars in right.containers}  # pyright: ignore[reportAttributeAccessIssue]
    for name in experiment.SETTINGS:
        values = table["value"][(table["part"] == "error") & (table["setting"] == name)]
        np.testing.assert_array_equal(drawn[name], values[values > 0])
