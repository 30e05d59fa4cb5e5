"""True metrics of paired classifiers: what their accuracy, F1, AUC, cross-entropy, ... are on endless test points, and how PGR varies.

A model of strength m that is read with slope a = 2·confidence·μ and bias b = confidence·log odds answers class 1 where its evidence exceeds
t = −b/a, so its true positive rate is Φ(m − t) and its false positive rate Φ(−m − t). Accuracy, balanced accuracy and F1 follow;
AUC = Φ(√2 m); cross-entropy, Brier and binned calibration error are one-dimensional integrals over the evidence. Seeds are averaged by
Gauss–Hermite quadrature over m ~ N(μ, τ²). NumPy and scipy.special only.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable

import numpy as np
from scipy import special

from ..problems.paired_classifiers import PairedClassifiers
from .metrics import BINS, as_metric

#: Nodes of the Gauss–Hermite rules over seeds and of the Gauss–Legendre rules over evidence.
NODES = 48
#: Standard deviations of evidence beyond which nothing is left: a normal tail of 1e-23.
REACH = 10.0
#: True metrics this close are the same, up to quadrature.
SAME = 1e-9


def population_metric(world: PairedClassifiers, metric: str) -> np.ndarray:
    """Values (3,) of ``metric`` for weak, student and ceiling, averaged over seeds."""
    as_metric(metric)
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES if world.seed_spread else 1)
    strengths = world.strengths[:, None] + world.seed_spread * nodes
    return _OF[metric](world, strengths) @ (weights / weights.sum())


def population_pgr(world: PairedClassifiers, metric: str = "accuracy") -> float:
    """(student − weak)/(ceiling − weak) of the true metrics; raises ``ValueError`` where weak and ceiling are the same."""
    weak, student, ceiling = population_metric(world, metric)
    if abs(ceiling - weak) < SAME:
        raise ValueError(f"world must have a ceiling that differs from the weak model in {metric}; both are {weak:.6g}.")
    return float((student - weak) / (ceiling - weak))


def accuracy_covariance(world: PairedClassifiers) -> np.ndarray:
    """Covariance (3, 3) of being right on one point; over n it is that of the accuracies of one seed (the seed's own effect left out).

    P(both right | y) = E_u ∏_k Φ((c_k + √r u)/√(1 − r)) with c_k the model's distance to its threshold on y's side, r < 1.
    """
    t = _threshold(world)
    nodes, weights = np.polynomial.hermite_e.hermegauss(2 * NODES)
    both = np.zeros((3, 3))
    for distance, share in ((world.strengths - t, world.share), (world.strengths + t, 1.0 - world.share)):
        right = special.ndtr((distance[:, None] + np.sqrt(world.correlation) * nodes) / np.sqrt(1.0 - world.correlation))
        joint = (right * weights / weights.sum()) @ right.T
        both += share * (joint + np.diag(special.ndtr(distance) - np.diag(joint)))
    rate = np.diag(both)
    return both - np.outer(rate, rate)


def pgr_stderr(world: PairedClassifiers, n: int) -> float:
    """Delta standard error of the PGR of accuracy on n points: √(d' Σ d/n)/gap, d = (−(1 − PGR), 1, −PGR), Σ of ``accuracy_covariance``."""
    weak, _, ceiling = population_metric(world, "accuracy")
    ratio = population_pgr(world)
    slope = np.array([ratio - 1.0, 1.0, -ratio]) / (ceiling - weak)
    return float(np.sqrt(slope @ accuracy_covariance(world) @ slope / n))


def _threshold(world: PairedClassifiers) -> np.ndarray:
    return -world.bias / (2.0 * world.strengths)


def _rates(world: PairedClassifiers, strengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """True and false positive rates of models of ``strengths`` (3, m), each read as its mean one."""
    t = _threshold(world)[:, None]
    return special.ndtr(strengths - t), special.ndtr(-strengths - t)


def _accuracy(world: PairedClassifiers, strengths: np.ndarray) -> np.ndarray:
    hits, alarms = _rates(world, strengths)
    return world.share * hits + (1.0 - world.share) * (1.0 - alarms)


def _balanced_accuracy(world: PairedClassifiers, strengths: np.ndarray) -> np.ndarray:
    hits, alarms = _rates(world, strengths)
    return (hits + 1.0 - alarms) / 2.0


def _f1(world: PairedClassifiers, strengths: np.ndarray) -> np.ndarray:
    hits, alarms = _rates(world, strengths)
    return 2.0 * world.share * hits / (world.share * (hits + 1.0) + (1.0 - world.share) * alarms)


def _auc(world: PairedClassifiers, strengths: np.ndarray) -> np.ndarray:
    return special.ndtr(np.sqrt(2.0) * strengths)


def _cross_entropy(world: PairedClassifiers, strengths: np.ndarray) -> np.ndarray:
    return _over_evidence(world, strengths, lambda logit, side: np.logaddexp(0.0, -side * logit))


def _brier(world: PairedClassifiers, strengths: np.ndarray) -> np.ndarray:
    return _over_evidence(world, strengths, lambda logit, side: 2.0 * special.expit(-side * logit) ** 2)


def _over_evidence(
    world: PairedClassifiers, strengths: np.ndarray, loss: Callable[[np.ndarray, float], np.ndarray]
) -> np.ndarray:
    """E loss(logit, ±1) over evidence and labels, by Gauss–Legendre on pieces of unit length."""
    x, weights = _pieces(np.arange(-REACH, REACH + 0.5))
    slope = 2.0 * world.strengths[:, None, None]
    total = np.zeros(strengths.shape)
    for side, share in ((1.0, world.share), (-1.0, 1.0 - world.share)):
        logit = world.confidence * (slope * (side * strengths[..., None] + x) + world.bias)
        total += share * (loss(logit, side) @ (weights * _density(x)))
    return total


def _ece(world: PairedClassifiers, strengths: np.ndarray) -> np.ndarray:
    """Σ over bins of |P(right, bin) − E[confidence; bin]|; a bin is an interval of logits on either side of zero."""
    edges = np.arange(BINS + 1) / BINS
    edges = special.logit(np.unique(np.clip(edges, 0.5, 1.0)))
    total = np.zeros(strengths.shape)
    for low, high in itertools.pairwise(edges):
        surplus = np.zeros(strengths.shape)
        for said in (1.0, -1.0):
            for truth, share in ((1.0, world.share), (-1.0, 1.0 - world.share)):
                surplus += share * _surplus(world, strengths, said, truth, low, high)
        total += np.abs(surplus)
    return total


def _surplus(world: PairedClassifiers, strengths: np.ndarray, said: float, truth: float, low: float, high: float) -> np.ndarray:
    """E[right − confidence; the logit of class ``said`` lies between low and high | label on side ``truth``]."""
    slope = 2.0 * world.confidence * world.strengths[:, None]
    ends = (said * np.array([low, high])[:, None, None] - world.confidence * world.bias) / slope - truth * strengths
    ends = np.sort(np.clip(ends, -REACH, REACH), axis=0)
    nodes, weights = _gauss_legendre(4 * NODES)
    half = (ends[1] - ends[0])[..., None] / 2.0
    x = ends[0][..., None] + half * (1.0 + nodes)
    logit = slope[..., None] * (truth * strengths[..., None] + x) + world.confidence * world.bias
    return np.sum(half * weights * _density(x) * ((said == truth) - special.expit(said * logit)), axis=-1)


def _pieces(edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of Gauss–Legendre on each of the pieces between ``edges``."""
    nodes, weights = _gauss_legendre(NODES)
    half = np.diff(edges)[:, None] / 2.0
    return (edges[:-1, None] + half * (1.0 + nodes)).ravel(), (half * weights).ravel()


@functools.cache
def _gauss_legendre(count: int) -> tuple[np.ndarray, np.ndarray]:
    return np.polynomial.legendre.leggauss(count)


def _density(x: np.ndarray) -> np.ndarray:
    return np.exp(-0.5 * x**2) / np.sqrt(2.0 * np.pi)


_OF = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "f1": _f1,
    "auc": _auc,
    "cross_entropy": _cross_entropy,
    "brier": _brier,
    "ece": _ece,
}
