"""Label-efficient estimates at a fixed number of labels: statements on their examples, closed forms by enumeration, limits, refusals.

disagreements_suffice, disagreement_saving, exact_interval, difference_estimator, difference_variance, optimal_draws,
successive_draws. In test_label_efficiency_sequential: for any number of labels betting_miss_ever, likelihood_miss_ever, without labels
head_band, of rankings all_differences, best_is_kept.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.theorems.ladder import assert_holds, assert_is_caught, examples, scaled_right, with_sides
from tests.tolerances import QUADRATURE, ROUNDING
from w2s_theory import Verdict, check, gain_report
from w2s_theory.problems.labelled_pool import LabelledPool
from w2s_theory.quantities.label_efficiency.variances import (
    best_difference_variance,
    best_probabilities,
    difference_variance,
    disagreement_variance,
    misses,
    paired_accuracy_variance,
    right_shares,
    successive_inclusion,
    successive_mean,
)
from w2s_theory.theorems._label_efficiency import classes, numbers

NAMES = (
    "label_efficiency.disagreements_suffice",
    "label_efficiency.disagreement_saving",
    "label_efficiency.exact_interval",
    "label_efficiency.difference_estimator",
    "label_efficiency.difference_variance",
    "label_efficiency.optimal_draws",
    "label_efficiency.successive_draws",
)


@pytest.mark.parametrize("name", NAMES)
def test_the_statements_hold_on_their_examples_and_a_constant_off_is_caught(name):
    for problem in examples(name):
        assert_holds(name, problem)
    assert_is_caught(scaled_right(name, 0.9 if name.endswith("optimal_draws") else 1.1))


@pytest.mark.parametrize("name", ["disagreements_suffice", "difference_estimator", "difference_variance", "successive_draws"])
def test_an_equality_is_caught_from_below_too(name):
    assert_is_caught(scaled_right(f"label_efficiency.{name}", 0.9))


def pool(seed: int = 0, *, points: int = 5, count: int = 2) -> LabelledPool:
    return numbers(np.random.default_rng(seed), points=points, count=count, certain=True)


def test_the_world_s_gains_are_those_of_its_labels():
    world = pool()
    gold = world.means
    assert world.has_certain_labels()
    assert world.squared_gain() == pytest.approx(float(gain_report(world.weak, world.student, gold).gain))
    world = classes(np.random.default_rng(1), choices=3, certain=True)
    report = gain_report(world.weak, world.student, world.means, divergence="zero-one")
    assert world.accuracy_gain() == pytest.approx(float(report.gain))
    assert world.misfit == pytest.approx(float(report.misfit))
    by_student, by_weak = right_shares(world)
    assert world.misfit * (by_student - by_weak) == pytest.approx(world.accuracy_gain())


def test_labels_are_drawn_by_their_chances():
    world = classes(np.random.default_rng(2), choices=3)
    shares = (world.labels(20_000, rng=np.random.default_rng(0))[..., None] == world.answers).mean(axis=0)
    assert np.abs(shares - world.chances).max() < 5.15 * 0.5 / np.sqrt(20_000)


@given(st.integers(0, 50), st.integers(2, 3))
def test_the_variance_of_the_corrected_mean_is_that_over_all_draws(seed, count):
    world = pool(seed, points=4, count=count)
    guess = world.weak
    lever = -2 * (world.weak - world.student) * (world.means - guess)
    rows = np.array(list(product(range(4), repeat=count)))
    chances = world.probabilities[rows].prod(axis=1)
    estimates = np.mean(lever[rows] / (4 * world.probabilities[rows]), axis=1)
    variance = chances @ estimates**2 - (chances @ estimates) ** 2
    assert difference_variance(world, guess) / count == pytest.approx(variance, rel=1e-9, abs=ROUNDING)


def test_the_variance_counts_what_labels_themselves_vary():
    world = numbers(np.random.default_rng(3), points=3)
    total = 0.0
    for labels in product(range(5), repeat=3):  # every pool there can be
        certain = replace(world, chances=np.eye(5)[list(labels)])
        total += np.prod(world.chances[np.arange(3), labels]) * difference_variance(certain, world.weak)
    assert difference_variance(world, world.weak) == pytest.approx(total)


@given(st.integers(0, 1000))
def test_no_draw_beats_the_best_one_and_it_attains_its_variance(seed):
    rng = np.random.default_rng(seed)
    world = numbers(rng, points=8)
    best = replace(world, probabilities=best_probabilities(world, world.weak))
    least = best_difference_variance(world, world.weak)
    assert difference_variance(best, world.weak) == pytest.approx(least, rel=1e-9)
    for _ in range(5):
        other = replace(world, probabilities=rng.uniform(0.05, 1.0, size=8))
        assert difference_variance(other, world.weak) >= least - ROUNDING
    expected = np.abs(world.weak - world.student) * np.sqrt(world.mean_square_about(world.weak))
    np.testing.assert_allclose(best_probabilities(world, world.weak), expected / expected.sum())


@pytest.mark.parametrize("choices", [2, 4])
def test_variances_of_accuracy_are_those_of_one_drawn_point(choices):
    world = classes(np.random.default_rng(4), choices=choices)
    by_student, by_weak = world.chance_right(world.student), world.chance_right(world.weak)
    first, second = by_student - by_weak, np.where(world.differs, by_student + by_weak, 0.0)  # of +1, 0, −1
    assert paired_accuracy_variance(world) == pytest.approx(second.mean() - first.mean() ** 2)
    where = world.differs
    expected = world.misfit**2 * (second[where].mean() - first[where].mean() ** 2)
    assert disagreement_variance(world) == pytest.approx(expected)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_inclusion_probabilities_of_successive_draws_are_sums_over_all_orders(count):
    p = np.array([0.4, 0.3, 0.15, 0.1, 0.05])
    expected = np.zeros(5)
    for order in permutations(range(5), count):
        left, chance = 1.0, 1.0
        for i in order:
            chance, left = chance * p[i] / left, left - p[i]
        expected[list(order)] += chance
    np.testing.assert_allclose(successive_inclusion(p, count), expected, rtol=QUADRATURE)


def test_the_bias_of_successive_draws_is_none_for_one_draw_and_known_for_all():
    world = next(iter(examples("label_efficiency.successive_draws")))
    guess = (world.weak + world.student) / 2
    mean = misses(world, guess)[0]
    assert successive_mean(replace(world, count=1), guess) == pytest.approx(mean.mean(), rel=QUADRATURE)
    everything = np.mean(mean / (world.size * world.probabilities))
    assert successive_mean(replace(world, count=world.size), guess) == pytest.approx(everything, rel=QUADRATURE)
    # The bias is what the statement is about: without it the equality is caught.
    unbiased = with_sides("label_efficiency.successive_draws", lambda s: replace(s, right=np.full_like(s.right, mean.mean())))
    assert check(unbiased, replace(world, count=8), rng=np.random.default_rng(0)).verdict is Verdict.VIOLATED


def test_a_guess_that_was_fitted_on_its_own_points_is_biased():
    # The statement's estimator with the shift fitted on all draws: the correction is then smaller than what it corrects, on average.
    world = numbers(np.random.default_rng(5), count=2, certain=True)
    truth, rows = world.squared_gain(), np.array(list(product(range(world.size), repeat=2)))
    middle, apart = (world.weak + world.student) / 2, world.weak - world.student
    missed = (world.means - middle)[rows]
    known = np.mean(world.weak**2 - world.student**2 - 2 * apart * middle)
    chances = world.probabilities[rows].prod(axis=1)
    means = []
    for shift in (missed.mean(axis=1, keepdims=True), missed[:, ::-1]):
        each = known - 2 * apart.mean() * shift - 2 * apart[rows] * (missed - shift) / (world.size * world.probabilities[rows])
        means.append(chances @ each.mean(axis=1))
    assert means[1] == pytest.approx(truth, abs=ROUNDING)
    assert abs(means[0] - truth) > 0.01


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("disagreements_suffice", {"student": np.zeros(3), "weak": np.zeros(3)}),
        ("exact_interval", {"student": np.zeros(3), "weak": np.zeros(3)}),
        ("difference_estimator", {"probabilities": [1.0, 1.0, 1e-4]}),
        ("successive_draws", {"count": 4}),
        ("successive_draws", {"count": 2, "chances": np.full((3, 2), 0.5)}),
    ],
)
def test_outside_their_assumptions_the_statements_claim_nothing(name, changes):
    made = {"weak": [0.0, 1.0, 0.0], "student": [1.0, 1.0, 0.0], "answers": [0, 1], "chances": np.eye(2)[[0, 1, 1]]} | changes
    outcome = check(f"label_efficiency.{name}", LabelledPool(**made), rng=np.random.default_rng(0))
    assert outcome.verdict is Verdict.OUT_OF_SCOPE


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weak": [0.0, np.nan, 1.0]}, "weak must be finite"),
        ({"student": [0.0, 1.0]}, "student must have the shape"),
        ({"chances": np.full((3, 3), 1 / 3)}, "chances"),
        ({"chances": np.full((3, 2), 0.4)}, "sum to 1"),
        ({"probabilities": [1.0, 0.0, 1.0]}, "positive numbers"),
        ({"count": 0}, "count must be"),
        ({"level": 1.0}, "level must lie"),
    ],
)
def test_impossible_pools_are_refused(changes, message):
    made = {"weak": [0.0, 1.0, 0.0], "student": [1.0, 1.0, 0.0], "answers": [0, 1], "chances": np.full((3, 2), 0.5)} | changes
    with pytest.raises(ValueError, match=message):
        LabelledPool(**made)
