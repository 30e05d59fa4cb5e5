"""Confidence sequences: by enumeration of all that can happen, against worked numbers and other routes, resumed from JSON, refused when misused."""

from __future__ import annotations

import json
import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import ndtri
from scipy.stats import beta as beta_law
from scipy.stats import hypergeom

from tests.tolerances import CANCELLED, GRID_ARGUMENT, QUADRATURE, ROUNDING, SEARCHED_ARGUMENT, STANDARD_ERRORS
from w2s_theory.problems.label_stream import LabelStream
from w2s_theory.quantities.label_efficiency import anytime, anytime_terms
from w2s_theory.quantities.label_efficiency.anytime import SHARES, START, MeanStream, last_interval, log_capital, sequence
from w2s_theory.quantities.label_efficiency.anytime_asymptotic import AsymptoticStream, asymptotic_sequence, boundary
from w2s_theory.quantities.label_efficiency.anytime_outcomes import (
    OutcomeStream,
    log_likelihood_ratio,
    three_outcomes,
    two_outcomes,
)
from w2s_theory.quantities.label_efficiency.anytime_terms import sequential_gain, sequential_terms, term_range, weighted_terms
from w2s_theory.quantities.label_efficiency.blend import Affine, spread_of
from w2s_theory.quantities.label_efficiency.draws import Draw, draw_points


def rng(seed=0):
    return np.random.default_rng(seed)


# ---- by enumeration ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "world",
    [
        LabelStream(np.array([0.0, 0.3, 1.0]), np.array([0.2, 0.5, 0.3]), count=5, level=0.3),
        LabelStream(np.array([0.0, 1.0]), np.array([0.8, 0.2]), count=7, level=0.3),
        LabelStream(np.array([0.1, 0.9, 0.9, 0.0, 0.4]), level=0.5),
    ],
    ids=["three values", "two values", "pool"],
)
def test_the_capital_is_a_martingale_at_the_true_mean_and_the_intervals_miss_it_exactly_as_often_as_it_is_large(world):
    terms, chances = world.paths()
    owned = log_capital(terms, world.mean, low=0.0, high=1.0, pool=world.pool)
    for t in range(terms.shape[1]):
        np.testing.assert_allclose(np.exp(owned[:, :, t]) @ chances, 1.0, rtol=ROUNDING)
    rich = np.any(owned >= math.log(2.0 / (1.0 - world.level)), axis=(0, 2))
    missed = []
    for path in terms[:: max(1, len(terms) // 60)]:
        low, high = sequence(path, low=0.0, high=1.0, level=world.level, pool=world.pool)
        covered = np.all((low <= world.mean + SEARCHED_ARGUMENT) & (world.mean <= high + SEARCHED_ARGUMENT))
        assert not covered or (np.all(np.diff(low) >= -ROUNDING) and np.all(np.diff(high) <= ROUNDING))
        missed.append(not covered)
    assert 0 < np.sum(missed) < len(missed)
    np.testing.assert_array_equal(missed, rich[:: max(1, len(terms) // 60)])
    assert chances @ rich <= 1.0 - world.level


def test_a_wrong_mean_makes_the_gamblers_rich():
    world = LabelStream(np.array([0.0, 1.0]), np.array([0.5, 0.5]), count=8)
    terms, chances = world.paths()
    high, low = np.exp(log_capital(terms, 0.45, low=0.0, high=1.0)[:, :, -1]) @ chances
    assert high > 1.05 and low < 0.95


def test_all_outcomes_of_a_two_outcome_stream_are_missed_at_most_as_often_as_stated_by_walking_the_lattice():
    level, rate, count = 0.8, 0.35, 60
    low, high = {}, {}
    chances = {0: 1.0}
    missed = 0.0
    for t in range(1, count + 1):
        after: dict[int, float] = {}
        for ones, chance in chances.items():
            for more, p in ((1, rate), (0, 1.0 - rate)):
                after[ones + more] = after.get(ones + more, 0.0) + chance * p
        ones = np.array(sorted(after))
        ratio = log_likelihood_ratio(ones, t, rate)
        gone = dict(zip(ones.tolist(), ratio >= -math.log(1.0 - level), strict=True))
        missed += sum(chance for k, chance in after.items() if gone[k])
        chances = {k: chance for k, chance in after.items() if not gone[k]}
        low[t], high[t] = min(chances), max(chances)
    assert 0.1 < missed <= 1.0 - level
    # The same, asked of the intervals: along the paths at the edge of the lattice, and random ones.
    paths = (rng().random((200, count)) < rate) * 1.0
    lows, highs = two_outcomes(paths, level=level)
    ones = np.cumsum(paths, axis=1)
    inside = np.all((lows <= rate) & (rate <= highs), axis=1)
    left = np.all([(low[t] <= ones[:, t - 1]) & (ones[:, t - 1] <= high[t]) for t in range(1, count + 1)], axis=0)
    np.testing.assert_array_equal(inside, left)


def test_a_pool_that_is_labelled_throughout_leaves_a_point():
    pool = rng().permutation([0.0] * 7 + [1.0] * 5)
    for low, high in (two_outcomes(pool, pool=12), sequence(pool, low=0.0, high=1.0, pool=12)):
        assert low[-1] == pytest.approx(5 / 12, abs=ROUNDING) and high[-1] == pytest.approx(5 / 12, abs=ROUNDING)
        assert np.all(low <= 5 / 12 + ROUNDING) and np.all(high >= 5 / 12 - ROUNDING)
        assert high[-3] - low[-3] <= 2 / 12 + ROUNDING
    values = rng(1).random(9)
    low, high = sequence(values, low=0.0, high=1.0, pool=9)
    assert low[-1] == pytest.approx(values.mean(), abs=ROUNDING) == high[-1]


# ---- other routes to the same numbers --------------------------------------------------------------------------------------------------


def test_the_likelihood_ratio_is_the_integral_over_the_prior_and_the_hypergeometric_chance():
    ones, count, rate = 7, 11, 0.4
    mixed = quad(lambda q: q**ones * (1 - q) ** (count - ones) * beta_law.pdf(q, 0.5, 0.5), 0, 1)[0]
    expected = math.log(mixed) - ones * math.log(rate) - (count - ones) * math.log(1 - rate)
    assert log_likelihood_ratio(ones, count, rate) == pytest.approx(expected, abs=QUADRATURE)
    pool, among = 30, 14
    chance = hypergeom.pmf(ones, pool, among, count) / math.comb(count, ones)
    assert log_likelihood_ratio(ones, count, among / pool, pool=pool) == pytest.approx(
        math.log(mixed) - math.log(chance), abs=QUADRATURE
    )


def test_the_capital_is_what_a_loop_over_gamblers_and_terms_gives():
    terms, mean, low, high, pool = rng().uniform(-1.0, 2.0, 6), 0.3, -1.5, 2.5, 20
    totals = [0.0, 0.0]
    for share, weight in zip(SHARES, START, strict=True):
        wealth, seen = [weight, weight], 0.0
        for t, x in enumerate(terms):
            at = (pool * mean - seen) / (pool - t)
            wealth[0] *= 1.0 - share + share * (x - low) / (at - low)
            wealth[1] *= 1.0 - share + share * (high - x) / (high - at)
            seen += x
        totals = [total + part for total, part in zip(totals, wealth, strict=True)]
    np.testing.assert_allclose(np.exp(log_capital(terms, mean, low=low, high=high, pool=pool)[:, -1]), totals, rtol=ROUNDING)
    assert START.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("pool", [None, 60])
def test_ends_are_where_the_capital_crosses_its_bound_on_a_fine_grid(pool):
    terms = rng(2).beta(2.0, 5.0, 40)
    grid = np.linspace(0.0, 1.0, 2001)[1:-1]
    owned = np.maximum.accumulate(log_capital(terms, grid, low=0.0, high=1.0, pool=pool), axis=-1) >= math.log(40.0)
    low, high = sequence(terms, low=0.0, high=1.0, pool=pool)
    for t in (4, 19, 39):
        inside = grid[~np.any(owned[:, :, t], axis=0)]
        assert low[t] == pytest.approx(inside[0], abs=GRID_ARGUMENT) and high[t] == pytest.approx(inside[-1], abs=GRID_ARGUMENT)
        assert low[t] <= inside[0] and high[t] >= inside[-1]


def test_three_outcomes_are_the_bounded_terms_they_are():
    outcomes = rng().choice([-1.0, 0.0, 1.0], size=80, p=[0.2, 0.3, 0.5])
    for mine, theirs in zip(three_outcomes(outcomes), sequence(outcomes, low=-1.0, high=1.0), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=SEARCHED_ARGUMENT)


def test_the_last_interval_is_the_running_one_without_its_past():
    terms = rng().beta(2.0, 2.0, 60)
    low, high = last_interval(terms, low=0.0, high=1.0)
    running = sequence(terms, low=0.0, high=1.0)
    assert low <= running[0][-1] + SEARCHED_ARGUMENT and high >= running[1][-1] - SEARCHED_ARGUMENT
    first = sequence(terms[:1], low=0.0, high=1.0)
    np.testing.assert_allclose(last_interval(terms[:1], low=0.0, high=1.0), np.ravel(first), atol=SEARCHED_ARGUMENT)


@settings(max_examples=12)
@given(st.floats(-5.0, 5.0), st.floats(0.1, 50.0), st.integers(0, 1000))
def test_ends_move_with_the_units_of_the_terms(shift, scale, seed):
    terms = rng(seed).random(5)
    plain = np.array(sequence(terms, low=0.0, high=1.0))
    moved = np.array(sequence(shift + scale * terms, low=shift, high=shift + scale))
    np.testing.assert_allclose(moved, shift + scale * plain, atol=SEARCHED_ARGUMENT * (abs(shift) + scale))


# ---- widths: a factor beside the fixed interval, no worse than the normal theory of mixtures promises --------------------------------------


def test_intervals_are_at_most_twice_as_wide_as_fixed_ones_from_fifty_labels_on():
    outcomes = (rng(3).random((6, 400)) < 0.62) * 1.0
    for count in (50, 100, 400):
        fixed = 2 * 1.96 * np.sqrt(0.62 * 0.38 / count)
        low, high = two_outcomes(outcomes)
        assert 1.0 < np.mean(high[:, count - 1] - low[:, count - 1]) / fixed < 1.75
        low, high = three_outcomes(2.0 * outcomes - 1.0)
        assert 1.0 < np.mean(high[:, count - 1] - low[:, count - 1]) / (2 * fixed) < 2.0
    terms = rng(4).beta(5.0, 5.0, 400)
    low, high = sequence(terms, low=0.0, high=1.0)
    assert 1.0 < (high[-1] - low[-1]) / (2 * 1.96 * terms.std() / 20.0) < 2.0


# ---- asymptotic ------------------------------------------------------------------------------------------------------------------------


def test_the_asymptotic_boundary_is_where_the_normal_mixture_reaches_its_bound():
    t, level = 170, 0.9
    half = float(boundary(t, level=level, tight_at=100))
    twice = -2.0 * math.log(0.1)
    rho2 = (twice + math.log(1.0 + twice)) / 100
    mixture = quad(lambda u: math.exp(t * u * half - t * u * u / 2 - u * u / (2 * rho2)) / math.sqrt(2 * math.pi * rho2), -5, 5)[
        0
    ]
    assert mixture == pytest.approx(1.0 / (1.0 - level), rel=QUADRATURE)
    widths = [float(boundary(t, level=level, tight_at=w)) for w in (20, t, 2000)]
    assert widths[1] < min(widths[0], widths[2])
    assert boundary(300, level=0.95) * math.sqrt(300) / ndtri(0.975) < 1.6


def test_the_asymptotic_sequence_misses_heavy_tailed_means_at_any_time_rarely_enough():
    trials, count = 1500, 400
    terms = rng(5).standard_t(5, size=(trials, count)) + 1.0
    low, high = asymptotic_sequence(terms)
    missed = np.any((low > 1.0) | (high < 1.0), axis=1)
    assert missed.mean() <= 0.05
    fixed = 1.96 * np.std(terms, axis=1, ddof=1)[:, None] / np.sqrt(np.arange(1, count + 1))
    running = np.cumsum(terms, axis=1) / np.arange(1, count + 1)
    naive = np.any(np.abs(running - 1.0)[:, 49:] > fixed[:, 49:], axis=1).mean()
    assert naive > 0.05 + STANDARD_ERRORS * math.sqrt(0.05 * 0.95 / trials), "looking often must show, or nothing was tested"
    assert np.all(np.isinf(low[:, :49])) and np.all(np.isfinite(low[:, 49:]))


def test_equal_terms_leave_the_asymptotic_interval_open():
    """Rare outcomes: where none has come nothing is known, and the interval must not be the point that was seen."""
    low, high = asymptotic_sequence(np.append(np.zeros(80), 1.0))
    assert np.all(np.isinf(low[:80])) and np.all(np.isinf(high[:80])) and low[80] < 0.0 < high[80] < 1.0
    stream = AsymptoticStream()
    stream.add(np.full(60, 0.3))
    assert (stream.interval().low, stream.interval().high) == (-math.inf, math.inf)


# ---- weighted terms ------------------------------------------------------------------------------------------------------------------------


def small_pool(seed=0):
    weak, student, gold = rng(seed).uniform(0.0, 1.0, (3, 4))
    affine = Affine.of(weak, student)
    return affine, gold, float(np.mean((weak - gold) ** 2 - (student - gold) ** 2))


def test_terms_have_the_gain_as_their_mean_given_any_past_even_when_the_guess_follows_the_labels(monkeypatch):
    monkeypatch.setattr(anytime_terms, "FIRST_FIT", 1)
    affine, gold, gain = small_pool()
    chances = np.array([0.1, 0.2, 0.3, 0.4])
    paths = np.array(list(product(range(4), repeat=4)))
    weight = np.prod(chances[paths], axis=1)
    made = [sequential_terms(affine, Draw(path, chances, "replacement", 4), gold[path], labels=(0.0, 1.0)) for path in paths]
    terms, lows, highs = np.moveaxis(np.array(made), 1, 0)
    np.testing.assert_allclose(weight @ terms, gain, atol=ROUNDING)
    for t in range(1, 4):  # given what came before, too
        for past in product(range(4), repeat=t):
            same = np.all(paths[:, :t] == past, axis=1)
            assert weight[same] @ terms[same, t] / weight[same].sum() == pytest.approx(gain, abs=ROUNDING)
    assert np.all(lows - ROUNDING <= terms) and np.all(terms <= highs + ROUNDING)
    assert np.ptp(lows[:, 3]) > 0.0, "the guess must have moved"
    # Exact chance that the intervals miss at any of the four times, and that of betting against another mean.
    owned = np.stack([log_capital(terms[i], gain, low=lows[i], high=highs[i]) for i in range(len(paths))])
    assert weight @ np.any(owned >= math.log(2.0 / 0.5), axis=(1, 2)) <= 0.5
    np.testing.assert_allclose(weight @ np.exp(owned[:, :, -1]), 1.0, atol=CANCELLED)


def test_a_guess_fitted_to_its_own_label_is_biased():
    affine, gold, gain = small_pool()
    chances = np.full(4, 0.25)
    middle = affine.basis[0]

    def own(row):
        guess = middle.copy()
        guess[row] = float(affine.loss.inner(gold[row], affine.slopes[row]))
        return weighted_terms(affine, chances, guess, np.array([row]), gold[[row]])[0]

    assert abs(np.mean([own(row) for row in range(4)]) - gain) > 0.1 * abs(gain)


@pytest.mark.parametrize("divergence", ["squared", "kl"])
def test_the_range_of_a_term_is_that_of_all_labels_and_points(divergence):
    if divergence == "squared":
        weak, student = rng().uniform(-1.0, 1.0, (2, 6))
        labels, ends = np.linspace(-1.0, 1.0, 21), (-1.0, 1.0)
    else:
        weak, student = rng().dirichlet(np.ones(3), (2, 6))
        labels, ends = np.eye(3), None
    affine = Affine.of(weak, student, divergence)
    chances = spread_of(weak, student, divergence)
    chances = chances / chances.sum()
    guess = affine.basis[0]
    all_terms = np.array([weighted_terms(affine, chances, guess, np.arange(6), np.stack([y] * 6)) for y in labels])
    low, high = term_range(affine, chances, guess, labels=ends)
    assert low == pytest.approx(all_terms.min(), abs=ROUNDING) and high == pytest.approx(all_terms.max(), abs=ROUNDING)


def test_a_stream_of_weighted_labels_covers_the_gain_and_narrows():
    weak, student, gold = rng(6).uniform(0.0, 1.0, (3, 300))
    student = 0.5 * student + 0.5 * gold
    affine = Affine.of(weak, student)
    gain = float(np.mean((weak - gold) ** 2 - (student - gold) ** 2))
    draw = draw_points(spread_of(weak, student), 200, rng=rng(7))
    stream = sequential_gain(affine, draw, gold[draw.rows], labels=(0.0, 1.0))
    assert stream.interval().covers(gain) and stream.lower > 0.0
    part = sequential_terms(affine, draw, gold[draw.rows[:50]], labels=(0.0, 1.0))[0]
    whole = sequential_terms(affine, draw, gold[draw.rows], labels=(0.0, 1.0))[0]
    np.testing.assert_array_equal(part, whole[:50])


# ---- streams ---------------------------------------------------------------------------------------------------------------------------


def streams():
    yield lambda: MeanStream(level=0.9), rng().random(30), {"low": 0.0, "high": 1.0}
    yield lambda: MeanStream(pool=40), rng().random(30), {"low": 0.0, "high": 1.0}
    yield OutcomeStream, (rng().random(30) < 0.3) * 1.0, {}
    yield lambda: OutcomeStream(pool=31), (rng().random(30) < 0.3) * 1.0, {}
    yield lambda: OutcomeStream(3), rng().choice([-1.0, 0.0, 1.0], 30), {}
    yield lambda: AsymptoticStream(first=10), 1e6 + rng().random(30), {}


@pytest.mark.parametrize(
    ("make", "terms", "options"), list(streams()), ids=["mean", "mean of pool", "two", "two of pool", "three", "asymptotic"]
)
def test_a_stream_is_the_same_at_once_in_pieces_and_resumed_from_json(make, terms, options):
    whole = make()
    ends = whole.add(terms, **options)
    pieces = make()
    seen = [pieces.add(terms[:1], **options), pieces.add(terms[1:13], **options)]
    resumed = type(whole).from_plain(json.loads(json.dumps(pieces.plain())))
    seen += [resumed.add(term, **options) for term in terms[13:]]
    scale = max(1.0, float(np.abs(terms).max()))
    np.testing.assert_allclose(np.concatenate(seen), ends, atol=CANCELLED * scale)
    assert whole.interval().low == pytest.approx(resumed.interval().low, abs=CANCELLED * scale)
    assert whole.interval().covers(whole.interval().value)


def test_a_new_stream_saves_and_resumes():
    for stream in (MeanStream(pool=4), OutcomeStream(3), AsymptoticStream()):
        again = type(stream).from_plain(json.loads(json.dumps(stream.plain())))
        assert again.plain() == stream.plain()
        with pytest.raises(ValueError, match="there is none"):
            again.interval()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sequence([0.5, 1.2], low=0.0, high=1.0), "number 1 is 1.2"),
        (lambda: sequence([0.5, math.nan], low=0.0, high=1.0), "must be finite"),
        (lambda: sequence([0.5], low=1.0, high=0.0), "low must be below high"),
        (lambda: sequence([0.5, 2.5], low=np.array([0.0, 2.0]), high=np.array([1.0, 3.0])), "mean in common"),
        (lambda: sequence([0.5] * 3, low=0.0, high=1.0, pool=2), "at most pool = 2"),
        (lambda: sequence([0.5], low=0.0, high=1.0, level=1.0), "level"),
        (lambda: two_outcomes([0.0, 2.0]), "must be among"),
        (lambda: two_outcomes([0.0, 1.0, 1.0], pool=2), "at most pool = 2"),
        (lambda: three_outcomes([0.5]), "must be among"),
        (lambda: OutcomeStream(4), "kinds must be 2"),
        (lambda: OutcomeStream(3, pool=9), "MeanStream"),
        (lambda: asymptotic_sequence([1.0, 2.0], first=1), "first must be"),
        (lambda: MeanStream.from_plain({"kind": "another"}), "of the kind"),
        (lambda: MeanStream.from_plain({"kind": MeanStream.kind}), "is missing"),
        (lambda: OutcomeStream.from_plain(OutcomeStream().plain() | {"counts": [1, 2, 3]}), "damaged"),
        (lambda: AsymptoticStream.from_plain(AsymptoticStream().plain() | {"squares": -1.0}), "squares must be"),
        (lambda: MeanStream.from_plain(_with_a_term() | {"lower": 2.0}), "damaged"),
        (lambda: term_range(small_pool()[0], np.full(4, 0.25), np.zeros(4)), "labels must state the range"),
        (lambda: term_range(small_pool()[0], np.full(4, 0.25), np.zeros(4), labels=(1.0, 0.0)), "low < high"),
        (lambda: term_range(small_pool()[0], np.array([0.5, 0.5, 0.0, 0.0]), np.zeros(4), labels=(0.0, 1.0)), "that of point 2"),
        (lambda: term_range(small_pool()[0], np.full(4, 0.3), np.zeros(4), labels=(0.0, 1.0)), "sum to 1"),
        (
            lambda: sequential_terms(small_pool()[0], Draw(np.array([0, 1]), np.full(4, 0.5), "systematic", 2), [0.1, 0.2]),
            "with replacement",
        ),
        (lambda: LabelStream(np.array([0.0, 2.0])), "within"),
        (lambda: LabelStream(np.arange(12.0) / 12), "sequences"),
        (lambda: LabelStream(np.array([0.0, 1.0]), shares=np.array([0.5, 1.5])), "shares must lie"),
        (lambda: LabelStream(np.array([0.0, 1.0]), prior=(0.0, 1.0)), "prior"),
    ],
)
def test_misuse_is_refused_with_the_way_out(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def _with_a_term():
    stream = MeanStream()
    stream.add(0.5, low=0.0, high=1.0)
    return stream.plain()


def test_a_refused_batch_changes_nothing():
    stream = MeanStream()
    stream.add([0.2, 0.4], low=0.0, high=1.0)
    before = stream.plain()
    with pytest.raises(ValueError, match="range"):
        stream.add([0.3, 7.0], low=0.0, high=1.0)
    assert stream.plain() == before


def test_a_term_at_the_end_of_its_range_moves_the_other_end_only():
    low, high = sequence([1.0], low=0.0, high=1.0)
    assert 0.0 < low[0] < 0.05 and high[0] == 1.0
    assert low[0] > anytime.RESOLUTION
