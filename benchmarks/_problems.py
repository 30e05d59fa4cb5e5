"""The worlds that the benchmarks share, and the answers that ours is checked against."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.linalg


class RidgeProblem(NamedTuple):
    """``features`` (n, d), ``weak`` and ``target`` labels (n, T), ``penalties`` (L,)."""

    features: np.ndarray
    weak: np.ndarray
    target: np.ndarray
    penalties: np.ndarray


def features(n: int, d: int, *, condition: float, rng: np.random.Generator) -> np.ndarray:
    """Gaussian rows, whose standard deviations along a random basis fall from 1 to 1/``condition``, evenly in their logarithm."""
    basis = np.linalg.qr(rng.standard_normal((d, d)))[0]
    return rng.standard_normal((n, d)) * np.geomspace(1.0, 1.0 / condition, d) @ basis


def ridge_problem(n: int, d: int, tasks: int, penalties: int, *, condition: float = 1.0) -> RidgeProblem:
    """A linear signal of variance one, of which the target misses 0.1 (it isn't realizable) and the weak labels one more.

    The penalties range over five decades, up to the largest eigenvalue of XᵀX.
    """
    rng = np.random.default_rng(0)
    rows = features(n, d, condition=condition, rng=rng)
    signal = rows @ rng.standard_normal((d, tasks))
    target = signal / signal.std() + 0.1**0.5 * rng.standard_normal((n, tasks))
    weak = target + rng.standard_normal((n, tasks))
    return RidgeProblem(rows, weak, target, n * np.geomspace(1e-5, 1.0, penalties))


#: A head's error is rounding times the condition of XᵀX + λI, with this factor for room; nobody may be further off than the largest.
ROOM, LARGEST = 100.0, 1e-2
ROUNDING = {"float64": 2.0**-52, "float32": 2.0**-23}


class Reference:
    """Ridge by the singular value decomposition of the features: another route to the numbers than eigenvectors of the Gram matrix."""

    def __init__(self, problem: RidgeProblem) -> None:
        self.problem = problem
        self.left, self.values, self.right = scipy.linalg.svd(problem.features, full_matrices=False)
        self.coordinates = self.left.T @ problem.weak
        self.condition = float(self.values[0] / self.values[-1])

    def allowed(self, precision: str, penalty: float | None = None) -> float | None:
        """The largest relative error of heads that is the same answer, at ``penalty`` or at the smallest of the problem; tf32 is not judged."""
        if precision not in ROUNDING:
            return None
        penalty = float(self.problem.penalties.min()) if penalty is None else penalty
        condition = (self.values[0] ** 2 + penalty) / (self.values[-1] ** 2 + penalty)
        return min(ROOM * ROUNDING[precision] * float(condition), LARGEST)

    def heads(self, penalties: np.ndarray, tasks: slice = slice(None)) -> np.ndarray:
        """Heads (L, d, T) for the weak labels."""
        filters = self.values / (self.values**2 + penalties[:, None])
        return self.right.T @ (filters[:, :, None] * self.coordinates[:, tasks])

    def leave_one_out(self, penalties: np.ndarray, tasks: slice = slice(None)) -> np.ndarray:
        """Mean squared leave-one-out errors (L, T), from fitted values and leverages."""
        errors = []
        for penalty in penalties:
            kept = self.values**2 / (self.values**2 + penalty)
            fitted = self.left @ (kept[:, None] * self.coordinates[:, tasks])
            leverage = np.sum(self.left**2 * kept, axis=1)
            errors.append(np.mean(((self.problem.weak[:, tasks] - fitted) / (1.0 - leverage[:, None])) ** 2, axis=0))
        return np.array(errors)
