"""Draws with known chances: every point as often as it is said, what is saved is enough, refusals."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tolerances import ROUNDING, STANDARD_ERRORS
from w2s_theory.quantities.label_efficiency.draws import DESIGNS, Draw, draw_points, inclusion_probabilities

SPREAD = np.array([0.0, 0.2, 1.0, 0.5, 3.0, 0.0, 0.8, 0.001, 1.5, 0.7])


@pytest.mark.parametrize("how", DESIGNS)
def test_every_point_is_drawn_as_often_as_its_rate_says(how):
    rng, trials = np.random.default_rng(0), 4000
    draws = [draw_points(SPREAD, 4, rng=rng, how=how) for _ in range(trials)]
    rates = draws[0].rates
    times = np.array([np.bincount(draw.rows, minlength=SPREAD.size) for draw in draws])
    error = np.maximum(times.std(axis=0), 1e-3) / np.sqrt(trials)
    assert np.all(np.abs(times.mean(axis=0) - rates) <= STANDARD_ERRORS * error)
    assert np.all(STANDARD_ERRORS * error[rates > 0.5] < 0.13 * rates[rates > 0.5])  # those that are drawn often
    total = STANDARD_ERRORS * times.sum(axis=1).std() / np.sqrt(trials)
    assert abs(times.sum(axis=1).mean() - 4) <= total + ROUNDING
    assert total < 0.4
    assert np.all(times[:, SPREAD == 0.0] == 0)
    if how != "poisson":
        assert np.all(times.sum(axis=1) == 4)


@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=12), st.data())
def test_inclusion_probabilities_are_proportional_up_to_one_and_sum_to_the_count(sizes, data):
    size = np.array(sizes)
    count = data.draw(st.integers(1, size.size))
    chances = inclusion_probabilities(size, count)
    assert chances.sum() == pytest.approx(count, rel=1e-9)
    assert chances.max() <= 1.0
    open_ = chances < 1.0
    if open_.any():
        factor = chances[open_] / size[open_]
        assert np.ptp(factor) <= 1e-9 * factor.max()
        assert np.all(size[~open_] * factor.max() >= 1.0 - 1e-9)  # none is certain that need not be


def test_small_spreads_are_raised_to_the_floor():
    chances = draw_points(SPREAD, 3, rng=np.random.default_rng(0), floor=0.5).probabilities
    mean = SPREAD[SPREAD > 0].mean()
    assert chances[7] / chances[4] == pytest.approx(0.5 * mean / 3.0)
    assert chances[4] / chances[8] == pytest.approx(2.0)
    assert chances.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("how", DESIGNS)
def test_a_draw_is_a_function_of_its_seed_and_survives_being_saved(how):
    first, again = (draw_points(SPREAD, 5, rng=np.random.default_rng(3), how=how) for _ in range(2))
    np.testing.assert_array_equal(first.rows, again.rows)
    saved = json.loads(
        json.dumps({"rows": first.rows.tolist(), "probabilities": first.probabilities.tolist(), "how": how, "count": first.count})
    )
    loaded = Draw(**saved)
    np.testing.assert_array_equal(loaded.rows, first.rows)
    np.testing.assert_array_equal(loaded.rates, first.rates)
    np.testing.assert_array_equal(loaded.points, np.unique(first.rows))
    assert np.all(np.diff(np.sort(draw_points(SPREAD, 8, rng=np.random.default_rng(0), how="systematic").rows)) > 0)


def test_all_points_of_positive_spread_can_be_drawn_at_once():
    draw = draw_points(SPREAD, 8, rng=np.random.default_rng(0), how="systematic")
    np.testing.assert_array_equal(draw.points, np.flatnonzero(SPREAD))
    np.testing.assert_array_equal(draw.rates, SPREAD > 0)


@pytest.mark.parametrize(
    ("spread", "count", "options", "message"),
    [
        (np.zeros(4), 2, {}, "positive somewhere"),
        (np.array([1.0, -1.0]), 1, {}, "non-negative"),
        (np.array([1.0, np.nan]), 1, {}, "finite"),
        (SPREAD, 9, {"how": "poisson"}, "must not exceed the 8 points"),
        (SPREAD, 0, {}, "count must be"),
        (SPREAD, 2, {"how": "successive"}, "how must be one of"),
        (SPREAD, 2, {"floor": -1.0}, "floor must be"),
    ],
)
def test_what_can_not_be_drawn_is_refused(spread, count, options, message):
    with pytest.raises(ValueError, match=message):
        draw_points(spread, count, rng=np.random.default_rng(0), **options)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"how": "successive"}, "how must be one of"),
        ({"rows": [0, 5]}, "row numbers from 0 to 3"),
        ({"rows": [0.5, 1.0]}, "row numbers"),
        ({"rows": [0, 3]}, "positive probability"),
        ({"rows": [1]}, "must be the 2 points drawn"),
        ({"rows": [1, 1], "how": "systematic", "probabilities": [0.5, 0.75, 0.75, 0.0]}, "come twice"),
        ({"probabilities": [0.5, 0.5, 0.5, 0.0]}, "sum to 1"),
        ({"how": "poisson"}, "sum to 2"),
    ],
)
def test_a_draw_that_can_not_have_happened_is_refused(changes, message):
    made = {"rows": [0, 1], "probabilities": [0.25, 0.25, 0.5, 0.0], "how": "replacement", "count": 2} | changes
    with pytest.raises(ValueError, match=message):
        Draw(**made)
