"""How often the intervals of PGR contain the truth: approximate ones about as often as they say, betting never less."""

from __future__ import annotations

import math
from itertools import product
from statistics import NormalDist

import numpy as np
import pytest
from scipy.stats import binom, t

from tests.quantities.paired import COMFORTABLE, LEVEL, MARGINAL, NESTED, SMOOTH, sample
from tests.tolerances import BISECTED, ROUNDING
from w2s_theory.problems.paired_classifiers import PairedClassifiers
from w2s_theory.quantities.betting import bets_reject
from w2s_theory.quantities.metrics import Evaluation
from w2s_theory.quantities.performances import Performances
from w2s_theory.quantities.pgr import pgr
from w2s_theory.quantities.pgr_coverage import coverage
from w2s_theory.quantities.pgr_intervals import accepted_ratios, by_betting, exact


def rare_wins(rng, trials, n=200):
    """Mean zero, but far from normal: 0.98 with chance 1/50, −0.02 otherwise."""
    return np.where(rng.random((n, trials)) < 0.02, 0.98, -0.02)


def contrasts_of(world, rng, trials, n=200):
    """gain − PGR·gap of each point, which has mean zero at the true PGR."""
    predictions, labels = world.sample(n * trials, rng=rng)
    right = (predictions.argmax(axis=-1) == labels).astype(float).reshape(3, n, trials)
    return right[1] - 0.5 * right[0] - 0.5 * right[2]


@pytest.mark.parametrize(
    "draw", [rare_wins, lambda rng, trials: contrasts_of(MARGINAL, rng, trials)], ids=["rare wins", "right answers"]
)
def test_betting_rejects_a_true_mean_no_more_often_than_it_may(draw):
    trials = 1000
    z = draw(np.random.default_rng(0), trials)
    wrong = int(bets_reject(z, np.eye(trials), limits=np.ones(trials), level=LEVEL).sum())
    assert wrong <= binom.ppf(1 - 1e-6, trials, 1 - LEVEL)
    if draw is rare_wins:  # where Student's t does not keep its level
        student = np.abs(z.mean(axis=0)) > t.ppf(0.975, 199) * z.std(axis=0, ddof=1) / math.sqrt(200)
        assert student.sum() > binom.ppf(1 - 1e-6, trials, 1 - LEVEL)


@pytest.mark.parametrize("chance", [0.5, 0.3])
def test_betting_keeps_its_level_exactly_on_every_sequence_of_ten_coins(chance):
    """All 1024 sequences of a coin with mean zero, and their probabilities: the level is kept without any simulation, and mostly used up."""
    heads = np.array(list(product((True, False), repeat=10))).T
    z = np.where(heads, 1.0, -chance / (1.0 - chance))
    weights = np.prod(np.where(heads, chance, 1.0 - chance), axis=0)
    used = [
        weights @ bets_reject(z, np.eye(1024), limits=np.ones(1024), level=level) / (1.0 - level)
        for level in (0.5, 0.7, 0.8, 0.9, 0.95)
    ]
    assert max(used) <= 1.0 + ROUNDING
    assert max(used) > 0.6


NORMAL = NormalDist()


def gambled(z, limit, level):
    """Two gamblers on one sequence, as the docstring of ``betting`` says, one number after the other: does either reach 2/α?"""
    n, target = len(z), 2.0 / (1.0 - level)
    wealth, squares, seen = {1: 1.0, -1: 1.0}, 2.0 * limit**2 / 4.0, 2.0
    step = max(1, -(-n // 400))
    bets = {}
    for i, value in enumerate(z):
        if i % step == 0:  # bets are placed anew, knowing the numbers before this one only
            spread = math.sqrt(squares / seen * (n - i))
            for side, owned in wealth.items():
                share = min(max(owned, 1e-250) / (1.2 * target), 1.0 - 1e-9)
                bet = NORMAL.pdf(NORMAL.inv_cdf(share)) / (share * spread)
                bets[side] = 0.0 if owned >= target else min(bet, (1.0 - 1e-9) / limit)
        for side in wealth:
            wealth[side] *= 1.0 + side * bets[side] * value
        squares, seen = squares + value**2, seen + 1
    return max(wealth.values()) >= target


@pytest.mark.parametrize(("n", "paths"), [(60, 50), (900, 8)])
@pytest.mark.parametrize("level", [0.5, 0.8, 0.9, 0.95])
def test_betting_is_the_two_gamblers_of_its_docstring(level, n, paths):
    """Paths near the border of rejection, where a bet that is off, looks ahead or aims elsewhere changes some answer."""
    rng = np.random.default_rng(round(100 * level) + n)
    drift = NORMAL.inv_cdf(0.5 + level / 2) * 0.5 / math.sqrt(n)
    z = np.clip(rng.normal(drift, 0.5, (n, paths)), -1.5, 1.5)
    found = bets_reject(z, np.eye(paths), limits=np.full(paths, 1.5), level=level)
    expected = [gambled(path, 1.5, level) for path in z.T]
    assert found.tolist() == expected
    assert 0 < sum(expected) < paths


def test_the_end_of_an_exact_interval_of_a_mean_is_where_the_gamblers_stop_rejecting():
    values = np.random.default_rng(0).choice([-1.0, 0.0, 1.0], p=[0.1, 0.5, 0.4], size=80)
    found = by_betting(values, 1.0, LEVEL)
    assert found.value == values.mean() and found.stderr == pytest.approx(values.std(ddof=1) / math.sqrt(80))
    for end, side in ((found.low, -1), (found.high, 1)):
        assert gambled(values - end, 1.0 + abs(end), LEVEL)
        inside = end - side * 4e-5 * 2
        assert not gambled(values - inside, 1.0 + abs(inside), LEVEL)


def of_scores(scores, bounds):
    """Performances and what ``exact`` takes, of points whose scores (n, 3) are given."""
    evaluations = [Evaluation(s.mean(), s - s.mean(), lambda w: w, s, bounds) for s in scores.T]
    return Performances.of(evaluations, sign=1.0, n=len(scores)), scores, bounds


def test_exact_intervals_do_not_depend_on_the_unit_and_use_the_width_of_the_scores():
    """Scores between 0 and 2 that are twice those between 0 and 1 bet half as much; that they do so is what bounds wealth below by 0."""
    rng = np.random.default_rng(3)
    right = rng.permuted(np.stack([rng.random(150) < p for p in (0.5, 0.7, 0.95)], axis=1).astype(float), axis=0)
    one, two = exact(*of_scores(right, (0.0, 1.0)), LEVEL), exact(*of_scores(2.0 * right, (0.0, 2.0)), LEVEL)
    assert one == pytest.approx(two, rel=BISECTED) and all(map(math.isfinite, one))
    loose = exact(*of_scores(right, (0.0, 2.0)), LEVEL)
    assert loose != pytest.approx(one, rel=BISECTED)


def test_the_exact_interval_is_the_set_that_betting_accepts():
    scores = np.random.default_rng(4).permutation(
        np.repeat([[0, 1, 1], [0, 0, 1], [1, 1, 1], [1, 0, 0]], [40, 25, 120, 6], axis=0)
    )
    low, high = exact(*of_scores(scores.astype(float), (0.0, 1.0)), LEVEL)
    differing = scores[np.ptp(scores, axis=1) > 0]
    for ratio, refused in ((low, True), (high, True), (low + 1e-4, False), (high - 1e-4, False)):
        z = differing @ np.array([ratio - 1.0, 1.0, -ratio])
        assert gambled(z, max(1.0, ratio) + max(0.0, ratio - 1.0) + max(0.0, -ratio), LEVEL) == refused


def test_accepted_ratios_finds_the_ends_of_a_narrow_set():
    performances = of_scores(np.repeat([[0.0, 1.0, 1.0], [0.0, 0.0, 1.0]], 5, axis=0), (0.0, 1.0))[0]  # a PGR of one half
    for low, high in ((0.4999, 0.5002), (-3.0, 40.0), (0.5 - 1e-4, 200.0)):
        seen = []

        def rejects(angles, low=low, high=high, seen=seen):
            seen.append(angles.size)
            return (np.tan(angles) < low) | (np.tan(angles) > high) | (np.abs(angles) == math.pi / 2)

        found = accepted_ratios(rejects, performances)
        assert found == pytest.approx((low, high), rel=BISECTED * 20)
        assert found[0] <= low and found[1] >= high
        assert seen[0] == 130  # the grid of 129 angles that the docstring names, and the estimate
    assert accepted_ratios(lambda angles: np.zeros(angles.shape, bool), performances) == (-math.inf, math.inf)


def test_points_sorted_by_class_are_shuffled_before_betting():
    arguments = sample(n=300)
    order = np.argsort(arguments[3], kind="stable")
    ends = {
        (found.low, found.high)
        for seed in range(3)
        for found in [pgr(*(values[order] for values in arguments), interval="exact", rng=np.random.default_rng(seed))]
    }
    assert len(ends) == 3


def test_betting_costs_little_against_student():
    for seed in range(2):
        arguments = sample(n=1000, seed=seed)
        bets = pgr(*arguments, interval="exact", rng=np.random.default_rng(seed))
        student = pgr(*arguments)
        assert bets.high - bets.low < 1.15 * (student.high - student.low)
        assert bets.gap.high - bets.gap.low < 1.15 * (student.gap.high - student.gap.low)
        assert bets.covers(student.value) and bets.gap.covers(student.gap.value)


@pytest.mark.parametrize("name", SMOOTH)
def test_fieller_covers_the_truth_as_often_as_it_says_with_200_points(name):
    found = coverage(COMFORTABLE, 200, metric=name, trials=250, rng=np.random.default_rng(7))
    assert found.reported is not None
    assert binom.ppf(1e-5, 250, LEVEL) <= round(250 * found.unconditional.value)
    assert found.refused == 0.0 and found.below + found.above == pytest.approx(1 - found.unconditional.value)


@pytest.mark.parametrize("interval", ["fieller", "bootstrap"])
@pytest.mark.parametrize("world", [*NESTED.values()], ids=[*NESTED])
def test_intervals_cover_where_few_points_or_none_tell_two_models_apart(world, interval):
    found = coverage(world, 200, interval=interval, trials=120, rng=np.random.default_rng(1), resamples=400)
    assert round(120 * found.unconditional.value) >= binom.ppf(1e-4, 120, 0.93)
    assert found.refused == 0.0 and 0.0 < found.width < 0.6


def test_intervals_of_a_wrong_width_would_be_seen():
    """The power of the test above: an interval at 80 % does not pass for one at 95 %."""
    found = coverage(COMFORTABLE, 200, level=0.8, trials=250, rng=np.random.default_rng(7))
    assert round(250 * found.unconditional.value) < binom.ppf(1e-5, 250, LEVEL)


SLOW_WORLDS = {
    "comfortable": COMFORTABLE,
    "middling": PairedClassifiers.of_accuracies(0.65, 0.75, 0.85),
    "marginal": MARGINAL,
    "near the top": PairedClassifiers.of_accuracies(0.90, 0.93, 0.96),
    "unbalanced": PairedClassifiers([0.8, 1.1, 1.6], share=0.3, confidence=1.5),
    "nearly perfect": PairedClassifiers.of_accuracies(0.90, 0.99, 0.995),
    "perfect but one in a hundred": PairedClassifiers.of_accuracies(0.90, 0.98, 0.99),
    "above the ceiling": PairedClassifiers.of_accuracies(0.70, 0.90, 0.80),
    **NESTED,
}
ORDINARY = ("comfortable", "middling", "unbalanced")


@pytest.mark.slow
@pytest.mark.parametrize("interval", ["fieller", "bootstrap"])
@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("world", SLOW_WORLDS)
def test_approximate_intervals_cover_between_93_and_97_percent(world, name, interval):
    """Of all comparisons. More is no fault where a refusal counts as right or few points tell two models apart."""
    trials = 300 if interval == "bootstrap" else 1000
    found = coverage(
        SLOW_WORLDS[world], 200, metric=name, interval=interval, trials=trials, resamples=399, rng=np.random.default_rng(11)
    )
    covered = round(trials * found.unconditional.value)
    assert covered >= binom.ppf(1e-3, trials, 0.93)
    if world in ORDINARY:
        assert covered <= binom.ppf(1 - 1e-3, trials, 0.97)


@pytest.mark.slow
def test_the_delta_interval_misses_too_often_above_the_ceiling_and_is_narrower_than_fieller_s():
    world = PairedClassifiers.of_accuracies(0.70, 0.90, 0.80)
    delta, fieller = (
        coverage(world, 100, interval=interval, trials=1000, rng=np.random.default_rng(2)) for interval in ("delta", "fieller")
    )
    assert round(1000 * delta.unconditional.value) < binom.ppf(1e-3, 1000, 0.93)
    assert round(1000 * fieller.unconditional.value) >= binom.ppf(1e-3, 1000, 0.93)
    assert delta.width < fieller.width


@pytest.mark.slow
@pytest.mark.parametrize("world", [COMFORTABLE, MARGINAL, *NESTED.values()], ids=["comfortable", "marginal", *NESTED])
def test_exact_intervals_cover_at_least_as_often_as_they_say(world):
    trials = 400 if world in (COMFORTABLE, MARGINAL) else 150
    found = coverage(world, 200, interval="exact", trials=trials, rng=np.random.default_rng(13))
    assert round(trials * found.unconditional.value) >= binom.ppf(1e-3, trials, LEVEL)
    assert found.refused < 0.5
