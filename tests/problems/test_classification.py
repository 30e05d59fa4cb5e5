"""Data sets with classes as problems: stratified splits, intermediate models, controls and refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tolerances import SOLVE
from w2s_theory.problems.classification import (
    ClassificationTask,
    random_teacher,
    same_features,
    stratified,
    two_columns,
    with_components,
)


@pytest.fixture
def rng():
    return np.random.default_rng(20231214)


@pytest.fixture
def task(rng):
    labels = np.repeat([0, 1, 2], [30, 24, 6])
    return ClassificationTask((rng.normal(size=(60, 2)), rng.normal(size=(60, 7)) + labels[:, None]), labels, "made up", True)


def test_a_task_counts_its_samples_and_classes_and_knows_its_weakest_and_strongest_representation(task):
    assert (task.size, task.classes) == (60, 3)
    assert task.weak_features is task.representations[0] and task.strong_features is task.representations[1]
    assert task.labels.dtype == np.int64 and not task.labels.flags.writeable and not task.strong_features.flags.writeable


@given(st.lists(st.integers(6, 40), min_size=2, max_size=5), st.integers(0, 2**32))
def test_a_split_is_three_disjoint_sets_with_every_class_in_its_share(counts, seed):
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    n = len(labels)
    sizes = (n // 3, n // 3, n // 4)
    split = ClassificationTask((np.ones((n, 1)), np.ones((n, 1))), labels, "rows").split(sizes, rng=rng)
    assert tuple(len(part) for part in split) == sizes
    together = np.concatenate(split)
    assert len(set(together.tolist())) == len(together) and together.min() >= 0 and together.max() < n
    for part, size in zip(split, sizes, strict=True):
        share = np.bincount(labels[part], minlength=len(counts)) - size * np.array(counts) / n
        # A stretch of evenly spread places: its ends cut at most one row each off every class, and the classes share the size.
        assert np.all(np.abs(share) <= 2.0)


def test_a_purely_random_split_would_lack_a_rare_class_and_the_stratified_one_never_does(task, rng):
    for _ in range(50):
        split = task.split((20, 20, 20), rng=rng)
        assert all(np.bincount(task.labels[part], minlength=3).min() >= 1 for part in split)
    missing = [np.bincount(task.labels[rng.permutation(60)[:20]], minlength=3).min() == 0 for _ in range(200)]
    assert np.mean(missing) > 0.02


def test_every_row_is_as_likely_to_be_tested_and_the_order_within_a_part_is_no_label(rng):
    """Rows of one class alike (of any class, as the classes are of equal size), and no place in a part prefers a class."""
    task = ClassificationTask((np.ones((40, 1)), np.ones((40, 1))), np.arange(40) % 2, "rows")
    counts, firsts, trials = np.zeros(40), 0, 800
    for _ in range(trials):
        test = task.split((10, 10, 10), rng=rng).test
        counts[test] += 1
        firsts += task.labels[test[0]] == task.labels[test[1]]
    assert np.all(np.abs(counts - trials / 4) < 5.15 * np.sqrt(trials * 0.25 * 0.75))
    # Two of ten rows, five of each class: 4/9 of the pairs have the same label. In the stratified order neighbours nearly always differ.
    assert abs(firsts - trials * 4 / 9) < 5.15 * np.sqrt(trials * 20 / 81)


def test_any_stretch_of_the_stratified_order_holds_the_groups_in_their_shares(rng):
    groups = rng.permutation(np.repeat([0, 1, 2], [50, 30, 20]))
    order = stratified(groups, rng=rng)
    assert sorted(order) == list(range(100))
    for start in range(0, 100, 10):
        assert np.all(np.abs(np.bincount(groups[order[start : start + 10]], minlength=3) - [5, 3, 2]) <= 2)


@pytest.mark.parametrize(
    ("sizes", "match"),
    [
        ((30, 30, 1), "fit into the 60"),
        ((30, 20, 2), "every part must hold every class; the test part of 2 rows lacks class"),
        ((0, 30, 1), ">= 1"),
        ((1, 2), "three parts"),
    ],
)
def test_splits_that_do_not_fit_or_lack_a_class_are_refused(task, rng, sizes, match):
    with pytest.raises(ValueError, match=match):
        task.split(sizes, rng=rng)


def test_the_intermediate_model_is_made_of_the_strong_features_without_labels(task):
    three = with_components(task, 3)
    assert len(three.representations) == 3 and three.strong_features.shape == (60, 7)
    assert np.array_equal(three.weak_features, task.weak_features)
    values, vectors = np.linalg.eigh(np.cov(task.strong_features.T))
    leading = (task.strong_features - task.strong_features.mean(axis=0)) @ vectors[:, ::-1][:, :3]
    middle = three.representations[1]
    assert middle @ middle.T == pytest.approx(leading @ leading.T, rel=SOLVE, abs=SOLVE)
    assert np.var(middle, axis=0, ddof=1) == pytest.approx(values[::-1][:3], rel=SOLVE)
    with pytest.raises(ValueError, match="the rank 7"):
        with_components(task, 8)


def test_controls_change_what_they_should_and_nothing_else(task, rng):
    task = with_components(task, 3)
    same, noise = same_features(task), random_teacher(task, rng=rng)
    assert all(np.array_equal(features, task.weak_features) for features in same.representations) and task.name != same.name
    assert noise.weak_features.shape == task.weak_features.shape and noise.is_synthetic
    assert all(np.array_equal(noise.representations[j], task.representations[j]) for j in (1, 2))
    assert np.array_equal(noise.labels, task.labels) and np.array_equal(same.labels, task.labels)
    correlation = np.corrcoef(noise.weak_features.T, task.weak_features.T)[:2, 2:]
    assert np.max(np.abs(correlation)) < 5.15 / np.sqrt(60)


def test_a_task_keeps_copies_of_its_arrays():
    features, labels = np.ones((6, 2)), np.arange(6) % 2
    task = ClassificationTask((features, features), labels, "frozen")
    features[:] = 7.0
    labels[:] = 0
    assert np.all(task.strong_features == 1.0) and np.array_equal(task.labels, np.arange(6) % 2)


TWO = (np.ones((6, 2)), np.ones((6, 3)))


@pytest.mark.parametrize(
    ("representations", "labels", "match"),
    [
        ((np.full((6, 2), np.nan), TWO[1]), np.arange(6) % 2, r"representations\[0\] must be finite"),
        ((TWO[0], np.ones((5, 2))), np.arange(6) % 2, r"representations\[1\] must have one row per sample, 6"),
        ((TWO[0], np.ones(6)), np.arange(6) % 2, r"representations\[1\] must have 2 dimension"),
        (TWO[:1], np.arange(6) % 2, "at least two arrays"),
        (np.ones((2, 6, 3)), np.arange(6) % 2, "must be a tuple"),
        (TWO, np.zeros(6), "at least two classes"),
        (TWO, np.array([0, 0, 0, 1, 1, 0.5]), "labels must be class indices"),
        (TWO, np.array([0, 0, 0, -1, -1, -1]), "labels must be class indices"),
        (TWO, np.array([0, 0, 0, 2, 2, 2]), "class 1 has 0"),
        (TWO, np.array([0, 0, 0, 0, 1, 1]), "class 1 has 2"),
        (TWO, np.array([0, 0, 0, 1, 1, 1e18]), "must number the classes"),
        (TWO, np.array([]), "labels must not be empty"),
    ],
)
def test_bad_data_are_refused_by_name(representations, labels, match):
    with pytest.raises(ValueError, match=match):
        ClassificationTask(representations, labels, "bad")


def test_two_columns_are_the_probabilities_of_class_0_and_of_class_1():
    assert two_columns(np.array([0.25, 1.0])).tolist() == [[0.75, 0.25], [0.0, 1.0]]
    assert two_columns(np.full((3, 4), 0.1)).shape == (3, 4, 2)
