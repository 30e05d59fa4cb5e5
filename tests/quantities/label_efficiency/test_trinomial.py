"""Intervals for the difference of two shares: against SciPy's, against enumeration of every sample, and coverage without simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import minimize_scalar

from tests.tolerances import BISECTED_SHARE, ROUNDING, SEARCHED_ARGUMENT
from w2s_theory.quantities.label_efficiency.trinomial import (
    chance_at_least,
    exact_interval,
    hypergeometric_range,
    most_likely_sum,
    score_interval,
    standard_error,
)


def samples(m: int) -> np.ndarray:
    """Every pair of counts (student right, weak right) of m points."""
    return np.array([(a, b) for a in range(m + 1) for b in range(m - a + 1)])


def laws(m: int, steps: int) -> np.ndarray:
    return np.array([(a, b) for a in range(steps + 1) for b in range(steps - a + 1)]) / steps


@pytest.mark.parametrize(("right", "m"), [(0, 9), (4, 9), (9, 9), (130, 200)])
def test_with_two_classes_the_exact_interval_is_clopper_and_pearsons_and_the_score_interval_wilsons(right, m):
    test = stats.binomtest(right, m)
    for method, found in (
        ("exact", exact_interval(right, m - right, m, decided=True)),
        ("wilson", score_interval(right, m - right, m)),
    ):
        known = test.proportion_ci(0.95, method=method)
        np.testing.assert_allclose(found, (2 * known.low - 1, 2 * known.high - 1), atol=BISECTED_SHARE)


def test_with_two_classes_of_a_pool_the_exact_interval_inverts_hypergeometric_tails():
    among, m = 23, 8
    numbers = np.arange(among + 1)
    for right in range(m + 1):
        above = stats.hypergeom.sf(right - 1, among, numbers, m) > 0.025
        below = stats.hypergeom.cdf(right, among, numbers, m) > 0.025
        kept = numbers[above & below]
        expected = (2 * kept[[0, -1]] - among) / among
        np.testing.assert_allclose(exact_interval(right, m - right, m, among=among, decided=True), expected, atol=ROUNDING)
        assert hypergeometric_range(right, m, among, level=0.95) == tuple(kept[[0, -1]])


@given(st.integers(1, 80), st.data())
def test_the_range_of_a_number_of_marked_points_inverts_both_tails(among, data):
    drawn = data.draw(st.integers(1, among))
    marked, level = data.draw(st.integers(0, drawn)), data.draw(st.sampled_from([0.5003, 0.8007, 0.9501, 0.9993]))
    numbers = np.arange(among + 1)
    above, below = (
        tail(among, numbers) > (1 - level) / 2
        for tail in (
            lambda total, k: stats.hypergeom.sf(marked - 1, total, k, drawn),
            lambda total, k: stats.hypergeom.cdf(marked, total, k, drawn),
        )
    )
    assert hypergeometric_range(marked, drawn, among, level=level) == tuple(numbers[above & below][[0, -1]])


def test_the_range_of_a_number_of_marked_points_is_as_narrow_as_its_level_allows():
    for level in (0.5003, 0.8007, 0.9001, 0.9501):  # no tail is met exactly
        for marked in range(41):
            numbers = np.arange(301)
            above = stats.hypergeom.sf(marked - 1, 300, numbers, 40) > (1 - level) / 2
            below = stats.hypergeom.cdf(marked, 300, numbers, 40) > (1 - level) / 2
            assert hypergeometric_range(marked, 40, 300, level=level) == tuple(numbers[above & below][[0, -1]])


@pytest.mark.parametrize("difference", [-6, -1, 0, 2, 7])
def test_chances_of_a_difference_are_sums_over_all_samples(difference):
    m, among = 7, 15
    counts = samples(m)
    both = np.column_stack([counts, m - counts.sum(axis=1)])
    far = both[:, 0] - both[:, 1] >= difference
    more, less = np.array([0.3, 0.0, 0.8, 0.5]), np.array([0.2, 0.4, 0.2, 0.0])
    expected = [stats.multinomial.pmf(both[far], m, [p, q, max(1 - p - q, 0.0)]).sum() for p, q in zip(more, less, strict=True)]
    np.testing.assert_allclose(chance_at_least(difference, m, more, less, among=None), expected, atol=1e-9)
    more, less = np.array([5, 0, 12, 7]), np.array([4, 6, 3, 0])
    law = [stats.multivariate_hypergeom([p, q, among - p - q], m) for p, q in zip(more, less, strict=True)]
    expected = [np.nansum(one.pmf(both[far])) for one in law]
    np.testing.assert_allclose(chance_at_least(difference, m, more, less, among=among), expected, atol=1e-9)


def coverage(ends: np.ndarray, difference: float, chances: np.ndarray) -> float:
    return float(np.sum(chances * ((ends[:, 0] <= difference + 1e-9) & (difference - 1e-9 <= ends[:, 1]))))


def shrunk(ends: np.ndarray, factor: float) -> np.ndarray:
    middle = ends.mean(axis=1, keepdims=True)
    return middle + factor * (ends - middle)


def test_the_exact_trinomial_interval_covers_with_its_level_whatever_the_shares():
    m = 8
    counts = samples(m)
    ends = np.array([exact_interval(int(a), int(b), m) for a, b in counts])
    both = np.column_stack([counts, m - counts.sum(axis=1)])
    shares = laws(m, 24)
    chances = np.array([stats.multinomial.pmf(both, m, [p, q, max(1 - p - q, 0.0)]) for p, q in shares])
    covered = np.array([coverage(ends, p - q, chance) for (p, q), chance in zip(shares, chances, strict=True)])
    assert covered.min() >= 0.95
    assert covered.min() < 0.975  # not wide for nothing
    narrow = np.array([coverage(shrunk(ends, 0.9), p - q, chance) for (p, q), chance in zip(shares, chances, strict=True)])
    assert narrow.min() < 0.95


def test_the_exact_interval_of_a_pool_covers_with_its_level_whatever_the_pool():
    m, among = 6, 16
    counts = samples(m)
    ends = np.array([exact_interval(int(a), int(b), m, among=among) for a, b in counts])
    both = np.column_stack([counts, m - counts.sum(axis=1)])
    worst = narrow = 1.0
    for more in range(among + 1):
        for less in range(among - more + 1):
            chances = np.nan_to_num(stats.multivariate_hypergeom([more, less, among - more - less], m).pmf(both))
            assert chances.sum() == pytest.approx(1.0)
            worst = min(worst, coverage(ends, (more - less) / among, chances))
            narrow = min(narrow, coverage(shrunk(ends, 0.9), (more - less) / among, chances))
    assert worst >= 0.95 > narrow


@pytest.mark.parametrize("m", [40, 150])
def test_the_score_interval_covers_about_as_often_as_it_says(m):
    counts = samples(m)
    ends = np.stack(score_interval(counts[:, 0], counts[:, 1], m), axis=1)
    both = np.column_stack([counts, m - counts.sum(axis=1)])
    shares = [(0.3, 0.3), (0.5, 0.2), (0.6, 0.4), (0.7, 0.1), (0.2, 0.25)]
    chances = [stats.multinomial.pmf(both, m, [p, q, max(1 - p - q, 0.0)]) for p, q in shares]
    covered = [coverage(ends, p - q, chance) for (p, q), chance in zip(shares, chances, strict=True)]
    assert 0.93 <= min(covered) <= max(covered) <= 0.97
    assert np.mean(covered) == pytest.approx(0.95, abs=0.006)  # shrunk by 10 % it is 0.92
    assert np.mean([coverage(shrunk(ends, 0.9), p - q, c) for (p, q), c in zip(shares, chances, strict=True)]) < 0.93


@given(st.integers(0, 12), st.integers(0, 12), st.integers(0, 12), st.floats(-0.9, 0.9))
def test_the_nuisance_of_the_score_interval_is_the_most_likely_one(more, less, neither, difference):
    m = more + less + neither
    if m == 0:
        return

    def loss(both: float) -> float:
        shares = np.maximum([(both + difference) / 2, (both - difference) / 2, 1 - both], 1e-300)
        return float(-np.log(shares) @ [more, less, neither])

    searched = minimize_scalar(loss, bounds=(abs(difference), 1.0), method="bounded", options={"xatol": 1e-10})
    found = float(most_likely_sum(*(np.array(float(x)) for x in (more, less, m)), np.array(difference)))
    assert loss(found) <= float(searched.fun) + SEARCHED_ARGUMENT


@settings(max_examples=25)
@given(st.integers(0, 9), st.integers(0, 9), st.integers(1, 9), st.booleans())
def test_intervals_are_mirrored_hold_the_estimate_and_shrink_with_the_pool(more, less, neither, of_pool):
    m = more + less + neither
    among = 3 * m if of_pool else None
    low, high = exact_interval(more, less, m, among=among)
    assert (low, high) == pytest.approx(tuple(-end for end in reversed(exact_interval(less, more, m, among=among))))
    assert -1.0 <= low <= (more - less) / m <= high <= 1.0
    narrow, wide = (np.ptp(score_interval(more, less, m, among=pool)) for pool in (3 * m, None))
    assert narrow < wide or m == 1  # one point is as good from a pool as from a law
    if of_pool:
        assert high - low <= np.ptp(exact_interval(more, less, m)) + 1.0 / m


def test_a_pool_that_is_labelled_throughout_leaves_nothing_open():
    for decided, counts in ((False, (5, 2, 10)), (True, (7, 3, 10))):
        expected = (counts[0] - counts[1]) / 10
        assert exact_interval(*counts, among=10, decided=decided) == pytest.approx((expected, expected))
        assert np.ravel(score_interval(*counts, among=10)) == pytest.approx([expected, expected], abs=BISECTED_SHARE)
        assert standard_error(*counts, among=10) == 0.0


def test_the_standard_error_is_the_spread_of_means_over_all_samples():
    m, among, more, less = 5, 12, 4, 3
    counts = samples(m)
    both = np.column_stack([counts, m - counts.sum(axis=1)])
    chances = np.nan_to_num(stats.multivariate_hypergeom([more, less, among - more - less], m).pmf(both))
    means = (both[:, 0] - both[:, 1]) / m
    spread = np.sqrt(chances @ means**2 - (chances @ means) ** 2)
    # The formula at the true shares; counts need not be whole.
    mean, square = (more - less) / among, (more + less) / among
    independent = np.sqrt((square - mean**2) / m)
    assert standard_error(m * more / among, m * less / among, m) == pytest.approx(independent, rel=ROUNDING)
    assert standard_error(m * more / among, m * less / among, m, among=among) == pytest.approx(spread, rel=ROUNDING)
