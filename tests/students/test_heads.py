"""Classes of linear heads: rank, condition number, and the limits whose answer is known."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from tests.students.cases import INF
from tests.tolerances import ROUNDING
from w2s_theory.students.convex import Ball, Box, Subspace


def exact_projection(features: np.ndarray, labels: list[Fraction]) -> list[Fraction]:
    """The projection on the columns, in rational arithmetic: no rounding at all (Gauss-Jordan on the normal equations)."""
    columns = [[Fraction(float(x)) for x in column] for column in features.T]
    rows = [[sum(a * b for a, b in zip(u, v, strict=True)) for v in [*columns, labels]] for u in columns]
    for i in range(len(rows)):
        rows[i] = [x / rows[i][i] for x in rows[i]]
        for j in range(len(rows)):
            if j != i:
                rows[j] = [x - rows[j][i] * y for x, y in zip(rows[j], rows[i], strict=True)]
    heads = [row[-1] for row in rows]
    return [sum(b * column[k] for b, column in zip(heads, columns, strict=True)) for k in range(len(labels))]


@pytest.mark.parametrize("seed", range(5))
def test_at_condition_1e12_the_projection_has_the_accuracy_the_features_allow_and_the_gap_says_so(seed):
    rng = np.random.default_rng(seed)
    left, _ = np.linalg.qr(rng.standard_normal((9, 3)))
    right, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    features, weak = (left * [1.0, 1e-6, 1e-12]) @ right.T, rng.standard_normal(9)
    projection = Subspace(features).project(weak)
    assert projection.rank == 3
    exact = np.array(exact_projection(features, [Fraction(x) for x in weak]), dtype=float)
    # rounding of the features by eps turns the weakest direction by eps * 1e12 = 2.2e-4
    allowed = 4 * np.finfo(float).eps * 1e12 * np.linalg.norm(weak)
    assert np.linalg.norm(projection.values - exact) <= allowed
    by_gram = features @ np.linalg.lstsq(features.T @ features, features.T @ weak, rcond=None)[0]
    assert np.linalg.norm(by_gram - exact) > 10 * allowed

    residual = [Fraction(w) - Fraction(s) for w, s in zip(weak, projection.values, strict=True)]
    slope = np.linalg.norm(np.array(exact_projection(features, residual), dtype=float)) / 3  # / sqrt(n)
    gap = Subspace(features).gap(weak, projection.values, None, 2.0)
    violation = 2.0 * slope - np.mean(np.array(residual, dtype=float) * projection.values)
    assert violation <= gap <= 200 * np.finfo(float).eps * 1e12

    target = features @ rng.standard_normal(3)  # heads of order one: what a real target has
    gain = np.mean((weak - target) ** 2 - (projection.values - target) ** 2)
    assert gain == pytest.approx(np.mean((weak - projection.values) ** 2), rel=ROUNDING)


def test_the_rank_is_recorded_and_rank_deficient_heads_are_the_shortest():
    rng = np.random.default_rng(0)
    features, weak = rng.standard_normal((20, 4)), rng.standard_normal((2, 20))
    doubled = np.hstack([features, features, features[:, :1] - features[:, 1:2]])
    plain, deficient = Subspace(features).project(weak), Subspace(doubled).project(weak)
    assert (plain.rank, deficient.rank) == (4, 4)
    np.testing.assert_allclose(deficient.values, plain.values, atol=ROUNDING)
    np.testing.assert_allclose(deficient.coefficients, weak @ np.linalg.pinv(doubled).T, atol=ROUNDING)
    assert Ball(doubled, 0.1).project(weak).rank == 4
    assert Box(doubled, 0, INF).project(weak).rank == 4
    assert Subspace(np.zeros((20, 2))).project(weak).rank == 0
    assert np.all(Subspace(np.zeros((20, 2))).project(weak).values == 0)


def test_fewer_samples_than_features_reproduce_the_weak_labels_with_the_shortest_heads():
    rng = np.random.default_rng(0)
    features, weak = rng.standard_normal((6, 15)), rng.standard_normal((4, 6))
    student = Subspace(features).project(weak)
    assert student.rank == 6
    np.testing.assert_allclose(student.values, weak, atol=ROUNDING)
    np.testing.assert_allclose(student.coefficients, weak @ np.linalg.pinv(features).T, atol=ROUNDING)


def test_an_offset_shifts_the_subspace():
    rng = np.random.default_rng(1)
    features, offset, weak = rng.standard_normal((10, 3)), rng.standard_normal(10), rng.standard_normal(10)
    shifted = offset + Subspace(features).project(weak - offset).values
    np.testing.assert_allclose(Subspace(features, offset).project(weak).values, shifted, atol=ROUNDING)


def test_a_ball_with_room_is_the_subspace_and_a_tight_one_solves_the_ridge_equations_of_its_length():
    rng = np.random.default_rng(4)
    features, weak, p = rng.standard_normal((15, 4)), rng.standard_normal((30, 15)), rng.dirichlet(np.ones(15))
    free = Subspace(features).project(weak, p)
    lengths = np.linalg.norm(free.coefficients, axis=-1)
    roomy = Ball(features, 1.01 * lengths.max()).project(weak, p)
    np.testing.assert_allclose(roomy.values, free.values, atol=ROUNDING)
    radius = float(np.median(lengths))
    heads = Ball(features, radius).project(weak, p).coefficients
    long = lengths > radius
    np.testing.assert_allclose(heads[~long], free.coefficients[~long], atol=ROUNDING)
    np.testing.assert_allclose(np.linalg.norm(heads[long], axis=-1), radius, rtol=ROUNDING)
    gradient = (p * (weak - heads @ features.T)) @ features  # = lam b
    penalty = np.sum(gradient * heads, axis=-1, keepdims=True) / radius**2
    assert np.all(penalty[long] > 0)
    np.testing.assert_allclose(gradient[long], (penalty * heads)[long], atol=ROUNDING)


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_balls_and_boxes_do_not_depend_on_the_units_of_the_labels(scale):
    rng = np.random.default_rng(8)
    features, weak = rng.standard_normal((12, 4)), rng.standard_normal((5, 12))
    for unit, scaled in (
        (Ball(features, 0.3), Ball(features, 0.3 * scale)),
        (Box(features, -0.1, 0.2), Box(features, -0.1 * scale, 0.2 * scale)),
        (Box(features, 0, INF), Box(features, 0, INF)),
    ):
        np.testing.assert_allclose(scaled.project(scale * weak).values, scale * unit.project(weak).values, atol=scale * ROUNDING)


def test_a_box_without_bounds_is_the_subspace_and_one_feature_is_clipped():
    rng = np.random.default_rng(6)
    features, weak = rng.standard_normal((10, 3)), rng.standard_normal((4, 10))
    np.testing.assert_allclose(
        Box(features, -INF, INF).project(weak).values, Subspace(features).project(weak).values, atol=ROUNDING
    )
    x = features[:, :1]
    clipped = np.clip(weak @ x / np.sum(x**2), -0.1, 0.2)
    np.testing.assert_allclose(Box(x, -0.1, 0.2).project(weak).coefficients, clipped, atol=ROUNDING)
    assert np.all(Box(features, 0.3, 0.3).project(weak).coefficients == 0.3)
