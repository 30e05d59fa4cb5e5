"""Statements about token concepts: they hold, refuse what they don't cover, and notice a constant that is off.

identification_probability, many_concepts, identification_bound, identification_exponent, naive_accuracy, refined_accuracy,
random_errors_are_harmless.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.theorems.ladder import assert_holds, assert_is_caught, examples, scaled_right
from tests.tolerances import ROUNDING, STANDARD_ERRORS
from w2s_theory import Verdict, check
from w2s_theory.problems.token_concepts import TokenConcepts, random_errors, systematic_errors
from w2s_theory.quantities.token_identification import MISIDENTIFICATION, NAIVE_ACCURACY, REFINED_ACCURACY, chernoff_factor
from w2s_theory.theorems import STATEMENTS

NAMES = tuple(name for name in STATEMENTS if name.startswith("tokens."))
EQUALITIES = tuple(name for name in NAMES if STATEMENTS[name].relation == "==")
BOUNDS = tuple(name for name in NAMES if STATEMENTS[name].relation == "<=")
RNG = np.random.default_rng(0)


@pytest.mark.parametrize("name", NAMES)
def test_the_statement_holds_on_its_own_examples(name):
    for seed in (0, 1):
        for problem in examples(name, seed):
            assert_holds(name, problem, seed)


@pytest.mark.parametrize("name", EQUALITIES)
@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_a_constant_ten_percent_off_is_caught(name, factor):
    assert_is_caught(scaled_right(name, factor))


@pytest.mark.parametrize("name", BOUNDS)
def test_a_bound_ten_percent_too_low_is_caught_where_it_is_attained(name):
    outcome = check(scaled_right(name, 0.9), examples(name)[-1], rng=np.random.default_rng(0))
    assert outcome.verdict is Verdict.VIOLATED


@given(st.integers(1, 60), st.floats(0.01, 1.0), st.floats(0.05, 0.9), st.floats(0.0, 1.0))
def test_the_bound_holds_for_every_number_of_examples(n, delta, right, share):
    wrong = share * min(right, 1.0 - right)
    assert_holds("tokens.identification_bound", random_errors(right=right, wrong=wrong, disagreement=delta, examples=n))


def test_a_weak_model_that_is_wrong_more_often_is_out_of_scope_of_the_bounds():
    world = random_errors(right=0.3, wrong=0.5, disagreement=0.5, examples=5)
    assert check("tokens.identification_bound", world, rng=RNG).verdict is Verdict.OUT_OF_SCOPE
    assert check("tokens.identification_exponent", world, rng=RNG).verdict is Verdict.OUT_OF_SCOPE
    assert check("tokens.random_errors_are_harmless", world, rng=RNG).verdict is Verdict.OUT_OF_SCOPE
    assert_holds("tokens.identification_probability", world)
    anywhere = replace(STATEMENTS["tokens.identification_bound"], assumptions=())
    assert check(anywhere, world, rng=RNG).verdict is Verdict.VIOLATED


def test_walks_without_silence_are_out_of_scope_of_the_exponent():
    world = random_errors(right=0.7, wrong=0.3, disagreement=1.0, examples=10)
    assert check("tokens.identification_exponent", world, rng=RNG).verdict is Verdict.OUT_OF_SCOPE


def test_an_exponent_ten_percent_off_is_caught():
    right = STATEMENTS["tokens.identification_exponent"]

    def wrong(world, count, rng):
        sides = right.sides(world, count, rng)
        delta, (a, b) = world.disagreement(), world.support()
        rho = chernoff_factor(disagreement=delta, right=a, wrong=b)
        return replace(sides, right=sides.right * rho ** (0.1 * world.examples))

    assert_is_caught(replace(right, sides=wrong))


def test_the_weighted_simulation_is_unbiased_for_the_exact_law():
    world = examples("tokens.identification_exponent")[0]
    trials = STATEMENTS["tokens.identification_exponent"].sides(world, 20_000, np.random.default_rng(1)).left
    law, stderr = MISIDENTIFICATION.closed_form(world), trials.std() / np.sqrt(trials.size)
    assert abs(trials.mean() - law) <= STANDARD_ERRORS * stderr
    assert stderr < 0.004 * law, "too noisy to have seen a tenth of the ties"


def test_the_bound_is_attained_by_a_coin():
    outcome = check("tokens.identification_bound", examples("tokens.identification_bound")[-1], rng=RNG)
    assert outcome.left == pytest.approx(outcome.right, rel=ROUNDING)


def test_the_bound_of_random_errors_agrees_with_one_worked_by_hand():
    # Two tokens of chances 0.7 and 0.3 at a third of the inputs, 0.8 and 0.2 at the others: 1 − (√a − √b)² = 2√(ab).
    law = np.array([[0.7, 0.3], [0.2, 0.8]])
    world = TokenConcepts(np.array([[0, 1], [1, 0]]), law, np.array([1.0, 2.0]) / 3.0, examples=4)
    right = STATEMENTS["tokens.random_errors_are_harmless"].sides(world, 10, RNG).right
    assert right == pytest.approx((8.0 * 0.21**2 + 2.0 * 8.0 * 0.16**2) / 3.0, rel=ROUNDING)
    assert_holds("tokens.random_errors_are_harmless", world)


def test_two_competitors_are_out_of_scope_of_the_exact_law_and_within_its_sum():
    world = examples("tokens.many_concepts")[0]
    assert check("tokens.identification_probability", world, rng=RNG).failed == ("one competitor",)
    assert_holds("tokens.many_concepts", world)


def test_naive_accuracy_does_not_depend_on_the_number_of_labels_and_declines_random_errors():
    for n in (1, 3, 50):
        assert_holds("tokens.naive_accuracy", systematic_errors(share=0.4, disagreement=0.7, examples=n))
    noisy = random_errors(right=0.6, wrong=0.4, disagreement=0.7, examples=3)
    assert "weak labels are a function of the input" in check("tokens.naive_accuracy", noisy, rng=RNG).failed
    elsewhere = TokenConcepts(np.array([[0, 0], [0, 1]]), np.eye(3)[[0, 2]], np.full(2, 0.5))
    assert check("tokens.naive_accuracy", elsewhere, rng=RNG).failed == ("weak errors are the competitor's tokens",)


def test_refinement_wins_under_systematic_errors_below_one_half_and_loses_above():
    below = systematic_errors(share=0.3, disagreement=0.9, examples=100)
    above = systematic_errors(share=0.7, disagreement=0.9, examples=100)
    assert REFINED_ACCURACY.closed_form(below) > 0.99 > NAIVE_ACCURACY.closed_form(below)
    assert REFINED_ACCURACY.closed_form(above) < NAIVE_ACCURACY.closed_form(above)
    assert_holds("tokens.refined_accuracy", replace(above, examples=4))


def test_concepts_that_agree_everywhere_are_out_of_scope_of_accuracies():
    world = systematic_errors(share=0.3, disagreement=0.0, examples=2)
    assert check("tokens.refined_accuracy", world, rng=RNG).verdict is Verdict.OUT_OF_SCOPE


def test_the_envelope_of_the_exponent_is_claimed_only_where_the_first_correction_leads():
    slight = random_errors(right=0.8, wrong=0.008, disagreement=0.025, examples=3)  # κ is nearly zero there
    outcome = check("tokens.identification_exponent", slight, rng=np.random.default_rng(0))
    assert outcome.verdict is Verdict.OUT_OF_SCOPE
