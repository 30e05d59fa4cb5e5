"""Synthetic classification worlds: Gaussian clusters in the strong features, several of them to a class, and labels with errors. NumPy and SciPy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._validation import frozen, generator, positive, probability, whole
from .supervisors import class_labels, random_errors

#: Neighbourhoods count as pure when the chance that some point of a data set strays towards another cluster is below this.
IMPURE = 1e-9


@dataclass(frozen=True, eq=False)
class ClusterWorld:
    """Clusters N(centre, noise² I), all equally likely, each of one class.

    ``centres`` (K, d); ``owners`` (K,): the class 0 … C − 1 of each cluster, every class having at least one; ``noise`` > 0: the standard
    deviation of each feature. Raises ``ValueError`` for anything else.
    """

    centres: np.ndarray
    owners: Any
    noise: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "centres", frozen("centres", self.centres, ndim=2))
        given = np.asarray(self.owners)
        owners = class_labels("owners", given, max(2, int(np.max(given, initial=1)) + 1) if given.dtype.kind in "iu" else 2)
        if owners.shape != (len(self.centres),):
            raise ValueError(f"owners must have one class per cluster, {len(self.centres)}; its shape is {owners.shape}.")
        if np.unique(owners).size <= owners.max() or owners.max() == 0:
            raise ValueError(f"owners must give every class 0 to C - 1 a cluster, C >= 2; they are {np.unique(owners).tolist()}.")
        owners.setflags(write=False)
        object.__setattr__(self, "owners", owners)
        object.__setattr__(self, "noise", positive("noise", self.noise))

    @property
    def classes(self) -> int:
        """C, the number of classes."""
        return int(self.owners.max()) + 1

    @property
    def separation(self) -> float:
        """The least distance between two centres, in units of ``noise``."""
        from scipy.spatial.distance import pdist

        return float(pdist(self.centres).min()) / self.noise

    def sample(self, n: int, *, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """n points: features (n, d), the cluster of each (n,) and its class (n,)."""
        cluster = generator(rng).integers(0, len(self.centres), whole("n", n))
        noise = rng.standard_normal((n, self.centres.shape[1]))
        return self.centres[cluster] + self.noise * noise, cluster, self.owners[cluster]


def cluster_world(
    *, classes: int, clusters: int, dimension: int, separation: float, rng: np.random.Generator, noise: float = 1.0
) -> ClusterWorld:
    """A ``ClusterWorld`` of ``clusters`` clusters for each class, at random centres whose least distance is ``separation`` · ``noise``.

    Clusters of one class are no nearer to each other than to those of another. Points of one cluster lie about √(2d) ``noise`` apart, so
    that neighbourhoods are pure when ``separation`` is well above that. Raises ``ValueError`` for numbers that are not positive.

    >>> world = cluster_world(classes=3, clusters=4, dimension=6, separation=15.0, rng=np.random.default_rng(0))
    >>> world.centres.shape, world.classes, round(world.separation, 6)
    ((12, 6), 3, 15.0)
    """
    whole("classes", classes, at_least=2)
    count = classes * whole("clusters", clusters)
    centres = generator(rng).standard_normal((count, whole("dimension", dimension)))
    drawn = ClusterWorld(centres, np.tile(np.arange(classes), clusters))
    scale = positive("separation", separation) * positive("noise", noise) / drawn.separation
    return ClusterWorld(scale * centres, drawn.owners, noise)


@dataclass(frozen=True, eq=False)
class NoisyClusters:
    """Data sets of ``per_cluster`` points in every cluster of ``world``, each label wrong with probability ``share``, repaired by a vote.

    ``neighbours`` k: how many of the nearest points vote on the label of a point, itself among them. Raises ``ValueError`` for k larger than
    ``per_cluster``, and for a share outside [0, 1].
    """

    world: ClusterWorld
    per_cluster: int
    share: float
    neighbours: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "share", probability("share", self.share, strict=False))
        if whole("neighbours", self.neighbours) > whole("per_cluster", self.per_cluster):
            raise ValueError(
                f"neighbours must be at most per_cluster, {self.per_cluster}; it is {self.neighbours}. No neighbourhood would be pure."
            )

    @property
    def clusters(self) -> np.ndarray:
        """The cluster of each point (n,)."""
        return np.repeat(np.arange(len(self.world.centres)), self.per_cluster)

    def draw(self, count: int, *, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """``count`` data sets: features (count, n, d), the target (n,), which is the same in all, and noisy labels (count, n)."""
        cluster, target = self.clusters, self.world.owners[self.clusters]
        noise = generator(rng).standard_normal((count, cluster.size, self.world.centres.shape[1]))
        labels = random_errors(np.tile(target, count), share=self.share, classes=self.world.classes, rng=rng)
        return self.world.centres[cluster] + self.world.noise * noise, target, labels.reshape(count, cluster.size)

    def is_pure(self) -> bool:
        """True when all points stay within a quarter of the separation of their centre, but for a chance of 1e-9: neighbours share a cluster."""
        from scipy.special import gammaincc

        stray = gammaincc(0.5 * self.world.centres.shape[1], 0.5 * (0.25 * self.world.separation) ** 2)
        return bool(self.clusters.size * stray <= IMPURE)


@dataclass(frozen=True, eq=False)
class NoisyLabels:
    """One data set with labels that are sometimes wrong, and what a repair is told.

    ``features`` (n, d); ``target`` and ``labels`` (n,), whole numbers 0 … C − 1; ``regions`` (n,), whole numbers, of which a point names its own;
    ``neighbours`` k: how many of the nearest points vote on a label, itself among them; ``contamination``: the share of labels that a filter drops.
    Raises ``ValueError`` for anything else.
    """

    features: np.ndarray
    target: Any
    labels: Any
    regions: Any
    classes: int = 2
    neighbours: int = 50
    contamination: float = 0.1

    def __post_init__(self) -> None:
        object.__setattr__(self, "features", frozen("features", self.features, ndim=2))
        n = len(self.features)
        for name in ("target", "labels", "regions"):
            given = np.array(getattr(self, name))
            array = given if name == "regions" else class_labels(name, given, self.classes)
            if array.shape != (n,) or array.dtype.kind not in "iu":
                raise ValueError(
                    f"{name} must be {n} whole numbers, one per row of features; {array.dtype} of shape {array.shape}."
                )
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        if whole("neighbours", self.neighbours) > n:
            raise ValueError(f"neighbours must be at most {n}, the number of points; it is {self.neighbours}.")
        object.__setattr__(self, "contamination", probability("contamination", self.contamination))

    @property
    def is_wrong(self) -> np.ndarray:
        """Where the label is wrong (n,)."""
        return self.labels != self.target

    @property
    def noise(self) -> float:
        """η: the share of wrong labels."""
        return float(np.mean(self.is_wrong))

    @property
    def probabilities(self) -> np.ndarray:
        """The labels as probabilities 0 and 1, (n, C)."""
        return np.eye(self.classes)[self.labels]

    def labels_follow_regions(self) -> bool:
        """True when all points of a region have the same label."""
        _, region = np.unique(self.regions, return_inverse=True)
        first = np.zeros(region.max() + 1, dtype=np.int64)
        first[region] = self.labels
        return bool(np.all(first[region] == self.labels))
