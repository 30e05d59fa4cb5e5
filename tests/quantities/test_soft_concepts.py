"""Soft concepts: the Gaussian means over least-squares heads against posteriors on raw orthogonal prompts, quadrature and other solvers."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from scipy import integrate, special

from tests.tolerances import PIECE_MEMORY, QUADRATURE, QUOTED_SOFT_RISK, ROUNDING, SOLVE, STANDARD_ERRORS
from w2s_theory.problems.concepts import ConceptWorld, orthonormal_world
from w2s_theory.quantities.soft_concepts import (
    _normal_nodes,
    copied_share,
    mean_weights,
    minimum_norm_answers,
    noiseless_ridge_risk,
    orthogonal_prompts,
    saturated_weights,
    simulated_answers,
    simulated_weights,
    soft_risk,
    told_risk,
)
from w2s_theory.students.linear import MinimumNorm
from w2s_theory.students.refiner import log_evidence, posterior, refined_heads

GENERAL = ConceptWorld(
    np.random.default_rng(0).standard_normal((3, 5)),
    0.5 * np.random.default_rng(1).standard_normal(5),
    0.8,
    1.2,
    np.array([0.5, 0.3, 0.2]),
    aligned=1,
    target=np.random.default_rng(2).standard_normal(5),
    spread=0.4,
)
PLAIN = replace(orthonormal_world(2, alignment=0.6, length=0.8, weak_noise=0.8), spread=0.4)
WORLDS = {
    "one concept": (ConceptWorld(np.ones((1, 4)), np.arange(4.0), 0.7, 1.1, target=np.array([1.0, 0, 0, 2]), spread=0.6), 6),
    "two concepts": (PLAIN, 8),
    "two concepts of three features, short prompts": (PLAIN, 3),
    "three in general position, another target": (GENERAL, 7),
    "five orthonormal": (replace(orthonormal_world(5, alignment=0.7, length=1.0, weak_noise=1.0), spread=0.3), 10),
    "sharp": (replace(PLAIN, spread=0.0), 3),
    "noiseless": (replace(GENERAL, weak_noise=0.0), 9),
}
#: The setting of the row quoted in ``test_the_quoted_row_is_reproduced``.
QUOTED = replace(orthonormal_world(5, alignment=0.7, length=1.0, weak_noise=1.0, d=12), spread=np.sqrt(0.05))


@pytest.mark.parametrize("name", WORLDS)
def test_the_risk_of_one_prompt_agrees_with_posteriors_on_raw_examples(name):
    world, n = WORLDS[name]
    heads = simulated_answers(world, n, 40_000, rng=np.random.default_rng(3))
    errors = world.error(heads)
    stderr = errors.std() / np.sqrt(errors.size)
    assert abs(errors.mean() - soft_risk(world, n)) <= STANDARD_ERRORS * stderr + SOLVE * soft_risk(world, n)
    assert stderr < 0.019 * soft_risk(world, n), "too noisy to have seen a 10 % error"


@pytest.mark.parametrize("name", WORLDS)
def test_mean_weights_agree_with_posteriors_on_raw_examples(name):
    world, n = WORLDS[name]
    weights = simulated_weights(world, n, 30_000, rng=np.random.default_rng(6))
    stderr = weights.std(axis=0) / np.sqrt(len(weights))
    assert np.all(np.abs(weights.mean(axis=0) - mean_weights(world, n)) <= STANDARD_ERRORS * stderr + SOLVE)
    assert mean_weights(world, n).sum() == pytest.approx(1.0, abs=ROUNDING)


def test_orthogonal_prompts_are_orthogonal_and_point_everywhere():
    features, labels = orthogonal_prompts(GENERAL, 2000, 7, rng=np.random.default_rng(7))
    assert np.allclose(
        np.swapaxes(features, -1, -2) @ features, 7.0 * np.eye(5), atol=1e-9
    )  # rounding of seven terms of size seven
    noise = labels - features @ GENERAL.weak
    assert noise.std() == pytest.approx(0.8, rel=0.05)  # 14 000 numbers: six standard errors
    assert np.abs(features.mean(axis=(0, 1))).max() < STANDARD_ERRORS / np.sqrt(14_000)


def test_two_concepts_agree_with_adaptive_quadrature():
    world, n = PLAIN, 5
    s, variance = copied_share(world, n), 0.16 + 1.0 / 5
    step = np.sqrt(0.64 / 5)
    u = (world.concepts[1] - world.concepts[0]) / np.sqrt(2.0)

    def error(z):
        head = world.weak + step * z * u
        wrong = special.expit(np.sqrt(2.0) * (u @ (head - (world.concepts[0] + world.concepts[1]) / 2)) / variance)
        answer = s * head + (1 - s) * (wrong * world.concepts[1] + (1 - wrong) * world.concepts[0])
        return np.sum((answer - world.truth) ** 2) * np.exp(-0.5 * z**2) / np.sqrt(2.0 * np.pi)

    inside, _ = integrate.quad(error, -9, 9, epsabs=1e-12)
    assert soft_risk(world, n) == pytest.approx(inside + s**2 * step**2 * (world.d - 1), rel=QUADRATURE)


def test_one_concept_is_ridge_regression_towards_it():
    world, n = WORLDS["one concept"]
    s = 0.36 / (0.36 + 1.21 / n)
    features, labels = orthogonal_prompts(world, 5, n, rng=np.random.default_rng(8))
    heads = refined_heads(world, features, labels)
    for x, y, head in zip(features, labels, heads, strict=True):
        ridge = np.linalg.solve(x.T @ x / 1.21 + np.eye(4) / 0.36, x.T @ y / 1.21 + world.concepts[0] / 0.36)
        assert head == pytest.approx(ridge, abs=SOLVE)
        assert head == pytest.approx(s * x.T @ y / n + (1 - s) * world.concepts[0], abs=SOLVE)
    assert copied_share(world, n) == pytest.approx(s, rel=ROUNDING)
    assert soft_risk(world, n) == pytest.approx(told_risk(world, n), rel=ROUNDING)


def test_told_the_concept_the_error_is_shrunken_bias_and_noise():
    s = 8 / (8 + 1 / 0.16)
    assert told_risk(PLAIN, 8) == pytest.approx(s**2 * (PLAIN.weak_error + 0.64 * PLAIN.d / 8), rel=ROUNDING)
    certain = replace(PLAIN, prior=np.array([1.0, 0.0]))
    assert soft_risk(certain, 8) == pytest.approx(told_risk(PLAIN, 8), rel=1e-9)  # the trapezoidal rule on a parabola
    heads = simulated_answers(certain, 8, 20_000, rng=np.random.default_rng(9))
    stderr = certain.error(heads).std() / np.sqrt(20_000)
    assert abs(certain.error(heads).mean() - told_risk(PLAIN, 8)) <= STANDARD_ERRORS * stderr


def test_the_quoted_row_is_reproduced():
    # Five orthonormal concepts, β_*·β_w = 0.7, ‖β_w‖ = 1, σ = τ = 1, twelve features, ψ² = 0.05.
    for n, quoted in ((16, 0.361), (32, 0.383), (64, 0.458), (128, 0.5195)):
        assert soft_risk(QUOTED, n) == pytest.approx(quoted, abs=QUOTED_SOFT_RISK)
    for n, quoted in ((32, 0.369), (64, 0.457), (128, 0.5189)):
        assert told_risk(QUOTED, n) == pytest.approx(quoted, abs=QUOTED_SOFT_RISK)


def test_the_risk_falls_then_rises_to_the_weak_error():
    risks = np.array([soft_risk(QUOTED, n) for n in (12, 18, 40, 100, 400, 100_000)])
    best = int(np.argmin(risks))
    assert 0 < best < 3
    assert np.all(np.diff(risks[best:]) > 0)
    assert risks[-1] == pytest.approx(QUOTED.weak_error, rel=1e-3)  # off by about 2σ²/(nψ²)
    sharp = replace(QUOTED, spread=0.0)
    assert soft_risk(sharp, 400) < 1e-6


def test_evidence_saturates_at_the_stated_weights():
    world = replace(GENERAL, spread=0.9, target=None)
    limit = saturated_weights(world)
    away = np.sum((world.weak - world.concepts) ** 2, axis=-1)
    by_hand = np.array([0.5, 0.3, 0.2]) * np.exp(-away / 1.62)
    assert limit == pytest.approx(by_hand / by_hand.sum(), rel=ROUNDING)
    assert mean_weights(world, 10**7) == pytest.approx(limit, abs=1e-5)  # noise of size 1e-3.5 enters squared, σ²/n linearly
    features, labels = orthogonal_prompts(world, 150, 80, rng=np.random.default_rng(10))
    weights = posterior(world, features, labels)
    assert np.abs(weights.mean(axis=0) - limit).max() < 0.05
    assert limit.max() < 0.9, "far from identified"
    evidence = log_evidence(world, features[:1], labels[:1])[0]
    head = features[0].T @ labels[0] / 80
    distances = np.sum((head - world.concepts) ** 2, axis=-1) / (2.0 * (0.81 + 1.44 / 80))
    assert evidence[0] - evidence[1] == pytest.approx(distances[1] - distances[0], abs=1e-6)  # Cholesky of condition 60


@pytest.mark.parametrize("n", [2, 5, 9])
def test_noiseless_ridge_walks_in_a_straight_line(n):
    rng = np.random.default_rng(11)
    world = ConceptWorld(rng.standard_normal((1, 7)), rng.standard_normal(7), target=rng.standard_normal(7), spread=1.0)
    heads = minimum_norm_answers(world, n, 20_000, rng=np.random.default_rng(12))
    errors = world.error(heads)
    stderr = errors.std() / np.sqrt(errors.size)
    exact = noiseless_ridge_risk(world, n)
    assert abs(errors.mean() - exact) <= STANDARD_ERRORS * stderr + SOLVE * exact
    assert stderr < 0.01 * exact
    features, labels = world.sample(3, n, rng=np.random.default_rng(13))
    heads = minimum_norm_answers(world, n, 3, rng=np.random.default_rng(13))
    for x, y, head in zip(features, labels, heads, strict=True):
        fit = MinimumNorm().fit(x, y - x @ world.concepts[0]).coefficients
        assert head == pytest.approx(world.concepts[0] + fit, abs=SOLVE * 100)  # random features, condition up to 1e4
    if n < 7:  # the limit of the Bayesian refiner as its belief in noise vanishes
        nearly = replace(world, belief=1e-4)
        assert refined_heads(nearly, features, labels) == pytest.approx(heads, abs=1e-4)


def test_right_labels_and_a_prior_around_zero_give_the_unseen_share():
    world = ConceptWorld(np.zeros((1, 20)), np.ones(20), target=np.ones(20))
    assert [noiseless_ridge_risk(world, n) / 20 for n in (5, 15, 20, 40)] == pytest.approx([0.75, 0.25, 0.0, 0.0], abs=ROUNDING)


def test_a_soft_concept_is_nearly_sharp_when_it_hardly_bends():
    hardly = replace(GENERAL, spread=1e-5)
    assert soft_risk(hardly, 9) == pytest.approx(soft_risk(replace(GENERAL, spread=0.0), 9), rel=1e-6)


@pytest.mark.parametrize(
    "simulate",
    [
        lambda rng: simulated_weights(GENERAL, 24, 40_000, rng=rng),
        lambda rng: simulated_answers(GENERAL, 24, 40_000, rng=rng),
        lambda rng: minimum_norm_answers(ConceptWorld(np.zeros((1, 20)), np.ones(20)), 20, 15_000, rng=rng),
    ],
    ids=["weights", "answers", "minimum norm"],
)
def test_prompts_are_simulated_in_pieces(simulate):
    tracemalloc.start()
    found = simulate(np.random.default_rng(0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.isfinite(found).all()
    assert peak < PIECE_MEMORY


def test_nodes_that_are_kept_cannot_be_changed():
    for q in (0, 1, 2, 3):
        for part in _normal_nodes(q):
            with pytest.raises(ValueError, match="read-only"):
                part[...] = 0.0


def test_what_the_law_does_not_cover_is_refused():
    with pytest.raises(ValueError, match="n must be at least d = 5"):
        soft_risk(GENERAL, 4)
    with pytest.raises(ValueError, match="n must be at least d = 5"):
        orthogonal_prompts(GENERAL, 2, 4, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="spread must be > 0"):
        saturated_weights(replace(GENERAL, spread=0.0))
    with pytest.raises(ValueError, match="concepts must be a single one"):
        noiseless_ridge_risk(GENERAL, 3)
    with pytest.raises(ValueError, match="n must be a whole number"):
        told_risk(GENERAL, 0)
    for simulate in (simulated_answers, simulated_weights, minimum_norm_answers):
        with pytest.raises(ValueError, match="n must be a whole number"):
            simulate(GENERAL, 0, 10, rng=np.random.default_rng(0))
    with pytest.raises(TypeError, match=r"numpy\.random\.Generator"):
        orthogonal_prompts(GENERAL, 2, 9, rng=0)  # type: ignore[arg-type]
