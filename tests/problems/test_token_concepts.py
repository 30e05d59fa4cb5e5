"""Concepts over tokens: what is read off a world, sampling, predicates, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from tests.tolerances import ROUNDING, STANDARD_ERRORS
from w2s_theory.problems.token_concepts import TokenConcepts, random_errors, systematic_errors

CONCEPTS = np.array([[0, 1, 2], [0, 2, 1], [1, 1, 2]])
LAW = np.array([[0.7, 0.2, 0.1], [0.3, 0.5, 0.2], [0.0, 0.6, 0.4]])
INPUTS = np.array([0.5, 0.3, 0.2])


def test_disagreement_and_support_agree_with_a_count_by_hand():
    world = TokenConcepts(CONCEPTS, LAW, INPUTS, examples=4)
    assert world.disagreement(1) == pytest.approx(0.5, rel=ROUNDING)
    assert world.support(1) == pytest.approx(((0.3 * 0.5 + 0.2 * 0.4) / 0.5, (0.3 * 0.2 + 0.2 * 0.6) / 0.5), rel=ROUNDING)
    assert world.disagreement(2) == pytest.approx(0.5, rel=ROUNDING)
    assert world.support(2) == pytest.approx((0.7, 0.2), rel=ROUNDING)
    same = TokenConcepts(CONCEPTS[[0, 0]], LAW, INPUTS)
    assert same.disagreement() == 0.0
    assert same.support() == (0.0, 0.0)


def test_samples_follow_the_inputs_and_the_weak_law():
    world = TokenConcepts(CONCEPTS, LAW, INPUTS, examples=4)
    inputs, labels = world.sample(50_000, rng=np.random.default_rng(0))
    assert inputs.shape == labels.shape == (50_000, 4)
    joint = np.zeros((3, 3))
    np.add.at(joint, (inputs.ravel(), labels.ravel()), 1.0 / inputs.size)
    exact = INPUTS[:, None] * LAW
    assert np.all(np.abs(joint - exact) <= STANDARD_ERRORS * np.sqrt(exact / inputs.size))


def test_made_worlds_have_the_numbers_they_were_made_with():
    world = systematic_errors(share=0.3, disagreement=0.8, examples=5, prompts=3)
    assert (world.examples, world.prompts) == (5, 3)
    assert world.disagreement() == pytest.approx(0.8, rel=ROUNDING)
    assert world.support() == pytest.approx((0.7, 0.3), rel=ROUNDING)
    assert world.is_deterministic()
    assert world.errs_towards_competitor_only()
    assert not world.is_right_most_often()
    noisy = random_errors(right=0.6, wrong=0.1, disagreement=0.3, examples=2)
    assert noisy.disagreement() == pytest.approx(0.3, rel=ROUNDING)
    assert noisy.support() == pytest.approx((0.6, 0.1), rel=ROUNDING)
    assert noisy.is_right_most_often()
    assert not noisy.is_deterministic()
    assert not noisy.errs_towards_competitor_only()


def test_inputs_that_never_occur_do_not_matter():
    world = TokenConcepts(np.array([[0, 1], [1, 1]]), np.array([[0.9, 0.1], [0.8, 0.2]]), np.array([1.0, 0.0]))
    assert world.is_right_most_often()
    assert world.errs_towards_competitor_only()
    assert world.has_one_competitor()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"concepts": CONCEPTS[:1]}, r"K >= 2"),
        ({"concepts": CONCEPTS * 1.0}, "whole numbers"),
        ({"concepts": CONCEPTS + 1}, "tokens from 0 to 2"),
        ({"weak_law": LAW[:2]}, "agree on the number of inputs"),
        ({"weak_law": LAW * 0.9}, "weak_law must be non-negative and sum to 1"),
        ({"inputs": INPUTS * 0.5}, "inputs must be non-negative and sum to 1"),
        ({"examples": 0}, "examples must be a whole number >= 1"),
        ({"prompts": 1.5}, "prompts must be a whole number >= 1"),
    ],
)
def test_bad_worlds_are_refused(change, message):
    good = {"concepts": CONCEPTS, "weak_law": LAW, "inputs": INPUTS}
    with pytest.raises(ValueError, match=message):
        TokenConcepts(**{**good, **change})


@pytest.mark.parametrize("competitor", [-1, 0, 3, 1.5])
def test_only_a_competitor_can_disagree(competitor):
    world = TokenConcepts(CONCEPTS, LAW, INPUTS)
    for read in (world.disagreement, world.support):
        with pytest.raises(ValueError, match="competitor must be"):
            read(competitor)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: random_errors(right=0.8, wrong=0.5, disagreement=0.5, examples=1), r"right \+ wrong must be at most 1"),
        (lambda: random_errors(right=-0.1, wrong=0.5, disagreement=0.5, examples=1), r"right must lie in \[0, 1\]"),
        (lambda: random_errors(right=0.5, wrong=np.nan, disagreement=0.5, examples=1), r"wrong must lie in \[0, 1\]"),
        (lambda: random_errors(right=0.5, wrong=0.5, disagreement=1.5, examples=1), r"disagreement must lie in \[0, 1\]"),
        (lambda: systematic_errors(share=0.7, disagreement=1.5, examples=1), r"disagreement must lie in \[0, 1\]"),
        (lambda: systematic_errors(share=-0.7, disagreement=0.5, examples=1), r"share must lie in \[0, 1\]"),
    ],
)
def test_numbers_that_are_no_probabilities_are_refused_by_name(make, message):
    with pytest.raises(ValueError, match=message):
        make()
