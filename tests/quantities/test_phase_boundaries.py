"""The refiner as a quantiser: limits, ties and boundaries against sampled prompts, searches and directions drawn at random."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize, special

from tests.tolerances import PIECE_MEMORY, ROUNDING, SEARCHED_MINIMUM, STANDARD_ERRORS, TIE_CHANCES
from w2s_theory.problems.concepts import ConceptWorld, orthonormal_world
from w2s_theory.problems.mixture_prompt import MixturePrompt
from w2s_theory.problems.regression_mixture import RegressionMixture
from w2s_theory.quantities.diversity_collapse import (
    collapse_bound,
    collapsed_error,
    collapsing_weights,
    remaining_diversity,
)
from w2s_theory.quantities.evidence_mgf import delta, weight_bound
from w2s_theory.quantities.phase_boundaries import (
    flip_size,
    identification_radius,
    limit_law,
    limit_weights,
    nearest,
    one_prompt_limit,
    settled,
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
    bound = weight_bound(settled(world), 3000)
    assert world.error(weights.mean(axis=0) @ world.concepts) == pytest.approx(refined, abs=3.0 * bound)
    assert bound < 0.01
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
    assert settled(alone).count == 1


def test_a_world_is_settled_on_its_nearest_possible_concept():
    prior, target = np.array([0.3, 0.2, 0.5, 0.0]), np.array([1.0, 0.5, 0.0])
    world = ConceptWorld(
        np.vstack([np.eye(3), np.eye(3)[1]])[[0, 2, 1, 3]], np.array([0.2, 0.7, 0.3]), 0.8, 1.2, prior, target=target
    )
    near = settled(world)  # the concept ruled out, equal to the nearest one, is left out
    assert near.count == 3 and near.concepts[near.aligned].tolist() == [0.0, 1.0, 0.0]
    assert near.truth.tolist() == target.tolist() and near.alpha.tolist() == [0.3, 0.2, 0.5]
    weights = weights_of(world, simulate_evidence(world, [9], 20_000, rng=np.random.default_rng(5))[0])
    wrong = 1.0 - weights[:, 2]
    assert wrong.mean() - STANDARD_ERRORS * wrong.std() / np.sqrt(20_000) < weight_bound(near, 9) < 0.5
    with pytest.raises(ValueError, match=r"weak must have one nearest concept; \[0, 1\] are equally near"):
        settled(ConceptWorld(np.eye(2), np.array([0.5, 0.5])))


SHARES = np.array([0.5, 0.3, 0.2, 0.0])
MIXTURE = RegressionMixture(np.eye(4), np.full(4, 0.25), SHARES, 0.5, weak_noise=0.3)


def test_a_mixed_target_collapses_to_its_mode():
    prompt = MixturePrompt(MIXTURE, 1500)
    assert collapsed_error(prompt) == pytest.approx(0.38, abs=ROUNDING)
    assert prompt.diversity == pytest.approx(1.0 - SHARES @ SHARES, abs=ROUNDING)
    weights = collapsing_weights(prompt, 1000, rng=np.random.default_rng(0))
    errors = prompt.reader.error(weights @ np.eye(4))
    assert errors.mean() == pytest.approx(0.38, abs=0.004), "the bound on what is left, 1e-4, times √2 and the number of prompts"
    assert remaining_diversity(prompt.world, weights).mean() < 0.01 * prompt.diversity
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
    assert collapse_bound(prompt) == pytest.approx(weight_bound(direct, 7), rel=SEARCHED_MINIMUM)
    assert prompt.diversity == 0.0


def near_tie(n: int, shares: tuple[float, ...] = (1.0, 0.0)) -> MixturePrompt:
    """Two concepts, and a mean labelling head that is hardly nearer to the first one."""
    weak = np.array([[0.5005, 0.5], [0.5005, 0.5]]) + np.outer([shares[1], -shares[0]], [0.6, 0.2])  # shares keep the mean
    return MixturePrompt(RegressionMixture(np.eye(2), np.full(2, 0.5), np.array(shares), 1.0, weak, 1.0), n)


@pytest.mark.parametrize(("n", "quoted"), [(10**4, 0.996), (10**6, 0.937), (10**8, 0.0019)])
def test_the_bound_stays_a_bound_near_a_tie(n, quoted):
    one_head = collapse_bound(near_tie(n))
    assert one_head == pytest.approx(quoted, abs=6e-4)  # three decimals
    direct = ConceptWorld(np.eye(2), np.array([0.5005, 0.5]), 1.0)
    assert one_head == pytest.approx(weight_bound(direct, n), rel=1e-6)  # a hundred million times the rounding of a logarithm
    assert one_head < collapse_bound(near_tie(n, (0.4, 0.6))) < min(1.0, 3.0 * one_head)


@pytest.mark.parametrize(("n", "belief"), [(1, 0.8), (5, 0.8), (60, 0.8), (4000, 0.8), (2000, 8.0)])
def test_the_bound_for_mixtures_is_the_smallest_over_all_powers(n, belief):
    rng = np.random.default_rng(4)
    concepts = 1.5 * rng.standard_normal((4, 3))
    weak = concepts + 0.3 * rng.standard_normal((4, 3))
    prior, shares = np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.6, 0.3, 0.0, 0.1])
    prompt = MixturePrompt(RegressionMixture(concepts, prior, shares, belief, weak, 0.5), n)
    winner = int(nearest(prompt.reader)[0])
    rivals = np.delete(np.arange(4), winner)
    worlds = [replace(prompt.reader, weak=head, aligned=winner) for head in weak]

    def bound(power: float, k: int) -> float:
        bases = np.array([delta(world, power)[k] for world in worlds])
        if np.any(bases[shares > 0] <= 0):
            return np.inf
        moment = shares[shares > 0] @ bases[shares > 0] ** -0.5
        return (
            special.xlogy(power, power)
            + special.xlogy(1 - power, 1 - power)
            + power * np.log(prior[rivals[k]] / prior[winner])
            + n * np.log(moment)
        )

    powers = np.linspace(0.0, 1.0, 101)[1:-1]
    coarse = [powers[np.argmin([bound(power, k) for power in powers])] for k in range(3)]
    ends = [np.clip([best - 0.01, best + 0.01], 0.0, 1.0) for best in coarse]
    logs = [optimize.fminbound(bound, *end, args=(k,), xtol=1e-12, full_output=True)[1] for k, end in enumerate(ends)]
    total = np.sum(np.exp(np.minimum(logs, 0.0)))
    assert collapse_bound(prompt) == pytest.approx(
        min(1.0, total), rel=1e-7
    )  # n roundings of a logarithm, and the search's own end


@pytest.mark.parametrize("n", [2, 12])
def test_the_bound_for_mixtures_is_the_moment_generating_function_of_sampled_log_odds(n):
    shares = np.array([0.7, 0.3])
    world = RegressionMixture(np.eye(2), np.array([0.6, 0.4]), shares, 1.0, weak_noise=0.5)
    prompt = MixturePrompt(world, n)
    evidence = log_evidence(prompt.reader, *prompt.sample(200_000, rng=np.random.default_rng(n)))
    gaps = evidence[:, 1] - evidence[:, 0] + np.log(0.4 / 0.6)
    trials = [power**power * (1 - power) ** (1 - power) * np.exp(power * gaps) for power in np.linspace(0.0, 1.0, 101)[1:-1]]
    best = min(trials, key=np.mean)
    stderr = best.std() / np.sqrt(best.size)
    assert abs(collapse_bound(prompt) - best.mean()) <= STANDARD_ERRORS * stderr
    assert stderr < 0.01 * best.mean(), "too noisy to have seen a 10 % error"
    assert np.mean(special.expit(gaps)) < collapse_bound(prompt)


def test_remaining_diversity_is_the_variance_between_concepts():
    weights = np.array([[0.5, 0.5, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.1, 0.2, 0.3, 0.4]])
    away = np.eye(4)[None] - (weights @ np.eye(4))[:, None]
    by_hand = np.sum(weights * np.sum(away**2, axis=-1), axis=-1)
    assert remaining_diversity(MIXTURE, weights) == pytest.approx(by_hand, abs=ROUNDING)
    assert remaining_diversity(MIXTURE, SHARES) == pytest.approx(MixturePrompt(MIXTURE, 1).diversity, abs=ROUNDING)


def test_prompts_are_simulated_in_pieces():
    prompt = MixturePrompt(MIXTURE, 40)
    tracemalloc.start()
    weights = collapsing_weights(prompt, 60_000, rng=np.random.default_rng(0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert weights.shape == (60_000, 4)
    assert peak < PIECE_MEMORY


def test_what_has_no_limit_is_refused():
    tie = orthonormal_world(3, alignment=-0.5, length=0.5)
    with pytest.raises(ValueError, match="features must be Gaussian to break a tie"):
        limit_law(replace(tie, features="uniform"))
    with pytest.raises(ValueError, match="spread must be 0"):
        limit_law(replace(tie, spread=0.1))
    with pytest.raises(ValueError, match="weak must differ from the concept"):
        flip_size(ConceptWorld(np.eye(2), np.eye(2)[0]))
    even = replace(MIXTURE, target=np.array([0.4, 0.4, 0.2, 0.0]))
    with pytest.raises(ValueError, match=r"\[0, 1\] tie"):
        collapsed_error(MixturePrompt(even, 5))
    assert collapse_bound(MixturePrompt(even, 5)) == 1.0
    with pytest.raises(ValueError, match="examples must be a whole number >= 1"):
        MixturePrompt(MIXTURE, 0)
