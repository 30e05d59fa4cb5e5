"""What the statements on pseudolabels share: hypotheses and example graphs."""

from __future__ import annotations

import numpy as np

from ..problems.pseudolabels import PseudolabelledGraph
from ..statements import Assumption

ROBUST = (
    Assumption("points that look alike have one class", PseudolabelledGraph.edges_keep_the_class),
    Assumption("the student answers alike on points that look alike", PseudolabelledGraph.student_is_robust),
    Assumption("expansion: (1 − α) c > α", PseudolabelledGraph.expands),
)


def clusters(
    rng: np.random.Generator, count: int, *, good: int = 4, bad: int = 1, links: int = 3, wrong: float = 0.4
) -> PseudolabelledGraph:
    """Clusters of ``good`` + ``bad`` points of one class, every bad point joined to ``links`` good ones; the student is constant on a cluster.

    It is wrong on a share ``wrong`` of the clusters (at least one). With one bad point, all good ones linked, the expansion is attained.
    """
    size = good + bad
    target = np.repeat(rng.integers(0, 2, count), size)
    is_bad = np.tile(np.arange(size) >= good, count)
    is_wrong = np.arange(count) < max(1, round(wrong * count))
    first = size * np.arange(count)
    partners = np.stack([rng.permutation(good)[:links] for _ in range(bad * count)]).reshape(count, bad, links)
    starts = np.broadcast_to(first[:, None, None] + good + np.arange(bad)[None, :, None], partners.shape)
    edges = np.stack([starts.ravel(), (first[:, None, None] + partners).ravel()], axis=1)
    pseudolabels = np.where(is_bad, 1 - target, target)
    return PseudolabelledGraph(target, pseudolabels, np.where(np.repeat(is_wrong, size), 1 - target, target), edges)


def graphs(rng: np.random.Generator) -> tuple[PseudolabelledGraph, ...]:
    """Sparse links, several bad points in a cluster, and clusters where every good point is linked (the bounds are attained)."""
    return clusters(rng, 6, links=2), clusters(rng, 5, good=7, bad=2), clusters(rng, 5, links=4)
