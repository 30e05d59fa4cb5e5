"""Repair of weak labels by a probe on frozen features: relabel with what the probe answers, or drop what it disagrees with.

The probes and filters of the published code of EleutherAI/w2s: k nearest neighbours, logistic regression, and the topological filter. Labels are
probabilities (n, C); what a row is called is its largest entry. Distance between a label y and an answer p: total variation, ½Σ|p − y|, |p − y|
for two classes. NumPy and SciPy only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from .._validation import SolverFailure, finite, positive, probability
from ..problems.classification import two_columns
from .neighbours import FittedNeighbours, NeighbourProbe, as_labels, nearest, neighbour_means
from .softmax import SoftmaxHeads, fit_softmax


class FittedProbe(Protocol):
    """What a probe becomes when it is fitted."""

    def predict(self, features: Any) -> np.ndarray:
        """Probabilities (m, C) at ``features`` (m, d)."""
        ...


class Probe(Protocol):
    """A rule that learns labels (n, C) from features (n, d)."""

    def fit(self, features: Any, labels: Any) -> FittedProbe:
        """Fit the rule."""
        ...


def relabel(probe: Probe, features: Any, labels: Any) -> np.ndarray:
    """New labels (n, C): what ``probe``, fitted to ``labels``, answers on the same points."""
    return probe.fit(features, labels).predict(features)


def keep_nearest_labels(probe: Probe, features: Any, labels: Any, *, contamination: float = 0.1) -> np.ndarray:
    """The mask (n,) of what is kept when the ⌊contamination · n⌋ labels furthest from the probe's answers are dropped.

    Ties go by row order, the earlier rows being kept. Raises ``ValueError`` unless 0 ≤ contamination < 1.
    """
    labels = as_labels(labels, features)
    distances = total_variation(labels, relabel(probe, features, labels))
    return _without_furthest(distances, int(_contamination(contamination) * len(labels) + 1e-9))


@dataclass(frozen=True)
class LogisticProbe:
    """Logistic (C classes: softmax) regression with an intercept: mean cross-entropy + ``penalty`` · ‖weights‖²."""

    penalty: float = 1e-3

    def fit(self, features: Any, labels: Any) -> FittedLogistic:
        """Raises ``ValueError`` for labels that are no probabilities or leave a class out, ``SolverFailure`` when the fit does not converge."""
        features = np.asarray(finite("features", features, ndim=2), dtype=np.float64)
        labels = as_labels(labels, features)
        given = labels[:, 1] if labels.shape[1] == 2 else labels[:, None, :]
        heads = fit_softmax(features, given, penalty=2.0 * len(labels) * positive("penalty", self.penalty), intercept=True)
        if not np.all(heads.converged):
            raise SolverFailure(f"the logistic probe stopped at a relative gradient of {float(np.max(heads.residual)):.2g}.")
        return FittedLogistic(heads)


@dataclass(frozen=True, eq=False)
class FittedLogistic:
    """A fitted ``LogisticProbe``."""

    heads: SoftmaxHeads

    def predict(self, features: Any) -> np.ndarray:
        """Probabilities (m, C) at ``features`` (m, d)."""
        predicted = np.asarray(self.heads.predict(np.asarray(finite("features", features, ndim=2), dtype=np.float64)))
        return two_columns(predicted) if predicted.ndim == 1 else predicted[:, 0, :]


@dataclass(frozen=True)
class TopologicalProbe:
    """The mean label of the ``k_mean`` nearest points within the classes' main bodies (see ``main_bodies``)."""

    k_component: int = 50
    k_mean: int = 50

    def fit(self, features: Any, labels: Any) -> FittedNeighbours:
        """Raises ``ValueError`` as ``NeighbourProbe``, also when the main bodies hold fewer than ``k_mean`` points."""
        features = np.asarray(finite("features", features, ndim=2), dtype=np.float64)
        labels = as_labels(labels, features)
        body = main_bodies(features, labels, k=self.k_component)
        return NeighbourProbe(self.k_mean).fit(features[body], labels[body])


def topological_filter(
    features: Any, labels: Any, *, contamination: float = 0.1, k_component: int = 50, k_mean: int = 50
) -> np.ndarray:
    """The mask (n,) of what is kept: the classes' main bodies, less the labels furthest from the mean of their ``k_mean`` neighbours there.

    As many are dropped as bring the total to round(contamination · n), none when the main bodies have lost that many. Raises
    ``ValueError`` unless 0 ≤ contamination < 1, and as ``TopologicalProbe``.
    """
    features = np.asarray(finite("features", features, ndim=2), dtype=np.float64)
    labels = as_labels(labels, features)
    total = round(_contamination(contamination) * len(labels))
    body = np.flatnonzero(main_bodies(features, labels, k=k_component))
    inside = labels[body]
    distances = total_variation(inside, neighbour_means(inside, nearest(features[body], k=k_mean)))
    kept = np.zeros(len(labels), dtype=bool)
    kept[body[_without_furthest(distances, max(total - (len(labels) - body.size), 0))]] = True
    return kept


def main_bodies(features: np.ndarray, labels: np.ndarray, *, k: int) -> np.ndarray:
    """Points (n,) in the largest strongly connected component of their class, in the graph of edges to those of the k nearest that share it."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    called = np.argmax(labels, axis=1)
    start, end = np.repeat(np.arange(len(called)), k), nearest(features, k=k).ravel()
    same = called[start] == called[end]
    graph = csr_array((np.ones(same.sum(), dtype=np.int8), (start[same], end[same])), shape=(len(called), len(called)))
    count, component = connected_components(graph, directed=True, connection="strong")
    sizes = np.bincount(component, minlength=count)
    body = np.zeros(len(called), dtype=bool)
    for c in np.unique(called):
        own = np.unique(component[called == c])
        body |= component == own[np.argmax(sizes[own])]
    return body


def total_variation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """½Σ|p − y| over the last axis."""
    return 0.5 * np.sum(np.abs(first - second), axis=-1)


def _without_furthest(distances: np.ndarray, dropped: int) -> np.ndarray:
    """The mask of all but the ``dropped`` largest, earlier rows being kept in a tie."""
    kept = np.ones(distances.size, dtype=bool)
    kept[np.argsort(distances, kind="stable")[distances.size - dropped :]] = False
    return kept


def _contamination(value: float) -> float:
    return 0.0 if value == 0 else probability("contamination", value)
