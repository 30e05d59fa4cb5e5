"""Random splits of a task's rows into weak, transfer and test rows: rows that say the same stay together, classes in their shares."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .._validation import generator, whole
from ..problems.classification import stratified
from ..problems.empirical import Split, part_sizes


def draw_splits(
    total: int,
    sizes: Sequence[float],
    count: int,
    *,
    classes: np.ndarray | None = None,
    groups: np.ndarray | None = None,
    rng: np.random.Generator,
) -> list[Split]:
    """``count`` independent splits of the rows 0 to ``total`` − 1 into parts of ``sizes`` (counts, or fractions of the total).

    ``groups`` (total,): rows of one group, such as copies of a text, never straddle a split; the parts then have their sizes up to the
    largest group. ``classes`` (total,): each part has every class in its share (a group counts for the class of its first row).
    Raises ``ValueError`` when a part would hold fewer than two groups, or would lack a class.
    """
    parts = part_sizes(sizes, total)
    if groups is None:
        groups = np.arange(total)
    elif np.shape(groups) != (total,):
        raise ValueError(f"groups must have one number per row, ({total},); its shape is {np.shape(groups)}. Align them.")
    _, first, member, size = np.unique(groups, return_index=True, return_inverse=True, return_counts=True)
    strata = None if classes is None else np.unique(classes, return_inverse=True)[1][first]
    found = []
    for _ in range(whole("splits", count)):
        order = generator(rng).permutation(len(first)) if strata is None else stratified(strata, rng=rng)
        # A group belongs to the part in which the middle of its rows would lie if rows were laid end to end.
        middle = np.cumsum(size[order]) - size[order] / 2.0
        part = np.empty(len(first), dtype=np.int64)
        part[order] = np.searchsorted(np.cumsum(parts), middle, side="left")
        split = Split(*(rng.permutation(np.flatnonzero(part[member] == k)) for k in range(3)))
        _refuse_thin(split, classes, groups, total)
        found.append(split)
    return found


def _refuse_thin(split: Split, classes: np.ndarray | None, groups: np.ndarray, total: int) -> None:
    """Every part must have two rows that say something of their own, and every class."""
    for name, rows in split._asdict().items():
        if len(np.unique(groups[rows])) < 2:
            raise ValueError(
                f"every part must have at least 2 rows, of 2 groups; the {name} part of a split of {total} rows has {len(rows)}. Make it "
                "larger, or look at groups: one of them may hold most of the rows."
            )
        missing = [] if classes is None else np.setdiff1d(classes, classes[rows])
        if len(missing):
            raise ValueError(
                f"every part must hold every class; the {name} part of {len(rows)} rows lacks class {missing[0]:g}, of which there are "
                f"{np.sum(classes == missing[0])} in {total} rows. Make the part larger, or merge the class."
            )
