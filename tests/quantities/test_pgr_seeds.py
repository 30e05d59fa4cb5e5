"""PGR over several seeds on shared points: the two-way variance against raw simulation and a two-way layout by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom, t

from tests.quantities.paired import LEVEL, pseudo_variance, right_answers, sample
from tests.tolerances import BISECTED, ROUNDING, STANDARD_ERRORS
from w2s_theory.problems.paired_classifiers import PairedClassifiers
from w2s_theory.quantities.metrics import METRICS
from w2s_theory.quantities.performances import GAIN, GAP, Performances
from w2s_theory.quantities.pgr import pgr
from w2s_theory.quantities.pgr_coverage import coverage

SEEDED = PairedClassifiers([0.4, 0.7, 1.0], correlation=0.4, seed_spread=0.05, seed_correlation=0.2)


def test_the_variance_over_points_and_seeds_is_that_of_the_raw_simulation():
    rng, runs, n = np.random.default_rng(0), 6, 100
    values, variances = [], []
    for _ in range(1000):
        predictions, labels = SEEDED.sample(n, rng=rng, runs=runs)
        evaluations = tuple(METRICS["accuracy"].evaluate(p, labels) for p in predictions)
        performances = Performances.of(evaluations, sign=1.0, n=n)
        value, error, _ = performances.contrast(np.array([GAIN, GAP]), LEVEL)
        values.append(value)
        variances.append(error**2)
    spread, mean = np.var(values, axis=0, ddof=1), np.mean(variances, axis=0)
    error = np.hypot(spread * math.sqrt(2 / 1000), np.std(variances, axis=0) / math.sqrt(1000))
    assert np.all(np.abs(mean - spread) <= STANDARD_ERRORS * error)
    assert np.all(STANDARD_ERRORS * error < 0.3 * spread)


def test_the_parts_of_the_variance_over_seeds_are_those_of_a_two_way_layout():
    weak, student, ceiling, labels = sample(replace(SEEDED, seed_spread=0.3), n=40, runs=5)
    scores = right_answers(weak, student, ceiling, labels)  # (3, 5, 40)
    gap = scores[2] - scores[0]
    seeds, points = gap.mean(axis=1), gap.mean(axis=0)
    rest = gap - seeds[:, None] - points + gap.mean()
    of_seeds, both = np.var(seeds, ddof=1) / 5, np.sum(rest**2) / (4 * 39) / 200
    variance = of_seeds + np.var(points, ddof=1) / 40 - both
    found = pgr(weak, student, ceiling, labels)
    assert found.gap.stderr == pytest.approx(math.sqrt(variance), rel=ROUNDING * 100)
    pseudo = 2 * pseudo_variance(scores.mean(axis=1))
    total = variance + pseudo
    quantile = (of_seeds * t.ppf(0.975, 4) + (total - of_seeds) * t.ppf(0.975, 39)) / total
    assert found.gap.high - found.gap.value == pytest.approx(quantile * math.sqrt(total), rel=ROUNDING * 100)
    assert "40 points and 5 seeds" in found.method and "one seed" not in found.method


@pytest.mark.parametrize("metric", ["accuracy", "brier"])
def test_the_points_that_it_takes_leave_what_the_seeds_vary(metric):
    """The points' share of the squared half-width falls with their number, that of pseudo points with its square, that of seeds stays."""
    weak, student, ceiling, labels = sample(replace(SEEDED, seed_spread=0.15), n=100, runs=10, seed=1)
    found = pgr(weak, student, ceiling, labels, metric=metric)
    scores = np.stack([METRICS[metric].evaluate(p, labels).scores for p in (weak, student, ceiling)])
    gap = scores[2] - scores[0]
    of_points, pseudo = np.var(gap.mean(axis=0), ddof=1) / 100, 2 * pseudo_variance(scores.mean(axis=1))
    rest = found.gap.stderr**2 - of_points
    assert rest > 0.1 * of_points
    quantile = (found.gap.value - found.gap.low) / math.sqrt(of_points + pseudo + rest)
    fewer = 100 / found.points_needed
    assert quantile * math.sqrt(rest + fewer * of_points + fewer**2 * pseudo) == pytest.approx(
        found.gap.value, rel=1.0 / found.points_needed
    )


def test_the_bootstrap_draws_one_seed_fewer_than_there_are():
    weak, student, ceiling, labels = sample(replace(SEEDED, seed_spread=0.5), n=400, runs=5)
    evaluations = tuple(METRICS["cross_entropy"].evaluate(p, labels) for p in (weak, student, ceiling))
    drawn = Performances.of(evaluations, sign=-1.0, n=400).resampled(4000, rng=np.random.default_rng(0))
    values = np.array([e.value for e in evaluations])
    influences = np.array([e.influence for e in evaluations])
    gap, own = values[2] - values[0], influences[2] - influences[0]
    # Crossed: points as they are drawn once for all seeds, seeds as S − 1 of them are, and what points and seeds share with both.
    points = np.var(own.mean(axis=0)) / 400
    seeds = np.var(gap) / 4
    both = np.var(own - own.mean(axis=0)) / 400 / 4
    assert seeds > 5 * (points + both)
    assert np.var(drawn @ GAP) == pytest.approx(points + seeds + both, rel=STANDARD_ERRORS * math.sqrt(2 / 4000))


def test_seeds_that_are_copies_say_what_one_seed_says_about_the_points():
    weak, student, ceiling, labels = sample()
    one = pgr(weak, student, ceiling, labels)
    many = pgr(*(np.stack([p] * 3) for p in (weak, student, ceiling)), labels)
    assert (many.value, many.low, many.high) == pytest.approx((one.value, one.low, one.high), rel=BISECTED)


def test_seeds_that_differ_too_much_are_refused_whatever_the_number_of_points():
    wild = PairedClassifiers([0.4, 0.5, 0.6], seed_spread=0.5)
    found = pgr(*sample(wild, n=300, runs=3, seed=2))
    assert found.is_refused
    assert found.gap.value <= 0.0 or "no number of points would tell it" in found.why


def test_the_bootstrap_of_points_and_seeds_varies_no_less_than_the_two_way_variance():
    weak, student, ceiling, labels = sample(SEEDED, n=300, runs=8)
    found = pgr(weak, student, ceiling, labels, interval="bootstrap", resamples=4000, rng=np.random.default_rng(0))
    layout = pgr(weak, student, ceiling, labels)
    noise = 1.0 + STANDARD_ERRORS / math.sqrt(8000)
    assert layout.gap.stderr / noise <= found.gap.stderr <= math.sqrt(3.0) * noise * layout.gap.stderr


@pytest.mark.slow
@pytest.mark.parametrize("runs", [2, 3, 5, 10])
@pytest.mark.parametrize("spread", [0.0, 0.03, 0.1])
def test_the_interval_over_seeds_and_points_misses_no_more_often_than_it_may(spread, runs):
    world = replace(SEEDED, seed_spread=spread, seed_correlation=0.2 if spread else 0.0)
    found = coverage(world, 300, trials=1000, runs=runs, rng=np.random.default_rng(3))
    covered = round(1000 * found.unconditional.value)
    assert covered >= binom.ppf(1e-3, 1000, 0.93)
    if spread == 0.1 and runs == 10:
        assert covered <= binom.ppf(1 - 1e-3, 1000, 0.97)
