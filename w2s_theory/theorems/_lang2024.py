"""Example graphs of the statements after Lang et al. (2024): clusters in which all points are linked, so that the expansion is known."""

from __future__ import annotations

import numpy as np

from ..problems.pseudolabels import CoveredGraph, PseudolabelledGraph


def linked(first: np.ndarray, second: np.ndarray, is_right: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Clusters with ``first``[j] points of one kind, each linked to all ``second``[j] ≥ 1 points of the other kind.

    Returns, point by point, the cluster, whether it is of the second kind and whether the student is right, which it is on the clusters
    ``is_right``; and the edges. Sets of the second kind expand with constant min_j (first_j/Σ first)/(second_j/Σ second), sets of the first
    kind with the largest of these ratios, inverted.
    """
    sizes = np.stack([first, second], axis=1)
    cluster = np.repeat(np.arange(len(first)), sizes.sum(axis=1))
    is_second = np.repeat(np.tile([False, True], len(first)), sizes.ravel())
    same = cluster[:, None] == cluster[None, :]
    return cluster, is_second, is_right[cluster], np.argwhere(same & is_second[:, None] & ~is_second[None, :])


def pseudolabelled(
    good: list[int], bad: list[int], *, right: list[bool], fragile: str = "", classes: int = 2, rng: np.random.Generator
) -> PseudolabelledGraph:
    """``linked`` clusters of good and bad points. ``fragile``: the student errs on one "bad" point of the first right cluster of
    several, or is right on one "good" point of the first wrong one, against what it does around it."""
    cluster, is_bad, is_right, edges = linked(np.array(good), np.array(bad), np.array(right))
    if fragile:
        here = (is_right == (fragile == "bad")) & (is_bad == (fragile == "bad"))
        at = np.flatnonzero(here)[0]
        is_right = is_right.copy()
        is_right[at] = not is_right[at]
    target = rng.integers(0, classes, len(good))[cluster]
    other = (target + rng.integers(1, classes, target.size)) % classes
    return PseudolabelledGraph(target, np.where(is_bad, other, target), np.where(is_right, target, other), edges)


def from_bad(rng: np.random.Generator) -> tuple[PseudolabelledGraph, ...]:
    """Three classes; uneven clusters; and even ones, a fragile error in one (the bound is attained)."""
    return (
        pseudolabelled([4, 5, 6, 5], [1, 2, 1, 2], right=[True, False, True, True], classes=3, rng=rng),
        pseudolabelled([3, 6, 6], [1, 1, 1], right=[False, True, True], rng=rng),
        pseudolabelled([6, 6, 6, 6], [2, 2, 2, 2], right=[True, False, True, False], fragile="bad", rng=rng),
    )


def from_good(rng: np.random.Generator) -> tuple[PseudolabelledGraph, ...]:
    """Three classes; a fragile hit; and clusters of which the largest expands least, the student right there only (the bound is attained)."""
    return (
        pseudolabelled([4, 5, 6, 5], [1, 2, 1, 2], right=[True, False, True, True], classes=3, rng=rng),
        pseudolabelled([6, 6, 6, 6], [2, 2, 2, 2], right=[True, False, True, False], fragile="good", rng=rng),
        pseudolabelled([3, 6, 3, 3], [1, 1, 1, 1], right=[False, True, False, False], rng=rng),
    )


def covered(rng: np.random.Generator) -> tuple[CoveredGraph, ...]:
    """Uneven clusters of covered and uncovered points; even ones with a fragile error; and the worst cluster wrong (the bound is attained)."""
    drawn = []
    for seen, unseen, right, fragile in (
        ([3, 5, 4, 6], [2, 3, 4, 1], [True, False, True, True], False),
        ([4, 4, 4], [2, 2, 2], [True, False, True], True),
        ([2, 4, 6], [3, 3, 3], [False, True, True], False),
    ):
        cluster, is_unseen, is_right, edges = linked(np.array(seen), np.array(unseen), np.array(right))
        is_right = is_right & ~(fragile & (np.arange(cluster.size) == np.flatnonzero(is_unseen)[0]))
        target = rng.integers(0, 2, len(seen))[cluster]
        drawn.append(CoveredGraph(target, np.where(is_right, target, 1 - target), ~is_unseen, edges))
    return tuple(drawn)
