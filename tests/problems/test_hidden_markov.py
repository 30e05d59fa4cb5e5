"""Hidden Markov concepts: the law of samples against marginals computed step by step, smoothing, refusals."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from tests.students.forward_loops import by_paths
from tests.tolerances import ROUNDING, STANDARD_ERRORS
from w2s_theory.problems.hidden_markov import HiddenMarkovConcepts

START = [[0.2, 0.8, 0.0], [1.0, 0.0, 0.0]]
CHAIN = [[[0.1, 0.9, 0.0], [0.0, 0.5, 0.5], [1.0, 0.0, 0.0]], [[0.3, 0.3, 0.4], [0.2, 0.0, 0.8], [0.0, 0.0, 1.0]]]
EMISSIONS = [[0.5, 0.5, 0.0, 0.0], [0.0, 0.25, 0.75, 0.0], [0.1, 0.2, 0.3, 0.4]]
PRIOR = [0.3, 0.7]


def world(**changes) -> HiddenMarkovConcepts:
    return HiddenMarkovConcepts(**({"start": START, "transitions": CHAIN, "emissions": EMISSIONS, "prior": PRIOR} | changes))


def within(frequency, probability, count) -> bool:
    """Whether frequencies are within the allowed standard errors of their probabilities; what has probability 0 never happens."""
    probability = np.asarray(probability)
    error = STANDARD_ERRORS * np.sqrt(probability * (1 - probability) / count)
    return bool(np.all(np.abs(frequency - probability) <= error + ROUNDING))


def test_samples_have_the_law_of_the_model_at_every_step():
    """Concepts, states and tokens; pairs of states. A probability of 0.1 more or less than said would be 30 standard errors."""
    count = 60_000
    tokens, states, concepts = world().sample(count, 4, rng=np.random.default_rng(0))
    assert tokens.shape == states.shape == (count, 4) and concepts.shape == (count,)
    assert within(np.bincount(concepts) / count, PRIOR, count)
    for k in (0, 1):
        law, mine = np.array(START[k]), concepts == k
        for t in range(4):
            assert within(np.bincount(states[mine, t], minlength=3) / mine.sum(), law, mine.sum())
            assert within(np.bincount(tokens[mine, t], minlength=4) / mine.sum(), law @ EMISSIONS, mine.sum())
            if t < 3:
                pairs = np.bincount(3 * states[mine, t] + states[mine, t + 1], minlength=9) / mine.sum()
                assert within(pairs.reshape(3, 3), law[:, None] * np.array(CHAIN[k]), mine.sum())
            law = law @ np.array(CHAIN[k])
    for state in range(3):
        seen = tokens[states == state]
        assert within(np.bincount(seen, minlength=4) / len(seen), EMISSIONS[state], len(seen))


def test_chains_begin_where_they_are_told_and_move_by_their_concept():
    states = world().chains(np.array([0, 1] * 500), np.full(1000, 2), 2, rng=np.random.default_rng(1))
    assert np.all(states[:, 0] == 2) and np.all(states[::2, 1] == 0) and np.all(states[1::2, 1] == 2)


def test_a_smoothed_model_is_one_whose_tokens_are_replaced_now_and_then():
    count, rng = 60_000, np.random.default_rng(2)
    plain = world().sample(count, 2, rng=rng).tokens
    slipped = np.where(rng.random(plain.shape) < 0.3, rng.integers(0, 4, plain.shape), plain)
    smoothed = world().smoothed(0.3)
    for pair in product(range(4), repeat=2):
        likelihood = world().prior @ by_paths(smoothed, pair)[0]
        assert within(np.mean(np.all(slipped == pair, axis=1)), likelihood, count)
    np.testing.assert_allclose(world().smoothed(1.0).emissions, 0.25)
    assert np.array_equal(world().smoothed(0.0).emissions, world().emissions)


def test_the_prior_is_uniform_unless_given_and_nothing_can_be_changed_from_outside():
    start = np.array(START)
    made = world(start=start, prior=None)
    start[:] = 0.0
    assert np.array_equal(made.prior, [0.5, 0.5]) and np.array_equal(made.start, START)
    with pytest.raises(ValueError, match="read-only"):
        made.transitions[0, 0, 0] = 1.0


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"start": [[0.2, 0.7, 0.0], [1.0, 0.0, 0.0]]}, "start must be non-negative and sum to 1"),
        ({"emissions": [[1.5, -0.5], [1.0, 0.0], [1.0, 0.0]]}, "emissions must be non-negative"),
        ({"transitions": np.full((2, 3, 2), 0.5)}, "transitions must have shape"),
        ({"start": [[0.5, 0.5]]}, "start must have shape"),
        ({"emissions": np.eye(2)}, "emissions must have shape"),
        ({"prior": [1.0]}, "prior must have shape"),
        ({"prior": [np.nan, 1.0]}, "prior must be finite"),
        ({"start": [0.5, 0.5, 0.0]}, "start must have 2 dimension"),
    ],
)
def test_what_is_no_model_is_refused(changes, says):
    with pytest.raises(ValueError, match=says):
        world(**changes)


def test_misuse_is_refused():
    with pytest.raises(ValueError, match="slips"):
        world().smoothed(1.5)
    with pytest.raises(TypeError, match="rng"):
        world().sample(2, 3, rng=0)  # pyright: ignore[reportArgumentType]
    for count, length, says in ((0, 3, "count"), (2, 0, "length")):
        with pytest.raises(ValueError, match=says):
            world().sample(count, length, rng=np.random.default_rng(0))
