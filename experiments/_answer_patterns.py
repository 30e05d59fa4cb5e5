"""Weak model, student and ceiling answer n questions: how likely each pattern of right and wrong is, and the law of PGR that follows.

A share κ of the questions is as hard for all three (one uniform number each, right below the accuracy), the rest is answered independently.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from w2s_theory.quantities.pgr_intervals import GAIN, GAP

#: Patterns of right and wrong of (weak, student, ceiling).
PATTERNS = np.array(list(np.ndindex(2, 2, 2)), dtype=np.float64)
#: Nodes and weights of the integrals over a gap: densities with a width of a twentieth of the range, integrands nearly as smooth.
NODES = np.polynomial.legendre.leggauss(200)


def pattern_shares(accuracies: np.ndarray, shared: float) -> np.ndarray:
    """Probabilities (8,) of ``PATTERNS``."""
    right = PATTERNS == 1.0
    alone = np.prod(np.where(right, accuracies, 1.0 - accuracies), axis=1)
    below = np.min(np.where(right, accuracies, 1.0), axis=1)
    above = np.max(np.where(right, 0.0, accuracies), axis=1)
    return shared * np.maximum(below - above, 0.0) + (1.0 - shared) * alone


def covariance(accuracies: np.ndarray, shared: float, n: int) -> np.ndarray:
    """Covariance (3, 3) of the accuracies on n questions."""
    both = np.minimum(accuracies[:, None], accuracies) - np.outer(accuracies, accuracies)
    return np.where(np.eye(3, dtype=bool), both, shared * both) / n


def delta_stderr(accuracies: np.ndarray, shared: float, n: int) -> float:
    """Standard error of PGR to first order: √(cᵀ Σ c)/gap with the contrast c of gain − PGR·gap."""
    contrast = GAIN - (GAIN @ accuracies) / (GAP @ accuracies) * GAP
    return float(np.sqrt(contrast @ covariance(accuracies, shared, n) @ contrast) / (GAP @ accuracies))


def gap_stderr(accuracies: np.ndarray, shared: float, n: int) -> float:
    """Standard error of the gap."""
    return float(np.sqrt(GAP @ covariance(accuracies, shared, n) @ GAP))


def ratio_cdf(t: float, mean: np.ndarray, noise: np.ndarray, *, kept: bool = False) -> float:
    """P(gain/gap ≤ t), or given gap > 0 when ``kept``, of performances that are normal (mean (3,), covariance ``noise``).

    By Gauss–Legendre quadrature over the gap on either side of 0; given the gap the gain is normal.
    """
    gain, gap = GAIN @ mean, GAP @ mean
    spread = np.sqrt(GAP @ noise @ GAP)
    slope = (GAIN @ noise @ GAP) / spread**2
    rest = np.sqrt(GAIN @ noise @ GAIN - slope**2 * spread**2)
    nodes, weights = NODES
    ends = [(0.0, max(0.0, gap + 9.0 * spread)), *([] if kept else [(min(0.0, gap - 9.0 * spread), 0.0)])]
    gaps = np.concatenate([low + (high - low) * (nodes + 1.0) / 2.0 for low, high in ends])
    weights = np.concatenate([(high - low) * weights for low, high in ends]) * np.exp(-0.5 * ((gaps - gap) / spread) ** 2)
    below = (t * gaps - gain - slope * (gaps - gap)) / rest
    return float(np.sum(weights * ndtr(np.sign(gaps) * below)) / np.sum(weights))


def ratio_quantile(share: float, mean: np.ndarray, noise: np.ndarray, *, kept: bool = False) -> float:
    """The t at which ``ratio_cdf`` is ``share``."""
    from scipy.optimize import brentq

    return float(brentq(lambda t: ratio_cdf(t, mean, noise, kept=kept) - share, -100.0, 100.0))  # type: ignore[arg-type]
