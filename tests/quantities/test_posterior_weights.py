"""The integrated law of the posterior weights against sampled prompts, Student's t and Gauss–Hermite."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import integrate, special, stats

from tests.tolerances import QUADRATURE, STANDARD_ERRORS
from w2s_theory.problems.concepts import ConceptWorld, orthonormal_world
from w2s_theory.quantities.evidence_mgf import weight_bracket
from w2s_theory.quantities.log_odds import LogOddsLaw
from w2s_theory.quantities.posterior_weights import expected_weights, preferred_shares, weight_moments
from w2s_theory.students.refiner import simulate_evidence, weights_of

GENERAL = ConceptWorld(
    np.random.default_rng(0).standard_normal((4, 3)),
    0.5 * np.random.default_rng(1).standard_normal(3),
    0.8,
    1.2,
    np.array([0.4, 0.3, 0.2, 0.1]),
    aligned=2,
)
WORLDS = {
    "two concepts": orthonormal_world(2, alignment=0.6, length=0.9, weak_noise=0.8),
    "two concepts, unequal prior, the second meant": ConceptWorld(
        np.eye(2, 3), np.array([0.2, 0.7, 0.5]), 0.6, 0.9, np.array([0.7, 0.3]), aligned=1
    ),
    "eight orthonormal": orthonormal_world(8, alignment=0.6, length=0.9, weak_noise=0.8, d=40),
    "four in three dimensions, unequal prior": GENERAL,
    "collinear": ConceptWorld(np.array([[0.0, 0], [1, 0], [2, 0]]), np.array([0.2, 0.3]), 1.2, 1.0),
    "one prior is zero": ConceptWorld(np.eye(3), np.array([0.8, 0.0, 0.0]), 1.8, prior=np.array([0.5, 0.0, 0.5])),
}


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("n", [1, 2, 7, 20])
def test_moments_agree_with_prompts_read_example_by_example(name, n):
    world, prompts = WORLDS[name], 50_000
    weights = weights_of(world, simulate_evidence(world, [n], prompts, rng=np.random.default_rng(n))[0])
    moments = weight_moments(world, n)
    pairs = weights[:, :, None] * weights[:, None, :]
    for measured, exact in ((weights, moments.mean), (pairs, moments.second)):
        stderr = measured.std(axis=0) / np.sqrt(prompts) + 1e-12
        assert np.all(np.abs(measured.mean(axis=0) - exact) <= STANDARD_ERRORS * stderr)
    wrong = 1.0 - moments.mean[world.aligned]
    assert np.std(weights[:, world.aligned]) / np.sqrt(prompts) < 0.02 * wrong, "too noisy to have seen a 10 % error"


def test_the_mean_weight_at_the_noted_parameters():
    # c = .8, m = 1, τ = .5, σ² = .25 and ten examples: a number worked out by adaptive quadrature in two dimensions.
    world = orthonormal_world(2, alignment=0.8, length=1.0, weak_noise=0.5, belief=0.5)
    n, square, along, noise = 10, 2.0, 0.2, 0.25 + 0.4 - 0.2**2 / 2.0

    def inner(energy):
        def integrand(z):
            log_odds = ((along / square - 0.5) * energy * square + np.sqrt(noise * energy * square) * z) / 0.25
            return special.expit(log_odds) * stats.norm.pdf(z)

        return integrate.quad(integrand, -12, 12, points=[0.0], limit=200)[0] * stats.chi2.pdf(energy, n)

    wrong, _ = integrate.quad(inner, 0, 80, limit=200)
    assert 1.0 - expected_weights(world, n)[0] == pytest.approx(wrong, rel=100 * QUADRATURE)


@pytest.mark.parametrize("n", [1, 4, 15])
def test_a_refiner_that_believes_in_no_noise_errs_as_often_as_student_t(n):
    # As σ → 0 the weight becomes the indicator of the log-odds' sign, whose law needs no integral.
    world = orthonormal_world(2, alignment=0.6, length=0.9, weak_noise=0.8, belief=0.02)
    kappa = (2.0 - 2.0 * 0.4) / (2.0 * np.sqrt(2.0 * (0.7 + 0.64) - 0.16))
    assert 1.0 - expected_weights(world, n)[0] == pytest.approx(stats.t.sf(kappa * np.sqrt(n), n), rel=2e-3)


@pytest.mark.parametrize("n", [1, 2, 12])
def test_draws_of_the_reduced_law_have_the_distribution_of_simulated_log_odds(n):
    law = LogOddsLaw.of(GENERAL, GENERAL.aligned)
    reduced = law.log_odds(n, np.random.default_rng(0).standard_normal((40_000, law.dimensions(n))))
    raw = simulate_evidence(GENERAL, [n], 40_000, rng=np.random.default_rng(1))[0]
    for direction in (*np.eye(4)[[0, 1, 3]], np.array([1.0, -1.0, 0.0, 0.5])):
        assert stats.ks_2samp(reduced @ direction, raw @ direction).pvalue > 1e-6
    wrong = law._replace(pull=1.1 * law.pull)
    off = wrong.log_odds(n, np.random.default_rng(0).standard_normal((40_000, law.dimensions(n))))
    assert min(stats.ks_2samp(off @ e, raw @ e).pvalue for e in np.eye(4)[[0, 1, 3]]) < 1e-6, "no power"


@pytest.mark.parametrize("tilt", [0.3, 0.7, 1.0])
def test_a_tilted_law_reweights_the_untilted_one(tilt):
    law, n, k = LogOddsLaw.of(GENERAL, 0), 4, 3
    plain = law.log_odds(n, np.random.default_rng(0).standard_normal((200_000, law.dimensions(n))))
    tilted, log_delta = law.tilted(k, tilt)
    drawn = tilted.log_odds(n, np.random.default_rng(1).standard_normal((200_000, law.dimensions(n))))
    weight = np.exp(-tilt * drawn[:, k] - 0.5 * n * log_delta)
    for event in (lambda odds: odds[:, k] > 0.0, lambda odds: special.expit(odds[:, 1]) * special.expit(odds[:, k])):
        first, second = event(plain).astype(float), event(drawn) * weight
        stderr = np.hypot(first.std(), second.std()) / np.sqrt(200_000)
        assert abs(first.mean() - second.mean()) <= STANDARD_ERRORS * stderr
        assert stderr < 0.02 * first.mean(), "too noisy to have seen a 10 % error"


@pytest.mark.parametrize("n", [20, 60, 100, 300])
def test_small_weights_lie_within_their_exact_bracket(n):
    world = orthonormal_world(3, alignment=0.8, length=1.0, weak_noise=0.5, belief=0.5)
    low, high = weight_bracket(world, n)
    moments = weight_moments(world, n)
    wrong = moments.mean[1:].sum()
    assert low * (1.0 - 1e-9) <= wrong <= high * (1.0 + 1e-2)
    assert moments.stderr[1] < 0.01 * moments.mean[1]
    pair_low, pair_high = weight_bracket(world, n, power=2.0)
    assert pair_low * 0.98 <= moments.second[1:, 1:].sum() <= pair_high * 1.02


def test_the_concept_that_wins_may_be_another_than_the_one_meant():
    world = ConceptWorld(np.eye(3), np.array([0.2, 0.9, 0.0]), 0.4, 0.5)
    weights = weights_of(world, simulate_evidence(world, [8], 400_000, rng=np.random.default_rng(5))[0])
    moments = weight_moments(world, 8)
    stderr = weights.std(axis=0) / np.sqrt(400_000)
    assert np.all(np.abs(weights.mean(axis=0) - moments.mean) <= STANDARD_ERRORS * np.hypot(stderr, moments.stderr))
    assert 0.0 < moments.mean[0] < 0.05 and np.all(stderr[[0, 2]] < 0.02 * moments.mean[[0, 2]])
    assert weight_moments(world, 400).mean[0] > 0.0, "a weight has digits however small it is"


@pytest.mark.parametrize("name", [name for name in WORLDS if name != "one prior is zero"])
@pytest.mark.parametrize("n", [1, 9])
def test_the_likeliest_concept_is_counted_as_often_as_simulated(name, n):
    world, prompts = WORLDS[name], 100_000
    odds = simulate_evidence(world, [n], prompts, rng=np.random.default_rng(n))[0] + np.log(world.alpha)
    counted = np.bincount(np.argmax(odds, axis=-1), minlength=world.count) / prompts
    shares = preferred_shares(world, n)
    assert shares.sum() == pytest.approx(1.0)
    stderr = np.sqrt(shares * (1.0 - shares) / prompts) + 1e-9
    assert np.all(np.abs(counted - shares) <= STANDARD_ERRORS * stderr + 0.004 * shares)


def test_the_likeliest_concept_does_not_depend_on_the_belief_when_priors_are_equal():
    world = ConceptWorld(np.eye(3), np.array([0.3, 0.6, 0.2]), 0.5, 1.0)
    np.testing.assert_allclose(preferred_shares(replace(world, belief=1e9), 4), preferred_shares(world, 4), atol=5e-3)


def test_without_examples_the_weights_are_the_prior_and_with_one_concept_they_are_one():
    moments = weight_moments(GENERAL, 0)
    np.testing.assert_array_equal(moments.mean, GENERAL.alpha)
    np.testing.assert_array_equal(moments.second, np.outer(GENERAL.alpha, GENERAL.alpha))
    assert expected_weights(ConceptWorld(np.ones((1, 3)), np.zeros(3)), 5) == pytest.approx([1.0])


def test_identical_concepts_keep_the_priors_odds():
    world = ConceptWorld(np.ones((2, 3)), np.zeros(3), 0.5, prior=np.array([0.3, 0.7]))
    assert expected_weights(world, 9) == pytest.approx([0.3, 0.7])


@pytest.mark.parametrize("name", WORLDS)
def test_weights_sum_to_one_and_second_moments_to_the_means(name):
    moments = weight_moments(WORLDS[name], 6)
    assert moments.mean.sum() == pytest.approx(1.0, rel=1e-9)
    np.testing.assert_allclose(moments.second.sum(axis=0), moments.mean, rtol=1e-9)
    assert np.all(moments.mean >= 0.0)


def test_the_law_refuses_worlds_it_does_not_cover():
    for change in ({"features": "uniform"}, {"spread": 0.1}):
        with pytest.raises(ValueError, match=r"students\.refiner"):
            weight_moments(replace(GENERAL, **change), 3)
    with pytest.raises(ValueError, match="at most 24 concepts"):
        weight_moments(ConceptWorld(np.eye(25), np.zeros(25)), 3)
    with pytest.raises(ValueError, match="n must be a whole number >= 0"):
        weight_moments(GENERAL, -1)


def test_the_stated_standard_error_covers_the_distance_to_another_sequence():
    # Ten times as many draws of ordinary pseudo-random numbers, without tilt.
    law, n = LogOddsLaw.of(GENERAL, 0), 5
    weights = weights_of(GENERAL, law.log_odds(n, np.random.default_rng(3).standard_normal((400_000, law.dimensions(n)))))
    stderr = weights.std(axis=0) / np.sqrt(400_000)
    moments = weight_moments(GENERAL, n)
    assert np.all(np.abs(weights.mean(axis=0) - moments.mean) <= STANDARD_ERRORS * np.hypot(stderr, moments.stderr))
    assert np.all(moments.stderr < 5e-4)
