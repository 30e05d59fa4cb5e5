"""Problems and slow, plain answers that the tests of ``Design`` share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Case:
    """Features (n, d), weak labels and target (n, T), weights (n,)."""

    features: np.ndarray
    weak: np.ndarray
    target: np.ndarray
    weights: np.ndarray

    @property
    def labels(self) -> dict[str, np.ndarray]:
        return {"weak": self.weak, "target": self.target}


def case(seed: int, n: int = 60, d: int = 5, tasks: int = 4, *, condition: float = 3.0, offset: float = 1.0) -> Case:
    """Features off centre with unequal spreads, a target that they explain in part, noisy and biased weak labels."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, d)) * np.geomspace(1.0, 1.0 / condition, d) + offset
    target = features @ rng.normal(size=(d, tasks)) + 0.5 * rng.normal(size=(n, tasks))
    weak = target + rng.normal(size=(n, tasks)) + 0.3
    return Case(features, weak, target, rng.uniform(0.2, 2.0, size=n))


def minimiser(
    features: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray,
    penalty: float,
    intercept: bool,
    metric: np.ndarray | None = None,
) -> np.ndarray:
    """Heads (d + 1, T), the intercept last, by least squares on rows that are augmented with the penalty: no Gram matrix."""
    n, d = features.shape
    metric = np.eye(d) if metric is None else np.diag(metric) if metric.ndim == 1 else metric
    root = np.sqrt(weights)[:, None]
    top = root * np.hstack([features, np.full((n, 1), float(intercept))])
    bottom = np.hstack([np.sqrt(penalty) * np.linalg.cholesky(metric).T, np.zeros((d, 1))])
    stacked = np.vstack([root * labels, np.zeros((d, labels.shape[1]))])
    return np.linalg.lstsq(np.vstack([top, bottom]), stacked, rcond=None)[0]


def predictions(features: np.ndarray, heads: np.ndarray) -> np.ndarray:
    """Predictions (n, T) of heads (d + 1, T)."""
    return features @ heads[:-1] + heads[-1]


def in_long_double(features: np.ndarray, labels: np.ndarray) -> Any:
    """Least-squares fitted values by modified Gram–Schmidt with reorthogonalisation, in extended precision."""
    basis = features.astype(np.longdouble)
    for j in range(basis.shape[1]):
        column = basis[:, j]
        for _ in range(3):
            column = column - basis[:, :j] @ (basis[:, :j].T @ column)
        basis[:, j] = column / np.sqrt(column @ column)
    return basis @ (basis.T @ labels.astype(np.longdouble))
