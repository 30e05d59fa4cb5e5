"""Rules on sampled weak labels: posterior, refinement, EM against a direct maximiser, deconvolution, plurality."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats

from tests.tolerances import ROUNDING, SEARCHED_ARGUMENT, SOLVE, STANDARD_ERRORS
from w2s_theory.problems.mixtures import GaussianMixture, TokenMixture
from w2s_theory.students.label_refinement import concept_posterior, deconvolve, expectation_maximisation, plurality, refine

SOURCE, TARGET, MEANS = np.array([0.5, 0.3, 0.2]), np.array([0.1, 0.2, 0.7]), np.array([-1.5, 0.0, 1.2])
WORLD = GaussianMixture(SOURCE, TARGET, MEANS)


def test_the_posterior_is_bayes_rule():
    labels = np.array([-1.0, 0.4, 50.0])
    densities = stats.norm.pdf(labels[:2, None], MEANS, 1.0) * SOURCE
    found = concept_posterior(WORLD.log_densities(labels), SOURCE)
    assert np.allclose(found[:2], densities / densities.sum(axis=1, keepdims=True), atol=ROUNDING)
    assert found[2] == pytest.approx([0.0, 0.0, 1.0], abs=ROUNDING), "no underflow far out"


def test_a_label_that_no_concept_gives_is_refused():
    impossible = np.array([[0.0, -np.inf], [-np.inf, -np.inf]])
    with pytest.raises(ValueError, match="at least one concept"):
        concept_posterior(impossible, np.full(2, 0.5))
    with pytest.raises(ValueError, match="at least one concept"):
        concept_posterior(impossible[:1], np.array([0.0, 1.0]))
    with pytest.raises(ValueError, match="at least one concept"):
        expectation_maximisation(impossible, np.full(2, 0.5), rounds=1)


def test_a_concept_of_prior_zero_makes_no_label_possible_and_hides_no_other():
    with pytest.raises(ValueError, match="at least one concept of positive prior"):
        expectation_maximisation(np.array([[-np.inf, 0.0], [0.0, 0.0]]), np.array([1.0, 0.0]), rounds=1)
    far = np.array([[-2000.0, 0.0, -2001.0], [0.0, 5000.0, -1.0]])  # the second concept is far likelier, and ruled out
    path = expectation_maximisation(far, np.array([0.5, 0.0, 0.5]), rounds=3)
    without = expectation_maximisation(far[:, [0, 2]], np.full(2, 0.5), rounds=3)
    assert np.allclose(path[:, [0, 2]], without, atol=ROUNDING)
    assert np.all(path[:, 1] == 0.0)


def test_labels_of_weight_zero_do_not_enter_em_even_where_no_concept_gives_them():
    evidence = np.log(np.array([[0.9, 0.2], [0.1, 0.7], [1.0, 1.0]]))
    evidence[2] = -np.inf
    weighted = expectation_maximisation(evidence, np.full(2, 0.5), rounds=5, weights=np.array([1.0, 2.0, 0.0]))
    assert np.allclose(weighted, expectation_maximisation(evidence[[0, 1, 1]], np.full(2, 0.5), rounds=5), atol=ROUNDING)


def test_refined_labels_come_from_the_posterior_of_their_own_weak_label():
    label, count = 0.3, 200_000
    concepts, labels = refine(WORLD, np.full((count, 1), label), rng=np.random.default_rng(0))
    exact = concept_posterior(WORLD.log_densities(np.array([label])), SOURCE)[0]
    shares = np.bincount(concepts) / count
    assert np.all(np.abs(shares - exact) <= STANDARD_ERRORS * np.sqrt(exact / count))
    own = labels[concepts == 1, 0]
    assert abs(own.mean() - MEANS[1]) <= STANDARD_ERRORS / np.sqrt(own.size), "fresh labels of the drawn concept"
    assert abs(own.std() - 1.0) <= STANDARD_ERRORS / np.sqrt(2 * own.size)


def test_labels_of_a_prompt_are_read_together_and_drawn_from_one_concept():
    far = GaussianMixture(np.full(2, 0.5), np.full(2, 0.5), np.array([-9.0, 9.0]))
    concepts, labels = refine(far, np.tile([[-9.0, 8.0, -8.5]], (50, 1)), rng=np.random.default_rng(1))
    assert np.all(concepts == 0)
    assert labels.shape == (50, 3)
    assert np.all(labels < 0)


def test_a_second_round_reads_the_labels_of_the_first():
    separate = TokenMixture(np.full(2, 0.5), np.array([1.0, 0.0]), np.array([[1.0, 0.0], [0.5, 0.5]]))
    concepts, _ = refine(separate, np.zeros((100_000, 1), dtype=int), rng=np.random.default_rng(2), rounds=2)
    first = 2.0 / 3.0  # P(concept 0 | token 0); token 1 shows concept 1 for certain
    exact = (first + (1.0 - first) * 0.5) * first
    assert abs(np.mean(concepts == 0) - exact) <= STANDARD_ERRORS * np.sqrt(0.25 / 100_000)


def test_one_round_of_em_is_the_mean_posterior():
    _, labels = WORLD.sample(500, rng=np.random.default_rng(3))
    evidence = WORLD.log_densities(labels[:, 0])
    path = expectation_maximisation(evidence, SOURCE, rounds=1)
    assert np.allclose(path, [SOURCE, concept_posterior(evidence, SOURCE).mean(axis=0)], atol=ROUNDING)


def test_em_ends_at_the_maximum_likelihood_prior():
    pair = GaussianMixture(np.full(2, 0.5), np.array([0.8, 0.2]), np.array([-1.0, 1.0]))
    _, labels = pair.sample(300, rng=np.random.default_rng(4))
    densities = np.exp(pair.log_densities(labels[:, 0]))
    direct = optimize.minimize_scalar(
        lambda p: -np.sum(np.log(p * densities[:, 0] + (1 - p) * densities[:, 1])),
        bounds=(0, 1),
        method="bounded",
        options={"xatol": 1e-10},
    )
    path = expectation_maximisation(np.log(densities), np.full(2, 0.5), rounds=2000)
    likelihoods = np.log(densities @ path.T).sum(axis=0)
    assert path[-1, 0] == pytest.approx(direct.x, abs=SEARCHED_ARGUMENT), (
        "a bounded search finds an argument to the root of rounding, 1e-8·√300"
    )
    assert np.all(np.diff(likelihoods) >= -ROUNDING * np.abs(likelihoods[1:])), "the likelihood never falls"


def test_weights_of_em_count_labels():
    evidence = np.log(np.array([[0.9, 0.2], [0.1, 0.7]]))
    repeated = expectation_maximisation(np.repeat(evidence, [3, 1], axis=0), np.full(2, 0.5), rounds=5)
    weighted = expectation_maximisation(evidence, np.full(2, 0.5), rounds=5, weights=np.array([3.0, 1.0]))
    assert np.allclose(repeated, weighted, atol=ROUNDING)


def test_deconvolution_undoes_the_confusion_for_any_number_of_weights():
    confusion = np.array([[0.8, 0.1, 0.1], [0.3, 0.6, 0.1], [0.2, 0.2, 0.6]])
    priors = np.array([TARGET, SOURCE])
    assert np.allclose(deconvolve(priors @ confusion, confusion), priors, atol=SOLVE)


def test_concepts_that_look_alike_can_not_be_deconvolved():
    with pytest.raises(ValueError, match="confusion must be invertible"):
        deconvolve(SOURCE, np.tile(SOURCE, (3, 1)))


def test_plurality_takes_the_most_votes_and_breaks_ties_alike():
    assert np.array_equal(plurality(np.array([[3, 1, 2], [0, 4, 4 - 1]]), rng=np.random.default_rng(5)), [0, 1])
    tied = plurality(np.tile([2, 0, 2, 2], (60_000, 1)), rng=np.random.default_rng(6))
    shares = np.bincount(tied, minlength=4) / 60_000
    assert shares[1] == 0
    assert np.all(np.abs(shares[[0, 2, 3]] - 1 / 3) <= STANDARD_ERRORS * np.sqrt(2 / 9 / 60_000))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: refine(WORLD, np.zeros(3), rng=np.random.default_rng(0)), "labels must have 2 dimension"),
        (lambda: refine(WORLD, np.array([[np.nan]]), rng=np.random.default_rng(0)), "labels must be finite"),
        (lambda: refine(WORLD, np.zeros((2, 1)), rng=np.random.default_rng(0), rounds=0), "rounds must be a whole number"),
        (
            lambda: expectation_maximisation(np.zeros((2, 2)), np.array([0.5, 0.6]), rounds=1),
            "prior must be non-negative and sum",
        ),
        (lambda: expectation_maximisation(np.zeros((2, 2)), np.full(2, 0.5), rounds=-1), "rounds must be a whole number"),
        (lambda: expectation_maximisation(np.zeros(2), np.full(2, 0.5), rounds=1), r"log_likelihoods must have shape \(n, K\)"),
        (lambda: expectation_maximisation(np.zeros((4, 3)), np.full(2, 0.5), rounds=1), "each of the 2 concepts of the prior"),
        (lambda: expectation_maximisation(np.full((2, 2), np.nan), np.full(2, 0.5), rounds=1), "must not be NaN"),
        (lambda: concept_posterior(np.array([[0.0, np.nan]]), np.array([1.0, 0.0])), "must not be NaN"),
        (lambda: concept_posterior(np.array([[0.0, np.inf]]), np.array([1.0, 0.0])), r"must not be NaN or \+inf"),
        (lambda: concept_posterior(np.zeros((4, 3)), np.ones(1)), "each of the 1 concepts of the prior"),
        (lambda: concept_posterior(np.zeros((4, 2)), np.ones(2)), "prior must be non-negative and sum to 1"),
        (lambda: deconvolve(np.full(2, 0.5), np.full((2, 2), np.nan)), "confusion must be finite"),
        (lambda: deconvolve(np.array([0.5, np.nan]), np.eye(2)), "weights must be finite"),
        (lambda: deconvolve(np.full(2, 0.5), np.ones((2, 3))), r"confusion must have shape \(K, K\)"),
        (lambda: deconvolve(np.full(3, 0.5), np.eye(2)), r"weights \(..., K\) for the same concepts"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
