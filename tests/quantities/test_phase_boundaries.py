"""The refiner as a quantiser: limits, ties and boundaries against sampled prompts, searches and directions drawn at random."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.tolerances import ROUNDING, STANDARD_ERRORS, TIE_CHANCES
from w2s_theory.problems.concepts import ConceptWorld, orthonormal_world
from w2s_theory.problems.mixture_prompt import MixturePrompt
from w2s_theory.problems.regression_mixture import RegressionMixture
from w2s_theory.quantities.diversity_collapse import (
    collapse_bound,
    collapsed_error,
    collapsing_weights,
    remaining_diversity,
)
from w2s_theory.quantities.phase_boundaries import (
    flip_size,
    identification_radius,
    limit_law,
    limit_weights,
    nearest,
    one_prompt_limit,
    worst_case_error,
    wrong_weight_bound,
)
from w2s_theory.students.refiner import log_evidence, simulate_evidence, weights_of


def segment(share: float) -> ConceptWorld:
    """The weak vector on the way from the concept meant to another one."""
    return ConceptWorld(np.eye(3), (1 - share) * np.eye(3)[0] + share * np.eye(3)[1], 0.3, 0.5)


def ring(rivals: int, seed: int, d: int = 4) -> ConceptWorld:
    """Concepts in random directions at distance one from the weak vector, with unequal priors."""
    rng = np.random.default_rng(seed)
    directions = rng.standard_normal((rivals, d))
    weak = rng.standard_normal(d)
    prior = np.arange(1.0, rivals + 1.0)
    concepts = weak + directions / np.linalg.norm(directions, axis=1, keepdims=True)
    return ConceptWorld(concepts, weak, 0.3, 0.5, prior / prior.sum())


@pytest.mark.parametrize(("share", "naive", "refined"), [(0.45, 0.405, 0.0), (0.55, 0.605, 2.0)])
def test_the_refined_error_jumps_half_way_to_another_concept(share, naive, refined):
    world = segment(share)
    weights = weights_of(world, simulate_evidence(world, [3000], 500, rng=np.random.default_rng(0)))[0]
    # E(1 − w) is at most the bound, about 1e-3: a distance of at most √2 times that
    assert world.error(weights.mean(axis=0) @ world.concepts) == pytest.approx(refined, abs=3.0 * wrong_weight_bound(world, 3000))
    assert wrong_weight_bound(world, 3000) < 0.01
    assert world.weak_error == pytest.approx(naive, abs=ROUNDING)
    assert world.error(limit_weights(world) @ world.concepts) == pytest.approx(refined, abs=ROUNDING)
    assert one_prompt_limit(world) == pytest.approx(refined, abs=ROUNDING)


def test_the_nearest_possible_concept_wins_whatever_the_prior_that_does_not_rule_it_out():
    world = ConceptWorld(np.eye(3), np.array([0.2, 0.9, 0.1]), 0.4, 0.5, prior=np.array([0.98, 0.01, 0.01]))
    assert limit_weights(world).tolist() == [0.0, 1.0, 0.0]
    ruled_out = replace(world, prior=np.array([0.99, 0.0, 0.01]))
    assert limit_weights(ruled_out).tolist() == [1.0, 0.0, 0.0]
    weights = weights_of(ruled_out, simulate_evidence(ruled_out, [2000], 500, rng=np.random.default_rng(0)))[0]
    assert weights[:, 0].mean() > 0.95


def test_uniform_features_have_the_same_limit():
    world = replace(segment(0.3), features="uniform")
    weights = weights_of(world, simulate_evidence(world, [400], 500, rng=np.random.default_rng(0)))[0]
    assert limit_weights(world).tolist() == [1.0, 0.0, 0.0]
    assert weights[:, 0].mean() > 0.99


@pytest.mark.parametrize(("rivals", "seed", "d"), [(2, 3, 4), (3, 0, 4), (3, 878, 2), (4, 1, 4), (5, 2, 4)])
def test_ties_are_broken_as_random_walks_with_the_covariance_of_raw_log_likelihoods(rivals, seed, d):
    world = ring(rivals, seed, d)
    assert nearest(world).size == rivals
    rng = np.random.default_rng(seed)
    steps = simulate_evidence(world, [1], 2_000_000, rng=rng)[0]
    walks = rng.multivariate_normal(np.zeros(rivals), np.cov(steps.T), size=2_000_000)
    wins = np.bincount(np.argmax(walks, axis=1), minlength=rivals) / 2_000_000
    assert limit_weights(world) == pytest.approx(wins, abs=TIE_CHANCES)
    assert limit_law(world).posteriors.tolist() == np.eye(rivals).tolist()
    one_hot = wins @ world.error(world.concepts)
    assert one_prompt_limit(world) == pytest.approx(one_hot, abs=TIE_CHANCES * world.error(world.concepts).sum())


def test_long_prompts_end_on_tied_concepts_as_often_as_said():
    world, prompts = ring(3, 0), 8000
    weights = weights_of(world, simulate_evidence(world, [1500], prompts, rng=np.random.default_rng(1)))[0]
    exact = limit_weights(world)
    stderr = weights.std(axis=0) / np.sqrt(prompts)
    assert np.all(np.abs(weights.mean(axis=0) - exact) <= STANDARD_ERRORS * stderr)
    assert np.ptp(exact) > 8 * stderr.max(), "too noisy to tell the chances from equal ones"


def test_noiseless_labels_half_way_between_two_concepts_leave_the_prior_s_odds():
    prior = np.array([0.5, 0.3, 0.2])
    world = ConceptWorld(np.array([[1.0, 0], [-1, 0], [0, 1]]), np.zeros(2), prior=prior)
    weights = weights_of(world, simulate_evidence(world, [50], 200, rng=np.random.default_rng(0)))[0]
    assert weights[:, 0] / weights[:, 1] == pytest.approx(5 / 3, rel=1e-9)  # rounding of fifty terms of size 50 in an exponent
    assert limit_weights(world) == pytest.approx([0.3125, 0.1875, 0.5], abs=ROUNDING)
    # 0.5 · ‖(0.25, 0) − (1, 0)‖² + 0.5 · ‖(0, 1) − (1, 0)‖²
    assert one_prompt_limit(world) == pytest.approx(0.5 * 0.5625 + 0.5 * 2.0, abs=ROUNDING)


@pytest.mark.parametrize("count", [3, 6])
def test_equidistant_competitors_share_the_student_and_not_the_prompt(count):
    world = orthonormal_world(count, alignment=-0.5, length=0.5, weak_noise=0.5, belief=0.7)
    assert world.error(limit_weights(world) @ world.concepts) == pytest.approx(count / (count - 1), abs=ROUNDING)
    assert one_prompt_limit(world) == pytest.approx(2.0, abs=ROUNDING)
    weights = weights_of(world, simulate_evidence(world, [300], 8000, rng=np.random.default_rng(count)))[0]
    heads = weights @ world.concepts - world.truth
    student = np.sum(heads[:4000] * heads[4000:], axis=-1)  # unbiased for the student's error
    stderr = student.std() / np.sqrt(student.size)
    assert abs(student.mean() - count / (count - 1)) <= STANDARD_ERRORS * stderr
    assert stderr < 0.01 * count / (count - 1)
    single = np.sum(heads**2, axis=-1)
    assert single.mean() > student.mean() + 0.5 * (2.0 - count / (count - 1)), "a prompt's own errors don't average out"


@pytest.mark.parametrize("n", [100, 400])
def test_one_prompt_breaks_a_tie_of_two_slowly(n):
    world, prompts = orthonormal_world(3, alignment=-0.5, length=0.5, weak_noise=0.5, belief=0.7), 20_000
    weights = weights_of(world, simulate_evidence(world, [n], prompts, rng=np.random.default_rng(n)))[0]
    errors = world.error(weights @ world.concepts)
    # 2 − 2E[w₁w₂], and E expit(L)expit(−L) = 1/√(2πV) for L ~ N(0, V), V = n‖u‖²(‖β_w − midpoint‖² + τ²)/σ⁴ large
    off = world.weak - (world.concepts[1] + world.concepts[2]) / 2
    variance = n * 2.0 * (off @ off + 0.25) / 0.7**4
    stderr = errors.std() / np.sqrt(prompts)
    assert abs(errors.mean() - (2.0 - 2.0 / np.sqrt(2.0 * np.pi * variance))) <= STANDARD_ERRORS * stderr
    assert stderr < 0.1 * 2.0 / np.sqrt(2.0 * np.pi * variance), "too noisy to have seen 10 % of what is left"


def test_a_bias_flips_the_concept_beyond_the_stated_size_and_not_before():
    rng = np.random.default_rng(0)
    for _ in range(50):
        concepts, direction = rng.standard_normal((5, 3)), rng.standard_normal(3)
        world = ConceptWorld(concepts, concepts[0] + direction)
        size = flip_size(world)
        unit = direction / np.linalg.norm(direction)
        reach = min(size, 1e3)
        before, after = (replace(world, weak=concepts[0] + factor * reach * unit) for factor in (0.999, 1.001))
        assert nearest(before).tolist() == [0]
        assert (nearest(after).tolist() == [0]) == np.isinf(size)


def test_no_direction_flips_within_the_radius_and_one_does_beyond_it():
    rng = np.random.default_rng(1)
    concepts = rng.standard_normal((6, 4))
    world = ConceptWorld(concepts, concepts[0] + 1.0)
    radius = identification_radius(world)
    directions = rng.standard_normal((5000, 4))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    steps = concepts[1:] - concepts[0]
    closest = steps[np.argmin(np.linalg.norm(steps, axis=1))]
    directions = np.vstack([directions, closest / np.linalg.norm(closest)])
    for factor, kept in ((0.999, 5001), (1.001, 5000)):
        weak = concepts[0] + factor * radius * directions
        winners = np.argmin(np.sum((weak[:, None] - concepts) ** 2, axis=-1), axis=-1)
        assert np.sum(winners == 0) <= kept
        assert (winners[-1] == 0) == (factor < 1)


def test_without_competitors_nothing_flips():
    alone = ConceptWorld(np.ones((1, 2)), np.zeros(2))
    assert flip_size(alone) == identification_radius(alone) == np.inf
    assert limit_weights(alone).tolist() == [1.0]
    assert wrong_weight_bound(alone, 5) == 0.0


def test_the_worst_target_within_a_distance_is_the_one_found_by_search():
    rng = np.random.default_rng(2)
    heads, weak, size = rng.standard_normal((40, 2)) + 0.5, np.array([0.3, -0.2]), 0.7
    angles = np.linspace(0, 2 * np.pi, 20_001)
    targets = weak + size * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    searched = max(np.mean(np.sum((heads - target) ** 2, axis=-1)) for target in targets)
    assert worst_case_error(heads, weak, size) == pytest.approx(searched, rel=1e-6)  # the grid is off by (π/20000)² at most
    assert worst_case_error(np.tile(weak, (3, 1)), weak, size) == pytest.approx(size**2, rel=ROUNDING)
    assert worst_case_error(heads, weak, size) > size**2


@pytest.mark.parametrize(("belief", "n"), [(0.6, 3), (3.0, 40), (1.0, 0)])
def test_the_bound_on_wrong_weight_is_the_moment_generating_function_of_sampled_log_odds(belief, n):
    world = ConceptWorld(np.eye(2, 3), np.array([0.8, 0.1, 0.4]), 0.6, belief, np.array([0.3, 0.7]))
    evidence = simulate_evidence(world, [n], 200_000, rng=np.random.default_rng(n))[0]
    tilts = np.linspace(0.0, 1.0, 201)[1:]
    sampled = [np.mean(np.exp(tilt * (evidence[:, 1] + np.log(0.7 / 0.3)))) for tilt in tilts]
    # heavy tails at large tilts only make the sampled minimum noisy where it is not taken; at n = 0 nothing is random
    assert wrong_weight_bound(world, n) == pytest.approx(min(sampled), rel=0.02 if n else ROUNDING)
    weights = weights_of(world, evidence)
    assert 1.0 - weights[:, 0].mean() < wrong_weight_bound(world, n)


def test_the_bound_has_a_term_for_every_competitor_and_none_in_a_tie():
    pair = ConceptWorld(np.eye(2, 3), np.array([0.8, 0.0, 0.2]), 0.6)
    three = ConceptWorld(np.eye(3), np.array([0.8, 0.0, 0.0]), np.hypot(0.6, 0.2))
    assert wrong_weight_bound(three, 5) == pytest.approx(2.0 * wrong_weight_bound(pair, 5), rel=1e-9)
    assert wrong_weight_bound(orthonormal_world(3, alignment=0.0, weak_noise=0.5), 5) == np.inf


SHARES = np.array([0.5, 0.3, 0.2, 0.0])
MIXTURE = RegressionMixture(np.eye(4), np.full(4, 0.25), SHARES, 0.5, weak_noise=0.3)


def test_a_mixed_target_collapses_to_its_mode():
    prompt = MixturePrompt(MIXTURE, 1500)
    assert collapsed_error(prompt) == pytest.approx(0.38, abs=ROUNDING)
    assert prompt.diversity == pytest.approx(1.0 - SHARES @ SHARES, abs=ROUNDING)
    weights = collapsing_weights(prompt, 1000, rng=np.random.default_rng(0))
    errors = prompt.reader.error(weights @ np.eye(4))
    assert errors.mean() == pytest.approx(0.38, abs=0.004), "the bound on what is left, 1e-4, times √2 and the number of prompts"
    assert remaining_diversity(prompt, weights).mean() < 0.01 * prompt.diversity
    assert prompt.reader.weak_error == 0.0, "naive fine-tuning on the same labels learns the mean"


def test_the_nearest_concept_need_not_be_the_mode():
    concepts = np.array([[0.0], [1.0], [3.0]])
    world = RegressionMixture(concepts, np.full(3, 1 / 3), np.array([0.4, 0.25, 0.35]), 1.0, weak_noise=0.3)
    prompt = MixturePrompt(world, 2000)
    weights = collapsing_weights(prompt, 200, rng=np.random.default_rng(0))
    assert weights.mean(axis=0)[1] > 0.99, "the mean head 1.3 is nearest to 1, which has the smallest share"
    assert collapsed_error(prompt) == pytest.approx(0.3**2, abs=ROUNDING)


def test_a_single_concept_in_the_mixture_is_a_concept_world():
    rng = np.random.default_rng(3)
    weak = np.eye(3) + 0.2 * rng.standard_normal((3, 3))
    world = RegressionMixture(np.eye(3), np.full(3, 1 / 3), np.array([0.0, 1.0, 0.0]), 0.5, weak, 0.3)
    prompt = MixturePrompt(world, 7)
    direct = ConceptWorld(np.eye(3), weak[1], 0.3, 0.5, aligned=1)
    assert collapse_bound(prompt) == pytest.approx(wrong_weight_bound(direct, 7), rel=ROUNDING)
    assert prompt.diversity == 0.0


@pytest.mark.parametrize("n", [2, 12])
def test_the_bound_for_mixtures_is_the_moment_generating_function_of_sampled_log_odds(n):
    shares = np.array([0.85, 0.15])
    world = RegressionMixture(np.eye(2), np.array([0.4, 0.6]), shares, 1.0, weak_noise=0.5)
    prompt = MixturePrompt(world, n)
    evidence = log_evidence(prompt.reader, *prompt.sample(100_000, rng=np.random.default_rng(n)))
    gaps = evidence[:, 1] - evidence[:, 0] + np.log(0.6 / 0.4)
    sampled = min(np.mean(np.exp(tilt * gaps)) for tilt in np.linspace(0.0, 1.0, 201)[1:])
    assert collapse_bound(prompt) == pytest.approx(sampled, rel=0.03)


def test_remaining_diversity_is_the_variance_between_concepts():
    prompt = MixturePrompt(MIXTURE, 1)
    weights = np.array([[0.5, 0.5, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.1, 0.2, 0.3, 0.4]])
    away = np.eye(4)[None] - (weights @ np.eye(4))[:, None]
    by_hand = np.sum(weights * np.sum(away**2, axis=-1), axis=-1)
    assert remaining_diversity(prompt, weights) == pytest.approx(by_hand, abs=ROUNDING)
    assert remaining_diversity(prompt, SHARES) == pytest.approx(prompt.diversity, abs=ROUNDING)


def test_what_has_no_limit_is_refused():
    tie = orthonormal_world(3, alignment=-0.5, length=0.5)
    with pytest.raises(ValueError, match="features must be Gaussian to break a tie"):
        limit_law(replace(tie, features="uniform"))
    with pytest.raises(ValueError, match="spread must be 0"):
        limit_law(replace(tie, spread=0.1))
    with pytest.raises(ValueError, match="weak must differ from the concept"):
        flip_size(ConceptWorld(np.eye(2), np.eye(2)[0]))
    with pytest.raises(ValueError, match="size must be a finite number >= 0"):
        worst_case_error(np.ones((2, 2)), np.ones(2), -1.0)
    even = replace(MIXTURE, target=np.array([0.4, 0.4, 0.2, 0.0]))
    with pytest.raises(ValueError, match=r"\[0, 1\] tie"):
        collapsed_error(MixturePrompt(even, 5))
    assert collapse_bound(MixturePrompt(even, 5)) == np.inf
    with pytest.raises(ValueError, match="examples must be a whole number >= 1"):
        MixturePrompt(MIXTURE, 0)
