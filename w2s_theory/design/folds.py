"""Errors on rows left out, where rows come in groups that say nearly the same: a row left out alone would be known from its like."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._array import array_namespace
from .core import Design

#: Folds where rows come in groups.
FOLDS = 5


def group_folds(groups: np.ndarray, kinds: np.ndarray | None = None) -> np.ndarray | None:
    """A fold 0 to ``FOLDS`` − 1 for every row (n,), whole groups each; ``None`` when no two of the rows are of one group.

    The groups that occur go to the folds in turn, in the order of their numbers. ``kinds`` (n,), such as classes: what
    is learnt without a fold must have met every kind, so where all rows of a kind are in one fold, the first of their groups gets −1: it
    is never left out.
    """
    member = np.unique(groups, return_inverse=True)[1]
    if member.max() + 1 == len(member):
        return None
    folds = member % FOLDS
    for kind in () if kinds is None else np.unique(kinds):
        rows = np.flatnonzero(kinds == kind)
        if np.ptp(folds[rows]) == 0:
            folds[member == member[rows[0]]] = -1
    return folds


def left_out_errors(design: Design, features: Any, labels: Any, penalties: np.ndarray, groups: np.ndarray | None = None) -> Any:
    """Mean squared error (L, T) of ridge heads with an intercept on rows that were left out: each alone, or by ``group_folds``.

    ``design``: that of ``features`` (n, d), with an intercept; ``labels`` (n, T); ``penalties`` λ (L,) as for all n rows: a head that is
    fitted to n' of them gets λ·n'/n, the same weight per row. ``groups`` (n,), ``None`` for rows that have no like.
    """
    folds = None if groups is None else group_folds(groups)
    if folds is None:
        return design.leave_one_out(labels, penalties=penalties)
    xp = array_namespace(labels)
    n, errors = len(folds), 0.0
    for fold in np.unique(folds):
        out, kept = (xp.asarray(np.flatnonzero(part), device=labels.device) for part in (folds == fold, folds != fold))
        seen, unseen = (xp.take(features, rows, axis=0) for rows in (kept, out))
        heads = Design(seen, intercept=True).solve(xp.take(labels, kept, axis=0), penalties=penalties * (len(kept) / n))
        off = unseen @ heads.coefficients + heads.intercept[:, None, :] - xp.take(labels, out, axis=0)
        errors = errors + xp.sum(off**2, axis=1)
    return errors / n
