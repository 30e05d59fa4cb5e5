"""Several candidates measured on the same gold points: their errors there are jointly normal around means of their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._validation import frozen, generator, probability, whole


@dataclass(frozen=True, eq=False)
class Candidates:
    """k ≥ 2 candidates with mean errors ``means`` (k,), less is better, and errors at a point of ``covariance`` (k, k),
    positive definite; ``count`` ≥ 2 independent points; ``level`` of statements about them. Raises ``ValueError`` for other
    shapes and for a covariance that is none.
    """

    means: np.ndarray
    covariance: np.ndarray
    count: int = 20
    level: float = 0.95

    def __post_init__(self) -> None:
        means, covariance = frozen("means", self.means, ndim=1), frozen("covariance", self.covariance, ndim=2)
        if len(means) < 2 or covariance.shape != (len(means), len(means)) or not np.allclose(covariance, covariance.T):
            raise ValueError(
                f"covariance must be symmetric with a row per candidate, two or more; its shape is {covariance.shape}, there are {len(means)}."
            )
        smallest = float(np.linalg.eigvalsh(covariance)[0])
        if smallest <= 0.0:
            raise ValueError(f"covariance must be positive definite; its smallest eigenvalue is {smallest:.6g}. Add a diagonal.")
        for name, value in (("means", means), ("covariance", covariance)):
            object.__setattr__(self, name, value)
        whole("count", self.count, at_least=2)
        probability("level", self.level)

    def errors(self, trials: int, *, rng: np.random.Generator) -> np.ndarray:
        """Errors (trials, k, count) at the points."""
        noise = generator(rng).standard_normal((trials, self.count, len(self.means))) @ np.linalg.cholesky(self.covariance).T
        return self.means[:, None] + np.swapaxes(noise, 1, 2)
