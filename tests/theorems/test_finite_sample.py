"""The finite-sample laws: closed forms against quadrature and simulation, refusals, power, and worlds where the laws fail.

in_sample_equality, expected_gain, expected_gain_nonrealizable, expected_test_misfit, expected_train_misfit, sign_flip, label_free_gain,
misfit_overstates_gain.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from scipy import integrate, stats

from tests.theorems.ladder import assert_holds, assert_is_caught, examples, scaled_right
from tests.tolerances import QUADRATURE, STANDARD_ERRORS
from w2s_theory import Verdict, check, testing
from w2s_theory.problems.gaussian import GaussianWorld
from w2s_theory.problems.linear_sample import LinearSample
from w2s_theory.quantities.finite_sample import (
    GAIN,
    NONREALIZABLE_GAIN,
    TEST_MISFIT,
    TRAIN_MISFIT,
    fitted_heads,
    label_free_gain,
    overfitting_ratio,
)
from w2s_theory.students.linear import OLS, MinimumNorm
from w2s_theory.theorems import STATEMENTS

LAWS = ("expected_gain", "expected_gain_nonrealizable", "expected_test_misfit", "expected_train_misfit", "label_free_gain")
RNG = np.random.default_rng(0)


@pytest.mark.parametrize(("d", "n"), [(1, 4), (3, 9), (6, 15), (20, 41), (20, 100)])
def test_the_overfitting_ratio_agrees_with_quadrature(d, n):
    # Each diagonal entry of the inverse of a Wishart matrix with n degrees of freedom is 1/χ²(n − d + 1).
    integral, _ = integrate.quad(lambda x: stats.chi2.pdf(x, n - d + 1) / x, 0, np.inf)
    assert overfitting_ratio(d, n) == pytest.approx(d * integral, rel=QUADRATURE)


def test_the_ratio_is_one_exactly_where_the_gain_changes_sign():
    assert all(overfitting_ratio(d, 2 * d + 1) == 1.0 for d in range(1, 50))
    with pytest.raises(ValueError, match=r"n must exceed d \+ 1"):
        overfitting_ratio(5, 6)


@pytest.mark.parametrize("quantity", [GAIN, TEST_MISFIT, TRAIN_MISFIT], ids=lambda q: q.name)
@pytest.mark.parametrize(("d", "n"), [(2, 12), (6, 20), (20, 120)])
def test_closed_forms_agree_with_simulated_students(quantity, d, n):
    world = GaussianWorld(np.ones(d), np.linspace(0, 1, d), weak_noise=1.3, n_pseudo=n)
    simulated = quantity.simulate(world, rng=np.random.default_rng(1), half_width=0.02 * world.misfit_limit)
    assert simulated.covers(quantity.exact(world).value), (simulated, quantity.exact(world))
    assert simulated.high - simulated.low <= 0.05 * world.misfit_limit


def test_population_risks_agree_with_fresh_points():
    root = np.random.default_rng(2).standard_normal((3, 3))
    world = GaussianWorld(
        np.array([1.0, 0, 2]),
        np.array([0.5, 1, 1]),
        0.7,
        200_000,
        target_noise=0.5,
        correlation=-0.6,
        covariance=root @ root.T + np.eye(3),
    )
    features, weak, target = (a[0] for a in world.sample(1, rng=np.random.default_rng(3)))
    head = np.array([0.2, 0.4, 1.5])
    for measured, exact in (
        ((weak - target) ** 2, world.weak_error),
        ((features @ head - target) ** 2, world.student_error(head)),
        ((features @ head - weak) ** 2, world.misfit(head)),
    ):
        stderr = measured.std() / np.sqrt(measured.size)
        assert abs(measured.mean() - exact) <= STANDARD_ERRORS * stderr
        assert stderr < 0.01 * exact, "too noisy to have seen a 10 % error"


def test_the_simulated_student_is_the_ordinary_least_squares_head():
    world = GaussianWorld(np.ones(4), np.zeros(4), 1.0, 15)
    heads, misfits = fitted_heads(world, 3, np.random.default_rng(4))
    features, weak, _ = world.sample(3, rng=np.random.default_rng(4))
    for i in range(3):
        fit = OLS().fit(features[i], weak[i])
        assert np.allclose(heads[i], fit.coefficients)
        assert misfits[i] == pytest.approx(np.mean((fit.predict(features[i]) - weak[i]) ** 2))


@settings(max_examples=8)
@given(testing.gaussian_worlds())
def test_the_laws_hold_in_drawn_worlds(world):
    for name in ("expected_gain", "expected_test_misfit", "expected_train_misfit"):
        assert_holds("finite_sample." + name, world)


@pytest.mark.parametrize("name", [*LAWS, "sign_flip", "in_sample_equality", "misfit_overstates_gain"])
def test_the_statement_holds_on_its_own_examples(name):
    for seed in (0, 1):
        for problem in examples("finite_sample." + name, seed):
            assert_holds("finite_sample." + name, problem, seed)


@pytest.mark.parametrize("name", [*LAWS, "in_sample_equality"])
@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_a_constant_ten_percent_off_is_caught(name, factor):
    assert_is_caught(scaled_right("finite_sample." + name, factor))


def test_a_threshold_ten_percent_off_is_caught():
    wrong = replace(
        STATEMENTS["finite_sample.sign_flip"],
        sides=lambda world, count, rng: replace(
            STATEMENTS["finite_sample.sign_flip"].sides(world, count, rng),
            left=np.sign(world.n_pseudo - (2.2 * world.d + 1)) * GAIN.trials(world, count, rng),
        ),
    )
    d = 20
    between = GaussianWorld(np.ones(d), np.ones(d), 1.0, n_pseudo=2 * d + 4)
    assert check("finite_sample.sign_flip", between, rng=np.random.default_rng(0)).verdict is Verdict.HOLDS
    assert check(wrong, between, rng=np.random.default_rng(0)).verdict is Verdict.VIOLATED


@given(testing.linear_samples(realizable=True, penalised=False))
def test_in_sample_gain_equals_misfit_for_any_realizable_draw(sample):
    assert_holds("finite_sample.in_sample_equality", sample)


def test_the_laws_fail_when_the_weak_residual_depends_on_the_features():
    d, n = 3, 12
    cubic = GaussianWorld(np.ones(d), np.ones(d), 1.0, n, residual="cubic")
    assert check("finite_sample.expected_gain", cubic, rng=RNG).verdict is Verdict.OUT_OF_SCOPE
    anywhere = replace(STATEMENTS["finite_sample.expected_gain"], assumptions=())
    outcome = check(anywhere, cubic, rng=np.random.default_rng(0))
    assert outcome.verdict is Verdict.VIOLATED
    assert outcome.left < outcome.right, (
        "heavy leverage points carry the largest residuals, so the student gains less than the law"
    )


def test_the_laws_fail_for_an_unrealizable_target():
    world = GaussianWorld(np.ones(3), np.ones(3), 1.0, 30, target_noise=0.8, correlation=0.9)
    assert check("finite_sample.expected_gain", world, rng=RNG).verdict is Verdict.OUT_OF_SCOPE
    anywhere = replace(STATEMENTS["finite_sample.expected_gain"], assumptions=())
    assert check(anywhere, world, rng=np.random.default_rng(0)).verdict is Verdict.VIOLATED


def test_the_nonrealizable_law_agrees_with_gains_measured_on_fresh_points():
    # Nothing of the world's closed forms enters: gains are differences of mean squared errors on fresh samples.
    world = GaussianWorld(np.array([1.0, -1.0]), np.array([0.5, 0.0]), 1.2, 16, target_noise=0.9, correlation=0.7)
    rng = np.random.default_rng(8)
    heads, _ = fitted_heads(world, 4000, rng)
    features, weak, target = replace(world, n_pseudo=200).sample(4000, rng=rng)
    student = (features @ heads[..., None])[..., 0]
    gains = np.mean((weak - target) ** 2 - (student - target) ** 2, axis=-1)
    stderr = gains.std() / np.sqrt(gains.size)
    assert abs(gains.mean() - NONREALIZABLE_GAIN.exact(world).value) <= STANDARD_ERRORS * stderr
    assert stderr < 0.02 * 2 * 1.2 * 0.9 * 0.7, "too noisy to have seen 10 % of the cross term"


def test_too_few_points_are_out_of_scope_and_heavy_tails_inconclusive():
    world = GaussianWorld(np.ones(5), np.ones(5), 1.0, 6)
    assert check("finite_sample.expected_gain", world, rng=RNG).verdict is Verdict.OUT_OF_SCOPE
    outcome = check("finite_sample.expected_gain", replace(world, n_pseudo=9), rng=RNG)
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert "heavy" in outcome.why
    with pytest.raises(ValueError, match="n_pseudo >= d"):
        fitted_heads(replace(world, n_pseudo=4), 2, np.random.default_rng(0))


def test_the_label_free_estimator_uses_weak_labels_only_and_is_unbiased():
    world = GaussianWorld(np.ones(6), np.zeros(6), 2.0, 30)
    heads, train = fitted_heads(world, 20_000, np.random.default_rng(5))
    difference = label_free_gain(train, 6, 30) - world.gain(heads)
    stderr = difference.std() / np.sqrt(difference.size)
    assert abs(difference.mean()) <= STANDARD_ERRORS * stderr
    assert stderr < 0.01 * world.misfit_limit


def test_in_sample_equality_refuses_what_it_does_not_cover():
    rng = np.random.default_rng(6)
    wide, tall = rng.standard_normal((3, 5)), rng.standard_normal((8, 2))
    name = "finite_sample.in_sample_equality"
    assert_holds(name, LinearSample(wide, rng.standard_normal(3), np.ones(3)))  # five features interpolate three points
    penalised = LinearSample(tall, np.ones(8), tall @ np.ones(2), penalty=1.0)
    assert check(name, penalised, rng=rng).failed == ("the head is not penalised",)
    off = LinearSample(tall, np.ones(8), rng.standard_normal(8))
    assert check(name, off, rng=rng).failed == ("a head reproduces the target on the sample",)


def test_least_squares_with_fewer_points_than_features_is_refused_and_minimum_norm_accepts():
    features, labels = np.random.default_rng(7).standard_normal((3, 5)), np.ones(3)
    with pytest.raises(ValueError, match="MinimumNorm"):
        OLS().fit(features, labels)
    assert np.allclose(MinimumNorm().fit(features, labels).predict(features), labels)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weak_head": np.ones(2)}, "must have one shape"),
        ({"correlation": 1.5}, r"correlation must lie in \[-1, 1\]"),
        ({"weak_noise": -1.0}, "weak_noise must be a finite number >= 0"),
        ({"covariance": np.diag([1.0, 1.0, 0.0])}, "positive definite"),
        ({"covariance": np.ones((2, 2))}, "symmetric of shape"),
        ({"residual": "other"}, "residual must be"),
        ({"residual": "cubic", "target_noise": 1.0}, "cubic residual needs"),
        ({"n_pseudo": 0}, "n_pseudo must be a whole number >= 1"),
        ({"target_head": np.array([1.0, np.nan, 0.0])}, "target_head must be finite"),
    ],
)
def test_a_gaussian_world_refuses_bad_parameters(change, message):
    good = {"target_head": np.ones(3), "weak_head": np.ones(3), "weak_noise": 1.0, "n_pseudo": 10}
    with pytest.raises(ValueError, match=message):
        GaussianWorld(**{**good, **change})


def test_at_the_flip_itself_no_sign_is_claimed():
    world = GaussianWorld(np.ones(5), np.ones(5), 1.0, n_pseudo=11)
    assert check("finite_sample.sign_flip", world, rng=RNG).failed == ("n ≠ 2d + 1",)


def test_weak_labels_that_are_a_strong_head_are_out_of_scope():
    world = GaussianWorld(np.ones(5), np.ones(5), 0.0, n_pseudo=20)
    for name in (*LAWS, "sign_flip", "misfit_overstates_gain"):
        assert check("finite_sample." + name, world, rng=RNG).verdict is Verdict.OUT_OF_SCOPE


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_a_limit_ten_percent_off_is_caught(factor):
    assert_is_caught(scaled_right("finite_sample.misfit_overstates_gain", factor))


def test_an_error_that_falls_too_slowly_is_caught():
    right = STATEMENTS["finite_sample.misfit_overstates_gain"]

    def slow(world, count, rng):
        sides = right.sides(world, count, rng)
        return replace(sides, left=sides.left * (1.0 - 2.0 * world.n_pseudo**-0.5))

    assert_is_caught(replace(right, sides=slow))


def test_many_features_move_the_sizes_of_the_limit():
    world = GaussianWorld(np.ones(25), np.ones(25), 1.0, n_pseudo=60)
    assert_holds("finite_sample.misfit_overstates_gain", world)


def test_the_misfit_laws_hold_for_any_target():
    world = GaussianWorld(np.ones(3), np.zeros(3), 1.0, 20, target_noise=0.8, correlation=0.9)
    assert_holds("finite_sample.expected_test_misfit", world)
    assert_holds("finite_sample.expected_train_misfit", replace(world, n_pseudo=5))
