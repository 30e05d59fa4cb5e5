"""Data sets as problems: splits, label-free reductions, controls and refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tolerances import SOLVE
from w2s_theory.problems.empirical import EmpiricalTask, random_teacher, reduced_dimension, same_features


@pytest.fixture
def rng():
    return np.random.default_rng(20240523)


@pytest.fixture
def task(rng):
    weak, strong = rng.normal(size=(60, 3)), rng.normal(size=(60, 8)) * np.geomspace(0.1, 3.0, 8) + 1.0
    return EmpiricalTask(weak, strong, rng.normal(size=(2, 60)), "made up", is_synthetic=True)


@given(st.lists(st.integers(1, 30), min_size=3, max_size=3), st.integers(0, 2**32))
def test_a_split_is_three_disjoint_sets_of_the_sizes_asked_for(sizes, seed):
    n = sum(sizes) + seed % 3
    split = EmpiricalTask(np.ones((n, 1)), np.ones((n, 1)), np.arange(n), "rows").split(sizes, rng=np.random.default_rng(seed))
    assert [len(part) for part in split] == sizes
    together = np.concatenate(split)
    assert len(set(together.tolist())) == len(together) and together.min() >= 0 and together.max() < n


def test_fractions_are_of_all_samples_and_the_same_seed_gives_the_same_split(task):
    split = task.split((0.2, 0.5, 0.3), rng=np.random.default_rng(1))
    assert [len(part) for part in split] == [12, 30, 18]
    again = task.split((12, 30, 18), rng=np.random.default_rng(1))
    assert all(np.array_equal(one, other) for one, other in zip(split, again, strict=True))


def test_every_row_is_as_likely_to_be_tested(task, rng):
    counts = np.zeros(60)
    for _ in range(600):
        counts[task.split((10, 20, 15), rng=rng).test] += 1
    # Binomial(600, 1/4) for each of 60 rows: 5.15 standard deviations on either side of 150.
    assert np.all(np.abs(counts - 150) < 5.15 * np.sqrt(600 * 0.25 * 0.75))


@pytest.mark.parametrize(
    ("sizes", "match"),
    [
        ((30, 30, 1), "fit into the 60"),
        ((0.5, 0.4, 0.2), "fit into the 60"),
        ((0, 30, 1), ">= 1"),
        ((1, 2), "three parts"),
        ((2, 2.5, 2), "whole"),
    ],
)
def test_splits_that_do_not_fit_are_refused(task, rng, sizes, match):
    with pytest.raises(ValueError, match=match):
        task.split(sizes, rng=rng)


def test_a_sample_keeps_rows_together_and_draws_none_twice(task, rng):
    numbered = EmpiricalTask(np.arange(60.0)[:, None], 2.0 * np.arange(60.0)[:, None], 3.0 * np.arange(60.0), "numbered")
    small = numbered.sample(20, rng=rng)
    rows = small.weak_features[:, 0]
    assert len(set(rows.tolist())) == 20
    assert np.array_equal(small.strong_features[:, 0], 2.0 * rows) and np.array_equal(small.labels, 3.0 * rows)
    assert task.sample(20, rng=rng).labels.shape == (2, 20)
    with pytest.raises(ValueError, match="must not exceed the 60"):
        task.sample(61, rng=rng)


def test_the_reduction_does_not_see_the_labels(task, rng):
    other = EmpiricalTask(task.weak_features, task.strong_features, rng.normal(size=60), "other labels")
    assert np.array_equal(task.reduce_strong(4).strong_features, other.reduce_strong(4).strong_features)


def test_the_reduction_is_the_projection_on_the_leading_directions_of_the_covariance(task):
    values, vectors = np.linalg.eigh(np.cov(task.strong_features.T))
    centred = task.strong_features - task.strong_features.mean(axis=0)
    for d in (1, 4, 8):
        reduced = task.reduce_strong(d).strong_features
        leading = centred @ vectors[:, ::-1][:, :d]
        assert reduced @ reduced.T == pytest.approx(leading @ leading.T, rel=SOLVE, abs=SOLVE)
        assert np.var(reduced, axis=0, ddof=1) == pytest.approx(values[::-1][:d], rel=SOLVE)


def test_the_reduction_refuses_more_components_than_the_rank(task):
    doubled = EmpiricalTask(task.weak_features, np.hstack([task.strong_features] * 2), task.labels, "doubled")
    assert doubled.reduce_strong(8).strong_features.shape == (60, 8)
    with pytest.raises(ValueError, match="the rank 8"):
        doubled.reduce_strong(9)


def test_an_eighth_of_the_labels_keeps_the_loss_near_one_seventh():
    n = 800
    d = reduced_dimension(n)
    assert d == 100 and d / (n - d - 1) == pytest.approx(1 / 7, rel=0.01)
    with pytest.raises(ValueError, match="n_transfer // 8"):
        reduced_dimension(7)


def test_realizability_is_about_the_sample(task):
    head = np.linspace(-1.0, 1.0, 8)
    within = EmpiricalTask(task.weak_features, task.strong_features, task.strong_features @ head + 5.0, "linear")
    beyond = EmpiricalTask(task.weak_features, task.strong_features, task.strong_features[:, 0] ** 2, "quadratic")
    assert within.is_realizable() and not beyond.is_realizable() and not task.is_realizable()
    few = np.arange(6)
    assert EmpiricalTask(task.weak_features[few], task.strong_features[few], task.labels[:, few], "n < d").is_realizable()


def test_a_task_keeps_read_only_copies_of_its_arrays():
    arrays = {"weak_features": np.ones((5, 2)), "strong_features": np.ones((5, 3)), "labels": np.arange(5.0)}
    task = EmpiricalTask(**arrays, name="frozen")
    for name, array in arrays.items():
        kept = getattr(task, name).copy()
        array[:] = 7.0
        assert np.array_equal(getattr(task, name), kept)
        with pytest.raises(ValueError, match="read-only"):
            getattr(task, name)[0] = 7.0


def test_controls_change_what_they_should_and_nothing_else(task, rng):
    same, noise = same_features(task), random_teacher(task, rng=rng)
    assert np.array_equal(same.strong_features, task.weak_features)
    assert np.array_equal(same.weak_features, task.weak_features) and np.array_equal(same.labels, task.labels)
    assert noise.weak_features.shape == task.weak_features.shape and noise.is_synthetic
    assert np.array_equal(noise.strong_features, task.strong_features) and np.array_equal(noise.labels, task.labels)
    correlation = np.corrcoef(noise.weak_features.T, task.weak_features.T)[:3, 3:]
    assert np.max(np.abs(correlation)) < 5.15 / np.sqrt(60)
    assert same.name != task.name != noise.name


@pytest.mark.parametrize(
    ("weak", "strong", "labels", "match"),
    [
        (np.full((5, 2), np.nan), np.ones((5, 2)), np.arange(5), "weak_features must be finite"),
        (np.ones((5, 2)), np.ones((4, 2)), np.arange(5), "strong_features must have one row per sample, 5"),
        (np.ones((5, 2)), np.ones(5), np.arange(5), "strong_features must have 2 dimension"),
        (np.ones((5, 2)), np.ones((5, 2)), np.ones(5), "labels must not be constant; they are"),
        (np.ones((5, 2)), np.ones((5, 2)), np.stack([np.arange(5), np.ones(5)]), r"those of task \(1,\)"),
        (np.ones((2, 2)), np.ones((2, 2)), np.arange(2), "number of samples must be a whole number >= 3"),
        (np.ones((5, 2)), np.ones((5, 2)), np.array([]), "labels must not be empty"),
    ],
)
def test_bad_data_are_refused_by_name(weak, strong, labels, match):
    with pytest.raises(ValueError, match=match):
        EmpiricalTask(weak, strong, labels, "bad")
