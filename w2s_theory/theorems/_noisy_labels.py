"""Example data sets of the statements on repaired and filtered labels: clusters with random errors, and with whole clusters wrong."""

from __future__ import annotations

import numpy as np

from ..problems.clusters import NoisyClusters, NoisyLabels, cluster_world
from ..problems.supervisors import systematic_errors
from ..students.neighbours import nearest


def noisy_clusters(rng: np.random.Generator) -> tuple[NoisyClusters, ...]:
    """Two classes with an odd and an even vote, and three classes."""
    two, three = (cluster_world(classes=classes, clusters=1, dimension=2, separation=50.0, rng=rng) for classes in (2, 3))
    return NoisyClusters(two, 9, 0.3, 5), NoisyClusters(two, 8, 0.4, 4), NoisyClusters(three, 7, 0.5, 5)


def regional(rng: np.random.Generator, *, share: float, per_cluster: int, classes: int, neighbours: int) -> NoisyLabels:
    """Clusters of ``per_cluster`` points; a share of the clusters has one wrong class each."""
    world = cluster_world(classes=classes, clusters=4, dimension=2, separation=50.0, rng=rng)
    cluster = np.repeat(np.arange(4 * classes), per_cluster)
    target = world.owners[cluster]
    features = world.centres[cluster] + rng.standard_normal((cluster.size, 2))
    labels = systematic_errors(target, cluster, share=share, classes=classes, rng=rng)
    return NoisyLabels(features, target, labels, cluster, classes=classes, neighbours=neighbours)


def regions(rng: np.random.Generator) -> tuple[NoisyLabels, ...]:
    """Neighbourhoods inside regions, and neighbourhoods that reach out of them with less than half of their points."""
    return (
        regional(rng, share=0.3, per_cluster=12, classes=2, neighbours=9),
        regional(rng, share=0.4, per_cluster=12, classes=3, neighbours=20),
    )


def filterable(rng: np.random.Generator) -> tuple[NoisyLabels, ...]:
    """A filter that errs, one that drops more than is wrong, and one wrong label or two in each cluster, ranked perfectly (the bound is attained)."""
    drawn = []
    for wrong, contamination, separation in ((4, 0.1, 2.0), (1, 0.2, 50.0), (2, 0.1, 50.0)):
        world = cluster_world(classes=2, clusters=2, dimension=2, separation=separation, rng=rng)
        cluster = np.repeat(np.arange(4), 10)
        target = world.owners[cluster]
        labels = np.where(np.tile(np.arange(10) < wrong, 4), 1 - target, target)
        features = world.centres[cluster] + rng.standard_normal((cluster.size, 2))
        drawn.append(NoisyLabels(features, target, labels, cluster, neighbours=10, contamination=contamination))
    return tuple(drawn)


def regions_outvote(world: NoisyLabels) -> bool:
    """True when more than half of the k nearest neighbours of every point, itself among them, lie in its own region."""
    found = nearest(world.features, world.features, k=world.neighbours)
    return bool(np.all(2 * np.sum(world.regions[found] == world.regions[:, None], axis=1) > world.neighbours))
