"""The pictures show the numbers they are given: what stands on the axes is read back."""

from __future__ import annotations

import math

import numpy as np
import pytest

from w2s_theory.report import pictures
from w2s_theory.report.style import LINES, new_figure


@pytest.fixture
def axes():
    return new_figure()[1]


def places(container):
    return np.stack(container.lines[0].get_data(), axis=1)


def bars(container):
    return np.array(list(container.lines[2][0].get_segments()))


def test_gain_by_loss_draws_values_intervals_and_the_misfit(axes):
    rows = [
        {"loss": "squared", "value": 0.1, "low": 0.05, "high": 0.2, "misfit": 0.12},
        {"loss": "accuracy", "value": -0.3, "low": math.nan, "high": math.nan},
        {"loss": "none", "value": math.nan, "low": 0.0, "high": 1.0},
    ]
    pictures.gain_by_loss(axes, rows)
    assert places(axes.containers[0]).tolist() == [[0.1, 1.0], [-0.3, 0.0]]
    np.testing.assert_allclose(bars(axes.containers[0])[0][:, 0], [0.05, 0.2])
    assert [0.12] in [list(line.get_xdata()) for line in axes.lines]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["squared", "accuracy"]


def test_the_band_is_misfit_plus_and_minus_twice_the_root_of_misfit_times_epsilon(axes):
    rows = [{"name": "a", "misfit": 0.25, "gain": 0.2, "low": 0.1, "high": 0.3, "epsilon": 0.04}]
    pictures.gain_against_misfit(axes, rows)
    lower = next(line for line in axes.lines if line.get_linestyle() == LINES["bound"]["linestyle"])
    at, values = lower.get_data()
    assert np.interp(0.25, at, values) == pytest.approx(0.25 - 2 * math.sqrt(0.25 * 0.04), abs=1e-4)


def test_each_task_has_a_band_of_its_own_where_they_differ(axes):
    rows = [
        {"name": "a", "misfit": 0.25, "gain": 0.2, "epsilon": 0.04},
        {"name": "$b", "misfit": 0.16, "gain": 0.1, "epsilon": 0.01},
    ]
    pictures.gain_against_misfit(axes, rows)
    band = bars(axes.containers[0])[:, :, 1]
    np.testing.assert_allclose(band, [[0.05, 0.45], [0.08, 0.24]])
    axes.figure.canvas.draw()  # a lone dollar sign would be read as mathematics, and fail here


def test_a_line_per_split_and_the_mean_over_them(axes):
    gains = {"s1": [0.1, 0.3], "s2": [-0.1, 0.2]}
    rows = [{"penalty": p, "split": s, "gain": g[i]} for s, g in gains.items() for i, p in enumerate((0.01, 1.0))]
    pictures.gain_by_penalty(axes, rows)
    drawn = [np.round(line.get_ydata(), 12).tolist() for line in axes.lines]
    assert [0.1, 0.3] in drawn and [-0.1, 0.2] in drawn and [0.0, 0.25] in drawn
    assert axes.get_xscale() == "log"


def test_width_by_labels_has_a_line_per_method_in_the_order_of_the_labels(axes):
    rows = [{"labels": n, "width": w, "method": m} for n, w, m in ((100, 0.2, "a"), (50, 0.3, "a"), (50, 0.5, "b"))]
    pictures.width_by_labels(axes, rows)
    assert [np.asarray(line.get_xdata()).tolist() for line in axes.lines] == [[50, 100], [50]]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["50", "100"]


def test_teachers_stand_best_first(axes):
    rows = [{"name": n, "value": v, "low": v - 0.1, "high": v + 0.1} for n, v in (("worse", 0.1), ("best", 0.5))]
    pictures.teachers_ranked(axes, rows)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["best", "worse"]
    assert any(np.allclose(line.get_xdata(), 0.4) for line in axes.lines)


@pytest.mark.parametrize(
    ("draw", "row"),
    [
        (pictures.gain_by_loss, {"loss": "a", "value": math.nan}),
        (pictures.gain_against_misfit, {"name": "a", "misfit": math.nan, "gain": 1.0}),
        (pictures.gain_by_penalty, {"penalty": 1.0, "split": 0, "gain": math.nan}),
        (pictures.width_by_labels, {"labels": 10, "width": math.nan, "method": "a"}),
        (pictures.teachers_ranked, {"name": "a", "value": None}),
    ],
    ids=lambda value: getattr(value, "__name__", "row"),
)
def test_no_known_number_is_refused(axes, draw, row):
    with pytest.raises(ValueError, match="nothing to draw"):
        draw(axes, [row])
