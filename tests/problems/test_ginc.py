"""GINC: states and transitions entry by entry, prompts, labels against sums over all paths, weak outputs, the released language, two traps."""

from __future__ import annotations

from dataclasses import replace
from string import ascii_lowercase

import numpy as np
import pytest

from tests.students.forward_loops import by_paths
from tests.tolerances import ROUNDING, STANDARD_ERRORS
from w2s_theory.problems.ginc import Ginc, random_ginc, released_ginc
from w2s_theory.students.hidden_markov_filter import forward_filter

#: The first 130 tokens of the released validation text for 50 tokens (data/…nsymbols50…/val.txt of github.com/p-lambda/incontext-learning).
RELEASED_TEXT = """ar am ak am v ar x ak ak ak ak am / k ak / ak h aq v am k ak h aq h aq / k v am aq v ak am aq ak am x ak ar v ar k ak / k
ak ar v j ap m n e e a j a af ax ai u o af o f / af as ax f ah ai m m an an av m ar m i / i aq / i ar m ar m ar m i af i ar m ar m an av i
/ aq an af i w m af i w w w an av aq an / aq / an af / aq an m ar m i af m ar"""


def small(seed=0, **changes) -> Ginc:
    return random_ginc(
        **({"vocabulary": 5, "entities": 2, "properties": 3, "concepts": 2, "rng": np.random.default_rng(seed)} | changes)
    )


def test_a_state_is_an_entity_and_a_property_that_move_independently():
    language = small()
    world = language.concepts
    for e, p in np.ndindex(2, 3):
        assert np.array_equal(np.flatnonzero(world.emissions[3 * e + p]), [language.memory[e, p]])
        for e2, p2, k in np.ndindex(2, 3, 2):
            wanted = language.entity_transitions[e, e2] * language.property_transitions[k, p, p2]
            assert world.transitions[k, 3 * e + p, 3 * e2 + p2] == pytest.approx(wanted, rel=ROUNDING)


def test_a_drawn_language_has_the_published_form():
    language = random_ginc(50, unseen=5, rng=np.random.default_rng(0))
    assert language.memory.shape == (10, 10) and language.property_transitions.shape == (10, 10, 10)
    assert language.pretrained == 5 and language.pretraining.n_concepts == 5 and language.concepts.n_concepts == 10
    assert np.all(language.memory[:, 0] == 0) and language.memory[:, 1:].min() >= 1 and language.memory.max() <= 49
    for matrices in (language.entity_transitions, language.property_transitions):  # mixtures of permutations: doubly stochastic
        np.testing.assert_allclose(matrices.sum(axis=-2), 1.0, atol=ROUNDING)
    mixed = random_ginc(50, permutations=3000, rng=np.random.default_rng(0))  # about 600 count: entries are 1/10 up to 0.012
    np.testing.assert_allclose(mixed.property_transitions, 0.1, atol=0.07)
    np.testing.assert_allclose(mixed.entity_transitions, 0.9 * np.eye(10) + 0.01, atol=0.007)
    assert random_ginc(2, rng=np.random.default_rng(0)).memory.max() == released_ginc(2).memory.max() == 1
    ratio = language.start.max(axis=1) / language.start.min(axis=1)
    assert np.all((np.exp(0.09) < ratio) & (ratio < np.exp(0.1)))  # softmax of 100 uniforms of width 1/10
    assert np.ptp(language.property_transitions, axis=0).max() > 0.01


def test_weights_of_permutations_have_the_published_temperature():
    """One entity of two: entries of a mixture of two permutations of two things are its weights, whose log-odds are 10 (u − u')."""
    language = random_ginc(9, concepts=8000, entities=1, properties=2, permutations=2, rng=np.random.default_rng(0))
    entries = language.property_transitions[:, 0]
    entries = entries[entries.min(axis=1) > 0]  # otherwise the two permutations are the same
    odds = np.log(entries[:, 0] / entries[:, 1])
    error = np.std(np.square(odds)) / np.sqrt(len(odds))
    assert abs(np.mean(np.square(odds)) - 100 / 6) < STANDARD_ERRORS * error < 0.1 * 100 / 6


def test_a_prompt_is_examples_of_one_length_with_delimiters_between_them_and_a_last_input():
    language = random_ginc(50, rng=np.random.default_rng(1))
    prompts = language.prompts(200, examples=4, length=6, rng=np.random.default_rng(2))
    assert prompts.tokens.shape == (200, 4 * 7 + 5) and prompts.labels.shape == (200, 5) and prompts.weak.shape == (200, 4)
    assert np.array_equal(prompts.ends, [5, 12, 19, 26, 33])
    assert np.all(prompts.tokens[:, 6::7] == 0)
    assert np.array_equal(prompts.tokens[:, 5::7], prompts.weak)
    firsts = prompts.tokens[:, ::7]
    columns = np.array([[np.isin(firsts[i], language.memory[:, p]).all() for p in range(1, 10)] for i in range(200)])
    assert columns.any(axis=1).all()  # the examples of a prompt start at one property, which is not the delimiter
    assert set(np.unique(prompts.concepts)) == set(range(5))
    assert language.prompts(3, examples=0, length=2, rng=np.random.default_rng(0)).tokens.shape == (3, 1)


def test_labels_are_the_likeliest_tokens_by_a_sum_over_all_paths():
    """The start is any entity at the property of the prompt, which the first tokens reveal here: each token has one property."""
    language = replace(small(3), memory=[[0, 1, 2], [0, 3, 4]])
    prompts = language.prompts(40, examples=2, length=4, flip=0.5, rng=np.random.default_rng(4))
    inputs = np.stack([prompts.tokens[:, 5 * j : 5 * j + 3] for j in range(3)], axis=1)
    for i, j in np.ndindex(40, 3):
        x, k = inputs[i, j], prompts.concepts[i]
        start = np.zeros((2, 6))
        start[:, [2 - x[0] % 2, 5 - x[0] % 2]] = 0.5
        assert by_paths(language.concepts, x, start)[1][k].argmax() == prompts.labels[i, j]


def test_weak_outputs_are_replaced_as_often_as_said_and_nothing_else_changes():
    language = random_ginc(50, rng=np.random.default_rng(5))
    clean, weak = (language.prompts(1500, examples=20, length=3, flip=f, rng=np.random.default_rng(6)) for f in (0.0, 0.3))
    assert np.array_equal(clean.labels, weak.labels) and np.array_equal(clean.concepts, weak.concepts)
    is_output = np.zeros(clean.tokens.shape[1], dtype=bool)
    is_output[2:-2:4] = True
    assert np.array_equal(clean.tokens[:, ~is_output], weak.tokens[:, ~is_output])
    changed, wanted = clean.weak != weak.weak, 0.3 * (1 - 1 / 50)
    error = np.sqrt(wanted * (1 - wanted) / changed.size)
    assert abs(changed.mean() - wanted) < STANDARD_ERRORS * error < 0.1 * wanted
    assert set(np.unique(weak.weak[changed])) == set(range(50))


def test_clean_outputs_are_samples_of_the_next_token_and_not_the_likeliest():
    """Inputs of one token at length 2: the law of outputs is (entity, then property) one step on, brute force over the two."""
    language = replace(small(7), memory=[[0, 1, 2], [0, 3, 4]])
    prompts = language.prompts(60_000, examples=1, length=2, rng=np.random.default_rng(8))
    for k, token in np.ndindex(2, 4):
        outputs = prompts.weak[(prompts.concepts == k) & (prompts.tokens[:, 0] == token + 1), 0]
        e, p = token // 2, 1 + token % 2
        law = np.zeros(5)
        for e2, p2 in np.ndindex(2, 3):
            law[language.memory[e2, p2]] += language.entity_transitions[e, e2] * language.property_transitions[k, p, p2]
        error = np.sqrt(law * (1 - law) / len(outputs))
        assert np.all(np.abs(np.bincount(outputs, minlength=5) / len(outputs) - law) < STANDARD_ERRORS * error + ROUNDING)


def test_unseen_prompts_come_from_the_concepts_that_are_not_pretrained_on():
    language = random_ginc(50, concepts=2, unseen=3, rng=np.random.default_rng(9))
    prompts = language.prompts(100, examples=1, length=3, unseen=True, rng=np.random.default_rng(0))
    assert set(np.unique(prompts.concepts)) == {2, 3, 4}
    with pytest.raises(ValueError, match="unseen"):
        small().prompts(1, examples=1, length=3, unseen=True, rng=np.random.default_rng(0))


def test_the_released_language_explains_the_released_text():
    """Its transitions have zeros, and so do those of a language from another seed, under which the text is impossible."""
    letters = list(ascii_lowercase) + [a + b for a in ascii_lowercase for b in ascii_lowercase if a != b]
    numbers = {word: number for number, word in enumerate(["/", *letters[:49]])}
    text = [[numbers[word] for word in RELEASED_TEXT.split()]]
    got = forward_filter(released_ginc(50).pretraining, text)
    assert got.posterior.max() > 0.999
    assert (
        -2.0 < got.log_likelihoods.max() / len(text[0]) < -1.3
    )  # published validation loss of 12 layers: 1.33, later in documents
    other = random_ginc(50, permutations=10, rng=np.random.default_rng(1111))
    assert not forward_filter(other.pretraining, text).is_possible[0]


def test_ten_permutations_leave_zeros_and_make_prompts_impossible_which_a_hundred_do_not():
    for language, possible in ((released_ginc(50), 0.1), (random_ginc(50, rng=np.random.default_rng(10)), 1.0)):
        prompts = language.prompts(100, examples=32, length=3, rng=np.random.default_rng(11))
        is_possible = forward_filter(language.pretraining, prompts.tokens).is_possible.mean()
        assert is_possible == 1.0 if possible == 1.0 else is_possible < possible
        assert np.all(language.property_transitions > 0) == (possible == 1.0)


def test_an_impossible_weak_token_kills_the_filter_unless_emissions_are_smoothed():
    language = random_ginc(50, rng=np.random.default_rng(12))
    prompts = language.prompts(300, examples=16, length=5, flip=0.3, rng=np.random.default_rng(13))
    has_stranger = ~np.isin(prompts.weak, language.memory).all(axis=1)
    assert 0.2 < has_stranger.mean() < 0.9
    assert np.array_equal(forward_filter(language.pretraining, prompts.tokens).is_possible, ~has_stranger)
    assert forward_filter(language.pretraining.smoothed(0.02), prompts.tokens).is_possible.all()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"memory": [[0, 1, 2], [1, 3, 4]]}, "delimiter"),
        ({"memory": [[0, 1, 0], [0, 3, 4]]}, "delimiter"),
        ({"memory": [[0, 1, 2.5], [0, 3, 4]]}, "whole numbers"),
        ({"memory": [[0, 1, 2], [0, 3, 5]]}, "below vocabulary"),
        ({"memory": [[0], [0]]}, "two properties"),
        ({"entity_transitions": np.eye(3)}, "entity_transitions"),
        ({"property_transitions": np.full((2, 3, 3), 0.5)}, "sum to 1"),
        ({"start": np.full((1, 6), 1 / 6)}, "start must have shape"),
        ({"pretrained": 3}, "pretrained"),
        ({"pretrained": 0}, "pretrained"),
    ],
)
def test_what_is_no_language_is_refused(changes, says):
    with pytest.raises(ValueError, match=says):
        replace(small(), **changes)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"count": 0}, "count"),
        ({"examples": -1}, "examples"),
        ({"length": 1}, "length"),
        ({"flip": 1.2}, "flip"),
    ],
)
def test_prompts_that_make_no_sense_are_refused(arguments, says):
    with pytest.raises(ValueError, match=says):
        small().prompts(**({"count": 1, "examples": 1, "length": 2, "rng": np.random.default_rng(0)} | arguments))
