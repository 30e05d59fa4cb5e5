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
    rows = []
    for params in experiment.SCALES["quick"]:
        rng = np.random.default_rng(_runner.point_seed("any", experiment.SEED_AXES, params))
        small = params | {"prompts": 10_000}
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


def test_findings_hold_and_notice_what_would_refute_them(table):
    found = experiment.findings(table)
    assert len(found) == 7 and len({finding.claim for finding in found}) == 7
    assert all(not finding.status.startswith("counterexample") for finding in found)
    slow = table | {"value": np.where(table["part"] == "exponent", 0.7 * table["value"], table["value"])}
    assert experiment.findings(slow)[0].status == "counterexample found"
    often = table | {"value": np.where(table["part"] == "error", 1.3 * table["value"], table["value"])}
    assert experiment.findings(often)[4].status == experiment.findings(often)[6].status == "counterexample found"
    same = table | {"value": np.where(table["quantity"] == "fresh prompts", 0.5 * table["value"], table["value"])}
    assert experiment.findings(same)[3].status == "counterexample found"


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
