"""Simulated supervisors: shares, independence, whole regions, and refusals."""

from __future__ import annotations

import numpy as np
import pytest

from tests.tolerances import ROUNDING, STANDARD_ERRORS
from w2s_theory.problems.supervisors import (
    class_conditional_errors,
    class_labels,
    random_errors,
    soft_labels,
    systematic_errors,
)

N = 200_000


def assert_rate(events, exact):
    stderr = np.sqrt(exact * (1 - exact) / events.size)
    assert STANDARD_ERRORS * stderr < 0.1 * exact
    assert abs(np.mean(events) - exact) < STANDARD_ERRORS * stderr


def test_random_errors_have_their_share_in_every_class_and_fall_on_every_other_class_alike():
    labels = np.arange(N) % 4
    weak = random_errors(labels, share=0.3, classes=4, rng=np.random.default_rng(0))
    for true in range(4):
        for called in range(4):
            assert_rate(weak[labels == true] == called, 0.7 if called == true else 0.1)


def test_random_errors_at_neighbouring_points_are_independent():
    weak = random_errors(np.zeros(N, dtype=int), share=0.3, classes=2, rng=np.random.default_rng(1))
    assert_rate((weak[1:] == 1) & (weak[:-1] == 1), 0.09)


def test_class_conditional_errors_follow_their_confusion_matrix():
    confusion = np.array([[0.8, 0.2, 0.0], [0.1, 0.6, 0.3], [0.0, 0.5, 0.5]])
    labels = np.arange(N) % 3
    weak = class_conditional_errors(labels, confusion, rng=np.random.default_rng(2))
    for true in range(3):
        for called in range(3):
            if confusion[true, called] == 0:
                assert not np.any(weak[labels == true] == called)
            else:
                assert_rate(weak[labels == true] == called, confusion[true, called])


@pytest.mark.parametrize("share", [0.0, 0.2, 0.37, 1.0])
def test_systematic_errors_take_whole_regions_and_come_as_near_to_the_share_as_these_allow(share):
    rng = np.random.default_rng(3)
    regions = rng.integers(0, 40, 2000) * 7
    labels = (regions // 7) % 3  # pure regions
    weak = systematic_errors(labels, regions, share=share, classes=3, rng=rng)
    largest = np.bincount(regions // 7).max() / 2000
    assert abs(np.mean(weak != labels) - share) <= largest / 2
    for region in np.unique(regions):
        inside = regions == region
        assert np.unique(weak[inside]).size == 1, "one class, right or wrong, in a pure region"


def test_a_region_of_several_classes_is_wrong_on_all_of_them_or_on_none():
    rng = np.random.default_rng(4)
    regions, labels = np.repeat(np.arange(50), 20), rng.integers(0, 5, 1000)
    weak = systematic_errors(labels, regions, share=0.5, classes=5, rng=rng)
    errors = (weak != labels).reshape(50, 20).mean(axis=1)
    assert set(errors.tolist()) == {0.0, 1.0}
    assert errors.mean() == 0.5
    shifts = ((weak - labels) % 5).reshape(50, 20)
    assert np.all(shifts == shifts[:, :1])
    assert set(np.unique(shifts)) == set(range(5)), "every wrong class occurs"


def test_regions_are_taken_in_random_order():
    labels, regions, rng = np.zeros(20, dtype=int), np.repeat(np.arange(10), 2), np.random.default_rng(5)
    draws = np.stack([systematic_errors(labels, regions, share=0.3, classes=2, rng=rng) for _ in range(7000)])
    assert_rate(draws[:, 0], 0.3)
    assert_rate(draws[:, -1], 0.3)


def test_soft_labels_are_confident_in_the_label_and_even_about_the_rest():
    soft = soft_labels([2, 0], classes=4, confidence=0.85)
    assert soft == pytest.approx(np.array([[0.05, 0.05, 0.85, 0.05], [0.85, 0.05, 0.05, 0.05]]), rel=ROUNDING)
    assert soft.sum(axis=1) == pytest.approx(np.ones(2), rel=ROUNDING)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda r: random_errors([0, 2], share=0.1, classes=2, rng=r), "labels must be whole numbers 0 to 1"),
        (lambda r: random_errors([0.0, np.nan], share=0.1, classes=2, rng=r), "labels must be whole numbers"),
        (lambda r: random_errors([0, 1], share=1.1, classes=2, rng=r), r"share must lie in \[0, 1\]"),
        (lambda r: random_errors([0, 0], share=0.1, classes=1, rng=r), "classes must be a whole number >= 2"),
        (lambda r: random_errors([], share=0.1, classes=2, rng=r), r"labels must have shape \(n,\)"),
        (lambda r: class_conditional_errors([0, 1], [[0.5, 0.5]], rng=r), "confusion must be square"),
        (lambda r: class_conditional_errors([0, 1], [[0.5, 0.4], [0.0, 1.0]], rng=r), "sum to 1"),
        (lambda r: class_conditional_errors([0, 2], np.eye(2), rng=r), "whole numbers 0 to 1"),
        (lambda r: systematic_errors([0, 1], [0], share=0.5, classes=2, rng=r), "regions must be whole numbers of shape"),
        (lambda r: systematic_errors([0, 1], [0.0, 1.0], share=0.5, classes=2, rng=r), "regions must be whole numbers"),
        (lambda r: soft_labels([0, 1], classes=2, confidence=1.0), "confidence must lie strictly"),
        (lambda r: class_labels("target", ["a", "b"], 2), "target must be whole numbers"),
    ],
)
def test_a_supervisor_refuses_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.random.default_rng(0))


def test_a_seed_is_no_generator():
    with pytest.raises(TypeError, match=r"numpy\.random\.Generator"):
        random_errors([0, 1], share=0.5, classes=2, rng=0)  # type: ignore[arg-type]
