"""Monte Carlo intervals: they cover as often as they say, and a wrong law is noticed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from tests.tolerances import ROUNDING, STANDARD_ERRORS
from w2s_theory import montecarlo
from w2s_theory.montecarlo import categorical, cumulative, in_pieces, inverted, mean_estimate, proportion_estimate, simulate_until


def test_the_mean_interval_agrees_with_scipy():
    samples = np.random.default_rng(0).exponential(size=50)
    estimate = mean_estimate(samples, level=0.9)
    low, high = stats.t.interval(0.9, 49, loc=samples.mean(), scale=stats.sem(samples))
    assert (estimate.low, estimate.high) == pytest.approx((low, high))


def test_mean_intervals_cover_at_their_level():
    # 4000 intervals at 90 %: the number covered is binomial, three standard deviations are 57.
    rng = np.random.default_rng(1)
    covered = sum(mean_estimate(rng.normal(3.0, 2.0, 12), level=0.9).covers(3.0) for _ in range(4000))
    assert abs(covered - 3600) < 57
    shifted = sum(mean_estimate(rng.normal(3.0, 2.0, 12), level=0.9).covers(3.3) for _ in range(4000))
    assert shifted < 3600 - 57, "a mean that is 10 % off must be noticed"


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (3, 10), (10, 10), (17, 400)])
def test_the_proportion_interval_agrees_with_scipy(successes, trials):
    ours = proportion_estimate(successes, trials, level=0.99)
    theirs = stats.binomtest(successes, trials).proportion_ci(0.99, method="exact")
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))


def test_simulation_stops_as_soon_as_the_interval_is_narrow_enough():
    calls = []

    def draw(count, rng):
        calls.append(count)
        return rng.standard_normal(count)

    estimate = simulate_until(draw, lambda e: e.high - e.low < 0.2, rng=np.random.default_rng(2))
    assert estimate.high - estimate.low < 0.2
    assert sum(calls) < 131_072
    assert calls == [512, *(512 * 2**i for i in range(len(calls) - 1))]


def test_simulation_gives_up_at_the_budget():
    estimate = simulate_until(
        lambda count, rng: rng.standard_normal(count), lambda e: False, rng=np.random.default_rng(3), most=2048
    )
    assert "2048 trials" in estimate.method


def test_repeated_looks_keep_the_false_alarm_rate():
    # Stop at the first look that excludes the truth: with a naive level it would happen in far more than 5 % of the runs.
    rng = np.random.default_rng(4)
    runs = 600
    alarms = 0
    for _ in range(runs):
        estimate = simulate_until(
            lambda count, rng: rng.standard_normal(count),
            lambda e: not e.covers(0.0),
            rng=rng,
            first=16,
            most=1024,
            false_alarm=0.05,
        )
        alarms += not estimate.covers(0.0)
    assert alarms <= stats.binom.ppf(1 - 1e-6, runs, 0.05)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mean_estimate(np.array([1.0])), "number of samples must be a whole number >= 2"),
        (lambda: mean_estimate(np.array([1.0, math.nan])), "samples must be finite"),
        (lambda: mean_estimate(np.ones(3), level=1.0), "level must lie strictly between 0 and 1"),
        (lambda: proportion_estimate(3, 2), "must not exceed trials"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_seed_in_place_of_a_generator_is_refused():
    with pytest.raises(TypeError, match=r"numpy\.random\.default_rng"):
        simulate_until(lambda count, rng: rng.standard_normal(count), lambda e: True, rng=0)  # type: ignore[arg-type]


def test_categorical_draws_in_proportion_and_never_a_share_of_zero():
    shares, count = np.array([[0.0, 3.0, 0.0, 1.0, 0.0], [0.2, 0.0, 0.2, 0.1, 0.5]]), 100_000
    drawn = categorical(shares, rng=np.random.default_rng(2), shape=(count, 2))
    assert drawn.shape == (count, 2) and drawn.dtype.kind == "i"
    for column, wanted in zip(drawn.T, shares / shares.sum(axis=1, keepdims=True), strict=True):
        frequencies = np.bincount(column, minlength=5) / count
        assert np.all(np.abs(frequencies - wanted) <= STANDARD_ERRORS * np.sqrt(wanted * (1 - wanted) / count) + ROUNDING)
        assert np.all(frequencies[wanted == 0] == 0)
    assert np.array_equal(categorical(np.eye(3)[[2, 0]], rng=np.random.default_rng(0)), [2, 0])


def test_draws_from_cumulative_sums_are_those_from_their_shares():
    shares = np.random.default_rng(3).dirichlet(np.ones(6), size=(4, 50))
    sums = cumulative(shares)
    assert np.all(sums[..., -1] == 1.0)
    assert np.allclose(np.diff(sums, axis=-1), shares[..., 1:], atol=ROUNDING)
    drawn = [function(what, rng=np.random.default_rng(4)) for function, what in ((inverted, sums), (categorical, shares))]
    assert np.array_equal(drawn[0], drawn[1]) and drawn[0].shape == (4, 50)


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ([0.5, -0.1], "shares must be non-negative"),
        ([[0.5, 0.5], [0.0, 0.0]], "some of them positive"),
        ([0.5, np.nan], "shares must be finite"),
        ([0.5, np.inf], "shares must be finite"),
        ([], "shares must not be empty"),
        (0.5, "shares must have at least 1 dimension"),
    ],
)
def test_shares_that_are_none_are_refused(shares, message):
    with pytest.raises(ValueError, match=message):
        categorical(shares, rng=np.random.default_rng(0))


def test_a_seed_is_no_generator():
    with pytest.raises(TypeError, match="rng must be a numpy"):
        categorical(np.ones(2), rng=0)  # type: ignore[arg-type]


def test_pieces_are_no_larger_than_said_and_make_up_the_whole(monkeypatch):
    monkeypatch.setattr(montecarlo, "PIECE", 100)
    for numbers, sizes in ((30, [3, 3, 3, 1]), (1000, [1] * 10), (1, [10])):
        seen = []

        def draw(m, seen=seen):
            seen.append(m)
            return np.arange(sum(seen) - m, sum(seen))

        assert np.array_equal(in_pieces(draw, 10, numbers=numbers), np.arange(10))
        assert seen == sizes
    with pytest.raises(ValueError, match="count must be a whole number >= 1"):
        in_pieces(np.zeros, 0, numbers=1)
