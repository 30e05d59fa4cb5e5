"""A supervisor whose errors lean to one side, in a world of two classes: metrics and PGR of everybody, with endless data.

Truth: x ~ N(δ·1[y = 1]·e₁, I), a share of the points in class 1, so P(y = 1 | x) is a logistic curve in x₁, and the ceiling learns it. The
supervisor is wrong on a fixed share of the points, an ``asymmetry`` of them false alarms, the rest misses, and gives its labels with
confidence q. They say 1 − q + (2q − 1)·P(weak label = 1 | x) on average, a curve in x₁ that is not logistic; a softmax head learns the nearest
logistic one, in cross-entropy. Every metric is then an integral over x₁. AUC does not change as long as the curve rises, so its PGR is 1 whatever the
errors; that of accuracy falls below 0 when misses push the curve under ½.
"""

from __future__ import annotations

import functools

import numpy as np
from scipy.special import expit, ndtr

from w2s_theory.quantities.metrics import BINS, METRICS

#: Share of class 1, distance δ of the classes.
PRIOR, DISTANCE = 0.3, 3.0
#: Share of wrong labels, and the confidence q with which they are given: more than they deserve.
WRONG, CONFIDENCE = 0.15, 0.95
#: Points of the integrals over x₁.
GRID = np.linspace(-9.0, DISTANCE + 9.0, 20_001)


def confusion(asymmetry: float, *, wrong: float, prior: float) -> np.ndarray:
    """P(weak label | label) of a supervisor that is wrong on a share ``wrong``, of which ``asymmetry`` are false alarms."""
    alarms, misses = wrong * asymmetry / (1.0 - prior), wrong * (1.0 - asymmetry) / prior
    return np.array([[1.0 - alarms, alarms], [misses, 1.0 - misses]])


def truth(x: np.ndarray) -> np.ndarray:
    """P(y = 1 | x₁)."""
    return expit(np.log(PRIOR / (1.0 - PRIOR)) + DISTANCE * x - 0.5 * DISTANCE**2)


def taught(x: np.ndarray, asymmetry: float) -> np.ndarray:
    """What the weak labels say of x₁ on average."""
    errors = confusion(asymmetry, wrong=WRONG, prior=PRIOR)
    named = errors[0, 1] + (errors[1, 1] - errors[0, 1]) * truth(x)
    return 1.0 - CONFIDENCE + (2.0 * CONFIDENCE - 1.0) * named


@functools.cache
def _weights() -> np.ndarray:
    """Density of x₁ times the step of the grid."""
    density = (1.0 - PRIOR) * np.exp(-0.5 * GRID**2) + PRIOR * np.exp(-0.5 * (GRID - DISTANCE) ** 2)
    return density / density.sum()


@functools.cache
def student_head(asymmetry: float) -> tuple[float, float]:
    """Slope and intercept of the logistic curve nearest to ``taught`` in cross-entropy: Newton's method on the integral."""
    weights, target = _weights(), taught(GRID, asymmetry)
    design = np.stack([GRID, np.ones_like(GRID)])
    head = np.array([1.0, -1.0])
    for _ in range(100):
        curve = expit(head @ design)
        gradient = design @ (weights * (curve - target))
        step = np.linalg.solve((design * (weights * curve * (1.0 - curve))) @ design.T, gradient)
        head = head - step * min(1.0, 2.0 / np.abs(step).max())
        if np.abs(step).max() < 1e-12:
            break
    return float(head[0]), float(head[1])


def curve_metrics(curve: np.ndarray) -> dict[str, float]:
    """Metrics of the predictions ``curve`` = P(1 | x₁) on ``GRID``, rising in x₁, in the whole population."""
    weights, eta = _weights(), truth(GRID)
    named = curve > 0.5
    positive = float(weights @ (eta * named))
    found = {"accuracy": float(weights @ np.where(named, eta, 1.0 - eta))}
    alarms = float(weights @ ((1.0 - eta) * named))
    found["balanced_accuracy"] = 0.5 * (positive / PRIOR + 1.0 - alarms / (1.0 - PRIOR))
    found["f1"] = 2.0 * positive / (positive + alarms + PRIOR)
    found["auc"] = float(ndtr(DISTANCE / np.sqrt(2.0)))
    found["cross_entropy"] = float(-weights @ (eta * np.log(curve) + (1.0 - eta) * np.log1p(-curve)))
    found["brier"] = float(2.0 * weights @ (eta * (1.0 - curve) ** 2 + (1.0 - eta) * curve**2))
    confidence = np.maximum(curve, 1.0 - curve)
    surplus = weights * (np.where(named, eta, 1.0 - eta) - confidence)
    bins = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    return found | {"ece": float(np.sum(np.abs(np.bincount(bins, weights=surplus))))}


def supervisor_metrics(asymmetry: float) -> dict[str, float]:
    """Metrics of the supervisor itself: hard labels with one confidence, in the whole population."""
    errors = confusion(asymmetry, wrong=WRONG, prior=PRIOR)
    sensitivity, alarms = errors[1, 1], errors[0, 1]
    balanced = 0.5 * (sensitivity + 1.0 - alarms)
    return {
        "accuracy": 1.0 - WRONG,
        "balanced_accuracy": balanced,
        "f1": 2.0 * PRIOR * sensitivity / (PRIOR * sensitivity + (1.0 - PRIOR) * alarms + PRIOR),
        "auc": balanced,
        "cross_entropy": -(1.0 - WRONG) * np.log(CONFIDENCE) - WRONG * np.log(1.0 - CONFIDENCE),
        "brier": 2.0 * ((1.0 - WRONG) * (1.0 - CONFIDENCE) ** 2 + WRONG * CONFIDENCE**2),
        "ece": abs(1.0 - WRONG - CONFIDENCE),
    }


def expected(asymmetry: float) -> dict[str, float]:
    """PGR by metric with endless training data and test points."""
    slope, intercept = student_head(asymmetry)
    weak, student, ceiling = (
        supervisor_metrics(asymmetry),
        curve_metrics(expit(slope * GRID + intercept)),
        curve_metrics(truth(GRID)),
    )
    return {name: (student[name] - weak[name]) / (ceiling[name] - weak[name]) for name in METRICS}
