"""The refiner reads prompts by Bayes' rule: against densities written out, and its streamed simulation against reading sampled prompts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from tests.tolerances import ROUNDING, STANDARD_ERRORS
from w2s_theory.problems.concepts import ConceptWorld, orthonormal_world
from w2s_theory.students import refiner
from w2s_theory.students.refiner import log_evidence, posterior, refined_heads, simulate_evidence, weights_of

SHARP = ConceptWorld(
    np.random.default_rng(0).standard_normal((3, 4)),
    np.random.default_rng(1).standard_normal(4),
    0.8,
    0.7,
    np.array([0.5, 0.3, 0.2]),
    aligned=1,
)
SOFT = replace(SHARP, spread=0.6)


def test_the_posterior_is_bayes_rule_on_normal_densities():
    features, labels = SHARP.sample(5, 6, rng=np.random.default_rng(2))
    weights = posterior(SHARP, features, labels)
    for prompt in range(5):
        likelihood = [np.prod(stats.norm.pdf(labels[prompt], features[prompt] @ beta, 0.7)) for beta in SHARP.concepts]
        expected = SHARP.alpha * likelihood
        np.testing.assert_allclose(weights[prompt], expected / expected.sum(), rtol=1e3 * ROUNDING)


def test_soft_concepts_have_the_evidence_of_their_marginal_and_the_mean_of_their_posterior():
    features, labels = SOFT.sample(1, 6, rng=np.random.default_rng(3))
    covariance = 0.49 * np.eye(6) + 0.36 * features[0] @ features[0].T
    densities = np.array([stats.multivariate_normal.pdf(labels[0], features[0] @ beta, covariance) for beta in SOFT.concepts])
    weights = SOFT.alpha * densities / (SOFT.alpha @ densities)
    np.testing.assert_allclose(posterior(SOFT, features, labels)[0], weights, rtol=1e3 * ROUNDING)
    # The posterior mean by sampling concepts from the prior and weighting them by their likelihood: no linear algebra in common.
    rng = np.random.default_rng(4)
    concepts = SOFT.concepts[rng.choice(3, 400_000, p=SOFT.alpha)] + 0.6 * rng.standard_normal((400_000, 4))
    logs = -0.5 / 0.49 * np.sum((labels[0] - concepts @ features[0].T) ** 2, axis=1)
    likelihood = np.exp(logs - logs.max())
    mean = likelihood @ concepts / likelihood.sum()
    spread = np.sqrt(np.sum(likelihood[:, None] ** 2 * (concepts - mean) ** 2, axis=0)) / likelihood.sum()
    head = refined_heads(SOFT, features, labels)[0]
    assert np.all(np.abs(head - mean) <= STANDARD_ERRORS * spread)
    assert np.all(spread < 0.1 * np.linalg.norm(head)), "too noisy to have seen a 10 % error"


def test_a_sharp_refiner_answers_with_the_weighted_concepts():
    features, labels = SHARP.sample(3, 4, rng=np.random.default_rng(5))
    np.testing.assert_allclose(refined_heads(SHARP, features, labels), posterior(SHARP, features, labels) @ SHARP.concepts)


def test_a_hardly_soft_concept_is_a_sharp_one():
    features, labels = SHARP.sample(3, 4, rng=np.random.default_rng(6))
    almost = refined_heads(replace(SHARP, spread=1e-6), features, labels)
    np.testing.assert_allclose(almost, refined_heads(SHARP, features, labels), atol=1e-9)


@pytest.mark.parametrize("world", [SHARP, replace(SHARP, features="uniform")], ids=["gaussian", "uniform"])
def test_streamed_evidence_has_the_law_of_reading_sampled_prompts(world):
    streamed = simulate_evidence(world, [3, 9], 20_000, rng=np.random.default_rng(7))
    for i, n in enumerate((3, 9)):
        read = log_evidence(world, *world.sample(20_000, n, rng=np.random.default_rng(8 + n)))
        odds = read - read[:, [world.aligned]]
        for k in (0, 2):
            assert stats.ks_2samp(streamed[i, :, k], odds[:, k]).pvalue > 1e-6
    assert stats.ks_2samp(1.1 * streamed[1, :, 0], odds[:, 0]).pvalue < 1e-6, "no power"


def test_sizes_share_draws_chunks_fit_together_and_no_examples_say_nothing(monkeypatch):
    monkeypatch.setattr(refiner, "CHUNK", 7)
    found = simulate_evidence(SHARP, [0, 2, 2, 5], 20, rng=np.random.default_rng(9))
    assert found.shape == (4, 20, 3)
    assert np.all(found[0] == 0.0) and np.all(found[:, :, SHARP.aligned] == 0.0)
    np.testing.assert_array_equal(found[1], found[2])
    assert np.all(np.any(found[3] != found[2], axis=-1))
    np.testing.assert_allclose(weights_of(SHARP, found[0]), np.tile(SHARP.alpha, (20, 1)), rtol=ROUNDING)


def test_only_the_span_of_the_concepts_matters():
    world = orthonormal_world(3, alignment=0.5, length=0.8, weak_noise=0.3, d=50)
    turned = np.linalg.qr(np.random.default_rng(10).standard_normal((50, 50)))[0]
    rotated = replace(world, concepts=world.concepts @ turned, weak=world.weak @ turned, target=world.truth @ turned)
    assert rotated.reduced.d == 4
    for name in ("weak_error", "source_error", "strong_error"):
        assert getattr(rotated.reduced, name) == pytest.approx(getattr(world, name), abs=1e-12)
    np.testing.assert_allclose(rotated.reduced.concepts @ rotated.reduced.concepts.T, np.eye(3), atol=1e-12)
    assert world.is_paper_geometry() and rotated.is_paper_geometry() and not SHARP.is_paper_geometry()


def test_a_ruled_out_concept_gets_no_weight_and_far_labels_no_nan():
    world = ConceptWorld(np.eye(3), np.zeros(3), prior=np.array([0.5, 0.5, 0.0]))
    weights = posterior(world, np.full((1, 2, 3), 1e6), np.array([[1e7, -1e7]]))
    assert np.all(np.isfinite(weights)) and weights[0, 2] == 0.0 and weights.sum() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"aligned": 3}, "aligned must be the index of one of 3 concepts"),
        ({"prior": np.array([0.5, 0.5])}, "prior must have one share for each of 3"),
        ({"prior": np.array([0.5, 0.3, 0.1])}, "prior must be non-negative and sum to 1"),
        ({"prior": np.array([0.5, 0.0, 0.5])}, "prior of the aligned concept must be positive"),
        ({"weak": np.ones(3)}, "weak must have 4 coefficients"),
        ({"target": np.ones(5)}, "target must have 4 coefficients"),
        ({"weak": np.array([1.0, np.nan, 0, 0])}, "weak must be finite"),
        ({"belief": 0.0}, "belief must be a finite number > 0"),
        ({"weak_noise": -1.0}, "weak_noise must be a finite number >= 0"),
        ({"spread": np.inf}, "spread must be a finite number >= 0"),
        ({"features": "cauchy"}, "features must be 'gaussian' or 'uniform'"),
        ({"concepts": np.ones(3)}, "concepts must have 2 dimension"),
    ],
)
def test_a_world_of_concepts_refuses_bad_parameters(change, message):
    with pytest.raises(ValueError, match=message):
        replace(SHARP, **change)


def test_prompts_of_another_shape_and_nan_are_refused():
    features, labels = SHARP.sample(2, 3, rng=np.random.default_rng(11))
    with pytest.raises(ValueError, match=r"features must have shape \(\.\.\., n, 4\)"):
        posterior(SHARP, features[..., :3], labels)
    with pytest.raises(ValueError, match="labels must be finite"):
        posterior(SHARP, features, np.where(labels > 0, labels, np.nan))
    with pytest.raises(ValueError, match="spread must be 0"):
        simulate_evidence(SOFT, [1], 5, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="can be reduced"):
        _ = SOFT.reduced
    with pytest.raises(ValueError, match="d must be at least"):
        orthonormal_world(3, d=3)
    with pytest.raises(ValueError, match="length"):
        orthonormal_world(3, alignment=0.9, length=0.5)


def test_uniform_features_have_the_covariance_of_gaussian_ones():
    x = replace(SHARP, features="uniform").draw_features((200_000, 4), rng=np.random.default_rng(12))
    assert np.max(np.abs(x)) <= np.sqrt(3.0)
    np.testing.assert_allclose(x.T @ x / 200_000, np.eye(4), atol=STANDARD_ERRORS / np.sqrt(200_000))
