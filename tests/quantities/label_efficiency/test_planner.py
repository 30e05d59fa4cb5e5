"""Plans: exact binomial sums by other routes, and by simulation the power is there at the plan and not at four fifths of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import binom, binomtest, chi, nct, norm, ttest_1samp
from scipy.stats import t as student_law

from tests.tolerances import FORECAST_SHARE, QUADRATURE, ROUNDING, SAMPLED_DEVIATION, SATTERTHWAITE, STANDARD_ERRORS
from w2s_theory.quantities.label_efficiency.anytime import MeanStream, log_capital
from w2s_theory.quantities.label_efficiency.blend import Affine, spread_of
from w2s_theory.quantities.label_efficiency.planner import (
    labels_to_settle,
    plan_accuracy,
    plan_mean,
    sign_test_power,
    t_test_power,
    term_deviations,
)
from w2s_theory.quantities.label_efficiency.planner_seeds import (
    VarianceComponents,
    crossed_mean,
    crossed_power,
    plan_seeds,
    seeds_for_points,
    variance_components,
)


@pytest.mark.parametrize("count", [5, 6, 23, 80])
def test_the_power_without_neither_is_that_of_the_library_sign_test(count):
    rejected = [k for k in range(count + 1) if k > count / 2 and binomtest(k, count, 0.5).pvalue <= 0.05]
    assert sign_test_power(count, 0.3) == pytest.approx(binom.pmf(rejected, count, 0.65).sum(), abs=ROUNDING)


def test_the_power_with_neither_is_that_of_simulated_mcnemar_tests():
    rng, trials = np.random.default_rng(0), 20_000
    right, wrong = 0.45, 0.25
    drawn = rng.multinomial(90, [right, wrong, 0.3], size=trials)
    decided = drawn[:, 0] + drawn[:, 1]
    rejected = (2 * binom.sf(drawn[:, 0] - 1, decided, 0.5) <= 0.05) & (drawn[:, 0] > drawn[:, 1])
    power = float(sign_test_power(90, right - wrong, neither=0.3))
    stderr = math.sqrt(power * (1 - power) / trials)
    assert abs(rejected.mean() - power) <= STANDARD_ERRORS * stderr < 0.1 * power


@pytest.mark.parametrize(
    ("gain", "misfit", "neither"), [(0.04, 0.15, 0.0), (0.02, 0.1, 0.0), (0.03, 0.2, 0.3), (0.1, 0.12, 0.05)]
)
def test_the_plan_for_accuracy_is_the_fewest_labels_from_which_on_the_power_is_there(gain, misfit, neither):
    plan = plan_accuracy(gain, misfit, neither=neither)
    later = np.arange(plan.labels, 2 * plan.labels + 30)
    power = sign_test_power(later, gain / misfit, neither=neither)
    assert power.min() >= 0.8 > float(sign_test_power(plan.labels - 1, gain / misfit, neither=neither))
    assert plan.power == pytest.approx(power[0])
    assert float(sign_test_power(int(0.8 * plan.labels), gain / misfit, neither=neither)) < 0.8
    assert plan.classical == math.ceil(plan.labels / misfit)
    assert str(plan.labels) in str(plan)


@pytest.mark.parametrize(
    ("advantage", "power", "level"), [(0.01, 0.05, 0.9), (0.03, 0.05, 0.95), (0.3, 0.999, 0.999), (1.0, 0.5, 0.5)]
)
def test_no_tooth_of_the_saw_is_beyond_the_plan(advantage, power, level):
    plan = plan_accuracy(advantage, 1.0, power=power, level=level)
    counts = np.arange(1, 4 * plan.labels + int(30 / advantage))
    short = counts[sign_test_power(counts, advantage, level=level) < power]
    assert plan.labels == max(short, default=0) + 1


def test_the_plan_for_seeds_is_the_fewest_points_also_where_more_are_not_enough():
    parts, gain = VarianceComponents(1e-4, 1.0, 0.0), 0.1
    counts = np.unique(np.geomspace(2, 1e6, 400).astype(int))
    power = np.array([crossed_power(gain, parts, 2, int(n)) for n in counts])
    assert np.ptp(np.sign(np.diff(power))) == 2, "the power must rise and fall, or nothing was tested"
    planned = float(plan_seeds(gain, parts, 2))
    assert counts[power < 0.8][0] < planned <= counts[power >= 0.8][0]
    assert crossed_power(gain, parts, 2, int(planned)) >= 0.8 > crossed_power(gain, parts, 2, int(planned) - 1)


def test_agreements_add_nothing_to_the_classical_paired_test():
    """Points drawn from all, one in five a disagreement: McNemar's test needs the plan's labels over the misfit, by simulation."""
    rng, trials, misfit, advantage = np.random.default_rng(1), 20_000, 0.2, 0.3
    plan = plan_accuracy(misfit * advantage, misfit)
    share = misfit * (1 + advantage) / 2

    def power(points):
        drawn = rng.multinomial(points, [share, misfit - share, 1 - misfit], size=trials)
        decided = drawn[:, 0] + drawn[:, 1]
        return np.mean((2 * binom.sf(drawn[:, 0] - 1, decided, 0.5) <= 0.05) & (drawn[:, 0] > drawn[:, 1]))

    assert power(plan.classical) > 0.78 > 0.75 > power(int(0.8 * plan.classical))


def test_the_plan_for_a_mean_has_its_power_by_simulation():
    rng, trials = np.random.default_rng(2), 10_000
    plan = plan_mean(0.3, 1.0, classical=1.5, power=0.8)
    assert 0.95 * 1.5**2 < plan.classical / plan.labels < 1.5**2  # a t quantile of more labels is smaller
    for count, expected in (
        (plan.labels, plan.power),
        (int(0.8 * plan.labels), float(t_test_power(int(0.8 * plan.labels), 0.3))),
    ):
        drawn = rng.standard_normal((trials, count)) + 0.3
        statistic = np.asarray(ttest_1samp(drawn, 0.0, axis=1)[0])
        seen = np.mean(statistic > student_law.ppf(0.975, count - 1))
        assert abs(seen - expected) <= STANDARD_ERRORS * math.sqrt(0.2 / trials)
    assert 0.8 <= plan.power < 0.82 and float(t_test_power(int(0.8 * plan.labels), 0.3)) < 0.75
    assert t_test_power(plan.labels - 1, 0.3) < 0.8


def test_deviations_are_those_of_terms_drawn_one_by_one():
    rng = np.random.default_rng(6)
    weak, student, gold = rng.standard_normal((3, 500))
    affine, spread = Affine.of(weak, student), spread_of(weak, student)
    ours, classical = term_deviations(affine, spread / spread.sum(), gold)
    rows = rng.choice(500, p=spread / spread.sum(), size=20_000)
    middle = (weak + student) / 2  # where it is the guess, the part of the gain that is known is 0
    terms = -2 * (weak - student)[rows] * (gold - middle)[rows] / (500 * (spread / spread.sum())[rows])
    assert ours == pytest.approx(terms.std(), rel=SAMPLED_DEVIATION)
    assert classical == pytest.approx(np.std((weak - gold) ** 2 - (student - gold) ** 2), abs=ROUNDING)
    assert ours < classical


PARTS = VarianceComponents(0.02, 0.5, 1.0)


def test_the_power_of_the_t_test_is_the_integral_over_the_spread_that_is_seen():
    for count in (2, 4):
        critical = student_law.ppf(0.975, count - 1)
        shift = math.sqrt(count) * 0.7

        def seen(s, n=count, c=critical, a=shift):
            return norm.sf(c * s / math.sqrt(n - 1) - a) * chi.pdf(s, n - 1)

        assert t_test_power(count, 0.7) == pytest.approx(quad(seen, 0.0, 12.0)[0], rel=QUADRATURE)


def test_two_seeds_on_two_points_by_hand():
    four = np.array([[0.0, 1.0], [5.0, 14.0]])  # means by seed 0.5 and 9.5, by point 2.5 and 7.5; what is left is ±2
    assert variance_components(four) == pytest.approx((40.5 - 8.0, 12.5 - 8.0, 16.0))
    found = crossed_mean(four)
    squared = 40.5 / 2 + 12.5 / 2 - 16.0 / 4
    freedom = squared**2 / ((40.5 / 2) ** 2 + (12.5 / 2) ** 2 + (16.0 / 4) ** 2)
    assert found.value == 5.0 and found.stderr == pytest.approx(math.sqrt(squared))
    assert found.high == pytest.approx(5.0 + student_law.ppf(0.975, freedom) * math.sqrt(squared))


def test_the_crossed_power_is_the_t_tests_where_one_variance_is_all_there_is():
    assert crossed_power(0.7, VarianceComponents(1.0, 0.0, 0.0), 4, 50) == pytest.approx(float(t_test_power(4, 0.7)))
    assert crossed_power(0.7, VarianceComponents(0.0, 1.0, 0.0), 50, 4) == pytest.approx(float(t_test_power(4, 0.7)))
    freedom = 1.0 / (1.0 / 2 + 1.0 / 3 + 1.0 / 6)  # three seeds on four points, nothing but the rest
    expected = nct.sf(student_law.ppf(0.975, freedom), freedom, 0.7 * math.sqrt(12))
    assert crossed_power(0.7, VarianceComponents(0.0, 0.0, 1.0), 3, 4) == pytest.approx(expected)


def gains(parts, seeds, points, trials, rng, mean=0.0):
    return (
        mean
        + math.sqrt(parts.seeds) * rng.standard_normal((trials, seeds, 1))
        + math.sqrt(parts.points) * rng.standard_normal((trials, 1, points))
        + math.sqrt(parts.rest) * rng.standard_normal((trials, seeds, points))
    )


def test_variance_components_are_unbiased():
    drawn = np.array([variance_components(each) for each in gains(PARTS, 6, 40, 1500, np.random.default_rng(3))])
    stderr = drawn.std(axis=0) / math.sqrt(len(drawn))
    assert np.all(np.abs(drawn.mean(axis=0) - PARTS) <= STANDARD_ERRORS * stderr + [5e-4, 0.0, 0.0])  # cut at 0 in a few
    assert np.all(stderr < 0.1 * np.array(PARTS))


def test_the_plan_for_seeds_has_its_power_by_simulation_and_points_do_not_replace_seeds():
    rng, trials, seeds, gain = np.random.default_rng(4), 1500, 8, 0.2
    points = int(plan_seeds(gain, PARTS, seeds))
    seen = {}
    for count in (points, int(0.7 * points)):
        found = [crossed_mean(each) for each in gains(PARTS, seeds, count, trials, rng, gain)]
        seen[count] = np.mean([each.low > 0.0 for each in found])
        covered = np.mean([each.covers(gain) for each in found])
        assert 0.93 <= covered <= 0.975
        assert abs(seen[count] - crossed_power(gain, PARTS, seeds, count)) < SATTERTHWAITE
    assert seen[points] > 0.77 and seen[int(0.7 * points)] < 0.77
    assert plan_seeds(0.1, PARTS, np.array([2, 5]))[0] == np.inf
    assert np.all(np.diff(plan_seeds(0.2, PARTS, np.array([8, 16, 32]))) < 0)


@pytest.mark.parametrize("points", [300, 1000])
def test_the_seeds_for_points_are_the_fewest_that_see_the_gain(points):
    seeds = int(seeds_for_points(0.2, PARTS, points))
    assert crossed_power(0.2, PARTS, seeds, points) >= 0.8 > crossed_power(0.2, PARTS, seeds - 1, points)
    assert plan_seeds(0.2, PARTS, seeds) <= points < plan_seeds(0.2, PARTS, seeds - 1)


def test_no_number_of_seeds_replaces_points():
    parts = VarianceComponents(0.0, 1.0, 0.0)
    assert seeds_for_points(0.1, parts, np.array([10, 2000])).tolist() == [np.inf, 2.0]


def test_a_forecast_of_labels_to_settle_is_about_what_it_takes():
    rng = np.random.default_rng(5)
    stream = MeanStream()
    stream.add(np.tile([1.0, 1.0, 1.0, -1.0, -1.0], 8), low=-1.0, high=1.0)
    found = labels_to_settle(stream, rng=rng)
    assert found.low < found.value < found.high
    more = rng.choice([1.0, -1.0], p=[0.6, 0.4], size=(200, 800))  # the law that the terms so far are most like
    terms = np.concatenate([np.broadcast_to(stream.terms, (200, 40)), more], axis=1)
    rich = np.any(log_capital(terms, np.zeros(200), low=-1.0, high=1.0) >= math.log(40.0), axis=0)
    waits = np.where(rich.any(axis=1), np.argmax(rich, axis=1) - 39.0, np.inf)
    assert abs(math.log(np.median(waits) / found.value)) < math.log(
        1.5
    )  # medians of 200 waits that spread by a factor of 3 either way
    assert np.mean((found.low <= waits) & (waits <= found.high)) == pytest.approx(0.8, abs=FORECAST_SHARE)
    settled = MeanStream()
    settled.add(np.ones(40), low=-1.0, high=1.0)
    assert labels_to_settle(settled, rng=rng).value == 0.0
    assert labels_to_settle(stream, rng=rng, most=1).value == math.inf


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plan_accuracy(0.2, 0.1), "at most misfit"),
        (lambda: plan_accuracy(1e-6, 0.5), "too small to plan"),
        (lambda: plan_accuracy(0.0, 0.5), "gain must be"),
        (lambda: plan_mean(0.0, 1.0), "size of gain"),
        (lambda: plan_mean(1e-6, 1.0), "too small to plan"),
        (lambda: sign_test_power(10, 0.8, neither=0.5), "advantage must lie"),
        (lambda: variance_components(np.zeros((1, 5))), "at least 2 seeds"),
        (lambda: plan_seeds(0.1, PARTS, 1), "seeds must be at least 2"),
        (lambda: seeds_for_points(0.1, PARTS, 1), "points must be at least 2"),
        (lambda: labels_to_settle(MeanStream(), rng=np.random.default_rng(0)), "at least 2 terms"),
    ],
)
def test_misuse_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
