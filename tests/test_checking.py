"""The four checking routines: each verdict is reached for its own reason, and a constant 2 to 10 % off is noticed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest

from w2s_theory import Assumption, ForEvery, InExpectation, InLimit, Sides, Statement, Verdict, WithProbability, check
from w2s_theory._validation import MissingExtra, SolverFailure
from w2s_theory.checking import EXPECTED_EVENTS, FIRST_TRIALS, is_met


@dataclass(frozen=True)
class Coin:
    """A toy problem: a normal variable with this mean and spread."""

    mean: float = 1.0
    spread: float = 0.5


def verdict_of(relation, sides, kind=ForEvery(), problem=Coin(), assumptions=()):  # noqa: B008 - frozen values
    statement = Statement("toy", "toy", relation, sides, Coin, kind, assumptions)
    return check(statement, problem, rng=np.random.default_rng(0))


@pytest.mark.parametrize(
    ("relation", "left", "right", "expected"),
    [
        ("<=", 1.0, 1.0, Verdict.HOLDS),
        ("<=", 1.0 + 1e-15, 1.0, Verdict.HOLDS),
        ("<=", 1.001, 1.0, Verdict.VIOLATED),
        (">=", 1.0, 0.5, Verdict.HOLDS),
        (">=", 0.5, 1.0, Verdict.VIOLATED),
        ("==", 1.0, 1.0 + 1e-15, Verdict.HOLDS),
        ("==", 1.0, 1.0 + 1e-10, Verdict.VIOLATED),
        ("==", np.ones(5), np.array([1, 1, 1.1, 1, 1]), Verdict.VIOLATED),
        ("<=", math.nan, 1.0, Verdict.NONFINITE),
        ("<=", 1.0, math.inf, Verdict.NONFINITE),
    ],
)
def test_a_claim_for_every_problem_is_compared_up_to_rounding(relation, left, right, expected):
    assert verdict_of(relation, lambda coin: Sides(left, right)).verdict is expected


def test_rounding_is_proportional_to_the_scale_of_what_was_subtracted():
    assert verdict_of("==", lambda coin: Sides(1e-10, 0.0, scale=1e6)).verdict is Verdict.HOLDS
    assert verdict_of("==", lambda coin: Sides(1e-10, 0.0, scale=1.0)).verdict is Verdict.VIOLATED


def test_the_worst_task_is_reported():
    outcome = verdict_of("<=", lambda coin: Sides(np.array([0.0, 3.0, 1.0]), np.array([1.0, 2.0, 1.0])))
    assert (outcome.left, outcome.right, outcome.margin) == (3.0, 2.0, -1.0)


def test_a_bad_solve_is_unsolved_and_a_good_one_widens_the_comparison():
    assert verdict_of(">=", lambda coin: Sides(0.5, 1.0, solver_error=0.6)).verdict is Verdict.UNSOLVED
    assert verdict_of(">=", lambda coin: Sides(1.0 - 1e-7, 1.0, solver_error=1e-6)).verdict is Verdict.HOLDS
    assert verdict_of(">=", lambda coin: Sides(1.0 - 1e-5, 1.0, solver_error=1e-6)).verdict is Verdict.VIOLATED


@pytest.mark.parametrize("error", [SolverFailure("it cycled"), MissingExtra("programs", "cvxpy")])
def test_a_failed_solver_or_an_absent_extra_is_unsolved_with_its_reason(error):
    def sides(coin):
        raise error

    outcome = verdict_of(">=", sides)
    assert outcome.verdict is Verdict.UNSOLVED
    assert str(error) in outcome.why


def test_a_problem_outside_the_assumptions_is_out_of_scope_and_says_which():
    assumptions = (Assumption("the mean is positive", lambda coin: coin.mean > 0), Assumption("always", lambda coin: True))
    outcome = verdict_of("<=", lambda coin: Sides(5.0, 1.0), problem=Coin(-1.0), assumptions=assumptions)
    assert outcome.verdict is Verdict.OUT_OF_SCOPE
    assert outcome.failed == ("the mean is positive",)


def normal_mean(claimed):
    return lambda coin, count, rng: Sides(coin.mean + coin.spread * rng.standard_normal(count), claimed)


@pytest.mark.parametrize(
    ("relation", "claimed", "expected"),
    [
        ("==", 1.0, Verdict.HOLDS),
        ("==", 1.1, Verdict.VIOLATED),
        ("==", 0.9, Verdict.VIOLATED),
        ("<=", 1.1, Verdict.HOLDS),
        ("<=", 0.97, Verdict.VIOLATED),
        (">=", 0.97, Verdict.HOLDS),
        (">=", 1.0, Verdict.HOLDS),
    ],
)
def test_a_claim_in_expectation_is_averaged_until_it_is_resolved(relation, claimed, expected):
    outcome = verdict_of(relation, normal_mean(claimed), InExpectation(resolution=0.02))
    assert outcome.verdict is expected
    assert outcome.trials >= 512


@pytest.mark.parametrize("relation", ["<=", ">=", "=="])
def test_sides_that_are_equal_trial_by_trial_hold_up_to_rounding(relation):
    def sides(factor):
        def draw(coin, count, rng):
            x = rng.uniform(1.0, 2.0, count)
            return Sides(x, factor * (x * 0.1) * 10.0)

        return draw

    assert verdict_of(relation, sides(1.0 + 4e-16), InExpectation()).verdict is Verdict.HOLDS
    off = {"<=": 1.0 - 1e-6, ">=": 1.0 + 1e-6, "==": 1.0 + 1e-6}[relation]
    assert verdict_of(relation, sides(off), InExpectation()).verdict is Verdict.VIOLATED


def test_an_equality_that_could_not_have_seen_the_resolution_is_inconclusive():
    assert verdict_of("==", normal_mean(1.0), InExpectation(), problem=Coin(1.0, 50.0)).verdict is Verdict.INCONCLUSIVE


def test_trials_without_a_variance_are_inconclusive_and_nan_trials_are_nonfinite():
    assert verdict_of("==", normal_mean(1.0), InExpectation(is_calibrated=lambda coin: False)).verdict is Verdict.INCONCLUSIVE
    assert verdict_of("==", normal_mean(math.nan), InExpectation()).verdict is Verdict.NONFINITE


@pytest.mark.parametrize(
    ("failure_rate", "expected"), [(0.0, Verdict.HOLDS), (0.3, Verdict.VIOLATED), (0.09, Verdict.INCONCLUSIVE)]
)
def test_a_claim_with_probability_counts_its_failures(failure_rate, expected):
    kind = WithProbability(delta=lambda coin: 0.1)
    assert verdict_of("<=", lambda coin, count, rng: Sides(rng.uniform(size=count), 1 - failure_rate), kind).verdict is expected


def along_sizes(error):
    """left/right = 1 + error(size), with a little noise."""
    return lambda coin, count, rng: Sides(1.0 + error(coin.mean) + 0.01 * rng.standard_normal(count), 1.0)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (lambda n: 1.0 / n, Verdict.HOLDS),
        (lambda n: -1.0 / n, Verdict.HOLDS),
        (lambda n: 5.0 / (n + 100), Verdict.VIOLATED),
        (lambda n: n**-0.5 / 4, Verdict.VIOLATED),
        (lambda n: 0.06, Verdict.VIOLATED),
        (lambda n: 2.0 / n, Verdict.INCONCLUSIVE),
        (lambda n: math.nan, Verdict.NONFINITE),
    ],
)
def test_a_claim_in_a_limit_is_held_to_its_envelope_at_every_size(error, expected):
    kind = InLimit(at=lambda coin, n: Coin(float(n)), sizes=lambda coin: (10, 40, 160, 640), envelope=lambda coin, n: 2.0 / n)
    assert verdict_of("==", along_sizes(error), kind).verdict is expected


def test_a_claim_in_a_limit_says_nothing_where_its_trials_are_not_calibrated():
    """An event of chance 1/size, worth size: the mean is 1, and at large sizes no trial meets it."""

    def rare(coin, count, rng):
        return Sides(coin.mean * (rng.uniform(size=count) < 1.0 / coin.mean), 1.0)

    def verdict(sizes):
        kind = InLimit(
            at=lambda coin, n: Coin(float(n)),
            sizes=lambda coin: sizes,
            envelope=lambda coin, n: 0.5,
            is_calibrated=lambda coin: is_met(1.0 / coin.mean),
        )
        return verdict_of("==", rare, kind)

    assert verdict((2, 4)).verdict is Verdict.HOLDS
    assert verdict((2, 10**6)).verdict is Verdict.INCONCLUSIVE
    assert "size 1000000" in verdict((2, 10**6)).why


def test_an_event_is_met_when_the_first_trials_meet_it_often_enough_for_an_interval():
    """A Poisson count of the smallest mean that is let pass leaves its own interval (5 standard errors) in fewer than 1 of 20 000 cases."""
    least = EXPECTED_EVENTS / FIRST_TRIALS
    assert is_met(least) and not is_met(0.99 * least)
    counts = np.random.default_rng(0).poisson(EXPECTED_EVENTS, 200_000)
    assert np.mean(np.abs(counts - EXPECTED_EVENTS) > 5.0 * np.sqrt(counts)) < 5e-5


def test_rounding_that_could_hide_the_difference_is_inconclusive_and_not_forgiven():
    assert verdict_of("==", lambda coin: Sides(1.0, 1.1, scale=1e13)).verdict is Verdict.HOLDS  # nothing said about the size
    assert verdict_of("==", lambda coin: Sides(1.0, 1.1, scale=1e13, size=1.0)).verdict is Verdict.INCONCLUSIVE
    assert verdict_of("<=", lambda coin: Sides(1.0, 1.1, scale=1e13, size=1.0)).verdict is Verdict.HOLDS  # needed no forgiveness


@pytest.mark.parametrize("part", [{"scale": math.inf}, {"solver_error": math.nan}, {"size": math.nan}])
def test_an_error_bound_that_is_not_finite_gives_no_verdict(part):
    assert verdict_of(">=", lambda coin: Sides(1.0, 0.0, **part)).verdict is Verdict.NONFINITE
    assert verdict_of("<=", lambda coin: Sides(1.0, 0.0, **part)).verdict is Verdict.NONFINITE


def test_numbers_at_the_edge_of_the_floating_point_range_are_not_blamed():
    assert verdict_of("==", lambda coin: Sides(0.0, 5e-324)).verdict is not Verdict.VIOLATED


def test_misuse_raises():
    statement = Statement("toy", "toy", "<=", lambda coin: Sides(0.0, 1.0), Coin)
    with pytest.raises(TypeError, match="problem must be a Coin for toy; it is a int"):
        check(statement, 3, rng=np.random.default_rng(0))
    with pytest.raises(TypeError, match=r"rng must be a numpy\.random\.Generator"):
        check(statement, Coin(), rng=0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="relation must be"):
        Statement("toy", "toy", "<", lambda coin: Sides(0.0, 1.0), Coin)  # type: ignore[arg-type]
    with pytest.raises(KeyError, match="Close: charikar2024"):
        check("charikar2024.theorem_11", rng=np.random.default_rng(0))
