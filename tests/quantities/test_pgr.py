"""PGR and its intervals: against the classical quadratic, finite differences, loops and scipy; refusals and errors."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import t

from tests.quantities.paired import LEVEL, MARGINAL, SMOOTH, pseudo_variance, right_answers, sample
from tests.tolerances import BISECTED, ROUNDING, STANDARD_ERRORS
from w2s_theory import Verdict
from w2s_theory.quantities.metrics import METRICS, Metric, as_metric
from w2s_theory.quantities.performances import GAIN, GAP, Performances
from w2s_theory.quantities.pgr import pgr
from w2s_theory.quantities.pgr_intervals import percentiles


@given(st.integers(0, 2**16), st.sampled_from(["accuracy", "brier", "cross_entropy"]))
def test_fieller_solves_the_classical_quadratic(seed, name):
    arguments = sample(seed=seed)
    scores = np.stack([METRICS[name].evaluate(p, arguments[3]).scores for p in arguments[:3]]) * METRICS[name].sign
    (a, b), cov = (scores[[1, 2]] - scores[0]).mean(axis=1), np.cov(scores[[1, 2]] - scores[0]) / 300
    cov = cov + pseudo_variance(scores) * np.array([[2, 1], [1, 2]])
    q = t.ppf(0.5 + LEVEL / 2, 299) ** 2
    roots = np.roots([b**2 - q * cov[1, 1], -2 * (a * b - q * cov[0, 1]), a**2 - q * cov[0, 0]])
    found = pgr(*arguments, metric=name, level=LEVEL)
    assert found.value == pytest.approx(a / b, rel=ROUNDING * 100)
    assert b**2 > q * cov[1, 1] and found.verdict is Verdict.HOLDS
    assert (found.low, found.high) == pytest.approx((roots.real.min(), roots.real.max()), abs=BISECTED)


def test_delta_is_the_gradient_times_the_paired_covariance():
    arguments = sample()
    scores = right_answers(*arguments)
    weak, student, ceiling = scores.mean(axis=1)
    ratio, gap = (student - weak) / (ceiling - weak), ceiling - weak
    gradient = np.array([-(1 - ratio), 1.0, -ratio]) / gap
    step = 1e-6
    for k in range(3):
        up, down = (scores.mean(axis=1) + sign * step * np.eye(3)[k] for sign in (1, -1))
        slope = ((up[1] - up[0]) / (up[2] - up[0]) - (down[1] - down[0]) / (down[2] - down[0])) / (2 * step)
        assert gradient[k] == pytest.approx(slope, rel=BISECTED)
    half = t.ppf(0.975, 299) * math.sqrt(gradient @ (np.cov(scores) / 300 + pseudo_variance(scores) * np.eye(3)) @ gradient)
    found = pgr(*arguments, interval="delta")
    assert (found.low, found.high) == pytest.approx((ratio - half, ratio + half), rel=ROUNDING * 100)
    assert found.gap.stderr == pytest.approx(np.std(scores[2] - scores[0], ddof=1) / math.sqrt(300), rel=ROUNDING * 100)


@pytest.mark.parametrize("name", SMOOTH)
def test_resamples_vary_as_the_influences_say(name):
    arguments = sample(n=400)
    evaluations = tuple(METRICS[name].evaluate(p, arguments[3]) for p in arguments[:3])
    performances = Performances.of(evaluations, sign=METRICS[name].sign, n=400)
    drawn = performances.resampled(4000, rng=np.random.default_rng(1))
    contrasts = np.array([GAIN, GAP, GAIN - GAP])
    _, error, half = performances.contrast(contrasts, LEVEL)
    points = METRICS[name].sign * np.stack([e.value + e.influence for e in evaluations])
    assert half == pytest.approx(np.sqrt(error**2 + 2 * pseudo_variance(points)) * t.ppf(0.975, 399), rel=ROUNDING * 100)
    # Standard deviations of 4000 draws are known to 1/√8000 = 1.1 %; the linear approximation adds a term of order 1/n.
    np.testing.assert_allclose(np.std(drawn @ contrasts.T, axis=0), error, rtol=STANDARD_ERRORS / math.sqrt(8000))


def test_percentiles_are_the_ratios_that_the_resamples_leave():
    rng = np.random.default_rng(0)
    drawn = np.array([0.6, 0.7, 0.8]) + rng.normal(0.0, 0.035, (500, 3))
    low, high = percentiles(drawn, 0.9)
    ratios = np.linspace(-5.0, 6.0, 5501)
    below = np.array([np.mean(drawn @ (GAIN - r * GAP) <= 0.0) for r in ratios])
    kept = ratios[(below > 0.05) & (below < 0.95)]
    assert (low, high) == pytest.approx((kept[0], kept[-1]), abs=0.05)
    few = percentiles(drawn, 0.999999)
    assert few[0] == -math.inf or np.all(drawn @ GAP > 0.0)


def test_the_bootstrap_agrees_with_scipy():
    stats = pytest.importorskip("scipy.stats")
    arguments = sample()
    scores = right_answers(*arguments)
    peer = stats.bootstrap(
        tuple(scores),
        lambda w, s, c, axis: (s.mean(axis) - w.mean(axis)) / (c.mean(axis) - w.mean(axis)),
        paired=True,
        vectorized=True,
        n_resamples=20_000,
        method="percentile",
        rng=np.random.default_rng(0),
    )
    evaluations = tuple(METRICS["accuracy"].evaluate(p, arguments[3]) for p in arguments[:3])
    performances = Performances.of(evaluations, sign=1.0, n=300)
    drawn = performances.resampled(20_000, rng=np.random.default_rng(1))
    low, high = percentiles(drawn, LEVEL)
    # A 2.5 % quantile of 20 000 draws is known to √(.025 · .975/20 000)/φ(1.96) = 0.019 standard deviations, each.
    noise = STANDARD_ERRORS * math.sqrt(2) * 0.019 * peer.standard_error
    assert abs(low - peer.confidence_interval.low) < noise < 0.1 * (high - low)
    assert abs(high - peer.confidence_interval.high) < noise
    # The interval itself is that of the resamples and of normal noise for the pseudo points.
    found = pgr(*arguments, interval="bootstrap", resamples=20_000, rng=np.random.default_rng(2))
    noisy = drawn + math.sqrt(pseudo_variance(scores)) * np.random.default_rng(3).standard_normal(drawn.shape)
    assert (found.low, found.high) == pytest.approx(percentiles(noisy, LEVEL), abs=noise)
    spread = math.sqrt(np.var(scores[2] - scores[0]) / 300 + 2 * pseudo_variance(scores))
    # A standard deviation of 20 000 draws is known to 1/√40 000 of itself.
    assert found.gap.stderr == pytest.approx(spread, rel=STANDARD_ERRORS / 200)


@pytest.mark.parametrize("interval", ["fieller", "delta", "bootstrap", "exact"])
def test_pgr_does_not_care_which_way_the_metric_points(interval):
    def wrong(predictions, labels):
        evaluation = METRICS["accuracy"].evaluate(predictions, labels)
        return replace(
            evaluation,
            value=1 - evaluation.value,
            influence=-evaluation.influence,
            at=lambda w: 1 - evaluation.at(w),
            scores=1 - evaluation.scores,
        )

    arguments, numbers = sample(), []
    for metric in ("accuracy", Metric("error", False, wrong)):
        found = pgr(*arguments, metric=metric, interval=interval, rng=np.random.default_rng(0))
        numbers.append((found.value, found.low, found.high, found.gap.low, found.gain.high))
    assert numbers[0] == pytest.approx(numbers[1], rel=BISECTED)


def test_a_gap_inside_its_noise_is_refused_with_the_points_that_it_would_take():
    arguments = sample(MARGINAL, n=150, seed=1)
    found = pgr(*arguments)
    assert found.verdict is Verdict.INCONCLUSIVE and found.is_refused
    assert (found.low, found.high) == (-math.inf, math.inf) and found.covers(17.0)
    assert found.gap.low < 0.0 < found.gap.value
    assert f"{found.gap.value:.3g}" in found.why and f"about {found.points_needed:.0f} points" in found.why
    assert str(found) == f"PGR (accuracy) refused: {found.why}"
    for interval in ("delta", "bootstrap", "exact"):
        assert pgr(*arguments, interval=interval, rng=np.random.default_rng(0)).is_refused
    # That many points of the same kind do just tell the gap from zero.
    scores = right_answers(*arguments)
    variance = np.var(scores[2] - scores[0], ddof=1) / found.points_needed
    variance += 2 * pseudo_variance(scores) * (150 / found.points_needed) ** 2
    assert found.gap.value / math.sqrt(variance) == pytest.approx(t.ppf(0.975, 149), rel=1 / found.points_needed)


def test_a_ceiling_that_is_not_above_the_weak_model_is_refused_without_a_value():
    weak, student, ceiling, labels = sample()
    for found in (pgr(ceiling, student, weak, labels), pgr(weak, student, weak, labels)):
        assert found.is_refused and math.isnan(found.value) and math.isnan(found.points_needed)
        assert "not above the weak model" in found.why


@pytest.mark.parametrize("level", [0.5, 0.95, 0.999])
def test_a_student_that_answers_as_the_ceiling_recovers_the_whole_gap_up_to_the_rule_of_three(level):
    weak, _, ceiling, labels = sample(n=1000)
    found = pgr(weak, ceiling, ceiling, labels, interval="delta", level=level)
    # P(none of n points shows a difference that a share log(1/α)/n has) = α; t in the place of the normal quantile costs less than 2 %.
    rule = math.log(1.0 / (1.0 - level)) / 1000 / found.gap.value
    assert found.value == 1.0
    assert (found.low, found.high) == pytest.approx((1.0 - rule, 1.0 + rule), abs=0.02 * rule)
    low = pgr(weak, weak, ceiling, labels, interval="delta", level=level)
    assert (low.value, low.low, low.high) == pytest.approx((0.0, -rule, rule), abs=0.02 * rule)
    for interval in ("fieller", "bootstrap"):
        other = pgr(weak, ceiling, ceiling, labels, interval=interval, level=level, rng=np.random.default_rng(0), resamples=8000)
        # Percentiles of 8000 draws, at .999 of four of them in each tail: known to a few tenths of a standard deviation.
        assert (1.0 - other.low, other.high - 1.0) == pytest.approx((rule, rule), rel=0.3)


def test_two_points_tell_nothing_apart():
    for interval in ("fieller", "delta", "bootstrap", "exact"):
        found = pgr([1, 1], [0, 0], [0, 0], [0, 0], interval=interval, rng=np.random.default_rng(0))
        assert found.is_refused and (math.isnan(found.points_needed) or found.points_needed > 2)
    same = pgr(*[np.array([0, 1, 1])] * 3, [0, 0, 1])
    assert same.is_refused and same.gap.value == 0.0


def test_a_betting_interval_that_reaches_everywhere_does_not_say_how_many_points_it_takes():
    arguments = [values[:8] for values in sample(MARGINAL, seed=4)]
    arguments[0], arguments[2] = np.eye(2)[1 - arguments[3]], np.eye(2)[arguments[3]]
    found = pgr(
        arguments[0], arguments[0], arguments[2], arguments[3], interval="exact", rng=np.random.default_rng(0), level=0.999
    )
    assert found.is_refused and found.gap.low == -1.0 and found.gap.value == 1.0
    assert math.isnan(found.points_needed) and "too few to say how many" in found.why
    assert "seeds" not in found.why and "at 0.999;" not in found.why


@pytest.mark.parametrize(("level", "least"), [(0.95, 100), (0.999, 2000), (0.9999, 20_000)])
def test_the_bootstrap_wants_a_resample_in_each_tail(level, least):
    arguments = sample(n=60)
    if least > 100:
        with pytest.raises(ValueError, match=f"resamples must be at least {least} .* at level {level}"):
            pgr(*arguments, interval="bootstrap", level=level, resamples=least - 1, rng=np.random.default_rng(0))
    pgr(*arguments, interval="bootstrap", level=level, resamples=least, rng=np.random.default_rng(0))


def test_a_level_is_printed_with_the_digits_that_tell_it_from_one():
    arguments = sample(n=2000)
    assert "at 0.999999999 (" in str(pgr(*arguments, level=1 - 1e-9))
    assert "at 0.9917 (" in str(pgr(*arguments, level=1 - 0.05 / 6))


def test_percentiles_count_a_gap_that_is_not_positive_as_minus_infinity_below_and_infinity_above():
    rng = np.random.default_rng(5)
    drawn = np.stack([np.zeros(1000), rng.normal(0.4, 0.1, 1000), np.where(np.arange(1000) < 300, -1.0, 1.0)], axis=1)
    ordered = np.sort(drawn[300:, 1])
    assert percentiles(drawn, 0.5) == (-math.inf, math.inf)
    low, high = percentiles(drawn, 0.2)  # tails of 400: 300 without a gap and the 100 lowest, or the 100 highest, of the rest
    assert (low, high) == pytest.approx((ordered[99], ordered[600]), abs=ordered[101] - ordered[98] + ordered[601] - ordered[598])


def test_a_class_with_few_points_is_refused_by_the_metrics_that_look_at_classes():
    weak, student, ceiling, labels = sample(n=300)
    kept = np.concatenate([np.flatnonzero(labels == 0), np.flatnonzero(labels == 1)[:9]])
    few = [values[kept] for values in (weak, student, ceiling, labels)]
    assert "a class has 9 test points" in pgr(*few, metric="f1").why
    enough = np.concatenate([np.flatnonzero(labels == 0), np.flatnonzero(labels == 1)[:10]])
    assert "a class has" not in pgr(*(values[enough] for values in (weak, student, ceiling, labels)), metric="f1").why
    assert "a class has 9" not in pgr(*few).why


def test_the_rarest_class_sets_the_degrees_of_freedom_of_metrics_that_look_at_classes():
    weak, student, ceiling, labels = sample(n=300)
    kept = np.concatenate([np.flatnonzero(labels == 0), np.flatnonzero(labels == 1)[:15]])
    few = [values[kept] for values in (weak, student, ceiling, labels)]
    for name, freedom in (("auc", 14), ("brier", kept.size - 1)):
        gap = pgr(*few, metric=name).gap
        evaluations = [METRICS[name].evaluate(p, few[3]) for p in few[:3]]
        error = math.sqrt(gap.stderr**2 + 2 * pseudo_variance(np.stack([e.value + e.influence for e in evaluations])))
        assert (gap.high - gap.value) / error == pytest.approx(t.ppf(0.975, freedom), rel=ROUNDING * 100)


def test_what_is_not_a_comparison_is_an_error():
    weak, student, ceiling, labels = sample(n=50)
    rng = np.random.default_rng(0)
    refusals = {
        "must have the same seeds": lambda: pgr(weak[None], student, ceiling, labels),
        "at least 5 seeds": lambda: pgr(
            *(np.stack([p, p]) for p in (weak, student, ceiling)), labels, interval="bootstrap", rng=rng
        ),
        "covers the points of one seed": lambda: pgr(
            *(np.stack([p, p]) for p in (weak, student, ceiling)), labels, interval="exact", rng=rng
        ),
        "means of bounded scores": lambda: pgr(weak, student, ceiling, labels, metric="auc", interval="exact", rng=rng),
        "must be 'bootstrap' for ece": lambda: pgr(weak, student, ceiling, labels, metric="ece"),
        "interval must be": lambda: pgr(weak, student, ceiling, labels, interval="wald"),  # type: ignore[arg-type]
        "level must lie": lambda: pgr(weak, student, ceiling, labels, level=95),
        "whole number >= 2": lambda: pgr(weak[:1], student[:1], ceiling[:1], labels[:1]),
    }
    for message, call in refusals.items():
        with pytest.raises(ValueError, match=message):
            call()
    for interval in ("bootstrap", "exact"):
        with pytest.raises(TypeError, match="rng must be"):
            pgr(weak, student, ceiling, labels, interval=interval)


def test_one_clear_line_is_printed():
    line = str(pgr(*sample(n=1000)))
    assert line.startswith("PGR (accuracy) 0.") and "at 0.95 (fieller, 1000 points, one seed" in line and "\n" not in line


def test_the_points_needed_solve_for_a_half_width_as_large_as_the_gap():
    """Fieller with few differing points, so that pseudo points matter; and exact, whose half-width is taken to fall as 1/√n."""
    rng = np.random.default_rng(5)
    truth = np.ones(400, dtype=int)
    weak = (rng.random(400) < 0.97).astype(int)
    ceiling = np.where(rng.random(400) < 0.5, 1, weak)
    found = pgr(weak, ceiling, ceiling, truth)
    performances = Performances.of(
        tuple(as_metric("accuracy").evaluate(each, truth) for each in (weak, ceiling, ceiling)), sign=1.0, n=400
    )
    variance = float(performances.contrast(GAP[None], 0.95)[1][0]) ** 2
    pseudo = float(performances.pseudo_variance(0.95) * (GAP @ GAP))
    half = found.gap.value - found.gap.low
    wanted = brentq(
        lambda m: half**2 * (variance * 400 / m + pseudo * (400 / m) ** 2) / (variance + pseudo) - found.gap.value**2, 10, 1e5
    )
    assert pseudo > 0.2 * variance
    assert found.points_needed == pytest.approx(wanted, abs=1.0)
    weak, ceiling = (np.arange(400) % 10 < share for share in (6, 8))
    exact = pgr(weak.astype(int), ceiling.astype(int), ceiling.astype(int), truth, interval="exact", rng=rng)
    half = exact.gap.value - exact.gap.low
    assert exact.points_needed == pytest.approx(400 * (half / exact.gap.value) ** 2, abs=1.0)
