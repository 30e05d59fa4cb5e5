"""The corrected mean: affine gains of every loss, unbiased by enumeration of all draws, variances and coverage, both targets."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest

from tests.quantities.label_efficiency.pools import numbers, probabilities, terms
from tests.tolerances import STANDARD_ERRORS
from w2s_theory import gain_report
from w2s_theory.divergences import KL, FromGenerator, ItakuraSaito, Mahalanobis, Squared
from w2s_theory.quantities.label_efficiency import difference
from w2s_theory.quantities.label_efficiency.blend import DOUBT, Affine, spread_of
from w2s_theory.quantities.label_efficiency.difference import difference_gain, gain_of
from w2s_theory.quantities.label_efficiency.draws import Draw, draw_points


def every(loss):
    """A pool for the loss: weak, student, gold as the loss wants it."""
    if isinstance(loss, KL) or (isinstance(loss, Squared) and loss.vector):
        weak, student, gold = probabilities(0)
        return weak, student, np.eye(3)[gold]
    weak, student, gold = numbers(0)
    if isinstance(loss, ItakuraSaito | FromGenerator):
        return np.exp(weak), np.exp(student), np.exp(gold)
    if isinstance(loss, Mahalanobis):
        return tuple(np.stack([x, x[::-1]], axis=1) for x in (weak, student, gold))
    return weak, student, gold


LOSSES = [
    Squared(),
    Squared(vector=True),
    KL(),
    ItakuraSaito(),
    Mahalanobis(np.array([[2.0, 0.5], [0.5, 1.0]])),
    FromGenerator(lambda x: x * np.log(x) - x, np.log, name="poisson"),
]


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: f"{loss.name}{loss.event_ndim}")
def test_the_gain_is_affine_in_the_truth_and_with_every_label_it_is_known(loss):
    weak, student, gold = every(loss)
    affine = Affine.of(weak, student, loss)
    each = affine.gain(gold, np.arange(affine.size))
    np.testing.assert_allclose(each, loss.between(gold, weak) - loss.between(gold, student), rtol=1e-9, atol=1e-9)
    draw = draw_points(spread_of(weak, student, loss), affine.size, rng=np.random.default_rng(0), how="systematic")
    found = difference_gain(weak, student, draw, gold[draw.rows], divergence=loss)
    expected = float(gain_report(weak, student, gold, divergence=loss).gain)
    assert found.value == pytest.approx(expected, rel=1e-9)
    assert found.high - found.low == pytest.approx(0.0, abs=1e-9)
    # What then is open of the population's gain is the error of a mean over all points, ours and the paired estimate's.
    found = difference_gain(weak, student, draw, gold[draw.rows], divergence=loss, target="population")
    error = each.std(ddof=1) / np.sqrt(affine.size)
    assert (found.stderr, found.classical.stderr) == (pytest.approx(error, rel=1e-6), pytest.approx(error, rel=1e-6))


def test_the_estimate_is_the_formula_of_the_squared_loss():
    weak, student, gold = numbers(1)
    draw = draw_points(spread_of(weak, student), 2, rng=np.random.default_rng(0))
    found = difference_gain(weak, student, draw, gold[draw.rows])
    first, second = draw.rows
    guesses = []
    for other, missed in ((second, gold[second]), (first, gold[first])):  # the blend of a fold is fitted on the other draw
        middle = (weak + student) / 2
        basis = np.stack([student - weak, middle - middle.mean(), np.ones(weak.size)], axis=1)
        lever = 2 * (student - weak) / draw.rates
        size = 8.0 * np.nansum(draw.rates * (np.nan_to_num(lever)[:, None] * basis).T ** 2, axis=1) / draw.rates.sum()
        row = lever[other] * basis[other]
        coefficients = np.linalg.solve(np.outer(row, row) + np.diag(size), row * lever[other] * (missed - middle[other]))
        guesses.append(middle + basis @ coefficients)
    by_hand = [
        np.mean(weak**2 - student**2) - 2 * np.mean((weak - student) * guess)
        - 2 * (weak[row] - student[row]) * (gold[row] - guess[row]) / (weak.size * draw.probabilities[row])
        for row, guess in zip((first, second), guesses, strict=True)
    ]  # fmt: skip
    assert found.value == pytest.approx(np.mean(by_hand))
    assert found.stderr == pytest.approx(np.std(by_hand, ddof=1) / np.sqrt(2))
    assert found.known == pytest.approx(np.mean([np.mean(weak**2 - student**2 - 2 * (weak - student) * g) for g in guesses]))


def small() -> tuple[Affine, np.ndarray, float]:
    weak, student, gold = numbers(2, points=5)
    affine = Affine.of(weak, student)
    return affine, gold, float(np.mean((gold - weak) ** 2 - (gold - student) ** 2))


@pytest.mark.parametrize("count", [2, 3])
def test_draws_with_replacement_are_unbiased_over_all_draws_there_are(count):
    affine, gold, truth = small()
    p = np.array([0.1, 0.15, 0.2, 0.25, 0.3])
    mean = 0.0
    for rows in product(range(5), repeat=count):
        mean += p[list(rows)].prod() * gain_of(affine, Draw(np.array(rows), p, "replacement", count), gold[list(rows)]).value
    assert mean == pytest.approx(truth, abs=1e-10)
    assert abs(truth) > 0.01


def test_poisson_draws_are_unbiased_over_all_draws_there_are_and_so_is_their_variance():
    affine, gold, truth = small()
    chances = np.array([1.0, 1.0, 0.5, 0.3, 0.2])  # two certain points, so that no draw has fewer
    means = np.zeros(3)
    for size in range(4):
        for others in combinations([2, 3, 4], size):
            rows = np.array([0, 1, *others])
            chance = np.prod([chances[i] if i in others else 1 - chances[i] for i in (2, 3, 4)])
            found = difference._terms(
                affine, draw := Draw(rows, chances, "poisson", 3), gold[rows]
            )  # before the refusal of none by chance
            means += chance * np.array([found.value, found.value**2, found.variance(draw)])
    assert means[0] == pytest.approx(truth, abs=1e-10)
    # The guess of a fold varies with the others, which moves the variance a little; with ten times the points it is lost.
    assert means[2] == pytest.approx(means[1] - means[0] ** 2, rel=0.1)


def test_variances_are_unbiased_over_all_draws_with_replacement_and_poisson_ones():
    missed, p = np.array([1.0, -2.0, 0.5, 3.0]), np.array([0.1, 0.2, 0.3, 0.4])
    means = np.zeros(3)
    for rows in product(range(4), repeat=3):
        made = terms(missed, draw := Draw(np.array(rows), p, "replacement", 3))
        means += p[list(rows)].prod() * np.array([made.value, made.value**2, made.variance(draw)])
    assert means[0] == pytest.approx(missed.mean())
    assert means[2] == pytest.approx(means[1] - means[0] ** 2)
    chances, means = np.array([0.7, 0.6, 0.4, 0.3]), np.zeros(3)
    for taken in product((False, True), repeat=4):
        chance = np.prod(np.where(taken, chances, 1 - chances))
        draw = Draw(np.flatnonzero(taken), chances, "poisson", 2)
        made = terms(missed, draw)
        means += chance * np.array([made.value, made.value**2, made.variance(draw)])
    assert means[0] == pytest.approx(missed.mean())
    assert means[2] == pytest.approx(means[1] - means[0] ** 2)


def test_hajek_s_variance_is_that_of_a_uniform_draw_without_replacement_where_chances_are_equal():
    missed = np.random.default_rng(0).normal(size=12)
    draw = Draw(np.arange(5), np.full(12, 5 / 12), "systematic", 5)
    expected = (1 - 5 / 12) * missed[:5].var(ddof=1) / 5
    assert terms(missed, draw).variance(draw) == pytest.approx(expected)


@pytest.mark.parametrize("how", ["replacement", "poisson", "systematic"])
def test_estimates_have_the_spread_and_the_coverage_that_they_say(how):
    weak, student, gold = numbers(3)
    affine, spread = Affine.of(weak, student), spread_of(weak, student)
    each = affine.gain(gold, np.arange(affine.size))
    rng, trials = np.random.default_rng(4), 1600
    draws = (draw_points(spread, 40, rng=rng, how=how) for _ in range(trials))
    found = [gain_of(affine, draw, gold[draw.rows]) for draw in draws]
    value, variance = np.array([one.value for one in found]), np.array([one.stderr**2 for one in found])
    error = value.std() / np.sqrt(trials)
    assert abs(value.mean() - each.mean()) <= STANDARD_ERRORS * error
    assert np.mean(variance) == pytest.approx(
        value.var(), rel=0.19
    )  # 10 % of a standard error; 1600 trials know the variance to 3.7 %
    covered = np.mean([one.gain.covers(each.mean()) for one in found])
    assert abs(covered - 0.95) <= STANDARD_ERRORS * np.sqrt(0.95 * 0.05 / trials)
    classical = np.mean([one.classical.stderr**2 for one in found])
    labels = np.mean([(1 - one.labels / affine.size) / one.labels for one in found])
    assert classical == pytest.approx(each.var(ddof=1) * labels, rel=0.1)
    assert np.mean([one.saving for one in found]) > 1.5


def test_the_population_s_interval_adds_what_the_pool_itself_varies():
    rng, trials = np.random.default_rng(5), 1500
    found, truth = [], []
    for _ in range(trials):
        truth_ = rng.normal(size=60)
        weak, student = 0.4 * truth_ + 0.8 * rng.normal(size=60), truth_ + 0.6 * rng.normal(size=60)
        draw = draw_points(spread_of(weak, student), 20, rng=rng)
        found.append(difference_gain(weak, student, draw, truth_[draw.rows], target="population"))
        truth.append(np.mean((truth_ - weak) ** 2 - (truth_ - student) ** 2))
    value, variance = np.array([one.value for one in found]), np.mean([one.stderr**2 for one in found])
    expected = 0.6**2 + 0.8**2 - 0.6**2  # errors of weak and student: (0.6 truth − 0.8 noise)² and (0.6 noise)²
    assert variance == pytest.approx(value.var(), rel=0.19)
    assert np.var(np.array(truth)) > 0.3 * value.var()  # leaving the pool's own variance out is seen
    assert abs(value.mean() - expected) <= STANDARD_ERRORS * value.std() / np.sqrt(trials)
    covered = np.mean([one.gain.covers(expected) for one in found])
    assert abs(covered - 0.95) <= STANDARD_ERRORS * np.sqrt(0.95 * 0.05 / trials)


def test_spreads_are_what_a_label_can_change():
    weak, student, _ = numbers(0)
    np.testing.assert_allclose(spread_of(weak, student), 2 * np.abs(weak - student))
    weak, student, _ = probabilities(0)
    np.testing.assert_allclose(
        spread_of(weak, student, Mahalanobis(np.eye(3) * 3.0)), 6 * _class_spread(weak, student, student - weak)
    )
    np.testing.assert_allclose(spread_of(weak, student, "kl"), _class_spread(weak, student, np.log(student / weak)))
    lengths = 2 * np.linalg.norm(weak - student, axis=1)
    np.testing.assert_allclose(spread_of(weak - 2, student - 2, Squared(vector=True)), lengths)
    assert np.all(spread_of(weak, weak, "kl") == 0.0)


def _class_spread(weak, student, slopes):
    chances = (1 - DOUBT) * (weak + student) / 2 + DOUBT / 3
    return np.sqrt([np.cov(row, aweights=chance, ddof=0) for row, chance in zip(slopes, chances, strict=True)])


def test_classes_and_their_corners_say_the_same_and_so_do_cross_entropy_and_kl():
    weak, student, gold = probabilities(1)
    draw = draw_points(spread_of(weak, student, "kl"), 30, rng=np.random.default_rng(0))
    first, second = (difference_gain(weak, student, draw, y[draw.rows], divergence="kl") for y in (gold, np.eye(3)[gold]))
    assert first.gain == second.gain
    every_label = draw_points(spread_of(weak, student, "kl"), len(gold), rng=np.random.default_rng(0), how="poisson")
    entropy = np.mean(np.log(student[np.arange(300), gold]) - np.log(weak[np.arange(300), gold]))
    assert difference_gain(weak, student, every_label, gold[every_label.rows], divergence="kl").value == pytest.approx(entropy)


def test_drawing_one_after_the_other_and_weighting_as_if_with_replacement_is_biased_and_this_is_not():
    weak, student, gold = numbers(6, points=40)
    affine, spread = Affine.of(weak, student), spread_of(weak, student)
    truth = float(affine.gain(gold, np.arange(40)).mean())
    rng, count = np.random.default_rng(0), 20
    p = draw_points(spread, count, rng=rng).probabilities
    rows = np.argsort(rng.exponential(size=(4000, 40)) / p, axis=1)[:, :count]
    middle = affine.basis[0]
    correction = affine.slopes * gold - middle
    wrong = np.mean(affine.gain((weak + student) / 2, np.arange(40))) + np.mean(correction[rows] / (40 * p[rows]), axis=1)
    assert abs(wrong.mean() - truth) > 10 * wrong.std() / np.sqrt(4000)
    draws = (draw_points(spread, count, rng=rng, how="systematic") for _ in range(1500))
    right = np.array([gain_of(affine, draw, gold[draw.rows]).value for draw in draws])
    assert abs(right.mean() - truth) <= STANDARD_ERRORS * right.std() / np.sqrt(1500) < abs(wrong.mean() - truth)
