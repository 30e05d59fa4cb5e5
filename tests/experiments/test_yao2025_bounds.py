"""The experiment on bands, reverse KL and calibration: its numbers on small worlds, findings that can come out otherwise, the picture."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from experiments import _runner
from experiments import yao2025_bounds as experiment
from experiments._store import columns
from tests.experiments import made
from tests.tolerances import CANCELLED, GRID_ARGUMENT, GRID_MINIMUM, ROUNDING, SOFTMAX, STANDARD_ERRORS


@pytest.fixture(scope="module")
def table():
    """The quick grid with fewer draws, worlds and labels."""
    rows = []
    for params in experiment.SCALES["quick"]:
        few = {"draws": 3, "trials": 20} if params["part"] in ("band", "heads") else {}
        small = params | few
        rng = np.random.default_rng(_runner.point_seed("any", experiment.SEED_AXES, params))
        rows += [small | row for row in experiment.run_one(small, rng=rng)]
    return columns(rows)


def statuses(table):
    return made.statuses(experiment, table)


def to(value):
    return lambda column: np.full_like(column, value)


def test_findings_of_small_worlds(table):
    words = [status.split(" (")[0] for status in statuses(table)]
    assert words[:2] == ["holds but loose", "counterexample found"]
    assert words[3:] == ["holds", "holds", "not attempted"]


@pytest.mark.parametrize(
    ("place", "change", "column", "where", "status"),
    [
        (0, to(0.99), "lowest", {"part": "band", "rule": "sharp reverse", "at": 0.1}, "counterexample found"),
        (0, to(1.05), "lowest", {"part": "band", "rule": "pinsker", "at": 0.001}, "holds (derived here)"),
        (3, lambda v: 1.2 * v, "value", {"rule": "ece of student"}, "counterexample found"),
        (3, lambda v: v + 1.0, "value", {"rule": "gap of weak", "at": 0.1}, "counterexample found"),
        (3, lambda v: v + 1.0, "stderr", {"rule": "ece of student"}, "not attempted (too noisy"),
        (4, lambda v: 1.2 * v, "highest", {"rule": "marginal change", "at": 0.3}, "counterexample found"),
        (4, lambda v: 0.8 * v, "value", {"rule": "marginal change"}, "holds but loose"),
    ],
    ids=["one world", "tight", "ece", "uncalibrated", "noisy ece", "one sample", "loose"],
)
def test_findings_notice_what_does_not_hold(table, place, change, column, where, status):
    assert statuses(made.changed(table, change, column, **where))[place].startswith(status)


def test_the_inequality_of_reverse_kl_is_decided_by_the_best_of_all_weights_only(table):
    same = made.changed(table, to(1.0), part="weight", rule=["gain", "misfit"])
    assert statuses(made.changed(same, to(1.0), part="heads", rule="short"))[1].startswith("not attempted")
    one = made.changed(same, to(0.9), part="weight", rule="gain", at=2.0)
    assert statuses(one)[1] == "counterexample found"
    unfinished = made.changed(one, to(-1.0), part="weight", rule="ends above the best", at=2.0)  # the best weight may be infinite
    assert statuses(unfinished)[1].startswith("not attempted")


@pytest.mark.parametrize(
    ("medians", "means", "status"),
    [
        (12, 12, "observed here (typical world, at 5 of 5 noise levels)"),
        (12, 0, "observed here (typical world, at 5 of 5 noise levels; its mean gain is lower at noise 0.25, 0.5, 1, 1.5, 2)"),
        (0, 12, "not reproduced (see the evidence)"),
        (6, 0, "not reproduced (by the mean)"),
        (6, 6, "not attempted (too few worlds to tell)"),
        (10, 12, "not attempted (too few worlds to tell)"),  # 10 of 12 heads have a two-sided p of 0.04
    ],
)
def test_the_better_student_is_named_by_sign_tests_over_draws(table, medians, means, status):
    sure = made.changed(table, to(12), "draws", part="heads")
    sure = made.changed(sure, to(medians), "medians_up", rule="lead of reverse")
    assert statuses(made.changed(sure, to(means), "means_up", rule="lead of reverse"))[2] == status


def test_one_lost_level_is_enough_to_refuse_the_better_student(table):
    sure = made.changed(made.changed(table, to(12), "draws", part="heads"), to(12), "medians_up", rule="lead of reverse")
    assert statuses(made.changed(sure, to(0), "medians_up", rule="lead of reverse", at=2.0))[2].startswith("not reproduced")


def test_the_sign_test_is_exact():
    from scipy.stats import binomtest

    for draws in (8, 12, 40):
        for up in range(draws + 1):
            sure = binomtest(up, draws).pvalue <= experiment.LEVEL
            expected = np.sign(2 * up - draws) * sure
            assert experiment.sign_test(np.array([up]), np.array([draws]))[0] == expected


def test_a_row_keeps_the_error_between_draws_and_leaves_out_what_is_not_a_number():
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((6, 1))
    values = centres + 0.01 * rng.standard_normal((6, 50))
    values[2, 7] = np.nan
    row = experiment._row("any", values)
    assert row["stderr"] == pytest.approx(np.std(np.nanmean(values, axis=1), ddof=1) / np.sqrt(6), rel=ROUNDING)
    assert row["value"] == pytest.approx(np.mean(np.nanmean(values, axis=1)), rel=ROUNDING)
    assert (row["lowest"], row["highest"]) == (np.nanmin(values), np.nanmax(values))
    assert row["means_up"] == row["medians_up"] == np.sum(centres > 0)
    kept = np.sort(values[np.isfinite(values)])[3:]  # of 299, the three lowest are below the 1 % quantile
    assert row["trimmed"] == pytest.approx(kept.mean(), rel=ROUNDING)


def test_the_student_of_one_weight_is_the_best_of_all_weights():
    for target in experiment.TARGETS:
        rows = {rule: value[0] for rule, value in experiment.one_weight(target, 1, np.random.default_rng(0)).items()}
        x, weak = np.array(experiment.INPUTS), 1 / (1 + np.exp(-np.array(experiment.WEAK_ODDS)))

        def mean_kl(p, q):
            return np.mean(p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q)))

        def loss(b, weak=weak, x=x, mean_kl=mean_kl):
            return mean_kl(1 / (1 + np.exp(-b * x)), weak)

        starts = [minimize_scalar(loss, bounds=ends, method="bounded") for ends in ((-9, -2), (-2, 2), (2, 9))]
        best = min(starts, key=lambda found: found.fun)
        assert rows["misfit"] == pytest.approx(best.fun, abs=GRID_MINIMUM)
        assert rows["weight"] == pytest.approx(best.x, abs=GRID_ARGUMENT)
        truth, student = (1 / (1 + np.exp(-b * x)) for b in (target, rows["weight"]))
        assert rows["gain"] == pytest.approx(mean_kl(truth, weak) - mean_kl(truth, student), rel=CANCELLED)
        assert rows["ends above the best"] > GRID_ARGUMENT


def test_what_the_fit_leaves_is_far_below_what_counts_as_short(monkeypatch):
    def residuals():
        found = experiment.heads(1.0, 60, np.random.default_rng(0))
        return np.stack([found["relative residual"], found["relative lead"]])

    first = residuals()
    monkeypatch.setattr(experiment, "PENALTY", 1e-9)
    monkeypatch.setattr(experiment, "TOLERANCE", 1e-9)
    assert np.abs(residuals() - first).max() < SOFTMAX < experiment.SLIP / 5


@pytest.mark.parametrize("floor", [0.001, 0.1])
def test_both_constants_are_those_of_the_floor(floor):
    rows = experiment.band(floor, 1, np.random.default_rng(0))
    sharp = min(rows["sharp forward"][0], rows["sharp reverse"][0])
    assert rows["pinsker"][0] / sharp == pytest.approx(1 / (2 * np.sqrt(floor * (1 - floor))), rel=ROUNDING)
    assert sharp > 1.0


def test_calibration_errors_are_those_of_the_labels():
    found = experiment.conditional(0.1, 200_000, np.random.default_rng(0))
    assert found["ece of student"][0] == pytest.approx(0.3, abs=STANDARD_ERRORS * 0.3 / np.sqrt(200_000))
    assert abs(found["gap of weak"][0]) < STANDARD_ERRORS * 0.5 / np.sqrt(200_000)
    change = experiment.marginal(0.1, 200_000, np.random.default_rng(0))["marginal change"][0]
    assert change == pytest.approx(0.2, abs=STANDARD_ERRORS * 2 * 0.5 / np.sqrt(200_000))
    said, half = np.array([0.6, 0.4]), np.array([0.5, 0.5])
    assert found["misfit"][0] == pytest.approx(np.sum(said * np.log(said / half)), rel=CANCELLED)


def test_the_picture_shows_every_point(table):
    pytest.importorskip("matplotlib")
    from figures._style import style
    from figures.yao2025_bounds import draw

    with style():
        figure = draw(table)
        figure.draw_without_rendering()
    drawn = np.concatenate([bars[0].get_ydata() for bars in figure.axes[0].containers])
    np.testing.assert_allclose(np.sort(drawn), np.sort(table["middle"][table["part"] == "band"]))
    assert [len(axes.containers) for axes in figure.axes] == [3, 1, 2, 2]
