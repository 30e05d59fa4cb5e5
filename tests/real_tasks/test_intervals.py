"""Intervals against laws that are known: linear statistics, clusters, Fieller's set by a grid."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import stdtrit

from tests.tolerances import ROUNDING, STANDARD_ERRORS
from w2s_theory.real_tasks.intervals import NEW_DATA, SPLITS, TEST_POINTS, averages


def parts(values: np.ndarray, tests: list[np.ndarray]) -> tuple[list[np.ndarray], np.ndarray]:
    """Contributions that are numbers of the rows (k, N) alone, and their influences."""
    chosen = [values[:, rows] for rows in tests]
    influence = np.zeros((len(tests), *values.shape))
    for s, rows in enumerate(tests):
        influence[s][:, rows] = (values[:, rows] - values[:, rows].mean(axis=1, keepdims=True)) / len(rows)
    return chosen, influence


def test_when_every_split_tests_every_row_the_headline_is_the_variance_of_a_mean():
    rng = np.random.default_rng(0)
    values = rng.standard_normal((2, 400)) * [[1.0], [3.0]]
    tests = [np.arange(400)] * 5
    found = averages(*_ordered(values, tests), np.arange(400))
    expected = np.cov(values) * 399 / 400**2
    assert found.covariance[NEW_DATA] == pytest.approx(expected, abs=ROUNDING)
    assert found.covariance[TEST_POINTS] == pytest.approx(np.cov(values) / 400, abs=ROUNDING)
    assert found.covariance[SPLITS] == pytest.approx(np.zeros((2, 2)), abs=ROUNDING)


def _ordered(values, tests):
    chosen, influence = parts(values, tests)
    return chosen, tests, influence


def test_the_headline_estimates_the_variance_of_the_mean_over_splits_of_new_rows():
    """Means of a quarter of the rows: given the splits, Var X̄ = Σ_j (times row j is tested)² / (S m)² · Var."""
    rng = np.random.default_rng(1)
    tests = [rng.choice(200, 50, replace=False) for _ in range(8)]
    times = sum(np.bincount(rows, minlength=200) for rows in tests)
    exact = np.sum((times / (8 * 50)) ** 2)
    found = np.array(
        [averages(*_ordered(rng.standard_normal((1, 200)), tests), np.arange(200)).covariance[NEW_DATA][0, 0] for _ in range(400)]
    )
    stderr = found.std(ddof=1) / 20
    assert abs(found.mean() - exact) < STANDARD_ERRORS * stderr and STANDARD_ERRORS * stderr < 0.15 * exact


def test_rows_of_a_group_count_once():
    """Every row twice: the variance is that of half as many rows."""
    rng = np.random.default_rng(2)
    single = rng.standard_normal((1, 150))
    tests = [rng.choice(150, 40, replace=False) for _ in range(6)]
    twice = [np.concatenate([rows, rows + 150]) for rows in tests]
    alone = averages(*_ordered(single, tests), np.arange(150))
    doubled = averages(*_ordered(np.tile(single, 2), twice), np.tile(np.arange(150), 2))
    for kind in (NEW_DATA, TEST_POINTS, SPLITS):
        assert doubled.covariance[kind] == pytest.approx(alone.covariance[kind], rel=1e3 * ROUNDING)
        assert doubled.freedom[kind] == alone.freedom[kind]


def test_the_naive_interval_over_splits_is_students():
    rng = np.random.default_rng(3)
    tests = [rng.choice(100, 30, replace=False) for _ in range(7)]
    values = rng.standard_normal((1, 100))
    found = averages(*_ordered(values, tests), np.arange(100))
    means = np.array([values[0, rows].mean() for rows in tests])
    value, low, high = found.of(np.array([1.0]), SPLITS, level=0.9)
    half = stdtrit(6, 0.95) * means.std(ddof=1) / np.sqrt(7)
    assert (value, low, high) == pytest.approx((means.mean(), means.mean() - half, means.mean() + half))


def test_a_number_that_jumps_gets_at_least_the_rule_of_nadeau_and_bengio():
    rng = np.random.default_rng(4)
    tests = [rng.choice(100, 25, replace=False) for _ in range(5)]
    chosen = [np.full((1, 25), level) for level in rng.standard_normal(5)]
    found = averages(chosen, tests, np.zeros((5, 1, 100)), np.arange(100))
    half = {jumps: np.subtract(*found.of(np.array([1.0]), NEW_DATA, jumps=jumps)[2:0:-1]) / 2 for jumps in (False, True)}
    assert half[True] / half[False] == pytest.approx(np.sqrt(1.0 + 5 * (25 / 75)))


def test_the_interval_of_a_ratio_is_the_set_that_the_test_keeps():
    rng = np.random.default_rng(5)
    tests = [rng.choice(300, 90, replace=False) for _ in range(10)]
    values = rng.standard_normal((2, 300)) + np.array([[0.5], [1.0]])
    found = averages(*_ordered(values, tests), np.arange(300))
    value, low, high = found.ratio(np.array([1.0, 0.0]), np.array([0.0, 1.0]), NEW_DATA)
    assert value == pytest.approx(found.mean[0] / found.mean[1])
    for ratio, kept in ((low + 1e-9, True), (high - 1e-9, True), (low - 1e-4, False), (high + 1e-4, False)):
        _, below, above = found.of(np.array([1.0, -ratio]), NEW_DATA)
        assert (below <= 0.0 <= above) is kept


def test_a_ratio_whose_denominator_is_noise_is_refused():
    rng = np.random.default_rng(6)
    tests = [rng.choice(100, 30, replace=False) for _ in range(10)]
    values = rng.standard_normal((2, 100))
    found = averages(*_ordered(values - values.mean(axis=1, keepdims=True), tests), np.arange(100))
    assert found.ratio(np.array([1.0, 0.0]), np.array([0.0, 1.0]), NEW_DATA) is None
    down = averages(*_ordered(values - 5.0, tests), np.arange(100))
    assert down.ratio(np.array([1.0, 0.0]), np.array([0.0, 1.0]), NEW_DATA) is None


def test_a_number_that_is_not_defined_leaves_the_others_alone():
    rng = np.random.default_rng(7)
    tests = [rng.choice(60, 20, replace=False) for _ in range(4)]
    values = rng.standard_normal((2, 60))
    chosen, influence = parts(values, tests)
    unknown = [np.vstack([part, np.full((1, 20), np.nan)]) for part in chosen]
    more = np.concatenate([influence, np.full((4, 1, 60), np.nan)], axis=1)
    found, without = averages(unknown, tests, more, np.arange(60)), averages(chosen, tests, influence, np.arange(60))
    assert found.of(np.array([1, -1, 0]), NEW_DATA) == pytest.approx(without.of(np.array([1, -1]), NEW_DATA))
    assert np.isnan(found.of(np.array([0, 0, 1]), NEW_DATA)[0])


def test_one_split_has_no_interval():
    with pytest.raises(ValueError, match="number of splits"):
        averages(*_ordered(np.ones((1, 9)), [np.arange(3)]), np.arange(9))


def test_two_splits_are_enough_and_the_quantiles_are_students():
    """One degree of freedom less than there are splits, or groups of test rows; m tested rows of N are m/(N − m), of all rows m."""
    rng = np.random.default_rng(5)
    tests = [rng.choice(30, 10, replace=False) for _ in range(2)]
    found = averages(*_ordered(rng.standard_normal((1, 30)), tests), np.arange(30))
    assert found.freedom == {NEW_DATA: 1.0, SPLITS: 1.0, TEST_POINTS: len(np.union1d(*tests)) - 1.0}
    assert found.test_share == 0.5
    assert averages(*_ordered(rng.standard_normal((1, 30)), [np.arange(30)] * 3), np.arange(30)).test_share == 30.0
    with pytest.raises(ValueError, match="number of splits"):
        averages(*_ordered(rng.standard_normal((1, 30)), tests[:1]), np.arange(30))
