"""Errors on rows left out, where rows come in groups that say nearly the same: a row left out alone would be known from its like."""

from __future__ import annotations

from functools import cached_property
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


class LeftOut:
    """Rows of ``features`` (n, d) left out of ridge heads with an intercept: each alone, or by ``group_folds`` of ``groups`` (n,).

    ``design``: that of ``features``, with an intercept; ``groups`` is ``None`` for rows that have no like. Folds are factorised once, for
    any labels.
    """

    def __init__(self, design: Design, features: Any, groups: np.ndarray | None = None) -> None:
        self._design, self._features = design, features
        self._folds = None if groups is None else group_folds(groups)

    def errors(self, labels: Any, penalties: np.ndarray) -> Any:
        """Mean squared error (L, T) on the rows left out, for ``labels`` (n, T) and ``penalties`` λ (L,) as for all n rows: a head that
        is fitted to n' of them gets λ·n'/n, the same weight per row.
        """
        if self._folds is None:
            return self._design.leave_one_out(labels, penalties=penalties)
        xp = array_namespace(labels)
        n, errors = len(self._folds), 0.0
        for out, kept, design in self._parts:
            heads = design.solve(xp.take(labels, kept, axis=0), penalties=penalties * (kept.shape[0] / n))
            unseen = xp.take(self._features, out, axis=0)
            off = unseen @ heads.coefficients + heads.intercept[:, None, :] - xp.take(labels, out, axis=0)
            errors = errors + xp.sum(off**2, axis=1)
        return errors / n

    @cached_property
    def _parts(self) -> list[tuple[Any, Any, Design]]:
        """Of every fold: its rows, the other rows, and the Design of these."""
        assert self._folds is not None
        xp, device = array_namespace(self._features), self._features.device
        found = []
        for fold in np.unique(self._folds):
            out, kept = (xp.asarray(np.flatnonzero(part), device=device) for part in (self._folds == fold, self._folds != fold))
            found.append((out, kept, Design(xp.take(self._features, kept, axis=0), intercept=True)))
        return found
