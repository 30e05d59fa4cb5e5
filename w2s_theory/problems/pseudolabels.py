"""A finite population with two classes, pseudolabels that are sometimes wrong, a student, and a graph of points that look alike."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .._validation import SolverFailure, frozen

#: The linear program for the expansion and the best set read off its solution must agree to this, or the solver has failed.
LP_ERROR = 1e-6


@dataclass(frozen=True, eq=False)
class PseudolabelledGraph:
    """n points of positive weight, each with a true class, a pseudolabel and the student's answer, all 0 or 1.

    A point is bad where its pseudolabel is wrong, else good. ``edges`` (m, 2): pairs of points that look alike (a perturbation, a
    paraphrase), along which errors can be corrected. ``weights`` (n,) sum to one after scaling, equal when ``None``. Raises
    ``ValueError`` for other labels, for edges that are not pairs of whole numbers from 0 … n − 1, and when all points are good or all are bad.
    """

    target: np.ndarray
    pseudolabels: np.ndarray
    student: np.ndarray
    edges: Any
    weights: np.ndarray | None = None

    def __post_init__(self) -> None:
        for name in ("target", "pseudolabels", "student"):
            labels = frozen(name, getattr(self, name), ndim=1)
            if not np.isin(labels, (0.0, 1.0)).all():
                raise ValueError(
                    f"{name} must be 0 or 1; they include {labels[~np.isin(labels, (0.0, 1.0))][0]:g}. Recode the classes."
                )
            object.__setattr__(self, name, labels)
        n = self.target.size
        if not self.target.shape == self.pseudolabels.shape == self.student.shape:
            shapes = (self.target.shape, self.pseudolabels.shape, self.student.shape)
            raise ValueError(f"target, pseudolabels and student must have one entry per point; their shapes are {shapes}.")
        edges = np.array(self.edges) if np.size(self.edges) else np.empty((0, 2), dtype=np.int64)
        if edges.ndim != 2 or edges.shape[1] != 2 or edges.dtype.kind not in "iu":
            raise ValueError(
                f"edges must be whole numbers of shape (m, 2), one pair of points in a row; they are {edges.dtype} of shape {edges.shape}."
            )
        if edges.size and not 0 <= edges.min() <= edges.max() < n:
            raise ValueError(f"edges must name points 0 to {n - 1}; they name {edges.min()} to {edges.max()}. Renumber them.")
        edges = edges.astype(np.int64)
        edges.setflags(write=False)
        object.__setattr__(self, "edges", edges)
        weights = frozen("weights", np.ones(n) if self.weights is None else self.weights, ndim=1)
        if weights.shape != (n,) or weights.min() <= 0:
            raise ValueError(
                f"weights must be {n} positive numbers; shape {weights.shape}, smallest {weights.min():g}. Drop points."
            )
        object.__setattr__(self, "weights", frozen("weights", weights / weights.sum()))
        if not 0 < np.count_nonzero(self.is_bad) < n:
            raise ValueError(
                f"some but not all pseudolabels must be wrong; {np.count_nonzero(self.is_bad)} of {n} are. "
                "With none wrong there is nothing to correct."
            )

    @property
    def is_bad(self) -> np.ndarray:
        """Where the pseudolabel is wrong (n,)."""
        return self.pseudolabels != self.target

    def share(self, event: np.ndarray, given: np.ndarray | None = None) -> float:
        """P(event), or P(event | given), of sets of points (n,)."""
        assert self.weights is not None
        if given is None:
            return float(np.sum(self.weights[event]))
        return float(np.sum(self.weights[event & given]) / np.sum(self.weights[given]))

    @property
    def weak_error(self) -> float:
        """α = P(pseudolabel wrong)."""
        return self.share(self.is_bad)

    @property
    def training_error(self) -> float:
        """err(f, ỹ) = P(student ≠ pseudolabel), which needs no true labels."""
        return self.share(self.student != self.pseudolabels)

    @property
    def student_error(self) -> float:
        """err(f, y) = P(student wrong)."""
        return self.share(self.student != self.target)

    @property
    def error_on_bad(self) -> float:
        """a = P(student wrong | bad): what it did not correct."""
        return self.share(self.student != self.target, self.is_bad)

    @cached_property
    def expansion(self) -> float:
        """c = min over sets U of bad points of P(good neighbours of U | good) / P(U | bad).

        A linear program: the minimum over x ≥ 0 on the bad points with Σ P(u | bad) x_u = 1 of Σ P(v | good) max_{u ~ v} x_u; one of the sets
        {x > threshold} of its solution attains it. Raises ``SolverFailure`` when none does.
        """
        from scipy.optimize import linprog
        from scipy.sparse import csr_array

        assert self.weights is not None
        bad, good = np.flatnonzero(self.is_bad), np.flatnonzero(~self.is_bad)
        place = np.empty(self.target.size, dtype=np.int64)
        place[bad], place[good] = np.arange(bad.size), np.arange(good.size)
        both = np.concatenate([self.edges, self.edges[:, ::-1]])
        across = np.unique(both[self.is_bad[both[:, 0]] & ~self.is_bad[both[:, 1]]], axis=0)
        u, v = place[across[:, 0]], place[across[:, 1]]
        in_bad, in_good = (self.weights[part] / self.weights[part].sum() for part in (bad, good))
        rows = np.arange(len(u))  # x_u ≤ z_v along every edge
        entries = np.concatenate([np.ones(len(u)), -np.ones(len(u))])
        places = (np.concatenate([rows, rows]), np.concatenate([u, bad.size + v]))
        below = csr_array((entries, places), shape=(len(u), bad.size + good.size))
        solved = linprog(
            np.concatenate([np.zeros(bad.size), in_good]),
            A_ub=below,
            b_ub=np.zeros(len(u)),
            A_eq=csr_array(np.concatenate([in_bad, np.zeros(good.size)])[None, :]),
            b_eq=[1.0],
        )
        if solved.status != 0:
            raise SolverFailure(f"the linear program for the expansion did not end: {solved.message}")
        x = solved.x[: bad.size]
        best = np.inf
        for threshold in np.concatenate([[0.0], np.unique(x)[:-1]]):
            inside = x > threshold
            if inside.any():
                best = min(best, float(in_good[np.unique(v[inside[u]])].sum() / in_bad[inside].sum()))
        if not abs(best - solved.fun) <= LP_ERROR * max(1.0, best):
            raise SolverFailure(f"the expansion is {best:.9g} on the best set, and {solved.fun:.9g} by the linear program.")
        return best

    @property
    def surplus(self) -> float:
        """(1 − α) c − α: positive when the good neighbours of bad points outweigh them."""
        return (1.0 - self.weak_error) * self.expansion - self.weak_error

    def expands(self) -> bool:
        """True when (1 − α) c > α."""
        return self.surplus > 0

    def edges_keep_the_class(self) -> bool:
        """True when points that look alike have the same true class."""
        return bool(np.all(self.target[self.edges[:, 0]] == self.target[self.edges[:, 1]]))

    def student_is_robust(self) -> bool:
        """True when the student answers alike on points that look alike."""
        return bool(np.all(self.student[self.edges[:, 0]] == self.student[self.edges[:, 1]]))
