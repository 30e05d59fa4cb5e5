"""Ranking: simultaneous coverage and the kept best by simulation, exact intervals against the betting they are made of, rules by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import t as student_law

from tests.tolerances import DRAWN_QUANTILE, ROUNDING, STANDARD_ERRORS
from w2s_theory.problems.candidates import Candidates
from w2s_theory.quantities.label_efficiency.anytime import last_interval
from w2s_theory.quantities.label_efficiency.supervisors import (
    LABEL_FREE,
    RULES,
    against_others_quantile,
    all_pairs_quantile,
    choose,
    paired_differences,
    rank,
    scores,
    student_errors,
)

WORLD = Candidates(np.array([0.0, 0.0, 0.1, 0.4]), 1.0 + np.diag([0.1, 0.2, 0.4, 0.8]), count=25)


@pytest.mark.parametrize("method", ["max-t", "bonferroni"])
def test_all_differences_are_covered_at_once_and_the_best_is_kept(method):
    rng, trials = np.random.default_rng(0), 100
    true = WORLD.means[:, None] - WORLD.means
    found = [rank(each, method=method, rng=rng) for each in WORLD.errors(trials, rng=rng)]
    covered = np.mean([np.all((each.low <= true) & (true <= each.high)) for each in found])
    kept = np.mean([each.may_be_best[0] for each in found])
    stderr = math.sqrt(0.95 * 0.05 / trials)
    assert covered >= 0.95 - STANDARD_ERRORS * stderr and kept >= 0.95 - STANDARD_ERRORS * stderr
    excluded = np.mean([not each.may_be_best[3] for each in found])
    assert excluded > 0.3, "a candidate that is clearly worse is excluded often"


def test_max_t_is_between_one_pair_and_bonferroni_and_right_for_independent_candidates():
    rng = np.random.default_rng(1)
    terms = rng.standard_normal((5, 4000))
    ranking = rank(terms, method="max-t", rng=rng)
    _, _, error = paired_differences(terms)
    quantile = (ranking.high[0, 1] - ranking.differences[0, 1]) / error[0, 1]
    draws = rng.standard_normal((100_000, 5))  # the studentised range of five, over root two
    assert quantile == pytest.approx(np.quantile(np.ptp(draws, axis=1) / math.sqrt(2.0), 0.95), rel=DRAWN_QUANTILE)
    assert 1.96 < quantile < all_pairs_quantile(5, 4000, 0.95)


def test_two_candidates_have_the_paired_t_interval():
    terms = np.random.default_rng(2).standard_normal((2, 12))
    ranking = rank(terms, method="bonferroni")
    apart = terms[0] - terms[1]
    half = student_law.ppf(0.975, 11) * apart.std(ddof=1) / math.sqrt(12)
    assert ranking.difference(0, 1).low == pytest.approx(apart.mean() - half, abs=ROUNDING)
    assert ranking.difference(1, 0).high == pytest.approx(half - apart.mean(), abs=ROUNDING)
    np.testing.assert_allclose(ranking.low, -ranking.high.T, atol=ROUNDING)


def test_quantiles_share_the_error_among_pairs_and_among_others():
    assert all_pairs_quantile(3, 10, 0.9) == pytest.approx(student_law.ppf(1.0 - 0.1 / 6, 9))  # three pairs, two sides
    assert against_others_quantile(3, 10, 0.9) == pytest.approx(student_law.ppf(1.0 - 0.1 / 2, 9))  # two others, one side


def test_the_exact_ranking_is_betting_at_the_level_of_the_union_bound():
    rng = np.random.default_rng(3)
    errors = (rng.random((3, 150)) < np.array([[0.1], [0.4], [0.45]])) * 1.0
    ranking = rank(errors, method="exact", bounds=(0.0, 1.0))
    low, high = last_interval(errors[1] - errors[0], low=-1.0, high=1.0, level=1.0 - 0.05 / 3)
    assert (ranking.low[1, 0], ranking.high[1, 0]) == pytest.approx((low, high))
    assert (ranking.low[0, 1], ranking.high[0, 1]) == pytest.approx((-high, -low))
    assert ranking.may_be_best.tolist() == [True, False, False] and ranking.is_settled()
    assert ranking.order.tolist()[0] == 0
    twins = rank(np.repeat(errors[:1], 2, axis=0), method="exact", bounds=(0.0, 1.0))
    assert twins.low[0, 1] < 0.0 < twins.high[0, 1] and twins.may_be_best.all()
    point = rank(np.repeat(errors[:1], 2, axis=0), method="bonferroni")
    assert (point.low[0, 1], point.high[0, 1]) == (-math.inf, math.inf) and point.may_be_best.all()
    apart = rank(np.array([[1.0] * 5, [0.0] * 5]), method="bonferroni")  # no spread is seen, so nothing is told
    assert apart.may_be_best.all() and apart.differences[0, 1] == 1.0 and apart.low[0, 0] == apart.high[0, 0] == 0.0


def test_candidates_that_rarely_differ_are_covered_although_no_difference_is_seen():
    rng, rates = np.random.default_rng(7), np.array([[0.02], [0.03], [0.05]])
    true = rates - rates.T
    found = [rank((rng.random((3, 15)) < rates) * 1.0, method="bonferroni") for _ in range(150)]
    silent = [np.any((each.differences == 0.0) & ~np.eye(3, dtype=bool)) for each in found]
    assert np.mean(silent) > 0.5, "or nothing was tested"
    assert np.mean([np.all((each.low <= true) & (true <= each.high)) for each in found]) >= 0.95


def test_few_points_are_not_trusted_with_correlations():
    rng, count, trials = np.random.default_rng(8), 6, 400
    found = [rank(rng.standard_normal((8, count)), rng=rng) for _ in range(trials)]
    assert {each.method for each in found} == {"bonferroni"}
    kept = np.mean([np.all((each.low <= 0.0) & (each.high >= 0.0)) for each in found])
    assert kept >= 0.95 - STANDARD_ERRORS * math.sqrt(0.95 * 0.05 / trials)


def test_errors_of_differences_survive_a_large_part_in_common():
    rng = np.random.default_rng(9)
    common, own = 1e7 * rng.standard_normal(40), rng.standard_normal((2, 40))
    error = paired_differences(common + own)[2][0, 1]
    assert error == pytest.approx(np.std(own[0] - own[1], ddof=1) / math.sqrt(40), rel=1e-6)


def test_the_exact_ranking_keeps_the_best_of_rare_errors():
    rng, trials = np.random.default_rng(4), 50
    rates = np.array([[0.02], [0.03], [0.05]])
    kept = [rank((rng.random((3, 60)) < rates) * 1.0, method="exact", bounds=(0.0, 1.0)).may_be_best[0] for _ in range(trials)]
    assert np.mean(kept) >= 0.95


def test_errors_are_squares_or_zeros_and_ones():
    student, gold = np.array([[1.0, 2.0], [0.0, 2.0]]), np.array([1.0, 0.0])
    np.testing.assert_array_equal(student_errors(student, gold), [[0.0, 4.0], [1.0, 4.0]])
    np.testing.assert_array_equal(student_errors(student, gold, loss="zero-one"), [[0.0, 1.0], [1.0, 1.0]])


def task(seed, points=400):
    """Four teachers of growing noise, students that average some of it away, and one that is led astray."""
    rng = np.random.default_rng(seed)
    gold = rng.standard_normal(points)
    weak = gold + np.array([[0.4], [0.8], [0.6], [1.2]]) * rng.standard_normal((4, points))
    student = gold + np.array([[0.35], [0.5], [0.6], [0.7]]) * rng.standard_normal((4, points))
    student[2] += 0.5
    return weak, student, gold


def test_scores_are_what_their_rules_say():
    weak, student, gold = task(0)
    rows = np.arange(0, 400, 9)
    misfit = ((weak - student) ** 2).mean(axis=1)
    np.testing.assert_allclose(scores("smallest misfit", weak, student), misfit)
    others = np.array([np.delete(student, k, axis=0).mean(axis=0) for k in range(4)])
    np.testing.assert_allclose(scores("consensus", weak, student), ((student - others) ** 2).mean(axis=1))
    by_hand = ((weak[:, rows] - gold[rows]) ** 2).mean(axis=1)
    np.testing.assert_allclose(scores("weak error", weak, student, gold[rows], rows), by_hand)
    np.testing.assert_allclose(scores("weak error − misfit", weak, student, gold[rows], rows), by_hand - misfit)
    assert choose("student error", weak, student, gold, np.arange(400)) == int(np.argmin(((student - gold) ** 2).mean(axis=1)))
    assert set(LABEL_FREE) < set(RULES)


def test_the_corrected_student_error_is_unbiased_up_to_a_constant_and_less_noisy():
    weak, student, gold = task(1)
    true = ((student - gold) ** 2).mean(axis=1)
    rng = np.random.default_rng(5)
    made = {rule: [] for rule in ("student error", "student error, corrected")}
    for _ in range(1500):
        rows = rng.choice(400, size=20)
        for rule, kept in made.items():
            found = scores(rule, weak, student, gold[rows], rows)
            kept.append(found - found[0])
    for kept in made.values():
        stderr = np.std(kept, axis=0) / math.sqrt(len(kept))
        assert np.all(np.abs(np.mean(kept, axis=0) - (true - true[0])) <= STANDARD_ERRORS * stderr + ROUNDING)
        assert np.all(stderr[1:] < 0.1 * np.abs(true - true[0])[1:])
    plain, corrected = (np.var(kept, axis=0)[1:] for kept in made.values())
    assert np.mean(corrected) < 0.7 * np.mean(plain)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rank(np.zeros((1, 5))), "at least two candidates"),
        (lambda: rank(np.zeros((2, 5)), method="odd"), "method must be"),  # type: ignore[arg-type]
        (lambda: rank(np.zeros((2, 5)), method="exact"), "bounds must be"),
        (lambda: rank(np.full((2, 5), 3.0), method="exact", bounds=(0.0, 1.0)), "terms must lie"),
        (lambda: student_errors(np.zeros((2, 3)), np.zeros(4)), "one column per gold point"),
        (lambda: student_errors(np.zeros((2, 3)), np.zeros(3), loss="odd"), "loss must be"),  # type: ignore[arg-type]
        (lambda: scores("odd", np.zeros((2, 3)), np.zeros((2, 3))), "rule must be"),
        (lambda: scores("weak error", np.zeros((2, 3)), np.zeros((2, 3))), "gold and rows must be given"),
        (lambda: scores("weak error", np.zeros((2, 3)), np.zeros((2, 4)), [0.0], [0]), "one shape"),
        (lambda: Candidates(np.zeros(2), np.ones((2, 2))), "positive definite"),
        (lambda: Candidates(np.zeros(2), np.eye(3)), "a row per candidate"),
    ],
)
def test_misuse_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_max_t_asks_for_a_generator():
    with pytest.raises(TypeError, match="default_rng"):
        rank(np.random.default_rng(0).random((2, 25)), method="max-t")
