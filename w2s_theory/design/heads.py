"""Fitted heads for many tasks and penalties at once. Columns are tasks, as in X W = Y."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._array import array_namespace
from .rows import as_fitted


@dataclass(frozen=True, eq=False)
class Heads:
    """One head per penalty (or stopping time) and task: prediction = features @ coefficients + intercept.

    ``coefficients`` (L, d, T) and ``intercept`` (L, T), without the last axis when the labels came as (n,). ``path`` (L,) are the
    penalties or times. ``route`` is "gram" or "svd" (see ``spectrum``), ``rank`` the number of directions used, ``error`` (L,) the
    estimated rounding error of fitted values relative to the size of the labels.
    """

    coefficients: Any
    intercept: Any
    path: np.ndarray
    route: str
    rank: int
    error: np.ndarray

    def predict(self, features: Any) -> Any:
        """Predictions (L, n, T) at ``features`` (n, d); (L, n) for a single task. Raises ``ValueError`` for NaN or other columns.

        ``gain_report`` wants samples last: give it ``predictions[l].T``, with weak and target transposed as well.
        """
        heads = self.coefficients
        features = as_fitted(features, heads, heads.shape[1])
        if heads.ndim == 2:
            return heads @ features.T + self.intercept[:, None]
        return features @ heads + self.intercept[:, None, :]


def combine(basis: Any, inverse: Any, coordinates: Any, dtype: Any) -> Any:
    """basis · diag(inverse_l) · coordinates for every l: (d, r), (L, r), (r, T) → (L, d, T), in ``dtype``.

    The L products are one matrix product, and the filter goes to the side on which it makes the smaller copy.
    """
    xp = array_namespace(basis)
    (d, r), (size, _), tasks = basis.shape, inverse.shape, coordinates.shape[1]
    if tasks >= d:
        scaled = xp.astype(basis[None, :, :] * inverse[:, None, :], dtype, copy=False)
        return xp.reshape(xp.reshape(scaled, (size * d, r)) @ xp.astype(coordinates, dtype, copy=False), (size, d, tasks))
    return xp.astype(basis, dtype, copy=False) @ xp.astype(inverse[:, :, None] * coordinates[None, :, :], dtype, copy=False)
