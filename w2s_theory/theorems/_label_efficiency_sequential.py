"""Worlds that the statements on ranking candidates share."""

from __future__ import annotations

import numpy as np

from ..problems.candidates import Candidates


def candidates(rng: np.random.Generator) -> tuple[Candidates, ...]:
    """Four that share most of their error, three far apart, and the hardest case: two of equal mean."""
    shared = 1.0 + np.diag([0.1, 0.2, 0.3, 0.4])
    return (
        Candidates(np.array([0.0, 0.0, 0.1, 0.3]), shared, count=20),
        Candidates(np.array([0.0, 0.5, 1.0]), np.diag(rng.uniform(0.5, 2.0, 3)), count=12, level=0.9),
        Candidates(np.array([0.2, 0.2]), np.array([[1.0, 0.6], [0.6, 0.8]]), count=10, level=0.95),
    )
