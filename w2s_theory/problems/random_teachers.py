"""Random teachers with finitely many outcomes, and what a student makes of each: expectations over teachers are exact sums.

A student is the posterior mean of the teacher when it is what one expects of the teacher given the student, s = E[w | s]; for a
Bregman divergence the dual mean, ∇φ(s) = E[∇φ(w) | s]. On the simplex ∇φ matters up to a constant per sample only: the dual mean
of KL is the geometric mean, s ∝ exp E log w, and its normaliser drops out of every inner product with a difference of two
probability vectors.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from .._validation import finite, frozen, shares, whole
from ..divergences import KL, Bregman, Divergence, Dual, ItakuraSaito, Squared, as_divergence
from ..triple import Triple

#: Committees are enumerated: no more of them than this.
MOST_COMMITTEES = 20_000
#: A mean slope within this share of the largest slope is rounding: sums of at most ``MOST_COMMITTEES`` terms. Students within this share of
#: their point's size are the same student, computed in another order.
SLIP = 1e-12
#: Slopes are differences of gradients, which are rounded to this share of their own size.
ROUNDED = 16.0 * float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class RandomTeacher:
    """Teacher j with probability ``probabilities[j]``; ``students[j]`` is trained on it. One target, one sample of points.

    ``teachers`` and ``students`` (m, n), or (m, n, c) for a divergence on vectors; ``target`` (n,) or (n, c); ``weights`` (n,) of
    the points, None for equal ones; ``divergence`` as in ``Triple``. Raises ``ValueError`` for shapes that do not belong
    together, probabilities that are none, and values outside the divergence's domain.
    """

    teachers: np.ndarray
    students: np.ndarray
    target: np.ndarray
    probabilities: Any = None
    weights: Any = None
    divergence: str | Divergence = "squared"

    def __post_init__(self) -> None:
        loss = as_divergence(self.divergence)
        for name in ("teachers", "students"):
            object.__setattr__(self, name, frozen(name, getattr(self, name), ndim=2 + loss.event_ndim))
        object.__setattr__(self, "target", frozen("target", self.target, ndim=1 + loss.event_ndim))
        if self.students.shape != self.teachers.shape or self.target.shape != self.teachers.shape[1:]:
            raise ValueError(
                f"teachers and students must have one shape (m, n) or (m, n, c), target the same without m; they are "
                f"{self.teachers.shape}, {self.students.shape} and {self.target.shape}. Give every teacher its student."
            )
        if self.weights is not None:
            object.__setattr__(self, "weights", frozen("weights", self.weights, ndim=1))
        object.__setattr__(self, "divergence", loss)
        object.__setattr__(self, "probabilities", as_shares(self.probabilities, len(self.teachers)))
        _ = self.triple  # the divergence's domain

    @property
    def triple(self) -> Triple:
        """All outcomes at once: one task per teacher."""
        return Triple(self.teachers, self.students, self.target, self.weights, divergence=self.divergence)

    def is_squared(self) -> bool:
        """True for squared loss."""
        return isinstance(self.divergence, Squared)

    def is_bregman(self) -> bool:
        """True for a Bregman divergence."""
        return isinstance(self.divergence, Bregman)

    def is_posterior_mean(self) -> bool:
        """True when ∇φ(s) = E[∇φ(w) | s] for every student s, up to a constant per sample on the simplex. False for other
        losses."""
        loss = self.divergence
        if not isinstance(loss, Bregman):
            return False
        possible = self.probabilities > 0.0
        students = self.students[possible]
        slopes = loss.slope_between(students, self.teachers[possible])
        if isinstance(loss, KL):
            slopes = slopes - slopes.mean(axis=-1, keepdims=True)
        means = averaged(slopes, self.probabilities[possible], same_students(students, self.teachers[possible], loss))
        return bool(np.abs(means).max() <= self.mean_slope_slip())

    def mean_slope_slip(self) -> float:
        """The mean slope that ``is_posterior_mean`` takes for rounding, in the units of slopes: it adds to |E gain − E misfit| at most that
        times the distance of target and student."""
        loss = self.divergence
        assert isinstance(loss, Bregman)
        possible = self.probabilities > 0.0
        slopes = np.abs(loss.slope_between(self.students[possible], self.teachers[possible]))
        gradients = (np.abs(loss.gradient(values[possible])).max() for values in (self.students, self.teachers))
        return float(SLIP * slopes.max() + ROUNDED * max(gradients))

    def posterior_slack(self) -> float:
        """What the mean slopes that ``is_posterior_mean`` forgives can add to |E gain − E misfit|, for a Bregman divergence."""
        loss = self.divergence
        assert isinstance(loss, Bregman)
        apart = np.abs(loss.displacement(self.target[None], self.students[self.probabilities > 0.0]))
        return self.mean_slope_slip() * float((apart.sum(axis=-1) if loss.event_ndim else apart).max())


@dataclass(frozen=True, eq=False)
class Committee:
    """A student that averages ``size`` independent teachers and is compared with the first of them (squared loss).

    Teacher j of ``teachers`` (m, n) with probability ``probabilities[j]``; ``target`` (n,). All mˢⁱᶻᵉ committees are enumerated:
    raises ``ValueError`` for more than ``MOST_COMMITTEES``, and as ``RandomTeacher``.
    """

    teachers: np.ndarray
    target: np.ndarray
    size: int
    probabilities: Any = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "teachers", frozen("teachers", self.teachers, ndim=2))
        object.__setattr__(self, "target", frozen("target", self.target, ndim=1))
        object.__setattr__(self, "size", whole("size", self.size))
        object.__setattr__(self, "probabilities", as_shares(self.probabilities, len(self.teachers)))
        _ = self.world

    @property
    def world(self) -> RandomTeacher:
        """All committees: their first teacher, and the average as its student."""
        return committees(self.teachers, self.target, size=self.size, probabilities=self.probabilities)


def as_shares(probabilities: Any, count: int) -> np.ndarray:
    """Probabilities of ``count`` teachers, read-only; equal ones for None. Raises ``ValueError`` unless they are, and sum to
    one."""
    array = shares("probabilities", np.full(count, 1.0 / count) if probabilities is None else probabilities)
    if len(array) != count:
        raise ValueError(f"probabilities must be {count}, one per teacher; they are {len(array)}. Give each teacher one.")
    return array


def same_students(students: np.ndarray, teachers: np.ndarray, loss: Bregman) -> np.ndarray:
    """A label (m,) for each row of ``students`` (m, ...), equal where they differ by rounding only, in any unit.

    Numbers within ``SLIP`` of each other are linked: relative to themselves where the divergence is one of positive numbers, of the largest
    teacher or student at the point elsewhere.
    """
    base = loss.base if isinstance(loss, Dual) else loss
    flat = students.reshape(len(students), -1)
    order = np.argsort(flat, axis=0)
    sizes = np.abs(flat)
    if not isinstance(base, (KL, ItakuraSaito)):
        largest = np.maximum(np.abs(students).max(axis=0), np.abs(teachers).max(axis=0))
        if loss.event_ndim:
            largest = largest.max(axis=-1, keepdims=True) * np.ones(largest.shape[-1])
        sizes = np.broadcast_to(largest.reshape(1, -1), flat.shape)
    sizes, numbers = np.take_along_axis(sizes, order, axis=0), np.take_along_axis(flat, order, axis=0)
    place = np.zeros(flat.shape, dtype=int)
    place[1:] = np.cumsum(np.diff(numbers, axis=0) > SLIP * sizes[1:], axis=0)
    label = np.empty_like(place)
    np.put_along_axis(label, order, place, axis=0)
    return np.unique(label, axis=0, return_inverse=True)[1].reshape(-1)


def averaged(values: np.ndarray, probabilities: np.ndarray, group: np.ndarray) -> np.ndarray:
    """E[values | group] for each row of ``values`` (m, ...): the mean, weighted by ``probabilities`` (m,), over the rows of its group (m,)."""
    _, index = np.unique(group, return_inverse=True)
    sums = np.zeros((index.max() + 1, *values.shape[1:]))
    np.add.at(sums, index, values * _beside(probabilities, values))
    return (sums / _beside(np.bincount(index, probabilities), values))[index]


def _beside(column: np.ndarray, values: np.ndarray) -> np.ndarray:
    """``column`` (m,) with as many axes as ``values``."""
    return column.reshape(-1, *(1 for _ in values.shape[1:]))


def posterior_means(
    teachers: Any, group: Any, *, probabilities: Any = None, divergence: str | Divergence = "squared"
) -> np.ndarray:
    """The (dual) mean of ``teachers`` (m, n[, c]) given ``group`` (m,), what a student is told of its teacher: ∇φ*(E[∇φ(w) |
    group]).

    Raises ``ValueError`` for a loss that is no Bregman divergence, a group without probability, or bad shapes.
    """
    loss = as_divergence(divergence)
    if not isinstance(loss, Bregman):
        raise ValueError(f"divergence must be a Bregman divergence; it is {loss.name!r}. Use 'squared' or 'kl'.")
    teachers = finite("teachers", teachers, ndim=2 + loss.event_ndim)
    probabilities = as_shares(probabilities, len(teachers))
    group = np.asarray(group)
    if group.shape != (len(teachers),):
        raise ValueError(f"group must have shape ({len(teachers)},), one per teacher; it is {group.shape}. Label every teacher.")
    if min(probabilities[group == g].sum() for g in np.unique(group)) <= 0.0:
        raise ValueError("every group must have positive probability; one has none. Drop its teachers.")
    return loss.inverse_gradient(averaged(loss.gradient(teachers), probabilities, group))


def committees(
    teachers: Any, target: Any, *, size: int, probabilities: Any = None, divergence: str | Divergence = "squared"
) -> RandomTeacher:
    """Every tuple of ``size`` independent teachers as one outcome: the first of them is the teacher, their (dual) mean the
    student.

    Raises ``ValueError`` when there are more than ``MOST_COMMITTEES``, and as ``RandomTeacher``.
    """
    loss = as_divergence(divergence)
    teachers = finite("teachers", teachers, ndim=2 + loss.event_ndim)
    count = len(teachers)
    probabilities = as_shares(probabilities, count)
    if count ** whole("size", size) > MOST_COMMITTEES:
        raise ValueError(
            f"teachers and size must make at most {MOST_COMMITTEES} committees; they make {count}**{size}. Use fewer teachers."
        )
    if not isinstance(loss, Bregman):
        raise ValueError(f"divergence must be a Bregman divergence; it is {loss.name!r}. Use 'squared' or 'kl'.")
    tuples = np.array(list(product(range(count), repeat=size)))
    means = loss.inverse_gradient(loss.gradient(teachers)[tuples].mean(axis=1))
    return RandomTeacher(teachers[tuples[:, 0]], means, target, probabilities=probabilities[tuples].prod(axis=1), divergence=loss)
