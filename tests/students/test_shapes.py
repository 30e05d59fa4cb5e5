"""Hulls and monotone functions against brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tests.students.cases import inner
from tests.tolerances import ROUNDING
from w2s_theory.students.shapes import Monotone, SimplexHull, dominating


def test_a_small_hull_agrees_with_trying_every_face():
    rng = np.random.default_rng(0)
    for _ in range(40):
        members, weak, p = rng.standard_normal((4, 3)), rng.standard_normal(3), rng.dirichlet(np.ones(3))
        best = np.inf
        for size in range(1, 5):
            for face in itertools.combinations(members, size):
                corners = np.array(face)
                edges, root = (corners[1:] - corners[0]).T, np.sqrt(p)
                steps = np.linalg.lstsq(root[:, None] * edges, root * (weak - corners[0]), rcond=None)[0]
                if np.all(steps >= 0) and np.sum(steps) <= 1:
                    best = min(best, inner(weak - corners[0] - edges @ steps, weak - corners[0] - edges @ steps, p))
        student = SimplexHull(members).project(weak, p)
        assert inner(weak - student.values, weak - student.values, p) == pytest.approx(best, abs=ROUNDING)
        assert np.all(student.coefficients >= 0) and np.sum(student.coefficients) == pytest.approx(1, rel=ROUNDING)


def test_a_hull_far_from_the_labels_is_still_resolved():
    rng = np.random.default_rng(3)
    members, weak = rng.standard_normal((5, 8)), rng.standard_normal(8)
    away = np.linalg.qr(np.column_stack([(members[1:] - members[0]).T, rng.standard_normal(8)]))[0][:, -1]
    near, far = SimplexHull(members).project(weak), SimplexHull(members).project(weak + 1e6 * away)
    np.testing.assert_allclose(far.values, near.values, atol=1e6 * ROUNDING)


def test_a_monotone_student_is_the_min_max_of_block_means():
    rng = np.random.default_rng(0)
    order, weak, p = rng.permutation(9), rng.standard_normal(9), rng.dirichlet(np.ones(9))
    w, q = weak[np.argsort(order)], p[np.argsort(order)]

    def mean(j, k):
        return np.average(w[j : k + 1], weights=q[j : k + 1])

    by_hand = [max(min(mean(j, k) for k in range(i, 9)) for j in range(i + 1)) for i in range(9)]
    np.testing.assert_allclose(Monotone(order).project(weak, p).values[np.argsort(order)], by_hand, atol=ROUNDING)


def test_equal_covariates_get_equal_values_and_samples_without_weight_the_value_below_them():
    student = Monotone([2.0, 1.0, 2.0, 3.0]).project([5.0, 0.0, 1.0, 4.0]).values
    np.testing.assert_allclose(student, [3.0, 0.0, 3.0, 4.0])
    silent = Monotone([0.0, 1.0, 2.0, 3.0]).project([9.0, 1.0, 9.0, 2.0], [0, 1, 0, 1]).values
    np.testing.assert_allclose(silent, [1.0, 1.0, 1.0, 2.0])


def test_the_monotone_certificate_is_valid_for_a_wrong_proposal_and_leaves_a_projection_alone():
    rng = np.random.default_rng(0)
    values, proposals, p = rng.standard_normal(8), rng.standard_normal((20, 8)), rng.dirichlet(np.ones(8))
    members = np.sort(rng.standard_normal((20, 1, 200, 8)), axis=-1)
    left = values - dominating(values, proposals, p)
    assert np.all(inner(left[:, None, None], members, p) <= ROUNDING)
    projected = Monotone(np.arange(8)).project(values, p).values
    np.testing.assert_allclose(dominating(values, projected, p), projected, atol=100 * ROUNDING)
