"""Finite mixtures under latent concept shift: densities, expectations by nodes, sampling, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from tests.tolerances import QUADRATURE, ROUNDING, STANDARD_ERRORS
from w2s_theory.problems.mixtures import FiniteMixture, GaussianMixture, Refinement, TokenMixture
from w2s_theory.problems.regression_mixture import RegressionMixture, RegressionTraining

SOURCE, TARGET = np.array([0.5, 0.3, 0.2]), np.array([0.1, 0.2, 0.7])
MEANS = np.array([-1.5, 0.0, 1.2])
TABLES = np.array([[0.5, 0.5, 0.0, 0.0], [0.1, 0.2, 0.7, 0.0], [0.25, 0.25, 0.5, 0.0]])
PAIR = {
    "concepts": np.array([[1.0, 0.0, 0.5], [-1.0, 0.0, 0.5]]),
    "source": np.full(2, 0.5),
    "target": np.array([0.9, 0.1]),
    "noise": 0.7,
}


def test_gaussian_densities_are_those_of_scipy():
    world = GaussianMixture(SOURCE, TARGET, MEANS, 0.8, MEANS + 0.3, 1.4)
    labels = np.array([-2.0, 0.1, 5.0])
    assert np.allclose(world.log_densities(labels), stats.norm.logpdf(labels[:, None], MEANS, 0.8), atol=ROUNDING)
    assert np.allclose(world.weak_log_densities(labels), stats.norm.logpdf(labels[:, None], MEANS + 0.3, 1.4), atol=ROUNDING)


@pytest.mark.parametrize(("noise", "weak_noise"), [(1.0, 1.0), (0.1, 1.0), (1.0, 0.05)])
def test_expectations_over_the_nodes_agree_with_adaptive_quadrature(noise, weak_noise):
    world = GaussianMixture(SOURCE, TARGET, MEANS, noise, MEANS + 0.2, weak_noise)
    labels, weights = world.nodes()

    def share(y):
        terms = SOURCE * np.exp(-0.5 * np.square((y - MEANS) / noise) + 0.5 * np.min(np.square((y - MEANS) / noise)))
        return terms[1] / terms.sum()

    for j in range(3):
        centre, points = MEANS[j] + 0.2, np.array([-0.75, 0.6])
        ends = (min(centre - 9 * weak_noise, -1.0), max(centre + 9 * weak_noise, 1.0))
        exact, _ = integrate.quad(
            lambda y, centre=centre: share(y) * stats.norm.pdf(y, centre, weak_noise),
            *ends,
            points=[*points, centre],
            limit=400,
            epsabs=1e-11,
        )
        mine = sum(w * share(y) for y, w in zip(labels[j], weights[j], strict=True))
        assert mine == pytest.approx(exact, abs=QUADRATURE)


def test_components_too_sharp_for_the_nodes_are_refused():
    world = GaussianMixture(SOURCE, TARGET, 1e6 * MEANS)
    with pytest.raises(ValueError, match="means must lie within about"):
        world.nodes()


def test_samples_have_the_target_prior_and_the_weak_components():
    rng = np.random.default_rng(0)
    world = GaussianMixture(SOURCE, TARGET, MEANS, 0.8, MEANS + 0.3, 1.4)
    concepts, labels = world.sample(200_000, rng=rng, examples=2)
    assert labels.shape == (200_000, 2)
    for k in range(3):
        share = np.mean(concepts == k)
        assert abs(share - TARGET[k]) <= STANDARD_ERRORS * np.sqrt(TARGET[k] / 200_000)
        own = labels[concepts == k]
        assert abs(own.mean() - MEANS[k] - 0.3) <= STANDARD_ERRORS * 1.4 / np.sqrt(own.size)
        assert abs(own.std() / 1.4 - 1.0) <= STANDARD_ERRORS / np.sqrt(2 * own.size)
        assert abs(np.corrcoef(own.T)[0, 1]) <= STANDARD_ERRORS / np.sqrt(len(own)), "independent given the concept"
    fresh = world.draw(np.full(100_000, 2), rng=rng)
    assert abs(fresh.mean() - MEANS[2]) <= STANDARD_ERRORS * 0.8 / np.sqrt(100_000)
    assert abs(fresh.std() / 0.8 - 1.0) <= STANDARD_ERRORS / np.sqrt(200_000)


def test_tokens_are_drawn_from_their_tables():
    rng = np.random.default_rng(1)
    world = TokenMixture(SOURCE, TARGET, TABLES, np.roll(TABLES, 1, axis=0))
    for draw, tables in ((world.draw, TABLES), (world.draw_weak, np.roll(TABLES, 1, axis=0))):
        for k in range(3):
            counts = np.bincount(draw(np.full(50_000, k), rng=rng), minlength=4) / 50_000
            assert np.all(np.abs(counts - tables[k]) <= STANDARD_ERRORS * np.sqrt(tables[k] / 50_000))
            assert np.all(counts[tables[k] == 0] == 0), "an impossible token is never drawn"


def test_nodes_of_tokens_are_the_tokens_that_some_concept_gives():
    labels, weights = TokenMixture(SOURCE, TARGET, TABLES).nodes()
    assert labels.shape == (3, 3)
    assert np.array_equal(weights, TABLES[:, :3])


def test_labels_of_one_concept_pool_into_one_of_less_noise():
    world = GaussianMixture(SOURCE, TARGET, MEANS, 0.8, MEANS + 0.3, 1.4)
    _, labels = world.sample(4, rng=np.random.default_rng(3), examples=5)
    joint = world.log_densities(labels).sum(axis=1)
    pooled = world.pooled(5).log_densities(labels.mean(axis=1))
    assert np.allclose(np.diff(joint, axis=1), np.diff(pooled, axis=1), atol=ROUNDING * 100), "the mean label is sufficient"
    assert world.pooled(5).weak_scale == pytest.approx(1.4 / np.sqrt(5))


def test_faithful_worlds_know_that_they_are():
    for world in (GaussianMixture(SOURCE, TARGET, MEANS, 1.0, MEANS + 0.1), TokenMixture(SOURCE, TARGET, TABLES, TABLES[::-1])):
        assert not world.is_faithful()
        assert world.faithful().is_faithful()
    assert not GaussianMixture(SOURCE, TARGET, MEANS, weak_noise=2.0).is_faithful()


def test_several_labels_per_prompt_need_a_gaussian_world():
    with pytest.raises(ValueError, match="examples must be 1 unless"):
        Refinement(TokenMixture(SOURCE, TARGET, TABLES), examples=2)
    with pytest.raises(ValueError, match="rounds must be a whole number"):
        Refinement(TokenMixture(SOURCE, TARGET, TABLES), rounds=0)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: FiniteMixture([0.5, 0.6], [0.5, 0.5]), "source must be non-negative and sum to 1"),
        (lambda: FiniteMixture([1.0, 0.0], [0.5, 0.5]), "source must be positive"),
        (lambda: FiniteMixture([0.5, 0.5], [1.0]), "priors over the same concepts"),
        (lambda: FiniteMixture([0.5, np.nan], [0.5, 0.5]), "source must be finite"),
        (lambda: GaussianMixture(SOURCE, TARGET, MEANS[:2]), "means must have one entry per concept"),
        (lambda: GaussianMixture(SOURCE, TARGET, MEANS, 0.0), "noise must be a finite number > 0"),
        (lambda: GaussianMixture(SOURCE, TARGET, MEANS, weak_noise=-1.0), "weak_noise must be a finite number > 0"),
        (lambda: TokenMixture(SOURCE, TARGET, TABLES * 2), "tables must be non-negative and sum to 1 over the last axis"),
        (lambda: TokenMixture(SOURCE, TARGET, TABLES[:2]), r"must have shape \(K, V\)"),
        (lambda: TokenMixture(SOURCE, TARGET, TABLES, np.eye(4)[[3, 0, 1]]), "no concept gives token 3"),
        (lambda: RegressionMixture(**PAIR | {"noise": 0.0}), "noise must be a finite number > 0"),
        (lambda: RegressionMixture(**PAIR | {"target": np.ones(3) / 3}), "must agree on the number of concepts"),
        (lambda: RegressionMixture(**PAIR, weak_concepts=np.ones((2, 2))), "must agree on the number of concepts"),
        (lambda: RegressionMixture(**PAIR | {"source": np.array([1.0, 0.0])}), "source must be positive"),
        (lambda: RegressionTraining(RegressionMixture(**PAIR), 0), "labels must be a whole number"),
    ],
)
def test_bad_worlds_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_a_world_is_not_changed_by_its_callers_arrays():
    means = MEANS.copy()
    world = GaussianMixture(SOURCE, TARGET, means)
    means[0] = 9.0
    assert world.means[0] == -1.5
    with pytest.raises(ValueError, match="read-only"):
        world.means[0] = 9.0


def test_weak_regression_labels_have_the_mean_and_noise_of_the_mixture():
    world = RegressionMixture(**PAIR, weak_concepts=PAIR["concepts"] + np.array([0.0, 0.4, 0.0]), weak_noise=1.1)
    x = np.array([0.5, 1.0, -2.0])
    labels = world.weak_labels(np.broadcast_to(x, (200_000, 3)), rng=np.random.default_rng(4))
    means = world.weak @ x
    variance = 1.1**2 + 0.9 * 0.1 * (means[0] - means[1]) ** 2
    assert abs(labels.mean() - (0.9 * means[0] + 0.1 * means[1])) <= STANDARD_ERRORS * np.sqrt(variance / 200_000)
    assert labels.var() == pytest.approx(variance, rel=0.02)
    assert np.allclose(world.mean_bias, [0.0, 0.4, 0.0], atol=ROUNDING)
    assert np.allclose(world.target_head, [0.8, 0.0, 0.5], atol=ROUNDING)


def test_a_regression_mixture_knows_its_hypotheses():
    world = RegressionMixture(**PAIR)
    assert world.is_balanced_pair()
    assert world.is_unbiased()
    assert world.has_common_orthogonal_bias()
    along = RegressionMixture(**PAIR, weak_concepts=PAIR["concepts"] + np.array([0.3, 0.0, 0.0]))
    apart = RegressionMixture(**PAIR, weak_concepts=PAIR["concepts"] + np.array([[0.0, 0.3, 0.0], [0.0, 0.1, 0.0]]))
    assert not along.has_common_orthogonal_bias()
    assert not apart.has_common_orthogonal_bias()
    assert not along.is_unbiased()
    assert not RegressionMixture(**PAIR | {"source": np.array([0.4, 0.6])}).is_balanced_pair()
    assert not RegressionMixture(**PAIR | {"concepts": PAIR["concepts"][[0, 0]]}).is_balanced_pair(), "the same concept twice"
    draws = world.draw(
        np.broadcast_to(np.array([1.0, 0, 0]), (50_000, 3)), np.ones(50_000, dtype=int), rng=np.random.default_rng(5)
    )
    assert abs(draws.mean() + 1.0) <= STANDARD_ERRORS * 0.7 / np.sqrt(50_000)
    assert abs(draws.std() / 0.7 - 1.0) <= STANDARD_ERRORS / np.sqrt(100_000)
    log = world.log_densities(np.array([1.0, 0.0, 0.0]), np.array(0.3))
    assert log[0] - log[1] == pytest.approx(stats.norm.logpdf(0.3, 1.0, 0.7) - stats.norm.logpdf(0.3, -1.0, 0.7), rel=ROUNDING)


def test_a_training_says_whether_least_squares_has_a_mean():
    training = RegressionTraining(RegressionMixture(**PAIR), 5)
    assert training.has_enough_labels() and not training.has_enough_labels(2)
    with pytest.raises(TypeError, match="world must be a RegressionMixture"):
        RegressionTraining(GaussianMixture(SOURCE, TARGET, MEANS), 5)  # type: ignore[arg-type]
