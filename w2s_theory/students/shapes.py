"""Students in a convex class without features: mixtures of given functions, and functions that never decrease along a covariate.

The setting is in ``problems.convexity``; classes of linear heads are in ``convex``. NumPy float64 only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import scipy.optimize

from .._validation import SolverFailure, finite
from ..problems.convexity import ConvexClass, Projection, candidate, inner, measure, norm, on_sample
from .spans import apply_heads, as_features, span


@dataclass(frozen=True, eq=False)
class SimplexHull(ConvexClass):
    """Mixtures of k functions, V = {sum_j a_j g_j : a >= 0, sum_j a_j = 1}.

    ``members`` g has shape (k, n). Coefficients are the mixture weights a (some of them, when several mixtures are the same
    function). The projection of w is one non-negative least squares,

        u = argmin over u >= 0 of ||sum_j u_j (g_j - w)||_P^2 + (sum_j u_j - 1)^2,    a = u / sum_j u_j.

    Proof: put u = t a with t = sum_j u_j and m = ||sum_j a_j g_j - w||_P. The objective t^2 m^2 + (t - 1)^2 is least at
    t = 1 / (1 + m^2) > 0, where it is m^2 / (1 + m^2): increasing in m, so the best a has the least m.
    """

    members: np.ndarray
    size: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "members", as_features(self.members, name="members"))
        object.__setattr__(self, "size", self.members.shape[1])

    def project(self, weak: Any, weights: Any = None) -> Projection:
        weak, p = on_sample("weak", weak, self.size), measure(weights, self.size)
        # Only the part of w - mean in the span of the centred members matters to a, so the problem has at most k coordinates,
        # scaled so that members and labels are of order one beside the row of ones.
        centre = self.members.mean(axis=0)
        basis, scales, heads = span((self.members - centre).T, p)
        goals = (np.sqrt(p) * (weak - centre)) @ basis
        corners = scales[:, None] * heads
        coefficients = np.empty((*weak.shape[:-1], len(self.members)))
        for task in np.ndindex(weak.shape[:-1]):
            coefficients[task] = _least_norm_mixture(corners - goals[task][:, None])
        values = self.predict(coefficients)
        return Projection(values, self.gap(weak, values, p, 0.0), coefficients)

    def gap(self, weak: Any, student: Any, weights: Any, radius: Any) -> np.ndarray:
        """The maximum over V, reached at a member: max_j <w - s, g_j - s>_P. ``radius`` is not used."""
        weak, student, p, radius = candidate(weak, student, weights, radius, self.size)
        residual = p * (weak - student)
        return np.maximum((residual @ self.members.T).max(axis=-1) - np.sum(residual * student, axis=-1), 0.0)

    def magnitude(self, weights: Any) -> float:
        return float(np.max(norm(self.members, measure(weights, self.size))))

    def predict(self, coefficients: Any) -> np.ndarray:
        return apply_heads(self.members.T, coefficients)


def _least_norm_mixture(points: np.ndarray) -> np.ndarray:
    """Return the weights, shape (k,), of the point of least norm in the convex hull of the columns of ``points`` (r, k)."""
    count = points.shape[1]
    size = np.sqrt(np.max(np.sum(points**2, axis=0), initial=0.0)) or 1.0
    matrix = np.vstack([points / size, np.ones(count)])
    try:
        mixture, _ = scipy.optimize.nnls(matrix, np.eye(len(matrix))[-1], maxiter=30 * count)
    except RuntimeError as error:
        raise SolverFailure(f"non-negative least squares on {count} members of SimplexHull stopped: {error}") from error
    return mixture / mixture.sum()


class _Ties(NamedTuple):
    """Samples with equal covariate: their group, in order of the covariate; which groups have weight, and how much."""

    group: np.ndarray
    seen: np.ndarray
    mass: np.ndarray

    def mean(self, values: np.ndarray, p: np.ndarray) -> np.ndarray:
        """Weighted mean of ``values`` (..., n) in each group that is seen, shape (..., m)."""
        by_order = np.argsort(self.group, kind="stable")
        starts = np.searchsorted(self.group[by_order], np.arange(len(self.seen)))
        return np.add.reduceat((p * values)[..., by_order], starts, axis=-1)[..., self.seen] / self.mass


@dataclass(frozen=True, eq=False)
class Monotone(ConvexClass):
    """Functions of a covariate that never decrease (isotonic regression): a convex cone.

    ``order`` has shape (n,): the covariate. Samples with equal covariate get equal values, since V holds functions of it; they
    are pooled. A sample of zero weight gets the value of the nearest lower covariate that has weight (of the lowest, if there
    is none). To learn from a resample and predict on all samples, project with the counts as weights.
    """

    order: np.ndarray
    size: int = field(init=False)

    def __post_init__(self) -> None:
        order = finite("order", self.order, ndim=1)
        object.__setattr__(self, "order", on_sample("order", order, order.shape[0]))
        object.__setattr__(self, "size", self.order.shape[0])

    def project(self, weak: Any, weights: Any = None) -> Projection:
        weak, p = on_sample("weak", weak, self.size), measure(weights, self.size)
        ties = self._ties(p)
        levels = _isotonic(ties.mean(weak, p), ties.mass)
        nearest_lower = np.maximum(np.cumsum(ties.seen) - 1, 0)
        values = levels[..., nearest_lower[ties.group]]
        return Projection(values, self.gap(weak, values, p, norm(weak, p) + norm(values, p)))

    def gap(self, weak: Any, student: Any, weights: Any, radius: Any) -> np.ndarray:
        """radius ||y||_P - <w - s, s>_P with <w - s - y, v>_P <= 0 on V: the maximum, if y projects w - s on the cone.

        Isotonic regression proposes y and ``dominating`` makes it valid, so the bound holds whatever the regression returned.
        """
        weak, student, p, radius = candidate(weak, student, weights, radius, self.size)
        ties = self._ties(p)
        residual = ties.mean(weak - student, p)
        along = dominating(residual, _isotonic(residual, ties.mass), ties.mass)
        return np.maximum(radius * norm(along, ties.mass) - inner(weak - student, student, p), 0.0)

    def _ties(self, p: np.ndarray) -> _Ties:
        group = np.unique(self.order, return_inverse=True)[1]
        mass = np.bincount(group, weights=p)
        return _Ties(group, mass > 0, mass[mass > 0])


def _isotonic(values: np.ndarray, mass: np.ndarray) -> np.ndarray:
    """Return the non-decreasing sequences closest to ``values`` (..., m) with weights ``mass`` > 0 (m,), task by task."""
    fitted = np.empty(values.shape)
    for task in np.ndindex(values.shape[:-1]):
        fitted[task] = scipy.optimize.isotonic_regression(values[task], weights=mass).x
    return fitted


def dominating(values: np.ndarray, proposal: np.ndarray, mass: np.ndarray) -> np.ndarray:
    """Return y near ``proposal`` with <values - y, v> <= 0 for every non-decreasing v; all (..., m), weights ``mass`` (m,).

    By partial summation that is so when sum over i >= k of mass_i (values - y)_i is <= 0 for every k, and 0 for the first: what the
    proposal leaves of these sums is added to it. The projection of ``values`` on the cone is the y of least norm and needs nothing.
    """
    tails = np.cumsum((mass * (values - proposal))[..., ::-1], axis=-1)[..., ::-1]
    excess = np.concatenate([tails[..., :1], np.maximum(tails[..., 1:], 0.0), np.zeros((*tails.shape[:-1], 1))], axis=-1)
    return proposal - np.diff(excess, axis=-1) / mass
