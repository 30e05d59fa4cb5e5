"""Nearest neighbours by blocks of matrix products, and the probe that answers with the mean label of the k nearest. NumPy and SciPy only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._validation import finite, squarable, whole
from ..montecarlo import PIECE


def nearest(features: Any, queries: Any = None, *, k: int) -> np.ndarray:
    """Row numbers (..., m, k) of the k rows of ``features`` (..., n, d) nearest to each row of ``queries`` (..., m, d), in Euclidean distance.

    Axes in front are separate data sets. Without ``queries`` the points are looked up among themselves, each left out of its own
    neighbours. The k are in no order; ties are broken arbitrarily. No more than 2²² distances are held at once (but those of one query in
    every data set). Distances are worked out from the columns' medians, which outliers don't move; points about 10⁷ times further from
    there than from each other can't be told apart. Raises ``ValueError`` for NaN, other shapes, or k larger than the number of points to
    choose from.

    >>> nearest([[0.0], [1.0], [5.0]], k=1).ravel().tolist()
    [1, 0, 1]
    """
    given = np.asarray(finite("features", features, min_ndim=2), dtype=np.float64)
    # Squares of points far from the origin would swallow their differences.
    middle = np.median(squarable("features", given), axis=-2, keepdims=True)
    points = given - middle
    n = points.shape[-2]
    most = n - (queries is None)
    if whole("k", k) > most:
        raise ValueError(f"k must be at most {most}, the points to choose from; it is {k}. Ask for fewer neighbours.")
    at = points if queries is None else squarable("queries", np.asarray(finite("queries", queries, min_ndim=2), dtype=np.float64))
    if queries is not None:
        if at.shape[:-2] != points.shape[:-2] or at.shape[-1] != points.shape[-1]:
            raise ValueError(
                f"queries must have the columns of features, {points.shape[-1]}; shapes {at.shape} and {points.shape}."
            )
        at = at - middle
    squares = np.sum(points**2, axis=-1)[..., None, :]
    m = at.shape[-2]
    step = max(1, PIECE // (points.size // points.shape[-1]))
    found = np.empty((*at.shape[:-1], k), dtype=np.int64)
    for start in range(0, m, step):
        rows = slice(start, min(start + step, m))
        # The square of the query itself is the same for all points.
        distances = (-2.0 * at[..., rows, :]) @ np.swapaxes(points, -1, -2)
        distances += squares
        if queries is None:
            own = np.arange(rows.start, rows.stop)
            distances[..., own - rows.start, own] = np.inf
        found[..., rows, :] = np.argpartition(distances, k - 1, axis=-1)[..., :k]
    return found


def neighbour_means(labels: np.ndarray, neighbours: np.ndarray) -> np.ndarray:
    """The mean of ``labels`` (n, C) over each row of ``neighbours`` (m, k), as ``nearest`` finds them: (m, C)."""
    from scipy.sparse import csr_array

    m, k = neighbours.shape
    among = csr_array((np.full(m * k, 1.0 / k), neighbours.ravel(), k * np.arange(m + 1)), shape=(m, len(labels)))
    return among @ labels


def as_labels(labels: Any, features: Any) -> np.ndarray:
    """Labels (n, C) if they are probabilities over C ≥ 2 classes, one row per row of features; raises ``ValueError`` otherwise."""
    array = np.asarray(finite("labels", labels, ndim=2), dtype=np.float64)
    if array.shape[0] != len(features) or array.shape[1] < 2:
        raise ValueError(
            f"labels must have shape ({len(features)}, C), C >= 2, one row per row of features; it is {array.shape}."
        )
    if array.min() < 0.0 or np.max(np.abs(array.sum(axis=1) - 1.0)) > 1e-6:
        raise ValueError(
            f"labels must be probabilities that sum to 1 over classes; smallest {array.min():.6g}, sums from "
            f"{array.sum(axis=1).min():.6g} to {array.sum(axis=1).max():.6g}. Divide by the sums."
        )
    return array


@dataclass(frozen=True)
class NeighbourProbe:
    """Answers with the mean label of the ``k`` nearest points it was fitted to, a point itself included when it is one of them.

    As in the published code of EleutherAI/w2s, which uses it to relabel and to filter weak labels. Answers may be 0 or 1 exactly.
    """

    k: int = 50

    def fit(self, features: Any, labels: Any) -> FittedNeighbours:
        """Keep ``features`` (n, d) and ``labels`` (n, C), probabilities. Raises ``ValueError`` for others, and for n < k."""
        features = np.asarray(finite("features", features, ndim=2), dtype=np.float64)
        if whole("k", self.k) > len(features):
            raise ValueError(
                f"k must be at most {len(features)}, the number of points; it is {self.k}. Ask for fewer neighbours."
            )
        return FittedNeighbours(features, as_labels(labels, features), self.k)


@dataclass(frozen=True, eq=False)
class FittedNeighbours:
    """A fitted ``NeighbourProbe``."""

    features: np.ndarray
    labels: np.ndarray
    k: int

    def predict(self, features: Any) -> np.ndarray:
        """Probabilities (m, C) at ``features`` (m, d)."""
        return neighbour_means(self.labels, nearest(self.features, features, k=self.k))
