"""Finite populations with pseudolabels that are sometimes wrong or missing, a student, and a graph of points that look alike."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .._validation import frozen
from .expansion import Expansion


class _Graph:
    """What the two populations share: points with a true class, the student's answer and a weight, and edges between points that look alike."""

    target: np.ndarray
    student: np.ndarray
    edges: Any
    weights: np.ndarray | None

    def _check(self, *classes: str) -> None:
        """Validate and freeze the arrays of ``classes``, the edges and the weights."""
        for name in classes:
            labels = frozen(name, getattr(self, name), ndim=1)
            wrong = labels[(labels != np.floor(labels)) | (labels < 0)]
            if wrong.size:
                raise ValueError(
                    f"{name} must be whole numbers from 0, the classes; they include {wrong[0]:g}. Number the classes."
                )
            object.__setattr__(self, name, labels)
        shapes = [getattr(self, name).shape for name in classes]
        if len(set(shapes)) > 1:
            raise ValueError(f"{', '.join(classes)} must have one entry per point; their shapes are {tuple(shapes)}.")
        n = self.target.size
        object.__setattr__(self, "edges", _checked_edges(self.edges, n))
        weights = frozen("weights", np.ones(n) if self.weights is None else self.weights, ndim=1)
        if weights.shape != (n,) or weights.min() <= 0:
            raise ValueError(
                f"weights must be {n} positive numbers; shape {weights.shape}, smallest {weights.min():g}. Drop points."
            )
        object.__setattr__(self, "weights", frozen("weights", weights / weights.sum()))

    def _expansion(self, source: np.ndarray) -> Expansion:
        """From the points of ``source`` (n,) to all others."""
        assert self.weights is not None
        return Expansion(self.edges, self.weights, source, ~source)

    @property
    def is_wrong(self) -> np.ndarray:
        """Where the student is wrong (n,)."""
        return self.student != self.target

    def share(self, event: np.ndarray, given: np.ndarray | None = None) -> float:
        """P(event), or P(event | given), of sets of points: masks (n,) of True and False. Raises ``ValueError`` for others."""
        assert self.weights is not None
        event = _mask("event", event, self.target.size)
        if given is None:
            return float(np.sum(self.weights[event]))
        given = _mask("given", given, self.target.size)
        return float(np.sum(self.weights[event & given]) / np.sum(self.weights[given]))

    @property
    def student_error(self) -> float:
        """err(f, y) = P(student wrong)."""
        return self.share(self.is_wrong)

    def is_fragile(self, way: Expansion) -> np.ndarray:
        """Points of the source of ``way`` (n,) with a neighbour in its sink where the student is right and here wrong, or the reverse.

        When points that look alike have one class these are among the points where it answers differently on a neighbour: it is not robust.
        """
        both = np.concatenate([self.edges, self.edges[:, ::-1]])
        both = both[way.source[both[:, 0]] & way.sink[both[:, 1]]]
        fragile = np.zeros(self.target.size, dtype=bool)
        fragile[both[self.is_wrong[both[:, 0]] != self.is_wrong[both[:, 1]], 0]] = True
        return fragile

    def edges_keep_the_class(self) -> bool:
        """True when points that look alike have the same true class."""
        return bool(np.all(self.target[self.edges[:, 0]] == self.target[self.edges[:, 1]]))

    def student_is_robust(self) -> bool:
        """True when the student answers alike on points that look alike."""
        return bool(np.all(self.student[self.edges[:, 0]] == self.student[self.edges[:, 1]]))


@dataclass(frozen=True, eq=False)
class PseudolabelledGraph(_Graph):
    """n points of positive weight, each with a true class, a pseudolabel and the student's answer: whole numbers from 0.

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
        self._check("target", "pseudolabels", "student")
        if not 0 < np.count_nonzero(self.is_bad) < self.target.size:
            raise ValueError(
                f"some but not all pseudolabels must be wrong; {np.count_nonzero(self.is_bad)} of {self.target.size} are. "
                "With none wrong there is nothing to correct."
            )

    @property
    def is_bad(self) -> np.ndarray:
        """Where the pseudolabel is wrong (n,)."""
        return self.pseudolabels != self.target

    @property
    def weak_error(self) -> float:
        """α = P(pseudolabel wrong)."""
        return self.share(self.is_bad)

    @property
    def training_error(self) -> float:
        """err(f, ỹ) = P(student ≠ pseudolabel), which needs no true labels."""
        return self.share(self.student != self.pseudolabels)

    @property
    def error_on_bad(self) -> float:
        """a = P(student wrong | bad): what it did not correct."""
        return self.share(self.is_wrong, self.is_bad)

    @property
    def error_on_good(self) -> float:
        """b = P(student wrong | good): what it spoilt."""
        return self.share(self.is_wrong, ~self.is_bad)

    @cached_property
    def bad_to_good(self) -> Expansion:
        """How sets of bad points widen to good neighbours."""
        return self._expansion(self.is_bad)

    @cached_property
    def good_to_bad(self) -> Expansion:
        """How sets of good points widen to bad neighbours."""
        return self._expansion(~self.is_bad)

    @property
    def expansion(self) -> float:
        """c = min over sets U of bad points of P(good neighbours of U | good) / P(U | bad)."""
        return self.bad_to_good.constant

    @property
    def fragile_errors(self) -> float:
        """P(student wrong, and right on some good neighbour | bad): ρ from bad to good."""
        return self.share(self.is_wrong & self.is_fragile(self.bad_to_good), self.is_bad)

    @property
    def fragile_hits(self) -> float:
        """P(student right, and wrong on some bad neighbour | good): ρ from good to bad."""
        return self.share(~self.is_wrong & self.is_fragile(self.good_to_bad), ~self.is_bad)

    @property
    def fragile_on_bad(self) -> float:
        """P(student right here and wrong on some good neighbour, or the reverse | bad): at least ``fragile_errors``."""
        return self.share(self.is_fragile(self.bad_to_good), self.is_bad)

    @property
    def fragile_on_good(self) -> float:
        """P(student right here and wrong on some bad neighbour, or the reverse | good): at least ``fragile_hits``."""
        return self.share(self.is_fragile(self.good_to_bad), ~self.is_bad)

    @property
    def surplus(self) -> float:
        """(1 − α) c − α: positive when the good neighbours of bad points outweigh them."""
        return (1.0 - self.weak_error) * self.expansion - self.weak_error

    @property
    def reverse_surplus(self) -> float:
        """(1 − α) − α c, with the c of sets of good points: positive for any c when α < 1/2."""
        return (1.0 - self.weak_error) - self.weak_error * self.good_to_bad.constant

    def expands(self) -> bool:
        """True when (1 − α) c > α."""
        return self.surplus > 0

    def reverse_expands(self) -> bool:
        """True when c > 0 from good to bad points and (1 − α) > α c."""
        return self.good_to_bad.constant > 0 and self.reverse_surplus > 0

    def has_two_classes(self) -> bool:
        """True when no label is above 1."""
        return bool(max(self.target.max(), self.pseudolabels.max(), self.student.max()) <= 1)

    def within(self, points: np.ndarray) -> PseudolabelledGraph:
        """The population restricted to ``points``, a mask (n,) of True and False, and the edges between them.

        Raises ``ValueError`` for what is no such mask, and as the class.
        """
        points = _mask("points", points, self.target.size)
        kept = (np.cumsum(points) - 1)[self.edges[points[self.edges].all(axis=1)]]
        assert self.weights is not None
        return PseudolabelledGraph(
            self.target[points], self.pseudolabels[points], self.student[points], kept, self.weights[points]
        )


@dataclass(frozen=True, eq=False)
class CoveredGraph(_Graph):
    """n points with a true class and the student's answer, of which only some are covered, that is, have a pseudolabel to train on.

    ``is_covered`` (n,): True or False, some of each. The rest as for ``PseudolabelledGraph``; what the pseudolabels are is of no matter here.
    """

    target: np.ndarray
    student: np.ndarray
    is_covered: np.ndarray
    edges: Any
    weights: np.ndarray | None = None

    def __post_init__(self) -> None:
        covered = np.array(self.is_covered)
        if covered.dtype != bool or covered.shape != np.shape(self.target) or covered.all() or not covered.any():
            raise ValueError(
                f"is_covered must be True or False for every point, some of each; it is {covered.dtype} of shape {covered.shape} with "
                f"{np.count_nonzero(covered)} True."
            )
        covered.setflags(write=False)
        object.__setattr__(self, "is_covered", covered)
        self._check("target", "student")

    @cached_property
    def uncovered_to_covered(self) -> Expansion:
        """How sets of uncovered points widen to covered neighbours."""
        return self._expansion(~self.is_covered)

    @property
    def covered_error(self) -> float:
        """err(f, y | covered)."""
        return self.share(self.is_wrong, self.is_covered)

    @property
    def uncovered_error(self) -> float:
        """err(f, y | uncovered)."""
        return self.share(self.is_wrong, ~self.is_covered)

    @property
    def fragile_errors(self) -> float:
        """P(student wrong, and right on some covered neighbour | uncovered): ρ."""
        return self.share(self.is_wrong & self.is_fragile(self.uncovered_to_covered), ~self.is_covered)

    def expands(self) -> bool:
        """True when every set of uncovered points has covered neighbours: c > 0."""
        return self.uncovered_to_covered.constant > 0


def _mask(name: str, value: Any, n: int) -> np.ndarray:
    """``value`` if it is True or False for each of n points; whole numbers would pick points by number instead."""
    mask = np.asarray(value)
    if mask.dtype != bool or mask.shape != (n,):
        raise ValueError(
            f"{name} must be True or False for each of {n} points; it is {mask.dtype} of shape {mask.shape}. Compare first."
        )
    return mask


def _checked_edges(edges: Any, n: int) -> np.ndarray:
    """Read-only int64 edges (m, 2) between points 0 … n − 1."""
    edges = np.array(edges) if np.size(edges) else np.empty((0, 2), dtype=np.int64)
    if edges.ndim != 2 or edges.shape[1] != 2 or edges.dtype.kind not in "iu":
        raise ValueError(
            f"edges must be whole numbers of shape (m, 2), one pair of points in a row; they are {edges.dtype} of shape {edges.shape}."
        )
    if edges.size and not 0 <= edges.min() <= edges.max() < n:
        raise ValueError(f"edges must name points 0 to {n - 1}; they name {edges.min()} to {edges.max()}. Renumber them.")
    edges = edges.astype(np.int64)
    edges.setflags(write=False)
    return edges
