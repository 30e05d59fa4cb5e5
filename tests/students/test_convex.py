"""Every convex class: its projection against an independent solve, its gap against the definition, and refusals."""

from __future__ import annotations

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given

from tests.students.cases import CASES, any_case, condition, draw_weights, each_case, inner, largest_by_hand, solved_by_hand
from tests.tolerances import CLARABEL, ROUNDING
from w2s_theory.students.convex import Ball, Box, Subspace
from w2s_theory.students.cvxpy_set import CvxpySet
from w2s_theory.students.shapes import Monotone, SimplexHull


@each_case
@pytest.mark.parametrize(("n", "d"), [(12, 6), (5, 8)])
def test_the_projection_agrees_with_a_cvxpy_solve_of_the_set_written_by_hand(name, n, d):
    rng = np.random.default_rng(7)
    case, weak, weights = CASES[name](rng, n, d), 2 * rng.standard_normal((3, n)), rng.random(n) + 0.1
    students = case.convex.project(weak, weights).values
    for student, labels in zip(students, weak, strict=True):
        off = student - solved_by_hand(case, labels, weights)
        assert inner(off, off, weights) <= CLARABEL * inner(labels, labels, weights)


@given(any_case)
def test_a_projection_has_a_gap_of_rounding_size_and_projecting_it_again_changes_nothing(drawn):
    name, seed, n, d = drawn
    rng = np.random.default_rng(seed)
    case, weights, weak = CASES[name](rng, n, d), draw_weights(rng, n), rng.standard_normal((2, n))
    first = case.convex.project(weak, weights)
    again = case.convex.project(first.values, weights)
    rounding = ROUNDING * condition(case, weights) * (50 + inner(first.values, first.values, weights))  # 50: the roomy ball
    assert np.all(first.gap >= 0) and np.all(first.gap <= rounding)
    moved = again.values - first.values
    assert np.all(inner(moved, moved, weights) <= first.gap + again.gap + rounding)


@each_case
def test_the_reported_gap_covers_members_as_large_as_weak_and_student_together(name):
    rng = np.random.default_rng(19)
    case, weak = CASES[name](rng, 256, 6), 1e3 * rng.standard_normal((2, 256))
    student = case.convex.project(weak)
    radius = np.sqrt(np.mean(weak**2, axis=-1)) + np.sqrt(np.mean(student.values**2, axis=-1))
    np.testing.assert_allclose(student.gap, case.convex.gap(weak, student.values, None, radius), rtol=0.05)


@given(any_case)
def test_two_students_are_no_further_apart_than_their_weak_labels(drawn):
    name, seed, n, d = drawn
    rng = np.random.default_rng(seed)
    case, weights, (one, other) = CASES[name](rng, n, d), draw_weights(rng, n), rng.standard_normal((2, n))
    apart = case.convex.project(one, weights).values - case.convex.project(other, weights).values
    before, after = inner(one - other, one - other, weights), inner(apart, apart, weights)
    assert after <= before * (1 + ROUNDING * condition(case, weights)) + ROUNDING


@each_case
def test_many_tasks_at_once_are_one_task_at_a_time(name):
    rng = np.random.default_rng(3)
    case, weights, weak = CASES[name](rng, 9, 6), rng.random(9), rng.standard_normal((2, 3, 9))
    together = case.convex.project(weak, weights)
    assert together.values.shape == (2, 3, 9) and together.gap.shape == (2, 3)
    for task in np.ndindex(2, 3):
        alone = case.convex.project(weak[task], weights)
        np.testing.assert_allclose(together.values[task], alone.values, atol=ROUNDING * 10)
        if together.coefficients is not None:
            np.testing.assert_allclose(case.convex.predict(together.coefficients[task]), alone.values, atol=ROUNDING * 10)


def on_rows(convex, indices):
    """The same class built on resampled rows of its features, functions or covariate."""
    match convex:
        case Subspace():
            return Subspace(convex.features[indices], None if convex.offset is None else convex.offset[indices])
        case Ball():
            return Ball(convex.features[indices], convex.radius)
        case Box():
            return Box(convex.features[indices], convex.lower, convex.upper)
        case SimplexHull():
            return SimplexHull(convex.members[:, indices])
        case Monotone():
            return Monotone(convex.order[indices])
    raise AssertionError(convex)


@each_case
def test_counting_rows_in_the_weights_is_the_same_as_repeating_them(name):
    rng = np.random.default_rng(5)
    case, weak = CASES[name](rng, 10, 4), rng.standard_normal((3, 10))
    indices = np.array([0, 3, 3, 3, 5, 6, 6, 8, 9, 9])  # 1, 2, 4 and 7 have zero weight
    counted = case.convex.project(weak, np.bincount(indices, minlength=10))
    repeated = on_rows(case.convex, indices).project(weak[:, indices])
    np.testing.assert_allclose(counted.values[:, indices], repeated.values, atol=100 * ROUNDING)
    if repeated.coefficients is not None:  # then the function learned on the rows has values on all samples
        np.testing.assert_allclose(counted.values, case.convex.predict(repeated.coefficients), atol=100 * ROUNDING)


@each_case
def test_labels_without_weight_change_nothing(name):
    rng = np.random.default_rng(11)
    case, weights, weak = CASES[name](rng, 10, 4), rng.random(10), rng.standard_normal(10)
    weights[[2, 5, 6]] = 0.0
    changed = weak.copy()
    changed[[2, 5, 6]] = 1e3
    student = case.convex.project(weak, weights)
    assert np.array_equal(student.values, case.convex.project(changed, weights).values)
    assert np.all(np.isfinite(student.values))
    if student.coefficients is not None:
        np.testing.assert_allclose(student.values, case.convex.predict(student.coefficients), atol=100 * ROUNDING)


@each_case
def test_the_approximation_error_is_zero_for_members_and_the_least_squared_distance_otherwise(name):
    rng = np.random.default_rng(2)
    case, weights = CASES[name](rng, 9, 3), rng.random(9)
    members, target = case.draw(rng, 50), rng.standard_normal(9)
    assert np.all(case.convex.distance(members, weights) <= ROUNDING * (1 + inner(members, members, weights)))
    off = target - solved_by_hand(case, target, weights)
    least = case.convex.distance(target, weights)
    assert least == pytest.approx(inner(off, off, weights), rel=CLARABEL)
    assert np.all(least <= inner(target - members, target - members, weights))


@given(any_case)
def test_the_gap_bounds_the_variational_inequality_at_every_member_for_any_student(drawn):
    name, seed, n, d = drawn
    rng = np.random.default_rng(seed)
    case, weights, weak = CASES[name](rng, n, d), draw_weights(rng, n), rng.standard_normal(n)
    projected = case.convex.project(weak, weights).values
    for student in (projected, case.draw(rng, 1)[0], rng.standard_normal(n)):
        members = case.draw(rng, 40)
        radius = np.sqrt(inner(members, members, weights))
        violation = inner(weak - student, members - student, weights)
        gap = np.array([case.convex.gap(weak, student, weights, r) for r in radius])
        assert np.all(violation <= gap + ROUNDING * (1 + radius) * (1 + np.abs(student).max()))


@each_case
def test_the_gap_is_the_maximum_over_the_class_that_its_docstring_names(name):
    rng = np.random.default_rng(13)
    case, weights, weak = CASES[name](rng, 10, 4), rng.random(10) + 0.1, rng.standard_normal(10)
    bounded = isinstance(case.convex, (Ball, SimplexHull)) or (isinstance(case.convex, Box) and case.tight)
    radius = 5.0
    for student in (case.draw(rng, 1)[0], 0.5 * weak):
        by_hand = largest_by_hand(case, weak - student, weights, None if bounded else radius)
        by_hand = max(by_hand - inner(weak - student, student, weights), 0.0)
        gap = case.convex.gap(weak, student, weights, radius)
        assert gap >= by_hand - CLARABEL
        if case.tight:
            assert gap == pytest.approx(by_hand, rel=CLARABEL, abs=CLARABEL)


@each_case
@pytest.mark.parametrize("part", [0.1, 1.0])
def test_a_student_moved_off_the_projection_shows_at_least_its_squared_distance_in_the_gap(name, part):
    rng = np.random.default_rng(17)
    case, weights, weak = CASES[name](rng, 10, 4), rng.random(10) + 0.1, 2 * rng.standard_normal(10)
    projected = case.convex.project(weak, weights).values
    moved = (1 - part) * projected + part * case.draw(rng, 1)[0]  # still a member
    off = inner(moved - projected, moved - projected, weights)
    assert off > 1e-4 * part**2
    radius = np.sqrt(inner(projected, projected, weights))
    assert case.convex.gap(weak, moved, weights, radius) >= off * (1 - ROUNDING)


@given(any_case)
def test_theorem_1_holds_with_the_gap_as_its_only_slack_for_exact_and_for_poor_students(drawn):
    name, seed, n, d = drawn
    rng = np.random.default_rng(seed)
    case, weights, weak = CASES[name](rng, n, d), draw_weights(rng, n), rng.standard_normal(n)
    target = case.draw(rng, 1)[0]
    radius = np.sqrt(inner(target, target, weights))
    exact = case.convex.project(weak, weights).values
    for student in (exact, 0.9 * exact, case.draw(rng, 1)[0]):
        gain = inner(weak - target, weak - target, weights) - inner(student - target, student - target, weights)
        misfit = inner(weak - student, weak - student, weights)
        rounding = ROUNDING * (1 + radius**2 + np.abs(student).max() ** 2)
        assert gain - misfit >= -2 * case.convex.gap(weak, student, weights, radius) - rounding
        if case.convex.is_affine and student is exact:
            assert abs(gain - misfit) <= 2 * case.convex.gap(weak, student, weights, radius) + rounding


def test_only_affine_classes_say_that_they_are():
    assert {name for name in CASES if CASES[name](np.random.default_rng(0), 6, 3).convex.is_affine} == {
        "subspace",
        "affine",
        "repeated columns",
    }


MATRIX, LINE = np.arange(6.0).reshape(3, 2), np.ones(3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Subspace([[1.0, np.nan]]), "features must be finite"),
        (lambda: Subspace(LINE), "features must have 2 dimension"),
        (lambda: Subspace(np.ones((3, 0))), "features must not be empty"),
        (lambda: Subspace(MATRIX, np.ones(2)), "offset must have 3 samples"),
        (lambda: Subspace(MATRIX, np.ones((2, 3))), r"offset must have shape \(3,\)"),
        (lambda: Ball(MATRIX, 0.0), "radius must be a finite number > 0"),
        (lambda: Ball(MATRIX, -1.0), "radius must be a finite number > 0"),
        (lambda: Box(MATRIX, 1.0, 0.0), r"lower must be <= upper; at head 0 they are 1.0 and 0.0"),
        (lambda: Box(MATRIX, [0.0, 2.0], 1.0), "at head 1 they are 2.0 and 1.0"),
        (lambda: Box(MATRIX, np.nan, 1.0), "lower must be a number or have shape"),
        (lambda: Box(MATRIX, np.inf, np.inf), "lower must be .* without NaN or inf"),
        (lambda: Box(MATRIX, 0.0, [1.0, 1.0, 1.0]), r"upper must be a number or have shape \(2,\)"),
        (lambda: SimplexHull(np.ones((0, 3))), "members must not be empty"),
        (lambda: SimplexHull(LINE), "members must have 2 dimension"),
        (lambda: Monotone(MATRIX), "order must have 1 dimension"),
        (lambda: Monotone([1.0, np.inf]), "order must be finite"),
        (lambda: CvxpySet(lambda v: [v >= 0], 0), "size must be a whole number >= 1"),
        (lambda: CvxpySet(lambda v: [cp.norm(v) >= 1], 3).project(LINE), "convex by cvxpy's rules"),
        (lambda: Subspace(MATRIX).predict([1.0]), "coefficients must have 2 entries"),
    ],
)
def test_a_class_that_makes_no_sense_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    "convex", [Subspace(MATRIX), Ball(MATRIX, 1.0), Box(MATRIX, 0, 1), SimplexHull(MATRIX.T), Monotone(LINE)]
)
def test_labels_weights_and_radius_that_make_no_sense_are_refused(convex):
    for labels, weights, message in [
        ([1.0, np.nan, 2.0], None, "weak must be finite"),
        ([1.0, 2.0], None, "weak must have 3 samples"),
        (LINE, [1.0, -1.0, 1.0], "weights must be non-negative"),
        (LINE, [0.0, 0.0, 0.0], "weights must have a positive sum"),
        (LINE, [1.0, 1.0], "weights must have shape"),
        (LINE, np.ones((2, 3)), "weights must have shape"),
    ]:
        with pytest.raises(ValueError, match=message):
            convex.project(labels, weights)
    with pytest.raises(ValueError, match="student must have 3 samples"):
        convex.gap(LINE, np.ones(4), None, 1.0)
    for radius in (-1.0, np.nan):
        with pytest.raises(ValueError, match="radius must be"):
            convex.gap(LINE, LINE, None, radius)


def test_what_a_class_cannot_do_it_says_with_the_way_out():
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match="must be a NumPy array"):
        Subspace(MATRIX).project(torch.ones(3))
    with pytest.raises(TypeError, match=r"no coefficients .* weights=numpy\.bincount"):
        Monotone(LINE).predict([1.0])
    with pytest.raises(TypeError, match="constraints must be a function"):
        CvxpySet([], 3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="must return a list"):
        CvxpySet(lambda v: v >= 0, 3).project(LINE)  # type: ignore[arg-type,return-value]


def test_the_local_gap_bounds_every_member_within_reach():
    rng = np.random.default_rng(11)
    for name, make in CASES.items():
        case, p = make(rng, 8, 3), rng.random(8) + 0.1
        p /= p.sum()
        weak = rng.standard_normal((3, 8))
        student = case.convex.project(weak, p).values * 0.97
        others = case.convex.project(rng.standard_normal((3, 8)), p).values
        reach = np.sqrt(inner(others - student, others - student, p))
        gap = case.convex.local_gap(weak, student, p, reach)
        slope = inner(weak - student, others - student, p)
        assert np.all(slope <= gap + ROUNDING * 10), name
        if case.convex.is_affine:  # the differences of members come in pairs of signs
            exact = case.convex.project(weak, p).values
            assert np.all(
                np.abs(inner(weak - exact, others - exact, p)) <= case.convex.local_gap(weak, exact, p, reach) + ROUNDING
            )
