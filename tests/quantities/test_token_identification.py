"""The law of identification by tokens: brute force, the full Bayes posterior on sampled prompts, its asymptotics, accuracies."""

from __future__ import annotations

import itertools
import math
import tracemalloc

import numpy as np
import pytest

from tests.tolerances import EXPONENT, EXTRAPOLATED, LANDSLIDE, PRINTED, ROUNDING, STANDARD_ERRORS
from w2s_theory import montecarlo
from w2s_theory.problems.token_concepts import TokenConcepts, random_errors, systematic_errors
from w2s_theory.quantities.token_identification import (
    MISIDENTIFICATION,
    NAIVE_ACCURACY,
    REFINED_ACCURACY,
    asymptotic_correction,
    chernoff_factor,
    competitor_numbers,
    identified,
    misidentification_probability,
    sharp_asymptotic,
)

CASES = [(0.5, 0.8, 0.2), (0.3, 0.6, 0.1), (0.9, 0.4, 0.5), (1.0, 0.55, 0.45), (0.7, 0.0, 0.3), (0.2, 1.0, 0.0)]


def trinomial_sum(n: int, delta: float, a: float, b: float) -> float:
    """P(N_b > N_a) + ½ P(N_b = N_a) by adding up every pair of counts."""
    total = 0.0
    for i, j in itertools.product(range(n + 1), repeat=2):
        if i + j <= n and j >= i:
            ways = math.comb(n, i) * math.comb(n - i, j)
            mass = ways * (delta * a) ** i * (delta * b) ** j * (1 - delta * (a + b)) ** (n - i - j)
            total += mass * (0.5 if i == j else 1.0)
    return total


@pytest.mark.parametrize(("delta", "a", "b"), CASES)
@pytest.mark.parametrize("n", [0, 1, 2, 5, 8, 13])
def test_the_law_is_the_sum_over_all_counts(delta, a, b, n):
    law = misidentification_probability(n, disagreement=delta, right=a, wrong=b)
    assert law == pytest.approx(trinomial_sum(n, delta, a, b), rel=ROUNDING, abs=ROUNDING)


def test_nothing_is_learnt_from_concepts_that_agree_or_from_silence():
    assert misidentification_probability(50, disagreement=0.0, right=0.9, wrong=0.1) == 0.5
    assert misidentification_probability(50, disagreement=0.7, right=0.0, wrong=0.0) == 0.5
    assert misidentification_probability(0, disagreement=0.7, right=0.9, wrong=0.1) == 0.5


def test_the_flip_probability_is_below_one_half_exactly_when_the_right_token_is_likelier():
    for n in (1, 2, 7, 30):
        assert misidentification_probability(n, disagreement=0.4, right=0.5, wrong=0.4) < 0.5
        assert misidentification_probability(n, disagreement=0.4, right=0.4, wrong=0.5) > 0.5
        assert misidentification_probability(n, disagreement=0.4, right=0.4, wrong=0.4) == pytest.approx(0.5, rel=ROUNDING)


@pytest.mark.parametrize("error", [0.05, 0.3])
def test_counting_agrees_with_the_full_posterior_whatever_error_rate_is_believed(error):
    # Nothing of the counting enters: log likelihoods of each example, added up, with a strong model that expects `error`.
    world = TokenConcepts(
        np.array([[0, 1, 2], [0, 2, 1], [3, 1, 1]]),
        np.array([[0.6, 0.2, 0.1, 0.1], [0.2, 0.5, 0.2, 0.1], [0.0, 0.4, 0.5, 0.1]]),
        np.array([0.5, 0.3, 0.2]),
        examples=6,
    )
    count = 60_000
    rng = np.random.default_rng(0)
    inputs, labels = world.sample(count, rng=rng)
    likelihood = np.full((3, 3, 4), error / 3.0)  # concept, input, token
    for k, x in itertools.product(range(3), repeat=2):
        likelihood[k, x, world.concepts[k, x]] = 1.0 - error
    evidence = np.log(likelihood[:, inputs, labels]).sum(axis=-1)
    is_best = evidence > evidence.max(axis=0) - 1e-9  # ties up to the order of summation
    wrong = 1.0 - is_best[0] / is_best.sum(axis=0)
    counted = identified(world, count, np.random.default_rng(1)) != 0
    stderr = np.hypot(wrong.std(), counted.std()) / np.sqrt(count)
    assert abs(wrong.mean() - counted.mean()) <= STANDARD_ERRORS * stderr
    assert stderr < 0.02 * wrong.mean(), "too noisy to have seen a 10 % error"


@pytest.mark.parametrize(("delta", "a", "b"), [(0.5, 0.8, 0.2), (0.3, 0.6, 0.25)])
@pytest.mark.parametrize("n", [3, 8])
def test_the_law_agrees_with_sampled_prompts(delta, a, b, n):
    world = random_errors(right=a, wrong=b, disagreement=delta, examples=n)
    law = misidentification_probability(n, disagreement=delta, right=a, wrong=b)
    simulated = MISIDENTIFICATION.simulate(world, rng=np.random.default_rng(2), half_width=0.05 * law)
    assert simulated.covers(law), simulated
    assert simulated.high - simulated.low <= 0.1 * law, "too wide to have seen a 10 % error"


@pytest.mark.parametrize(("delta", "a", "b"), [(0.5, 0.8, 0.2), (0.3, 0.6, 0.1), (0.8, 0.5, 0.3)])
def test_the_law_approaches_its_asymptotic_at_the_stated_rate(delta, a, b):
    numbers = {"disagreement": delta, "right": a, "wrong": b}
    kappa = asymptotic_correction(**numbers)
    sizes = int(100 * abs(kappa)) * np.array([1, 2, 4])
    ratios = np.array([misidentification_probability(n, **numbers) / sharp_asymptotic(n, **numbers) for n in sizes])
    first, second, third = sizes * (ratios - 1.0)  # κ + c/n + O(n⁻²)
    extrapolated = (4.0 * (2.0 * third - second) - (2.0 * second - first)) / 3.0
    assert extrapolated == pytest.approx(kappa, rel=EXTRAPOLATED)


def test_the_exponent_is_that_of_the_law():
    numbers = {"disagreement": 0.5, "right": 0.8, "wrong": 0.2}
    assert -np.log(chernoff_factor(**numbers)) == pytest.approx(0.1054, abs=PRINTED)
    doubled = misidentification_probability(4000, **numbers) / misidentification_probability(2000, **numbers)
    assert -np.log(doubled * np.sqrt(2.0)) / 2000 == pytest.approx(-np.log(chernoff_factor(**numbers)), rel=EXPONENT)


@pytest.mark.parametrize("share", [0.3, 0.45, 0.55])
def test_accuracies_under_systematic_errors_agree_with_students_made_label_by_label(share):
    world = systematic_errors(share=share, disagreement=0.9, examples=20)
    rng = np.random.default_rng(3)
    for quantity in (NAIVE_ACCURACY, REFINED_ACCURACY):
        simulated = quantity.simulate(world, rng=rng, half_width=0.01)
        assert simulated.covers(quantity.exact(world).value), (quantity.name, simulated)


def test_voting_over_fresh_prompts_decides_by_which_token_is_likelier_alone():
    accuracies = {
        share: [
            REFINED_ACCURACY.closed_form(systematic_errors(share=share, disagreement=0.8, examples=3, prompts=m))
            for m in (1, 11, 1001)
        ]
        for share in (0.4, 0.6)
    }
    assert accuracies[0.4][2] == pytest.approx(1.0, abs=LANDSLIDE), "right everywhere, with three examples a prompt"
    assert accuracies[0.6][2] == pytest.approx(0.2, abs=LANDSLIDE), "1 − δ"
    assert accuracies[0.4][0] < accuracies[0.4][1] < accuracies[0.4][2]
    assert accuracies[0.6][0] > accuracies[0.6][1] > accuracies[0.6][2]


def test_memory_does_not_grow_with_the_number_of_prompts():
    world = random_errors(right=0.8, wrong=0.2, disagreement=0.5, examples=1000)
    assert identified(world, 1500, np.random.default_rng(4)).shape == (1500,)


def test_memory_does_not_grow_with_the_number_of_students():
    world = random_errors(right=0.8, wrong=0.2, disagreement=0.5, examples=300, prompts=40)
    for quantity, trials in ((NAIVE_ACCURACY, 50_000), (REFINED_ACCURACY, 500)):
        tracemalloc.start()
        assert quantity.trials(world, trials, np.random.default_rng(5)).shape == (trials,)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 96 * 2**20, "three pieces of 32 MiB"


def test_pieces_of_a_simulation_have_the_law_of_the_whole(monkeypatch):
    monkeypatch.setattr(montecarlo, "PIECE", 5000)
    world = random_errors(right=0.7, wrong=0.2, disagreement=0.6, examples=5, prompts=3)
    law = REFINED_ACCURACY.closed_form(world)
    trials = REFINED_ACCURACY.trials(world, 20_000, np.random.default_rng(6))
    assert abs(trials.mean() - law) <= STANDARD_ERRORS * trials.std() / np.sqrt(trials.size)


@pytest.mark.parametrize(
    "numbers",
    [
        {"disagreement": 5.0, "right": 0.5, "wrong": 0.2},
        {"disagreement": 0.5, "right": 0.8, "wrong": -0.2},
        {"disagreement": 0.5, "right": 0.8, "wrong": np.array([0.1, 0.3])},
    ],
)
def test_the_chernoff_factor_refuses_what_is_no_probability(numbers):
    with pytest.raises(ValueError, match="must be probabilities"):
        chernoff_factor(**numbers)


@pytest.mark.parametrize(
    ("delta", "a", "b"), [(0.5, 0.4, 0.4), (0.5, 0.2, 0.6), (0.5, 0.8, 0.0), (1.0, 0.7, 0.3), (0.0, 0.7, 0.3), (0.5, -0.7, -0.9)]
)
def test_the_expansion_refuses_walks_that_it_does_not_cover(delta, a, b):
    numbers = {"disagreement": delta, "right": a, "wrong": b}
    for call in (lambda: sharp_asymptotic(10, **numbers), lambda: asymptotic_correction(**numbers)):
        with pytest.raises(ValueError, match=r"right > wrong > 0|must be probabilities"):
            call()
    with pytest.raises(ValueError, match="n must be a whole number >= 1"):
        sharp_asymptotic(0, disagreement=0.5, right=0.8, wrong=0.2)


def test_closed_forms_refuse_worlds_that_they_do_not_cover():
    noisy = random_errors(right=0.7, wrong=0.2, disagreement=0.6, examples=5)
    three = TokenConcepts(np.array([[0, 0], [0, 1], [1, 1]]), np.eye(2)[[0, 1]], np.full(2, 0.5))
    elsewhere = TokenConcepts(np.array([[0, 0], [0, 1]]), np.eye(3)[[0, 2]], np.full(2, 0.5))
    for world in (noisy, three, elsewhere):
        with pytest.raises(ValueError, match="weak_law must answer with the target's token or the only competitor's"):
            NAIVE_ACCURACY.closed_form(world)
    for quantity in (MISIDENTIFICATION, REFINED_ACCURACY):
        with pytest.raises(ValueError, match="concepts must be two for the exact law; they are 3"):
            quantity.closed_form(three)


def test_numbers_that_are_not_probabilities_are_refused():
    with pytest.raises(ValueError, match="must be probabilities"):
        misidentification_probability(3, disagreement=0.5, right=0.8, wrong=0.3)
    with pytest.raises(ValueError, match="must be probabilities"):
        misidentification_probability(3, disagreement=1.5, right=0.8, wrong=0.1)
    with pytest.raises(ValueError, match="must be probabilities"):
        misidentification_probability(3, disagreement=np.nan, right=0.8, wrong=0.1)
    with pytest.raises(ValueError, match="n must be a whole number"):
        misidentification_probability(-1, disagreement=0.5, right=0.8, wrong=0.1)


def test_the_numbers_of_a_competitor_are_read_off_the_world():
    world = random_errors(right=0.6, wrong=0.1, disagreement=0.3, examples=2)
    assert competitor_numbers(world) == pytest.approx({"disagreement": 0.3, "right": 0.6, "wrong": 0.1}, rel=ROUNDING)
