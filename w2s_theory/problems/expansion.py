"""How sets of points widen to their neighbours: the expansion constant and the expansion profile of a weighted graph.

For disjoint sets A (``source``) and B (``sink``) and N(U) the neighbours of U ⊂ A in B:

    constant     c = min over U of P(N(U) | B) / P(U | A)
    profile      φ(t) = the largest convex function with P(N(U) | B) ≥ φ(P(U | A)) for all U; φ(0) = 0 and φ(t) ≥ c t

Both are linear programs over 0 ≤ x on A, z_v ≥ x_u along every edge, because the least Σ P(v | B) z_v averages P(N(U) | B) over the sets
U = {x > θ}. A point without neighbours makes c zero, but φ only for small sets: φ(q)/q is a lower bound on the expansion constant of sets of
share above q, the kind of constant that Lang et al. (2024) are reported to ask for. NumPy and SciPy only.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .._validation import SolverFailure, probability

#: A linear program's optimum must agree to this with what is read off its solution (a set, or the dual), or the solver has failed.
LP_ERROR = 1e-6

#: What a share can be, to which rounding is cut.
POSSIBLE = (0.0, 1.0)


@dataclass(frozen=True, eq=False)
class Expansion:
    """From ``source`` to ``sink``, disjoint masks (n,) with at least one point each, of points with ``weights`` (n,) and ``edges`` (m, 2)."""

    edges: np.ndarray
    weights: np.ndarray
    source: np.ndarray
    sink: np.ndarray

    @cached_property
    def constant(self) -> float:
        """c: one of the sets {x > θ} of the linear program's solution attains it. Raises ``SolverFailure`` when none does."""
        links, in_source, in_sink = self._parts
        x, least = self._solve(share=1.0, upper=None)
        best = np.inf
        for threshold in np.concatenate([[0.0], np.unique(x)[:-1]]):
            inside = x > threshold
            if inside.any():
                reached = in_sink[np.unique(links[inside[links[:, 0]], 1])].sum()
                best = min(best, float(reached / in_source[inside].sum()))
        if not abs(best - least) <= LP_ERROR * max(1.0, best):
            raise SolverFailure(f"the expansion is {best:.9g} on the best set, and {least:.9g} by the linear program.")
        return best

    def profile(self, share: float) -> float:
        """φ(share), for a share from 0 to 1. Raises ``ValueError`` for others, ``SolverFailure`` without a certified optimum."""
        return self._solve(share=probability("share", share, strict=False), upper=1.0)[1]

    def extreme_share(self, *, factor: float, slope: float, budget: float, largest: bool) -> float | None:
        """The largest (or smallest) t in [0, 1] with factor · φ(t) − slope · t ≤ budget, or ``None`` where there is none. ``factor`` ≥ 0."""
        from scipy.sparse import csr_array, vstack

        _, in_source, in_sink = self._parts
        objective = np.concatenate([in_source, np.zeros(in_sink.size)])
        within = csr_array(np.concatenate([-slope * in_source, factor * in_sink])[None, :])
        limits = np.concatenate([np.zeros(self._below.shape[0]), [budget]])
        solved = _minimise(-objective if largest else objective, vstack([self._below, within]), limits, upper=1.0)
        return None if solved is None else float(np.clip(objective @ solved, *POSSIBLE))

    @cached_property
    def _parts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Links (l, 2) from source to sink, numbered within each, and the weights in each, scaled to sum to one."""
        place = np.empty(self.source.size, dtype=np.int64)
        for part in (self.source, self.sink):
            place[part] = np.arange(np.count_nonzero(part))
        both = np.concatenate([self.edges, self.edges[:, ::-1]])
        across = np.unique(both[self.source[both[:, 0]] & self.sink[both[:, 1]]], axis=0)
        in_source, in_sink = (self.weights[part] / self.weights[part].sum() for part in (self.source, self.sink))
        return place[across], in_source, in_sink

    @cached_property
    def _below(self) -> Any:
        """The rows x_u − z_v ≤ 0, one per link, as a sparse matrix."""
        from scipy.sparse import csr_array

        links, in_source, in_sink = self._parts
        rows = np.arange(len(links))
        entries = np.concatenate([np.ones(len(links)), -np.ones(len(links))])
        places = (np.concatenate([rows, rows]), np.concatenate([links[:, 0], in_source.size + links[:, 1]]))
        return csr_array((entries, places), shape=(len(links), in_source.size + in_sink.size))

    def _solve(self, *, share: float, upper: float | None) -> tuple[np.ndarray, float]:
        """The minimum of Σ P(v | B) z_v with Σ P(u | A) x_u = share and x ≤ upper: x on the source, and the minimum."""
        _, in_source, in_sink = self._parts
        objective = np.concatenate([np.zeros(in_source.size), in_sink])
        total = np.concatenate([in_source, np.zeros(in_sink.size)])
        solved = _minimise(objective, self._below, np.zeros(self._below.shape[0]), upper=upper, total=total, share=share)
        assert solved is not None  # x = share everywhere is a solution
        return solved[: in_source.size], float(objective @ solved)


def _minimise(
    objective: np.ndarray,
    matrix: Any,
    limits: np.ndarray,
    *,
    upper: float | None,
    total: np.ndarray | None = None,
    share: float = 0.0,
) -> np.ndarray | None:
    """The x in [0, upper] with matrix · x ≤ limits and total · x = share that minimises objective · x, certified by its dual.

    ``None`` where there is no such x; raises ``SolverFailure`` when the solver stops otherwise, or primal and dual differ.
    """
    from scipy.optimize import linprog
    from scipy.sparse import csr_array

    equality = {} if total is None else {"A_eq": csr_array(total[None, :]), "b_eq": [share]}
    solved = linprog(objective, A_ub=matrix, b_ub=limits, bounds=(0.0, upper), **equality)
    if solved.status == 2:
        return None
    if solved.status != 0:
        raise SolverFailure(f"the linear program for the expansion did not end: {solved.message}")
    dual = limits @ solved.ineqlin.marginals + (0.0 if total is None else share * solved.eqlin.marginals[0])
    dual += 0.0 if upper is None else upper * solved.upper.marginals.sum()
    if not abs(dual - solved.fun) <= LP_ERROR * max(1.0, abs(solved.fun)):
        raise SolverFailure(f"the linear program for the expansion ends at {solved.fun:.9g}, its dual at {dual:.9g}.")
    return np.asarray(solved.x)
