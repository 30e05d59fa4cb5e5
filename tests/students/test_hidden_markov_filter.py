"""Exact Bayes over hidden Markov concepts: against sums over all paths, a loop in logarithms, closed forms, calibration; zeros and underflow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from tests.students.forward_loops import by_paths, log_space
from tests.tolerances import LOG_SPACE, ROUNDING, STANDARD_ERRORS
from w2s_theory.problems.hidden_markov import HiddenMarkovConcepts
from w2s_theory.students import hidden_markov_filter
from w2s_theory.students.hidden_markov_filter import InContextRefiner, forward_filter


def drawn(seed, concepts=3, states=4, vocabulary=5, zeros=0.0, flat=1.0):
    """A random world; a share ``zeros`` of its transitions and emissions is 0, at least one per row is not."""
    rng = np.random.default_rng(seed)

    def rows(*shape):
        values = rng.gamma(flat, size=shape) * (rng.random(shape) >= zeros)
        values[..., 0] += values.sum(axis=-1) == 0
        return values / values.sum(axis=-1, keepdims=True)

    start, transitions = rows(concepts, states), rows(concepts, states, states)
    return HiddenMarkovConcepts(start, transitions, rows(states, vocabulary), rows(concepts))


def coins(*heads, prior=None):
    """Concepts with one informative state each, independent tosses: token 1 has probability ``heads[k]``. States are the tosses."""
    law = np.array([[1 - p, p] for p in heads])
    return HiddenMarkovConcepts(law, np.repeat(law[:, None], 2, axis=1), np.eye(2), prior)


@pytest.mark.parametrize("zeros", [0.0, 0.4])
def test_everything_agrees_with_a_sum_over_all_paths_of_states(zeros):
    world = drawn(1, zeros=zeros)
    tokens = world.sample(20, 5, rng=np.random.default_rng(2)).tokens
    got = forward_filter(world, tokens)
    for i, sequence in enumerate(tokens):
        likelihood, following = by_paths(world, sequence)
        np.testing.assert_allclose(np.exp(got.log_likelihoods[i]), likelihood, rtol=ROUNDING)
        joint = world.prior * likelihood
        np.testing.assert_allclose(got.posterior[i], joint / joint.sum(), rtol=ROUNDING, atol=ROUNDING)
        np.testing.assert_allclose(got.predictive[i], world.prior @ following / joint.sum(), rtol=ROUNDING)
    assert np.array_equal(InContextRefiner(world).predict(tokens), got.predictive.argmax(axis=1))


@given(
    st.integers(0, 10**6),
    st.integers(1, 4),
    st.integers(1, 6),
    st.integers(2, 6),
    st.sampled_from([0.0, 0.3, 0.6]),
    st.sampled_from([0.02, 1.0]),
)
def test_it_agrees_with_a_loop_in_logarithms(seed, concepts, states, vocabulary, zeros, flat):
    """Almost empty rows (flat = 0.02) have entries down to 1e-100 and below, and are scaled at every step."""
    world = drawn(seed, concepts, states, vocabulary, zeros, flat)
    tokens = np.random.default_rng(seed + 1).integers(0, vocabulary, (3, 30))
    tokens[0] = world.sample(1, 30, rng=np.random.default_rng(seed)).tokens
    wanted, ends = log_space(world, tokens)
    got = forward_filter(world, tokens)
    assert np.array_equal(np.isneginf(got.log_likelihoods), np.isneginf(wanted))
    finite = np.isfinite(wanted)
    np.testing.assert_allclose(got.log_likelihoods[finite], wanted[finite], rtol=LOG_SPACE, atol=LOG_SPACE)
    np.testing.assert_allclose(got.states[finite], np.exp(ends[finite] - wanted[finite][:, None]), atol=LOG_SPACE)
    assert np.all(got.states[~finite] == 0)


def test_many_sequences_and_prefixes_are_the_same_as_one_at_a_time():
    """More sequences than a block holds, and prefixes that fall between scalings."""
    world = drawn(3)
    count = hidden_markov_filter.BLOCK + 7
    tokens = world.sample(count, 41, rng=np.random.default_rng(4)).tokens
    lengths = [1, 2, 17, 18, 40, 41]
    got = forward_filter(world, tokens, lengths=lengths)
    assert got.log_likelihoods.shape == (6, count, 3) and got.states.shape == (6, count, 3, 4)
    for i in (0, hidden_markov_filter.BLOCK, count - 1):
        for j, length in enumerate(lengths):
            alone = forward_filter(world, tokens[i : i + 1, :length])
            np.testing.assert_allclose(got.log_likelihoods[j, i], alone.log_likelihoods[0], rtol=ROUNDING)
            np.testing.assert_allclose(got.predictive[j, i], alone.predictive[0], rtol=ROUNDING)


def test_long_sequences_do_not_underflow():
    world = drawn(5)
    tokens = world.sample(1, 5000, rng=np.random.default_rng(6)).tokens
    got = forward_filter(world, tokens)
    assert np.all(got.log_likelihoods < -3000)  # far below the smallest float, e^-745
    np.testing.assert_allclose(got.log_likelihoods, log_space(world, tokens)[0], rtol=LOG_SPACE)


def test_independent_tosses_have_the_binomial_likelihood_and_posterior():
    world = coins(0.3, 0.6, prior=[0.8, 0.2])
    tokens = np.array([[0, 1, 1, 0, 1, 0, 0], [1, 1, 1, 1, 1, 1, 0]])
    got = forward_filter(world, tokens)
    heads = tokens.sum(axis=1, keepdims=True)
    likelihood = np.exp(binom.logpmf(heads, 7, [0.3, 0.6])) / np.exp(binom.logpmf(heads, 7, 0.5)) * 0.5**7
    np.testing.assert_allclose(got.log_likelihoods, np.log(likelihood), rtol=ROUNDING)
    odds = likelihood[:, 0] * 0.8 / (likelihood[:, 1] * 0.2)
    np.testing.assert_allclose(got.posterior[:, 0] / got.posterior[:, 1], odds, rtol=ROUNDING)
    np.testing.assert_allclose(got.predictive[:, 1], got.posterior @ [0.3, 0.6], rtol=ROUNDING)


def test_what_the_tokens_cannot_tell_stays_as_it_was():
    """A stationary chain whose tokens don't depend on the state: the filter keeps the stationary law, the posterior the prior."""
    chain = np.array([[0.9, 0.1], [0.3, 0.7]])
    world = HiddenMarkovConcepts([[0.75, 0.25]] * 2, [chain, chain], [[0.5, 0.3, 0.2]] * 2, [0.9, 0.1])
    got = forward_filter(world, [[0, 2, 1, 1, 0]])
    np.testing.assert_allclose(got.states[0], [[0.75, 0.25]] * 2, rtol=ROUNDING)
    np.testing.assert_allclose(got.posterior[0], [0.9, 0.1], rtol=ROUNDING)
    np.testing.assert_allclose(got.predictive[0], [0.5, 0.3, 0.2], rtol=ROUNDING)


def test_the_posterior_is_calibrated_and_a_sharper_one_would_not_be():
    """E[(1{concept = k} − p_k) (p_k − ½)] = 0 over sequences of the world; log-likelihoods 10 % too large are noticed."""
    world = replace(drawn(8, concepts=2, states=3, flat=0.5), prior=[0.5, 0.5])
    sequences = world.sample(100_000, 20, rng=np.random.default_rng(9))
    got = forward_filter(world, sequences.tokens)

    def standard_errors_off(p):
        values = ((sequences.concepts == 0) - p) * (p - 0.5)
        return abs(values.mean()) / (values.std() / np.sqrt(len(values)))

    log_odds = np.diff(got.log_likelihoods + np.log(world.prior))[:, 0]
    sharper = np.diff(1.1 * got.log_likelihoods + np.log(world.prior))[:, 0]
    assert np.allclose(got.posterior[:, 0], 1 / (1 + np.exp(log_odds)), atol=ROUNDING)
    assert standard_errors_off(got.posterior[:, 0]) < STANDARD_ERRORS < standard_errors_off(1 / (1 + np.exp(sharper)))


def test_a_sequence_impossible_under_one_concept_rules_it_out():
    got = forward_filter(coins(1.0, 0.5), [[1, 1, 0, 1]])
    assert got.log_likelihoods[0, 0] == -np.inf and got.is_possible[0]
    assert np.array_equal(got.posterior, [[0.0, 1.0]]) and np.array_equal(got.states[0, 0], [0.0, 0.0])
    np.testing.assert_allclose(got.predictive, [[0.5, 0.5]], rtol=ROUNDING)


def test_a_sequence_impossible_under_every_concept_has_no_posterior_and_the_error_says_what_to_do():
    world = coins(1.0, 1.0)
    got = forward_filter(world, [[1, 1], [1, 0]])
    assert np.array_equal(got.is_possible, [True, False])
    assert np.array_equal(got.log_likelihoods, [[0.0, 0.0], [-np.inf, -np.inf]])
    for ask in (lambda: got.posterior, lambda: got.predictive, lambda: InContextRefiner(world).predict([[1, 0]])):
        with pytest.raises(ValueError, match=r"impossible under every concept.*smoothed"):
            ask()
    smoothed = forward_filter(world.smoothed(0.02), [[1, 0]])
    np.testing.assert_allclose(np.exp(smoothed.log_likelihoods), 0.99 * 0.01, rtol=ROUNDING)


def test_a_concept_of_prior_zero_does_not_make_a_sequence_possible():
    got = forward_filter(coins(1.0, 0.5, prior=[1.0, 0.0]), [[0]])
    assert not got.is_possible[0] and np.isfinite(got.log_likelihoods[0, 1])


def test_a_sequence_that_outlives_float64_is_refused_and_not_called_impossible():
    """Two pieces that never meet: 2000 tokens in favour of one leave the other no share at all, then a token that only it emits."""
    apart = HiddenMarkovConcepts([[0.5, 0.5]], [np.eye(2)], [[0.7, 0.3, 0.0], [0.2, 0.3, 0.5]])
    tokens = np.zeros((1, 2000), dtype=int)
    tokens[0, -1] = 2
    assert np.isfinite(log_space(apart, tokens)[0]).all()
    with pytest.raises(ValueError, match="concepts of their own"):
        forward_filter(apart, tokens)
    pieces = HiddenMarkovConcepts(np.eye(2), [np.eye(2)] * 2, apart.emissions)
    got = forward_filter(pieces, tokens)
    assert got.posterior[0, 1] == 1.0
    np.testing.assert_allclose(got.log_likelihoods[0, 1], log_space(pieces, tokens)[0][0, 1], rtol=LOG_SPACE)


@pytest.mark.parametrize(
    ("tokens", "lengths", "says"),
    [
        ([[0, 2]], None, "0 … 1"),
        ([[-1, 0]], None, "0 … 1"),
        ([[0.0, 1.0]], None, "whole numbers"),
        ([0, 1], None, "shape"),
        (np.zeros((0, 3), dtype=int), None, "not empty"),
        ([[0, 1]], [2, 1], "increase"),
        ([[0, 1]], [1, 1], "increase"),
        ([[0, 1]], [3], "increase"),
        ([[0, 1]], [], "increase"),
        ([[0, 1]], [0], "lengths"),
    ],
)
def test_tokens_and_lengths_that_make_no_sense_are_refused(tokens, lengths, says):
    with pytest.raises(ValueError, match=says):
        forward_filter(coins(0.5), tokens, lengths=lengths)
