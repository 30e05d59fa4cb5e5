"""Pools of answers and gold labels that tests of the corrected mean share, and the terms of a draw from fixed misses."""

from __future__ import annotations

import numpy as np

from w2s_theory.quantities.label_efficiency.difference import Terms
from w2s_theory.quantities.label_efficiency.draws import Draw


def numbers(seed: int, points: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=points)
    weak, student = 0.6 * truth + 0.5 * rng.normal(size=points), 0.7 * truth + 0.3 * rng.normal(size=points)
    return weak, student, truth + 0.5 * rng.normal(size=points)


def probabilities(seed: int, points: int = 300, classes: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(points, classes))

    def softmax(values: np.ndarray) -> np.ndarray:
        powers = np.exp(values)
        return powers / powers.sum(axis=1, keepdims=True)

    gold = np.array([rng.choice(classes, p=row) for row in softmax(2.0 * scores)])
    return softmax(scores + rng.normal(size=scores.shape)), softmax(scores + 0.5 * rng.normal(size=scores.shape)), gold


def terms(missed: np.ndarray, draw: Draw) -> Terms:
    """What a draw says of fixed misses, nothing being known of the rest."""
    rows, zero = draw.rows, np.zeros(len(draw.rows))
    return Terms(0.0, 0.0, zero, missed[rows], draw.rates[rows], zero, missed.size, 1)
