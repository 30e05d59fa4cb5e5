"""Cluster worlds: moments, separation, purity by simulation, and refusals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from tests.tolerances import ROUNDING, STANDARD_ERRORS
from w2s_theory.problems.clusters import ClusterWorld, NoisyClusters, NoisyLabels, cluster_world


def test_points_scatter_around_the_centre_of_their_cluster_and_carry_its_class():
    world = cluster_world(classes=3, clusters=2, dimension=4, separation=6.0, noise=0.5, rng=np.random.default_rng(0))
    features, cluster, label = world.sample(60_000, rng=np.random.default_rng(1))
    assert np.array_equal(label, world.owners[cluster])
    share = np.bincount(cluster, minlength=6) / 60_000
    assert np.max(np.abs(share - 1 / 6)) < STANDARD_ERRORS * np.sqrt(5 / 36 / 60_000)
    off = features - world.centres[cluster]
    assert np.max(np.abs(off.mean(axis=0))) < STANDARD_ERRORS * 0.5 / np.sqrt(60_000)
    covariance = np.cov(off.T)
    assert np.max(np.abs(covariance - 0.25 * np.eye(4))) < STANDARD_ERRORS * 0.25 * np.sqrt(2 / 60_000)


def test_every_class_has_its_clusters_at_the_separation_asked_for():
    world = cluster_world(classes=3, clusters=4, dimension=5, separation=7.0, noise=2.0, rng=np.random.default_rng(2))
    assert np.array_equal(np.bincount(world.owners), [4, 4, 4])
    assert world.classes == 3
    assert pdist(world.centres).min() == pytest.approx(14.0, rel=ROUNDING)
    assert world.separation == pytest.approx(7.0, rel=ROUNDING)


def test_noisy_clusters_err_with_their_share_and_are_pure_only_when_well_separated():
    for separation, pure in ((50.0, True), (6.0, False)):
        world = cluster_world(classes=2, clusters=1, dimension=2, separation=separation, rng=np.random.default_rng(3))
        noisy = NoisyClusters(world, 20, 0.3, 5)
        assert noisy.is_pure() is pure
        features, target, labels = noisy.draw(400, rng=np.random.default_rng(4))
        assert features.shape == (400, 40, 2)
        assert abs(np.mean(labels != target) - 0.3) < STANDARD_ERRORS * np.sqrt(0.21 / 16_000)
        distances = np.linalg.norm(features[:, :, None] - features[:, None], axis=-1)
        same = noisy.clusters[:, None] == noisy.clusters
        apart = np.where(same, np.inf, distances).min(axis=(1, 2)) > np.where(same, distances, 0.0).max(axis=(1, 2))
        assert np.all(apart) if pure else not np.all(apart)


def test_purity_is_the_chance_that_points_stray_a_quarter_of_the_separation():
    """Two dimensions: P(|z| > r) = exp(−r²/2) per point, so 40 points stay below 1e-9 from r = 6.99 on."""
    for separation, pure in ((27.9, False), (28.0, True)):
        world = ClusterWorld(np.array([[0.0, 0.0], [separation, 0.0]]), [0, 1])
        assert NoisyClusters(world, 20, 0.3, 5).is_pure() is pure


def test_noisy_labels_know_what_is_wrong_and_whether_it_follows_regions():
    labels = NoisyLabels(np.zeros((4, 1)), [0, 0, 1, 1], [0, 0, 0, 0], [7, 7, 9, 9], neighbours=2)
    assert labels.noise == 0.5
    assert labels.labels_follow_regions()
    assert labels.probabilities.tolist() == [[1.0, 0.0]] * 4
    assert not NoisyLabels(np.zeros((4, 1)), [0, 0, 1, 1], [0, 1, 0, 0], [7, 7, 9, 9], neighbours=2).labels_follow_regions()


WORLD = ClusterWorld(np.array([[0.0], [9.0]]), [0, 1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ClusterWorld(np.array([[0.0], [1.0]]), [0, 2]), "owners must give every class 0 to C - 1 a cluster"),
        (lambda: ClusterWorld(np.array([[0.0], [1.0]]), [0, 0]), "owners must give every class"),
        (lambda: ClusterWorld(np.array([[0.0], [1.0]]), [0, 1, 1]), "owners must have one class per cluster, 2"),
        (lambda: ClusterWorld(np.array([[0.0], [1.0]]), [0, -1]), "owners must be whole numbers"),
        (lambda: ClusterWorld(np.array([[0.0], [1.0]]), [0.0, 0.5]), "owners must be whole numbers"),
        (lambda: ClusterWorld(np.array([[0.0], [np.nan]]), [0, 1]), "centres must be finite"),
        (lambda: ClusterWorld(np.array([[0.0], [1.0]]), [0, 1], noise=0.0), "noise must be"),
        (lambda: NoisyClusters(WORLD, 4, 0.3, 5), "neighbours must be at most per_cluster, 4"),
        (lambda: NoisyClusters(WORLD, 4, 1.3, 3), "share must lie in"),
        (lambda: NoisyLabels(np.zeros((2, 1)), [0, 1], [0, 1], [0, 1], neighbours=3), "neighbours must be at most 2"),
        (lambda: NoisyLabels(np.zeros((2, 1)), [0, 2], [0, 1], [0, 1], neighbours=1), "target must be whole numbers 0 to 1"),
        (lambda: NoisyLabels(np.zeros((2, 1)), [0, 1], [0, 1], [0.0, 1.0], neighbours=1), "regions must be 2 whole numbers"),
        (lambda: NoisyLabels(np.zeros((2, 1)), [0, 1, 1], [0, 1], [0, 1], neighbours=1), "target must be 2 whole numbers"),
        (lambda: NoisyLabels(np.zeros((2, 1)), [0, 1], [0, 1], [0, 1], neighbours=1, contamination=1.0), "contamination must"),
    ],
)
def test_a_cluster_world_refuses_what_is_not_one(call, message):
    with pytest.raises(ValueError, match=message):
        call()
