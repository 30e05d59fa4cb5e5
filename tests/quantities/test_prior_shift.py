"""Prior shift: the confusion matrix against quadrature, its spectrum, rates of iteration, variances by simulation, regression students."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, optimize, stats

from tests.tolerances import (
    EIGENVALUES,
    EM_LIMIT,
    NEAR_FIXED_POINT,
    PRINTED_THREE,
    QUADRATURE,
    ROUNDING,
    STANDARD_ERRORS,
)
from w2s_theory.linalg import least_squares
from w2s_theory.problems.mixtures import FiniteMixture, GaussianMixture, Refinement, TokenMixture
from w2s_theory.problems.regression_mixture import RegressionMixture, RegressionTraining
from w2s_theory.quantities.prior_shift import (
    FIRST_SHARE,
    TWO_CONCEPT_SHARE,
    affinity,
    amplification,
    amplification_bound,
    confusion,
    confusion_probability,
    deconvolved_variance,
    em_divergences,
    em_path,
    likelihood_variance,
    overlap_bound,
    prior_divergence,
    prior_norm,
    refined_concepts,
    refined_prior,
    sampled_variance,
    spectrum,
    weak_law_divergence_bound,
)
from w2s_theory.quantities.prior_shift_regression import (
    REFINED_REGRESSION,
    WEAK_REGRESSION,
    linear_risk,
    refined_head,
    refined_labels,
    weak_risk,
)
from w2s_theory.students.label_refinement import deconvolve, expectation_maximisation

SOURCE, TARGET, MEANS = np.array([0.5, 0.3, 0.2]), np.array([0.1, 0.2, 0.7]), np.array([-1.5, 0.0, 1.2])
THREE = GaussianMixture(SOURCE, TARGET, MEANS)
CONCEPTS = np.array([[0.8, 0.0, 0.3], [-0.8, 0.0, 0.3]])
HALF, NINE = np.full(2, 0.5), np.array([0.9, 0.1])


def total_variation(first, second):
    return 0.5 * np.sum(np.abs(first - second))


def peak_memory(call) -> int:
    """Bytes that ``call`` holds at once, at most."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@st.composite
def token_worlds(draw: st.DrawFn) -> TokenMixture:
    """Two to four concepts over two to five tokens, every probability positive, faithful."""
    count, tokens = draw(st.integers(2, 4)), draw(st.integers(2, 5))
    numbers = st.integers(1, 9)

    def rows(n: int, m: int) -> np.ndarray:
        table = np.array(draw(st.lists(numbers, min_size=n * m, max_size=n * m)), dtype=float).reshape(n, m)
        return table / table.sum(axis=1, keepdims=True)

    return TokenMixture(rows(1, count)[0], rows(1, count)[0], rows(count, tokens))


@pytest.mark.parametrize("weak_noise", [1.0, 1.4])
def test_the_confusion_matrix_agrees_with_adaptive_quadrature(weak_noise):
    world = GaussianMixture(SOURCE, TARGET, MEANS, 1.0, MEANS + 0.2, weak_noise)
    found = confusion(world)
    for j in range(3):
        for k in range(3):

            def density(y, j=j, k=k):
                terms = SOURCE * stats.norm.pdf(y, MEANS)
                return stats.norm.pdf(y, MEANS[j] + 0.2, weak_noise) * terms[k] / terms.sum()

            assert found[j, k] == pytest.approx(integrate.quad(density, -14, 14, limit=200)[0], abs=QUADRATURE)


def test_the_confusion_of_tokens_is_a_finite_sum():
    tables, weak = np.array([[0.5, 0.5, 0.0], [0.1, 0.2, 0.7]]), np.array([[0.3, 0.6, 0.1], [0.2, 0.2, 0.6]])
    world = TokenMixture(np.array([0.4, 0.6]), HALF, tables, weak)
    by_hand = [
        [sum(weak[j, v] * world.source[k] * tables[k, v] / (world.source @ tables[:, v]) for v in range(3)) for k in range(2)]
        for j in range(2)
    ]
    assert np.allclose(confusion(world), by_hand, atol=ROUNDING)


@given(token_worlds())
def test_the_spectrum_lies_between_zero_and_one_and_the_source_is_a_fixed_point(world):
    values, matrix = spectrum(world), confusion(world)
    assert np.allclose(matrix.sum(axis=1), 1.0, atol=ROUNDING)
    assert np.allclose(world.source @ matrix, world.source, atol=ROUNDING)
    assert values[0] == pytest.approx(1.0, abs=ROUNDING)
    assert values[-1] >= -ROUNDING
    assert np.allclose(np.sort(np.linalg.eigvals(matrix).real)[::-1], values, atol=EIGENVALUES), (
        "eigenvalues of a defective matrix: √rounding"
    )


def test_unfaithful_weak_labels_have_no_spectrum():
    with pytest.raises(ValueError, match="weak components equal"):
        spectrum(GaussianMixture(SOURCE, TARGET, MEANS, weak_noise=2.0))


def test_refinement_leaves_no_error_exactly_when_the_ratio_is_constant_on_overlapping_concepts():
    # Concepts 0 and 1 share tokens, concept 2 has its own.
    tables = np.array([[0.6, 0.4, 0.0], [0.2, 0.8, 0.0], [0.0, 0.0, 1.0]])
    source = np.array([0.2, 0.3, 0.5])
    same_ratio = TokenMixture(source, np.array([0.36, 0.54, 0.1]), tables)
    assert np.allclose(refined_prior(Refinement(same_ratio)), same_ratio.target, atol=ROUNDING), "q ≠ π and yet no error"
    other = TokenMixture(source, np.array([0.54, 0.36, 0.1]), tables)
    assert total_variation(refined_prior(Refinement(other)), other.target) > 0.05
    assert refined_prior(Refinement(other))[2] == pytest.approx(0.1, rel=ROUNDING)


def test_sampled_refinement_has_the_refined_prior_in_every_concept():
    for plan in (
        Refinement(THREE),
        Refinement(GaussianMixture(SOURCE, TARGET, MEANS, 1.0, MEANS - 0.4, 1.3), rounds=2, examples=2),
    ):
        drawn = np.bincount(refined_concepts(plan, 200_000, np.random.default_rng(0)), minlength=3) / 200_000
        exact = refined_prior(plan)
        stderr = np.sqrt(exact * (1 - exact) / 200_000)
        assert np.all(np.abs(drawn - exact) <= STANDARD_ERRORS * stderr)
        assert np.all(STANDARD_ERRORS * stderr < 0.05 * exact), "too noisy to have seen a 10 % error"


def test_numbers_of_the_three_gaussians():
    # Worked out before, by a separate simulation: weights to 1e-3, total variation .275, eigenvalues 1, .571, .118.
    assert refined_prior(Refinement(THREE)) == pytest.approx([0.219, 0.356, 0.425], abs=PRINTED_THREE)
    assert total_variation(refined_prior(Refinement(THREE)), TARGET) == pytest.approx(0.275, abs=PRINTED_THREE)
    assert spectrum(THREE) == pytest.approx([1.0, 0.571, 0.118], abs=PRINTED_THREE)


def test_a_frozen_prior_ends_at_the_source_and_an_updated_one_at_the_target():
    assert np.allclose(refined_prior(Refinement(THREE, rounds=60)), SOURCE, atol=ROUNDING), "λ₂⁶⁰ = .571⁶⁰"
    path = em_path(THREE, 3000)
    assert np.allclose(path[-1], TARGET, atol=EM_LIMIT)
    assert np.allclose(path[1], refined_prior(Refinement(THREE)), atol=ROUNDING), "the first steps agree"


def test_the_error_of_em_contracts_by_what_refinement_does_not():
    # Near q the step of EM is I − C(q)ᵀ, C(q) the confusion under the prior q: slow where concepts overlap.
    errors = em_path(THREE, 120)[-2:] - TARGET
    assert 1e-10 < np.linalg.norm(errors[1]) < 1e-5, "close enough for a linear law, far enough from rounding"
    expected = errors[0] @ (np.eye(3) - confusion(THREE, TARGET))
    assert np.allclose(errors[1], expected, atol=NEAR_FIXED_POINT * np.abs(errors[1]).max())
    slowest = 1.0 - np.linalg.eigvals(confusion(THREE, TARGET)).real.min()
    assert np.linalg.norm(errors[1]) / np.linalg.norm(errors[0]) == pytest.approx(slowest, rel=NEAR_FIXED_POINT)


def test_em_with_wrong_components_does_not_end_at_the_target():
    biased = GaussianMixture(SOURCE, TARGET, MEANS, 1.0, MEANS - 0.5)
    assert total_variation(em_path(biased, 2000)[-1], TARGET) > 0.05


@pytest.mark.parametrize(("n", "exact"), [(1, 0.225), (2, 0.1155), (4, 0.0343), (8, 0.0036)])
def test_the_flip_probability_of_two_concepts_agrees_with_quadrature_and_numbers(n, exact):
    d = np.sqrt(n)
    integral, _ = integrate.quad(lambda y: stats.norm.pdf(y, -d) / (1.0 + np.exp(-2 * d * y)), -14, 14, limit=200)
    assert confusion_probability(d) == pytest.approx(integral, abs=QUADRATURE)
    assert confusion_probability(d) == pytest.approx(exact, abs=PRINTED_THREE)
    assert confusion_probability(d) <= 0.5 * np.exp(-n / 2)
    wide, _ = integrate.quad(lambda y: stats.norm.pdf(y, -d, 1.5) / (1.0 + np.exp(-2 * d * y)), -20, 20, limit=200)
    assert confusion_probability(d, noise_ratio=1.5) == pytest.approx(wide, abs=QUADRATURE)


def test_two_concepts_follow_their_own_formula_wherever_they_lie():
    for world in (GaussianMixture(HALF, NINE, [1.0, 3.0], 0.8), GaussianMixture(HALF, NINE, [0.5, -0.5], 1.2, weak_noise=2.0)):
        for examples in (1, 3):
            plan = Refinement(world, examples=examples)
            assert TWO_CONCEPT_SHARE.closed_form(plan) == pytest.approx(FIRST_SHARE.closed_form(plan), rel=ROUNDING * 100)


def test_prompts_that_share_a_concept_are_simulated_label_by_label():
    plan = Refinement(GaussianMixture(HALF, NINE, [1.0, -1.0]), examples=3)
    simulated = FIRST_SHARE.simulate(plan, rng=np.random.default_rng(1), half_width=0.005)
    assert simulated.covers(0.5 + 0.4 * (1 - 2 * confusion_probability(np.sqrt(3.0)))), simulated
    assert simulated.high - simulated.low < 0.02


def test_affinity_agrees_with_quadrature_and_bounds_confusion():
    world = replace(THREE, noise=0.7, weak_means=None, weak_noise=None)
    world = world.faithful()
    for j, k in ((0, 1), (1, 2), (0, 2)):
        integral, _ = integrate.quad(
            lambda y, j=j, k=k: np.sqrt(stats.norm.pdf(y, MEANS[j], 0.7) * stats.norm.pdf(y, MEANS[k], 0.7)), -9, 9
        )
        assert affinity(world)[j, k] == pytest.approx(integral, abs=QUADRATURE)
        assert overlap_bound(world)[j, k] == pytest.approx(0.5 * np.sqrt(SOURCE[k] / SOURCE[j]) * integral, abs=QUADRATURE)
        assert confusion(world)[j, k] <= overlap_bound(world)[j, k]
    tables = np.array([[0.5, 0.5], [0.1, 0.9]])
    tokens = TokenMixture(HALF, HALF, tables)
    assert affinity(tokens)[0, 1] == pytest.approx(np.sqrt(0.05) + np.sqrt(0.45), rel=ROUNDING)
    with pytest.raises(TypeError, match="must be a GaussianMixture or a TokenMixture"):
        affinity(FiniteMixture(HALF, HALF))


def test_the_variance_of_deconvolved_weights_agrees_with_repeated_samples():
    samples, labels = 12_000, 30
    drawn = refined_concepts(Refinement(THREE), samples * labels, np.random.default_rng(2)).reshape(samples, labels)
    shares = np.stack([np.mean(drawn == k, axis=1) for k in range(3)], axis=1)
    undone = deconvolve(shares, confusion(THREE))
    exact = np.sum(np.diag(deconvolved_variance(THREE)) / SOURCE) / np.sum(
        np.diag(sampled_variance(refined_prior(Refinement(THREE)))) / SOURCE
    )
    assert amplification(THREE) == pytest.approx(exact, rel=ROUNDING)
    for weights, exact in ((shares, sampled_variance(refined_prior(Refinement(THREE)))), (undone, deconvolved_variance(THREE))):
        squares = labels * np.square(weights - weights.mean(axis=0))
        stderr = squares.std(axis=0) / np.sqrt(samples)
        assert np.all(np.abs(squares.mean(axis=0) - np.diag(exact)) <= STANDARD_ERRORS * stderr)
        assert np.all(STANDARD_ERRORS * stderr < 0.09 * np.diag(exact)), "too noisy to have seen a 10 % error"
    assert amplification(THREE) < 0.7 * amplification_bound(THREE), "the worst direction is loose here"


def test_the_variance_bound_needs_the_norm_of_the_source():
    # In the plain norm 1/λ_min² is no bound, by a factor of two here: the least singular value takes its place.
    tables = np.array([[0.1, 0.6, 0.3], [0.0, 0.8, 0.2], [0.9, 0.1, 0.0]])
    world = TokenMixture(np.array([0.4, 0.59, 0.01]), np.array([0.02, 0.38, 0.6]), tables)
    matrix = confusion(world)
    plain = np.trace(deconvolved_variance(world)) / np.trace(sampled_variance(world.target @ matrix))
    assert plain > 2.0 * amplification_bound(world)
    assert plain <= np.linalg.svd(matrix)[1][-1] ** -2
    assert amplification(world) <= amplification_bound(world)


def test_the_shift_shrinks_by_the_second_eigenvalue_in_the_norm_of_the_source_only():
    source = np.array([0.9, 0.05, 0.05])
    world = GaussianMixture(source, np.array([0.85, 0.15, 0.0]), np.array([0.0, 1.0, 2.0]))
    shift, before, second = refined_prior(Refinement(world)) - source, world.target - source, spectrum(world)[1]
    assert prior_norm(world, before) == pytest.approx(np.sqrt(0.05**2 / 0.9 + (0.1**2 + 0.05**2) / 0.05), rel=ROUNDING)
    assert prior_norm(world, shift) <= second * prior_norm(world, before)
    worst = np.linalg.svd(confusion(world) - np.outer(np.ones(3), source))[1][0]
    assert worst > 1.2 * second, "in the plain norm a step can be longer"


def test_the_maximum_likelihood_prior_attains_its_asymptotic_variance():
    labels = 1000
    world = GaussianMixture(SOURCE, np.array([0.3, 0.4, 0.3]), 2.0 * MEANS)
    rng = np.random.default_rng(7)
    found = []
    for _ in range(1000):
        _, drawn = world.sample(labels, rng=rng)
        found.append(expectation_maximisation(world.log_densities(drawn[:, 0]), SOURCE, rounds=40)[-1])
    measured = labels * np.square(np.array(found) - world.target)
    stderr = measured.std(axis=0) / np.sqrt(len(found))
    exact = np.diag(likelihood_variance(world))
    assert np.all(np.abs(measured.mean(axis=0) - exact) <= STANDARD_ERRORS * stderr)
    assert np.all(stderr < 0.05 * exact)
    assert np.all(exact <= np.diag(deconvolved_variance(world))), "no unbiased rule does better in the limit"


def test_the_asymptotic_variance_is_the_inverse_of_the_information_by_quadrature():
    def information(y):
        densities = stats.norm.pdf(y, MEANS)
        slopes = densities[:2] - densities[2]
        return np.outer(slopes, slopes) / (TARGET @ densities)

    exact = integrate.quad_vec(information, -14, 14)[0]
    assert np.allclose(np.linalg.inv(exact), likelihood_variance(THREE)[:2, :2], rtol=QUADRATURE)
    with pytest.raises(ValueError, match="faithful weak labels"):
        likelihood_variance(replace(THREE, weak_noise=2.0))


def test_divergences_along_em_agree_with_quadrature():
    path = em_path(THREE, 3)
    found = em_divergences(THREE, path)
    for prior, value in zip(path, found, strict=True):

        def density(y, prior=prior):
            components = stats.norm.pdf(y, MEANS)
            return (TARGET @ components) * np.log((TARGET @ components) / (prior @ components))

        assert value == pytest.approx(integrate.quad(density, -12, 12, limit=200)[0], abs=QUADRATURE)
    assert prior_divergence(THREE) == pytest.approx(np.sum(TARGET * np.log(TARGET / SOURCE)), rel=ROUNDING)


def test_the_divergence_of_one_noisy_component_agrees_with_quadrature():
    one = np.ones(1)
    world = GaussianMixture(one, one, [0.3], 0.8, [0.7], 1.3)
    integral, _ = integrate.quad(
        lambda y: stats.norm.pdf(y, 0.3, 0.8) * (stats.norm.logpdf(y, 0.3, 0.8) - stats.norm.logpdf(y, 0.7, 1.3)), -9, 9
    )
    assert weak_law_divergence_bound(world) == pytest.approx(integral, abs=QUADRATURE)


@pytest.mark.parametrize(("length", "noise"), [(1.6, 0.7), (10.0, 1.0), (0.1, 1.0)])
def test_regression_errors_agree_with_adaptive_quadrature_over_the_separation(length, noise):
    concepts = np.array([[length / 2, 0, 0.3], [-length / 2, 0, 0.3]])
    world = RegressionMixture(concepts, HALF, NINE, noise, weak_noise=1.2 * noise)

    def mean(function):
        return 2.0 * integrate.quad(lambda z: stats.norm.pdf(z) * function(z * length), 0, 9, limit=200)[0]

    def c(p):
        return confusion_probability(abs(p) / (2 * noise), noise_ratio=1.2)

    assert REFINED_REGRESSION.closed_form(world) == pytest.approx(0.64 * mean(lambda p: p**2 * c(p) ** 2), abs=QUADRATURE)
    slope = 0.4 * mean(lambda p: p**2 * (1 - 2 * c(p))) / length**2
    assert refined_head(world) == pytest.approx([slope * length, 0.0, 0.3], abs=QUADRATURE * length)
    risk = 0.64 * mean(lambda p: p**2 * c(p)) ** 2 / length**2
    assert linear_risk(world) == pytest.approx(risk, abs=QUADRATURE * length)
    assert linear_risk(world) <= REFINED_REGRESSION.closed_form(world), "a linear student averages errors away"


def test_the_leak_along_a_bias_agrees_with_a_triple_sum_over_features_and_noise():
    bias, weak_noise, noise = 0.6, 1.2, 0.7
    world = RegressionMixture(CONCEPTS, HALF, NINE, noise, CONCEPTS + np.array([0.0, bias, 0.0]), weak_noise)
    z = np.arange(-80, 81) / 10.0  # the trapezium rule on analytic integrands
    mass = np.exp(-0.5 * z**2) / np.exp(-0.5 * z**2).sum()
    p, r, xi = 1.6 * z[:, None, None], bias * z[None, :, None], weak_noise * z
    share = sum(q / (1.0 + np.exp(-p * (sign * p / 2.0 + r + xi) / noise**2)) for q, sign in ((0.9, 1.0), (0.1, -1.0)))
    pulled = p * (share @ mass)[..., None]  # what a refined label is on average above the middle
    leak = np.sum(mass[:, None] * mass * (pulled * r)[..., 0]) / bias**2
    along = np.sum(mass[:, None] * mass * (pulled * p)[..., 0]) / 1.6**2 - 0.5
    assert refined_head(world) == pytest.approx([1.6 * along, bias * leak, 0.3], abs=QUADRATURE)
    assert leak > 0.1


@pytest.mark.parametrize(("bias", "weak_noise"), [(0.0, 0.7), (0.6, 0.7), (0.9, 1.2)])
def test_a_least_squares_student_on_sampled_refined_labels_ends_at_the_refined_head(bias, weak_noise):
    weak = CONCEPTS + bias * np.array([0.0, 0.6, 0.8])
    weak[:, 0] = CONCEPTS[:, 0]
    world = RegressionMixture(CONCEPTS, HALF, NINE, 0.7, weak, weak_noise)
    rng = np.random.default_rng(8)
    features = rng.standard_normal((40, 20_000, 3))
    heads = least_squares(features, refined_labels(world, features, rng)).coefficients
    stderr = heads.std(axis=0, ddof=1) / np.sqrt(40)
    assert np.all(np.abs(heads.mean(axis=0) - refined_head(world)) <= 1.3 * STANDARD_ERRORS * stderr), (
        "t with 39 degrees of freedom"
    )
    assert np.all(stderr < 0.005)


def test_refinement_loses_under_noise_and_wins_under_bias():
    noisy = RegressionMixture(CONCEPTS, HALF, NINE, 0.7)
    biased = RegressionMixture(CONCEPTS, HALF, NINE, 0.7, CONCEPTS + np.array([0.0, 1.0, 0.0]))
    assert linear_risk(noisy) > weak_risk(noisy) == 0.0
    assert linear_risk(biased) < weak_risk(biased)


def test_the_irreducible_error_of_weak_training_is_the_mean_bias():
    weak = CONCEPTS + np.array([[0.0, 0.5, 0.0], [1.0, 0.0, 0.0]])
    world = RegressionMixture(CONCEPTS, np.array([0.3, 0.7]), NINE, 0.7, weak)
    training = RegressionTraining(world, 25)
    assert WEAK_REGRESSION.closed_form(training) == pytest.approx(0.45**2 + 0.1**2, rel=ROUNDING)
    simulated = WEAK_REGRESSION.simulate(training, rng=np.random.default_rng(9), half_width=0.006)
    assert simulated.covers(0.45**2 + 0.1**2), simulated
    assert simulated.high - simulated.low < 0.02


def test_the_refined_head_refuses_what_its_formula_does_not_cover():
    along = RegressionMixture(CONCEPTS, HALF, NINE, 0.7, CONCEPTS + np.array([0.2, 0.0, 0.0]))
    with pytest.raises(ValueError, match="off by one vector orthogonal"):
        refined_head(along)
    with pytest.raises(ValueError, match="about fifty noise standard deviations"):
        refined_head(RegressionMixture(1e4 * CONCEPTS, HALF, NINE, 0.7))


def test_the_quadrature_refuses_worlds_whose_shares_depend_on_more_than_its_two_numbers():
    three = RegressionMixture(np.eye(3), SOURCE, TARGET, 0.7)
    uneven = RegressionMixture(CONCEPTS, np.array([0.3, 0.7]), NINE, 0.7)
    same = RegressionMixture(CONCEPTS[[0, 0]], HALF, NINE, 0.7)
    for world in (three, uneven, same):
        for closed_form in (REFINED_REGRESSION.closed_form, refined_head, linear_risk):
            with pytest.raises(ValueError, match="two different concepts of equal source prior"):
                closed_form(world)
    biased = RegressionMixture(CONCEPTS, HALF, NINE, 0.7, CONCEPTS + np.array([0.0, 0.4, 0.0]))
    with pytest.raises(ValueError, match="weak_concepts must be the strong ones"):
        REFINED_REGRESSION.closed_form(biased)


def test_the_formula_of_two_concepts_refuses_other_plans():
    even = GaussianMixture(HALF, NINE, [1.0, -1.0])
    uneven = GaussianMixture(np.array([0.4, 0.6]), NINE, [1.0, -1.0])
    biased = GaussianMixture(HALF, NINE, [1.0, -1.0], 1.0, [0.5, -1.0])
    tokens = TokenMixture(HALF, NINE, np.eye(2))
    plans = (Refinement(THREE), Refinement(uneven), Refinement(biased), Refinement(tokens), Refinement(even, rounds=2))
    for plan in plans:
        with pytest.raises(ValueError, match="one round on two Gaussian concepts"):
            TWO_CONCEPT_SHARE.closed_form(plan)


def test_weak_training_needs_more_labels_than_features_and_one():
    training = RegressionTraining(RegressionMixture(CONCEPTS, HALF, NINE, 0.7), 4)
    with pytest.raises(ValueError, match="labels must exceed d \\+ 1 = 4"):
        WEAK_REGRESSION.trials(training, 2, np.random.default_rng(0))


def test_memory_of_regression_trials_does_not_grow_with_their_number():
    world = RegressionMixture(CONCEPTS, HALF, NINE, 0.7)
    for quantity, problem in ((WEAK_REGRESSION, RegressionTraining(world, 100)), (REFINED_REGRESSION, world)):
        trials = np.empty(0)

        def draw(quantity=quantity, problem=problem):
            nonlocal trials
            trials = quantity.trials(problem, 20_000, np.random.default_rng(0))

        assert peak_memory(draw) < 96 * 2**20, "three pieces of 32 MiB"
        assert trials.shape == (20_000,)


def test_a_bad_separation_is_refused():
    with pytest.raises(ValueError, match="separation must be a finite number"):
        confusion_probability(np.nan)
    with pytest.raises(ValueError, match="noise_ratio must be a finite number > 0"):
        confusion_probability(1.0, noise_ratio=0.0)


def test_a_world_without_a_maximum_is_still_found():
    # The likelihood of a target on the boundary has its maximum there; EM gets there without leaving the simplex.
    pair = GaussianMixture(HALF, np.array([1.0, 0.0]), np.array([-1.0, 1.0]))
    path = em_path(pair, 3000)
    assert path[-1, 0] > 0.998
    assert np.all(path >= 0)
    best = optimize.minimize_scalar(
        lambda p: em_divergences(pair, np.array([[p, 1 - p]]))[0], bounds=(0.0, 1.0), method="bounded"
    )
    assert best.x > 0.99
