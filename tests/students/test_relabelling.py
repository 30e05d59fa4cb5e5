"""Probes and filters: the published objective by another optimiser, the topological filter by loops, small cases by hand, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.spatial.distance import cdist
from scipy.special import log_softmax

from tests.tolerances import BFGS_PROBABILITY, ROUNDING
from w2s_theory.students.neighbours import NeighbourProbe
from w2s_theory.students.relabelling import (
    LogisticProbe,
    TopologicalProbe,
    keep_nearest_labels,
    main_bodies,
    relabel,
    topological_filter,
    total_variation,
)


def blobs(n=40, classes=2, seed=0, spread=1.0):
    """Two or three blobs in the plane with a fifth of the labels wrong."""
    rng = np.random.default_rng(seed)
    target = np.arange(n) % classes
    features = 3.0 * np.eye(3)[target][:, :2] + spread * rng.standard_normal((n, 2))
    wrong = rng.random(n) < 0.2
    return features, target, np.eye(classes)[np.where(wrong, (target + 1) % classes, target)]


@pytest.mark.parametrize("classes", [2, 3])
def test_the_logistic_probe_minimises_the_published_objective(classes):
    """Mean cross-entropy + penalty · ‖weights‖², one logit for two classes, by BFGS with numerical gradients."""
    features, _, labels = blobs(60, classes)
    labels = 0.9 * labels + 0.1 / classes
    penalty = 0.01

    def scores(point, at):
        heads = point.reshape(3, -1)
        logits = at @ heads[:2] + heads[2]
        return np.column_stack([np.zeros(len(at)), logits[:, 0]]) if classes == 2 else logits

    def objective(point):
        loss = -np.sum(labels * log_softmax(scores(point, features), axis=1)) / len(labels)
        return loss + penalty * np.sum(point.reshape(3, -1)[:2] ** 2)

    best = minimize(objective, np.zeros(3 if classes == 2 else 9), method="BFGS", options={"gtol": 1e-6}).x
    at = np.random.default_rng(1).standard_normal((10, 2))
    answered = LogisticProbe(penalty).fit(features, labels).predict(at)
    assert answered == pytest.approx(np.exp(log_softmax(scores(best, at), axis=1)), abs=BFGS_PROBABILITY)
    assert LogisticProbe(1.1 * penalty).fit(features, labels).predict(at) != pytest.approx(answered, abs=BFGS_PROBABILITY)


def test_relabelling_is_fitting_and_answering_on_the_same_points():
    features, _, labels = blobs()
    assert np.array_equal(relabel(NeighbourProbe(1), features, labels), labels)  # a point is its own nearest
    assert relabel(NeighbourProbe(40), features, labels) == pytest.approx(np.tile(labels.mean(axis=0), (40, 1)))


def test_the_filter_drops_the_labels_furthest_from_the_answers():
    features = np.array([[0.0], [0.1], [0.2], [9.0], [9.1], [9.2], [9.3], [9.4]])
    labels = np.eye(2)[[0, 1, 0, 1, 1, 1, 0, 1]]
    probe = NeighbourProbe(3)
    assert total_variation(labels, relabel(probe, features, labels)) == pytest.approx(
        [1 / 3, 2 / 3, 1 / 3, 0.0, 0.0, 1 / 3, 2 / 3, 1 / 3]
    )
    kept = keep_nearest_labels(probe, features, labels, contamination=0.25)
    assert np.flatnonzero(~kept).tolist() == [1, 6]
    assert np.flatnonzero(~keep_nearest_labels(probe, features, labels, contamination=0.125)).tolist() == [6]  # ties by row
    assert keep_nearest_labels(probe, features, labels, contamination=0.1).all()  # ⌊0.8⌋ = 0
    assert keep_nearest_labels(probe, features, labels, contamination=0.0).all()


def test_with_more_classes_the_distance_is_total_variation():
    assert total_variation(np.array([1.0, 0.0, 0.0]), np.array([0.5, 0.3, 0.2])) == pytest.approx(0.5, rel=ROUNDING)


def test_a_share_that_rounding_puts_just_below_a_whole_number_counts_as_it():
    features, labels = np.arange(100.0)[:, None], np.eye(2)[np.arange(100) % 2]
    assert 0.29 * 100 < 29
    assert np.sum(~keep_nearest_labels(NeighbourProbe(3), features, labels, contamination=0.29)) == 29


def bodies_by_loops(features, called, k):
    """Largest sets of points of a class that reach each other along edges to neighbours of that class, by repeated products."""
    n = len(called)
    distances = cdist(features, features)
    np.fill_diagonal(distances, np.inf)
    reach = np.eye(n, dtype=bool)
    for i in range(n):
        for j in np.argsort(distances[i])[:k]:
            reach[i, j] |= called[i] == called[j]
    for _ in range(n):
        reach = (reach.astype(int) @ reach.astype(int)) > 0
    mutual = reach & reach.T
    body = np.zeros(n, dtype=bool)
    for c in np.unique(called):
        own = np.flatnonzero(called == c)
        sizes = mutual[own].sum(axis=1)
        assert len({tuple(mutual[i]) for i in own[sizes == sizes.max()]}) == 1, "one largest body: no tie to break"
        body |= mutual[own[np.argmax(sizes)]]
    return body


@pytest.mark.parametrize("classes", [2, 3])
def test_the_topological_filter_is_the_published_one_by_loops(classes):
    features, _, labels = blobs(41, classes, seed=3)
    called, k = labels.argmax(axis=1), 4
    body = bodies_by_loops(features, called, k)
    assert 0 < np.sum(~body) < 25
    assert np.array_equal(main_bodies(features, labels, k=k), body)
    inside = np.flatnonzero(body)
    distances = cdist(features[inside], features[inside])
    np.fill_diagonal(distances, np.inf)
    means = np.stack([labels[inside][np.argsort(row)[:5]].mean(axis=0) for row in distances])
    off = 0.5 * np.abs(means - labels[inside]).sum(axis=1)
    more = 2
    contamination = (np.sum(~body) + more) / 41
    kept = topological_filter(features, labels, contamination=contamination, k_component=k, k_mean=5)
    assert kept.sum() == body.sum() - more
    assert not kept[~body].any()
    assert off[~kept[inside]].min() >= off[kept[inside]].max() - ROUNDING
    assert np.array_equal(topological_filter(features, labels, contamination=0.0, k_component=k, k_mean=5), body)


def test_the_topological_probe_answers_with_neighbours_in_the_main_bodies():
    features, _, labels = blobs(41, seed=3)
    body = main_bodies(features, labels, k=4)
    answered = relabel(TopologicalProbe(4, 5), features, labels)
    nearest = np.argsort(cdist(features, features[body]), axis=1)[:, :5]
    assert answered == pytest.approx(labels[body][nearest].mean(axis=1), rel=ROUNDING)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f, y: keep_nearest_labels(NeighbourProbe(3), f, y, contamination=1.0), "contamination must lie strictly"),
        (lambda f, y: topological_filter(f, y, contamination=-0.1, k_component=3, k_mean=3), "contamination must"),
        (lambda f, y: topological_filter(f, y, k_component=40, k_mean=3), "k must be at most 39"),
        (lambda f, y: LogisticProbe(0.0).fit(f, y), "penalty must be a finite number > 0"),
        (lambda f, y: LogisticProbe().fit(f, np.tile([1.0, 0.0], (40, 1))), "weight to every class"),
        (lambda f, y: relabel(LogisticProbe(), f, y[:3]), "one row per row of features"),
        (lambda f, y: relabel(LogisticProbe(), f * np.nan, y), "features must be finite"),
    ],
)
def test_bad_input_is_refused(call, message):
    features, _, labels = blobs()
    with pytest.raises(ValueError, match=message):
        call(features, labels)
