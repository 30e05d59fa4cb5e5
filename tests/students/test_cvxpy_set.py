"""A set written in cvxpy: against the built-in classes, and when there is no answer."""

from __future__ import annotations

import cvxpy as cp
import numpy as np
import pytest

from tests.students.cases import INF, inner
from tests.tolerances import CLARABEL, ROUNDING
from w2s_theory._validation import MissingExtra, SolverFailure
from w2s_theory.students.convex import Ball, Box, Subspace
from w2s_theory.students.cvxpy_set import CvxpySet
from w2s_theory.students.shapes import Monotone, SimplexHull


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_a_set_written_in_cvxpy_agrees_with_the_class_that_says_the_same(scale):
    rng = np.random.default_rng(9)
    features, weak, p = rng.standard_normal((10, 3)), scale * rng.standard_normal((2, 10)), rng.dirichlet(np.ones(10))

    def heads(bound):
        def constraints(v):
            b = cp.Variable(3)
            return [v == scale * features @ b, *bound(b)]  # b of order one, as the docstring asks

        return CvxpySet(constraints, 10)

    pairs = [
        (CvxpySet(lambda v: [v[1:] >= v[:-1]], 10), Monotone(np.arange(10))),
        (heads(lambda b: [cp.norm(b) <= 0.3]), Ball(features, 0.3 * scale)),
        (heads(lambda b: [b >= 0]), Box(features, 0, INF)),
        (heads(lambda b: [b >= 0, cp.sum(b) == 1]), SimplexHull(scale * features.T)),
        (heads(lambda b: []), Subspace(features)),
    ]
    for written, built_in in pairs:
        ours, theirs = written.project(weak, p), built_in.project(weak, p)
        off = ours.values - theirs.values
        assert np.all(inner(off, off, p) <= CLARABEL * scale**2)
        assert np.all(ours.gap <= CLARABEL * scale**2)
        moved = theirs.values + 0.1 * (built_in.project(-weak, p).values - theirs.values)
        for radius in (3 * scale, np.full(2, 5 * scale)):
            by_program, closed = written.gap(weak, moved, p, radius), built_in.gap(weak, moved, p, radius)
            assert np.all(by_program <= closed + CLARABEL * radius * scale)
            if not isinstance(built_in, Box):  # whose closed form is above the maximum
                assert np.all(by_program >= closed - ROUNDING * radius * scale)


def test_a_set_written_in_cvxpy_takes_samples_without_weight():
    weak, counts = np.array([3.0, 100.0, 1.0, -50.0, 2.0]), [1, 0, 2, 0, 1]
    student = CvxpySet(lambda v: [v[1:] >= v[:-1]], 5).project(weak, counts)
    np.testing.assert_allclose(student.values[[0, 2, 4]], [5 / 3, 5 / 3, 2.0], atol=np.sqrt(CLARABEL))
    # a value that has no weight does not count in the radius
    pinned = CvxpySet(lambda v: [v[0] == 100.0], 2).gap([0.0, 2.0], [0.0, 1.0], [0.0, 1.0], 3.0)
    np.testing.assert_allclose(pinned, 3.0 - 1.0, rtol=CLARABEL)  # (w - s)(v - s) at v = 3


def test_an_empty_set_is_misuse_and_a_solver_without_an_answer_is_a_failure():
    with pytest.raises(ValueError, match=r"CvxpySet\(size=3\) is empty: relax its constraints"):
        CvxpySet(lambda v: [v >= 1, v <= 0], 3).project(np.ones(3))
    with pytest.raises(ValueError, match=r"no member of P-norm <= 0\.5: pass a larger radius"):
        CvxpySet(lambda v: [v >= 1], 3).gap(np.ones(3), 2 * np.ones(3), None, 0.5)
    with pytest.raises(SolverFailure, match="CLARABEL"):  # empty, but no certificate of it exists
        CvxpySet(lambda v: [cp.exp(v) <= 0], 3).project(np.ones(3))


def test_without_cvxpy_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "cvxpy", None)
    with pytest.raises(MissingExtra, match=r"w2s-theory\[programs\]"):
        CvxpySet(lambda v: [v >= 0], 3).project(np.ones(3))
