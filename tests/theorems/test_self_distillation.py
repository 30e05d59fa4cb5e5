"""Self-distillation on a fixed design: closed forms against refits, grids, optimisers and simulation; refusals and power.

risk, best_mixing, mixing_sign, large_noise_mixing, wiener_floor, floor_attained, variance_only.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from tests.theorems.ladder import assert_holds, assert_is_caught, examples, scaled_right, with_sides
from tests.tolerances import BFGS, FINITE_DIFFERENCE, SOLVE, STANDARD_ERRORS
from w2s_theory import Verdict, check
from w2s_theory.problems.fixed_design import FixedDesign
from w2s_theory.quantities.self_distillation import (
    RISK,
    best_mixing,
    best_mixings,
    distilled_filter,
    large_noise_distance,
    large_noise_mixing,
    refitted_risk,
    ridge_filter,
    ridge_slope,
    risk_of_filter,
    wiener_floor,
)
from w2s_theory.theorems._fixed_design import design

EXACT = ("best_mixing", "mixing_sign", "floor_attained", "variance_only")
NAMES = (*EXACT, "risk", "large_noise_mixing", "wiener_floor")


@st.composite
def worlds(draw):
    """Two to four distinct singular values a factor 1.4 to 2 apart, perhaps the last one twice; more points or more features."""
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    values = tuple(np.cumprod(rng.uniform(0.5, 0.7, draw(st.integers(2, 4)))) * 4.0)
    values += values[-1:] if draw(st.booleans()) else ()
    n, d = draw(st.sampled_from([(9, 5), (5, 9)]))
    heads = rng.standard_normal((2, d))
    bias, noise = draw(st.sampled_from([0.0, 0.5, 2.0])), draw(st.sampled_from([0.5, 1.0, 3.0]))
    mixings = tuple(rng.uniform(-1.0, 2.0, draw(st.integers(0, 3))))
    return FixedDesign(design(rng, values, n=n, d=d), heads[0], heads[0] + bias * heads[1], noise, rng.uniform(0.3, 5.0), mixings)


def by_solving(world, mixings):
    """The exact risk from the normal equations: every step is a matrix that acts on the labels."""
    features = world.features
    fit = np.linalg.solve(features.T @ features + world.penalty * np.eye(world.d), features.T)
    student = fit
    for xi in mixings:
        student = fit @ ((1 - xi) * np.eye(world.n) + xi * features @ student)
    mean = student @ features @ world.weak_head
    return np.sum((mean - world.target_head) ** 2) + world.noise**2 * np.trace(student @ student.T)


@given(worlds())
def test_the_closed_form_is_the_risk_of_students_solved_for_step_by_step(world):
    assert RISK.exact(world).value == pytest.approx(by_solving(world, world.mixings), rel=SOLVE)
    assert refitted_risk(world) == pytest.approx(by_solving(world, world.mixings), rel=SOLVE)


@given(worlds())
def test_the_best_mixing_beats_every_other_on_a_grid(world):
    best = best_mixing(world)
    least = by_solving(world, (best,))
    assert all(by_solving(world, (best + step,)) > least for step in (-0.5, -0.05, 0.05, 0.5))


@given(worlds())
def test_the_slope_of_the_ridge_risk_is_its_finite_difference(world):
    step = 1e-5 * world.penalty
    up, down = (by_solving(replace(world, penalty=world.penalty + sign * step), ()) for sign in (1, -1))
    size = by_solving(world, ()) / world.penalty
    assert ridge_slope(world) == pytest.approx((up - down) / (2 * step), abs=100 * FINITE_DIFFERENCE * size)


def test_an_under_penalised_teacher_wants_more_of_itself_and_an_over_penalised_one_less():
    world = examples("self_distillation.risk")[2]
    assert best_mixing(replace(world, penalty=0.01)) > 0 > best_mixing(replace(world, penalty=50.0))


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_the_best_sequence_is_what_a_numerical_optimiser_finds(steps):
    world = examples("self_distillation.risk")[0]
    mixings = best_mixings(world, steps)
    risk = by_solving(world, mixings)
    if steps == 1:
        assert mixings[0] == pytest.approx(best_mixing(world), rel=SOLVE)
    rng = np.random.default_rng(0)
    for _ in range(5):
        start = np.array(mixings) * rng.uniform(0.9, 1.1, steps)
        found = minimize(lambda xi: by_solving(world, xi), start, method="BFGS")
        assert found.fun >= risk - BFGS * risk
        assert by_solving(world, start) > risk
    assert by_solving(world, (0.0,)) > risk


@given(worlds())
def test_no_spectral_filter_goes_below_the_floor(world):
    floor = wiener_floor(world)
    rng = np.random.default_rng(3)
    for kept in rng.uniform(-0.5, 1.5, (20, world.groups[-1] + 1)):
        assert risk_of_filter(world, kept[world.groups]) >= floor * (1 - SOLVE)
    penalties = np.geomspace(1e-3, 1e3, 30)
    assert min(by_solving(replace(world, penalty=penalty), ()) for penalty in penalties) >= floor * (1 - SOLVE)


def test_the_floor_of_a_repeated_singular_value_is_not_that_of_separate_directions():
    """Within a group one factor must do for all: treating each direction by itself would go below."""
    world = FixedDesign(np.eye(2), np.array([2.0, 0.0]), np.array([2.0, 0.0]), 1.0, 1.0)
    separate = 4.0 * 1.0 / (4.0 + 1.0)
    assert wiener_floor(world) == pytest.approx(4.0 - 16.0 / (4.0 + 2.0))
    assert wiener_floor(world) > separate
    turned = np.array(
        [[0.6, -0.8], [0.8, 0.6]]
    )  # the singular basis of a repeated value is arbitrary, so the floor must not see it
    assert wiener_floor(replace(world, features=turned)) == pytest.approx(wiener_floor(world))


def test_a_step_fewer_than_distinct_singular_values_stays_above_the_floor():
    for world in examples("self_distillation.floor_attained"):
        count = int(world.groups[-1]) + 1
        risks = [by_solving(world, best_mixings(world, steps)) for steps in range(1, count + 2)]
        assert all(first >= second * (1 - SOLVE) for first, second in pairwise(risks))
        assert risks[-3] > 1.001 * wiener_floor(world)
        assert risks[-2:] == pytest.approx(2 * [wiener_floor(world)], rel=SOLVE)


@pytest.mark.parametrize("d", [4, 12])
def test_the_floor_is_d_times_below_tuned_ridge_for_a_target_along_one_of_nearly_equal_directions(d):
    values = 1.0 + 1e-4 * np.arange(d)
    head = 100.0 * np.eye(d)[-1]
    world = FixedDesign(np.diag(values), head, head, 1.0, 1.0)
    tuned = min(RISK.exact(replace(world, penalty=penalty)).value for penalty in np.geomspace(1e-5, 1e2, 400))
    assert tuned / wiener_floor(world) == pytest.approx(
        d, rel=0.01
    )  # 0.01: what d/(signal to noise) = 12/10⁴ and the spread leave


def test_the_large_noise_mixing_exceeds_one_and_is_approached_from_its_side():
    for world in examples("self_distillation.large_noise_mixing"):
        limit = large_noise_mixing(world)
        ratio = world.squares / world.penalty
        weights = world.squares / (world.squares + world.penalty) ** 4
        assert limit == pytest.approx(1 + np.average(ratio, weights=weights))
        assert limit > 1
        far = replace(world, noise=1e4)
        assert best_mixing(far) == pytest.approx(limit, rel=1.01 * large_noise_distance(far))
        unbiased = replace(
            world, weak_head=world.target_head, noise=3e3
        )  # there the bound is the distance, up to terms of order 1/σ⁴
        distance = 1 - best_mixing(unbiased) / limit
        assert distance == pytest.approx(large_noise_distance(unbiased), rel=1e-4)


def test_a_vanishing_penalty_leaves_least_squares_its_bias_and_its_noise_whatever_the_mixing():
    world = replace(examples("self_distillation.risk")[0], penalty=1e-12)
    bias = world.weak_head - world.target_head
    for mixings in ((), (0.5,), (1.5, -1.0)):
        assert by_solving(world, mixings) == pytest.approx(
            np.sum(bias**2) + world.noise**2 * np.sum(1 / world.squares), rel=SOLVE
        )


def test_no_mixing_is_right_for_both_signs_of_the_bias():
    world = examples("self_distillation.variance_only")[0]
    bias = world.weak_head - world.target_head
    opposite = replace(world, target_head=world.weak_head + bias)
    for xi in np.linspace(-2, 4, 13):
        worst = max(by_solving(world, (xi,)), by_solving(opposite, (xi,)))
        assert worst >= np.sum(bias**2)


@pytest.mark.parametrize("which", [0, 1, 2])
def test_the_law_of_the_risk_agrees_with_labels_drawn_and_solved_for_here(which):
    world = examples("self_distillation.risk")[which]
    rng = np.random.default_rng(5)
    labels = world.features @ world.weak_head + world.noise * rng.standard_normal((40_000, world.n))
    gram = world.features.T @ world.features + world.penalty * np.eye(world.d)
    heads = np.linalg.solve(gram, world.features.T @ labels.T)
    for xi in world.mixings:
        heads = np.linalg.solve(gram, world.features.T @ ((1 - xi) * labels.T + xi * world.features @ heads))
    risks = np.sum((heads - world.target_head[:, None]) ** 2, axis=0)
    stderr = risks.std() / np.sqrt(risks.size)
    assert abs(risks.mean() - RISK.exact(world).value) <= STANDARD_ERRORS * stderr
    assert stderr < 0.01 * risks.mean(), "too noisy to have seen a 10 % error"


@settings(max_examples=10)
@given(worlds())
def test_the_statements_hold_in_drawn_worlds(world):
    for name in ("best_mixing", "mixing_sign", "wiener_floor", "variance_only", "large_noise_mixing", "risk"):
        assert_holds("self_distillation." + name, world)


@given(worlds())
def test_the_floor_is_attained_in_drawn_worlds(world):
    assert check("self_distillation.floor_attained", world, rng=np.random.default_rng(0)).verdict is Verdict.HOLDS


@pytest.mark.parametrize("name", NAMES)
def test_the_statement_holds_on_its_own_examples(name):
    for seed in (2, 3):
        for problem in examples("self_distillation." + name, seed):
            assert_holds("self_distillation." + name, problem, seed)


@pytest.mark.parametrize("name", NAMES)
def test_a_constant_ten_percent_off_is_caught(name):
    for factor in (1.1,) if name == "wiener_floor" else (0.9, 1.1):
        assert_is_caught(scaled_right("self_distillation." + name, factor))


def test_the_floor_of_separate_directions_is_caught_where_they_share_a_singular_value():
    """Σ θ²ν/(θ² + ν) is too low there, so that it is no longer attained."""
    world = examples("self_distillation.floor_attained")[2]
    target, variance = world.target_head @ world.basis, world.noise**2 / world.squares
    separate = np.sum(target**2 * variance / (target**2 + variance))
    assert_is_caught(with_sides("self_distillation.floor_attained", lambda sides: replace(sides, right=separate)))
    assert separate < 0.99 * wiener_floor(world)


def test_a_world_without_penalty_or_noise_is_out_of_scope():
    world = examples("self_distillation.risk")[0]
    for name in ("best_mixing", "mixing_sign", "floor_attained", "large_noise_mixing"):
        outcome = check("self_distillation." + name, replace(world, penalty=0.0), rng=np.random.default_rng(0))
        assert outcome.verdict is Verdict.OUT_OF_SCOPE
        assert "the penalty is positive" in outcome.failed
    assert check("self_distillation.risk", replace(world, noise=0.0), rng=np.random.default_rng(0)).failed == (
        "the weak labels are noisy",
    )
    for function in (best_mixing, ridge_slope, large_noise_mixing):
        with pytest.raises(ValueError, match="penalty must be > 0"):
            function(replace(world, penalty=0.0))
    with pytest.raises(ValueError, match="must not all be zero"):
        best_mixing(replace(world, weak_head=np.zeros(4), noise=0.0))


def test_a_floor_that_the_teacher_already_attains_needs_no_mixing():
    """One singular value, and the penalty that is right for it."""
    world = FixedDesign(np.eye(2), np.ones(2), np.ones(2), 1.0, 1.0)
    assert best_mixings(world, 1) == pytest.approx((0.0,))
    assert ridge_slope(world) == pytest.approx(0.0)
    assert RISK.exact(world).value == pytest.approx(wiener_floor(world))
    assert ridge_filter(world) == pytest.approx(distilled_filter(replace(world, mixings=(0.0, 0.0))))


def test_a_sequence_in_which_a_mixing_vanishes_is_refused():
    """A world made so that the best two-step filter is g(1 + (1 − g) − (1 − g)²): its last mixing is −(1 − 1) = 0."""
    squares = np.array([1.0, 3.0])  # penalty 1: g = 1/2, 3/4
    g = squares / (squares + 1.0)
    wanted = g * (1.0 + (1.0 - g) - (1.0 - g) ** 2)
    target = np.ones(2)
    weak = target / wanted  # noise → 0: the best filter is θ/ω
    world = FixedDesign(np.diag(np.sqrt(squares)), target, weak, 1e-9, 1.0)
    with pytest.raises(ValueError, match="must not vanish"):
        best_mixings(world, 2)
    outcome = check("self_distillation.floor_attained", world, rng=np.random.default_rng(0))
    assert outcome.failed == ("no mixing of the sequence vanishes",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weak_head": np.ones(2)}, "weak_head must have one coefficient per feature"),
        ({"target_head": np.array([1.0, np.nan, 0.0])}, "target_head must be finite"),
        ({"features": np.zeros((4, 3))}, "must not be all zero"),
        ({"noise": -1.0}, "noise must be a finite number >= 0"),
        ({"penalty": np.inf}, "penalty must be a finite number >= 0"),
        ({"mixings": (0.5, np.nan)}, "mixings must be finite"),
        ({"mixings": 0.5}, "mixings must have 1 dimension"),
        ({"mixings": ((0.5, 0.2),)}, "mixings must have 1 dimension"),
    ],
)
def test_a_fixed_design_refuses_bad_parameters(change, message):
    good = {"features": np.eye(4, 3), "target_head": np.ones(3), "weak_head": np.ones(3), "noise": 1.0, "penalty": 1.0}
    with pytest.raises(ValueError, match=message):
        FixedDesign(**{**good, **change})


def test_a_target_that_no_head_on_the_features_reaches_adds_its_length():
    features = np.array([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0]])
    world = FixedDesign(features, np.array([1.0, 1.0, 3.0]), np.ones(3), 0.5, 1.0, (0.5,))
    within = replace(world, target_head=np.array([1.0, 1.0, 0.0]))
    for function in (wiener_floor, lambda w: RISK.exact(w).value, lambda w: by_solving(w, w.mixings)):
        assert function(world) == pytest.approx(function(within) + 9.0)


def test_a_weak_head_of_zero_leaves_no_distance_to_the_large_noise_limit_and_is_out_of_scope():
    world = FixedDesign(np.random.default_rng(0).standard_normal((8, 3)), np.ones(3), np.zeros(3), 0.5, 2.0)
    assert check("self_distillation.large_noise_mixing", world, rng=np.random.default_rng(0)).verdict is Verdict.OUT_OF_SCOPE
