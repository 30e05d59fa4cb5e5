"""Convex classes of every built-in kind, each with a way to draw members and the same set written by hand in cvxpy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import strategies as st

from tests.tolerances import ROUNDING
from w2s_theory.problems.convexity import ConvexClass
from w2s_theory.students.convex import Ball, Box, Subspace
from w2s_theory.students.shapes import Monotone, SimplexHull

INF = np.inf


class Case(NamedTuple):
    """A class, a way to draw its members, and the same set written by hand in cvxpy: (values, constraints)."""

    convex: ConvexClass
    draw: Callable[[np.random.Generator, int], np.ndarray]
    written: Callable[[], tuple[Any, list[Any]]]
    tight: bool = True
    """Whether the documented gap is the exact maximum, or only a bound of it."""


def subspace(rng, n, d, shifted=False, repeated=False) -> Case:
    features, offset = features_of(rng, n, d, repeated), rng.standard_normal(n) if shifted else None
    convex = Subspace(features, offset)
    base = np.zeros(n) if offset is None else offset

    def written():
        heads = cp.Variable(d)
        return features @ heads + base, []

    return Case(convex, lambda rng, t: convex.predict(rng.standard_normal((t, d))), written, tight=not shifted)


def ball(rng, n, d, radius=0.7, repeated=False) -> Case:
    convex = Ball(features_of(rng, n, d, repeated), radius)

    def draw(rng, tasks):
        heads = rng.standard_normal((tasks, d))
        return convex.predict(radius * heads / np.linalg.norm(heads, axis=-1, keepdims=True) * rng.random((tasks, 1)) ** (1 / d))

    def written():
        heads = cp.Variable(d)
        return convex.features @ heads, [cp.norm(heads) <= radius]

    return Case(convex, draw, written)


def box(rng, n, d, lower: Any = -0.3, upper: Any = 0.4, repeated=False) -> Case:
    convex = Box(features_of(rng, n, d, repeated), lower, upper)
    low, high = convex.lower, convex.upper

    def draw(rng, tasks):
        below, above = rng.exponential(size=(2, tasks, d))
        start = np.where(np.isfinite(low), low, np.where(np.isfinite(high), high - below, above - below))
        end = np.where(np.isfinite(high), high, start + above)
        return convex.predict(start + rng.random((tasks, d)) * (end - start))

    def written():
        heads = cp.Variable(d)
        ends = [heads[j] >= low[j] for j in range(d) if np.isfinite(low[j])]
        return convex.features @ heads, ends + [heads[j] <= high[j] for j in range(d) if np.isfinite(high[j])]

    return Case(convex, draw, written, tight=bool(np.all(np.isfinite([low, high]))))


def mixed_box(rng, n, d) -> Case:
    ends = [(0.0, INF), (-INF, 0.1), (-0.2, 0.3), (-INF, INF), (0.2, 0.2), (0.5, INF)]
    lower, upper = np.array([ends[j % 6] for j in range(d)]).T
    return box(rng, n, d, lower, upper)


def hull(rng, n, d, repeated=False) -> Case:
    convex = SimplexHull(features_of(rng, n, d, repeated).T)

    def written():
        mixture = cp.Variable(d)
        return convex.members.T @ mixture, [mixture >= 0, cp.sum(mixture) == 1]

    return Case(convex, lambda rng, t: convex.predict(rng.dirichlet(np.ones(d), t)), written)


def monotone(rng, n, d, ties=False) -> Case:
    order = rng.integers(0, max(n // 2, 1), n) if ties else rng.permutation(n)
    convex, groups = Monotone(order), np.unique(order, return_inverse=True)[1]

    def written():
        levels = cp.Variable(groups.max() + 1)
        return levels[groups], [levels[1:] >= levels[:-1]] if groups.max() else []

    def draw(rng, tasks):
        return np.sort(rng.standard_normal((tasks, groups.max() + 1)), axis=-1)[:, groups]

    return Case(convex, draw, written)


def features_of(rng, n, d, repeated) -> np.ndarray:
    features = rng.standard_normal((n, d))
    if repeated:
        features[:, d // 2 :] = features[:, : d - d // 2]
    return features


CASES: dict[str, Callable[..., Case]] = {
    "subspace": subspace,
    "affine": lambda *a: subspace(*a, shifted=True),
    "repeated columns": lambda *a: subspace(*a, repeated=True),
    "ball": ball,
    "ball of repeated columns": lambda *a: ball(*a, repeated=True),
    "roomy ball": lambda *a: ball(*a, radius=50.0),
    "box": box,
    "non-negative heads": lambda *a: box(*a, 0.0, INF),
    "non-negative repeated heads": lambda *a: box(*a, 0.0, INF, repeated=True),
    "mixed box": mixed_box,
    "hull": hull,
    "hull with repeated members": lambda *a: hull(*a, repeated=True),
    "monotone": monotone,
    "monotone with ties": lambda *a: monotone(*a, ties=True),
}
each_case = pytest.mark.parametrize("name", CASES)
any_case = st.tuples(st.sampled_from(sorted(CASES)), st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 14))


def draw_weights(rng, n) -> np.ndarray:
    """Weights, a third of them zero."""
    weights = rng.random(n) * (rng.random(n) > 1 / 3)
    weights[rng.integers(n)] += 1.0
    return weights


def inner(u, v, weights) -> np.ndarray:
    return np.sum(u * v * (weights / weights.sum()), axis=-1)


def solved_by_hand(case: Case, weak, weights) -> np.ndarray:
    """The projection, by cvxpy on the set written by hand."""
    values, constraints = case.written()
    root = np.sqrt(weights / weights.sum())
    cp.Problem(cp.Minimize(cp.sum_squares(cp.multiply(root, values - weak))), constraints).solve(solver=cp.CLARABEL)
    return values.value


def largest_by_hand(case: Case, direction, weights, radius) -> float:
    """The maximum of <direction, v>_P over the members v with ||v||_P <= radius (None: over all)."""
    values, constraints = case.written()
    p = weights / weights.sum()
    if radius is not None:
        constraints = [*constraints, cp.norm(cp.multiply(np.sqrt(p), values)) <= radius]
    return cp.Problem(cp.Maximize((p * direction) @ values), constraints).solve(solver=cp.CLARABEL)


def condition(case: Case, weights) -> float:
    """Condition number of the weighted features, zero singular values left out; 1 where the class has none."""
    features = getattr(case.convex, "features", None)
    if features is None:
        return 1.0
    scales = np.linalg.svd(np.sqrt(weights / weights.sum())[:, None] * features, compute_uv=False)
    return scales[0] / scales[scales > ROUNDING * scales[0]].min()
