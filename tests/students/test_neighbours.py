"""Nearest neighbours against all pairwise distances, in blocks and in batches; the probe's mean; memory and refusals."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from tests.tolerances import PIECE_MEMORY, ROUNDING
from w2s_theory.students.neighbours import NeighbourProbe, nearest, neighbour_means


def brute_force(points, queries, k, *, leave_out=False):
    distances = cdist(queries, points)
    if leave_out:
        np.fill_diagonal(distances, np.inf)
    return np.sort(np.argsort(distances, axis=1)[:, :k], axis=1)


@pytest.mark.parametrize("shift", [0.0, 1e6])
def test_the_nearest_are_those_of_all_pairwise_distances_wherever_the_origin_is(shift):
    rng = np.random.default_rng(0)
    points, queries = rng.standard_normal((70, 5)), rng.standard_normal((30, 5))
    assert np.array_equal(np.sort(nearest(points + shift, queries + shift, k=7), axis=1), brute_force(points, queries, 7))
    assert np.array_equal(np.sort(nearest(points + shift, k=7), axis=1), brute_force(points, points, 7, leave_out=True))


@pytest.mark.parametrize("far", [1e9, 1e10, 1e12])
def test_a_point_far_away_does_not_change_the_neighbours_of_the_others(far):
    rng = np.random.default_rng(6)
    points = np.vstack([rng.standard_normal((200, 3)), np.full((1, 3), far)])
    found = np.sort(nearest(points, k=5), axis=1)[:-1]
    assert np.array_equal(found, brute_force(points[:-1], points[:-1], 5, leave_out=True))
    queries = rng.standard_normal((50, 3))
    assert np.array_equal(np.sort(nearest(points, queries, k=5), axis=1), brute_force(points[:-1], queries, 5))


def test_a_point_is_its_own_nearest_unless_it_is_left_out():
    points = np.random.default_rng(1).standard_normal((40, 3))
    assert np.array_equal(nearest(points, points, k=1)[:, 0], np.arange(40))
    assert not np.any(nearest(points, k=39) == np.arange(40)[:, None])
    assert np.array_equal(np.sort(nearest(points, points, k=40), axis=1), np.tile(np.arange(40), (40, 1)))


def test_blocks_do_not_change_the_answer(monkeypatch):
    points = np.random.default_rng(2).standard_normal((50, 4))
    whole, alone = nearest(points, points, k=5), nearest(points, k=5)
    monkeypatch.setattr("w2s_theory.students.neighbours.PIECE", 50 * 7)
    assert np.array_equal(nearest(points, points, k=5), whole)
    assert np.array_equal(nearest(points, k=5), alone)


def test_data_sets_side_by_side_are_looked_up_each_in_itself():
    points = np.random.default_rng(3).standard_normal((6, 30, 2))
    both = nearest(points, k=4)
    assert all(np.array_equal(both[i], nearest(points[i], k=4)) for i in range(6))


def test_memory_stays_bounded_where_all_distances_would_not_fit():
    points = np.random.default_rng(4).standard_normal((16_000, 2))  # distances from 1200: 146 MiB, and as much to rank them
    tracemalloc.start()
    nearest(points, points[:1200], k=3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < PIECE_MEMORY


def test_the_probe_answers_with_the_mean_label_of_the_nearest():
    rng = np.random.default_rng(5)
    points, queries = rng.standard_normal((60, 3)), rng.standard_normal((20, 3))
    labels = rng.dirichlet(np.ones(4), 60)
    answered = NeighbourProbe(6).fit(points, labels).predict(queries)
    by_hand = np.stack([labels[row].mean(axis=0) for row in brute_force(points, queries, 6)])
    assert answered == pytest.approx(by_hand, rel=ROUNDING)
    assert answered.sum(axis=1) == pytest.approx(np.ones(20), rel=ROUNDING)
    assert neighbour_means(np.eye(2), np.array([[0, 0, 1]])).ravel() == pytest.approx([2 / 3, 1 / 3])


ONE = np.array([[0.0], [1.0]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nearest(ONE, k=2), "k must be at most 1, the points to choose from; it is 2"),
        (lambda: nearest(ONE, ONE, k=3), "k must be at most 2"),
        (lambda: nearest(ONE, np.zeros((1, 2)), k=1), "queries must have the columns of features, 1"),
        (lambda: nearest([[np.nan], [0.0]], k=1), "features must be finite"),
        (lambda: nearest([[1e200], [0.0]], k=1), "features must stay within"),
        (lambda: NeighbourProbe(3).fit(ONE, np.eye(2)), "k must be at most 2, the number of points"),
        (lambda: NeighbourProbe(1).fit(ONE, np.eye(3)), r"labels must have shape \(2, C\)"),
        (lambda: NeighbourProbe(1).fit(ONE, [[0.5, 0.6], [0.5, 0.5]]), "labels must be probabilities that sum to 1"),
        (lambda: NeighbourProbe(1).fit(ONE, [[1.5, -0.5], [0.5, 0.5]]), "labels must be probabilities"),
        (lambda: NeighbourProbe(1).fit(ONE, [[1.0], [1.0]]), "C >= 2"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
