"""Constrained heads in bulk: against CLARABEL on the rows, the classes that solve task by task, and their own certificates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import array_api_strict
import cvxpy as cp
import numpy as np
import pytest
import scipy.optimize
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.design.cases import case
from tests.tolerances import CLARABEL, ROUNDING, SOLVE
from w2s_theory import Design
from w2s_theory._validation import MissingExtra, SolverFailure
from w2s_theory.students.constrained import TOLERANCE, ball_gap, solve_ball, solve_box, solve_hull
from w2s_theory.students.convex import Ball, Box
from w2s_theory.students.parametrised import solve_set
from w2s_theory.students.polytopes import Ends, Goal, Mixtures
from w2s_theory.students.shapes import SimplexHull

INF = np.inf


class Kind(NamedTuple):
    """A class of heads: in bulk, task by task, in cvxpy, and random members (d, k)."""

    bulk: Callable[..., Any]
    exact: Callable[[np.ndarray], Any]
    written: Callable[[Any], list[Any]]
    draw: Callable[[np.random.Generator, int, int], np.ndarray]


def box(lower: float, upper: float) -> Kind:
    def draw(rng, d, count):
        start, end = max(lower, -3.0), min(upper, 3.0)
        return rng.uniform(start, end, size=(d, count)) * (rng.random((d, count)) < 0.7)

    def written(w):
        return ([w >= lower] if lower > -INF else []) + ([w <= upper] if upper < INF else [])

    return Kind(
        lambda design, labels=None, **options: solve_box(design, labels, lower=lower, upper=upper, **options),
        lambda features: Box(features, lower, upper),
        written,
        draw,
    )


def draw_ball(rng, d, count):
    heads = rng.normal(size=(d, count))
    return 0.7 * heads / np.linalg.norm(heads, axis=0) * rng.random(count)


KINDS = {
    "ball": Kind(
        lambda design, labels=None, **_: solve_ball(design, labels, radius=0.7),
        lambda features: Ball(features, 0.7),
        lambda w: [cp.norm(w) <= 0.7],
        draw_ball,
    ),
    "box": box(-0.3, 0.4),
    "non-negative": box(0.0, INF),
    "at most": box(-INF, 0.2),
    "free": box(-INF, INF),
    "hull": Kind(
        solve_hull,
        lambda features: SimplexHull(features.T),
        lambda w: [w >= 0, cp.sum(w) == 1],
        lambda rng, d, count: rng.dirichlet(np.ones(d), count).T,
    ),
}
each_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
each_intercept = pytest.mark.parametrize("intercept", [False, True], ids=["through 0", "intercept"])


def inner(u, v, weights):
    return np.sum((weights / weights.sum())[:, None] * u * v, axis=0)


def centred(features, labels, weights, intercept):
    """Features and labels without their means, for the classes that know no intercept."""
    if not intercept:
        return features, labels, np.zeros(labels.shape[1])
    means = np.average(labels, axis=0, weights=weights)
    return features - np.average(features, axis=0, weights=weights), labels - means, means


def exactly(kind, features, labels, weights, intercept=False):
    """Predictions (n, T) of the task-by-task class, and its gap."""
    features, labels, means = centred(features, labels, weights, intercept)
    projection = kind.exact(features).project(labels.T, weights)
    return projection.values.T + means, projection.gap


@each_kind
@each_intercept
@pytest.mark.parametrize("shape", [(40, 5), (8, 12)])
def test_heads_agree_with_clarabel_on_the_rows(kind, intercept, shape):
    data = case(1, *shape, tasks=3)
    heads = kind.bulk(Design(data.features, weights=data.weights, intercept=intercept), data.weak)
    student = heads.predict(data.features)
    for task, labels in enumerate(data.weak.T):
        w, c = cp.Variable(shape[1]), cp.Variable()
        root = np.sqrt(data.weights / data.weights.sum())
        fitted = data.features @ w + c
        constraints = kind.written(w) + ([] if intercept else [c == 0])
        cp.Problem(cp.Minimize(cp.sum_squares(cp.multiply(root, fitted - labels))), constraints).solve(solver=cp.CLARABEL)
        off = (student[:, task] - fitted.value)[:, None]
        assert inner(off, off, data.weights) <= CLARABEL * inner(labels[:, None], labels[:, None], data.weights)
    assert np.all(heads.converged)


@each_kind
@each_intercept
@pytest.mark.parametrize("shape", [(60, 6), (12, 12), (9, 20)])
def test_heads_agree_with_the_classes_that_solve_task_by_task(kind, intercept, shape):
    data = case(2, *shape, tasks=7)
    heads = kind.bulk(Design(data.features, weights=data.weights, intercept=intercept), data.weak, tolerance=1e-13)
    expected, gap = exactly(kind, data.features, data.weak, data.weights, intercept)
    off = heads.predict(data.features) - expected
    assert np.all(inner(off, off, data.weights) <= heads.gap + gap)
    np.testing.assert_allclose(heads.predict(data.features), expected, rtol=SOLVE, atol=SOLVE)


def test_non_negative_heads_are_those_of_nnls():
    data = case(3, 50, 6, tasks=5)
    heads = solve_box(Design(data.features), data.weak)
    expected = np.stack([scipy.optimize.nnls(data.features, labels)[0] for labels in data.weak.T], axis=1)
    np.testing.assert_allclose(heads.coefficients, expected, rtol=SOLVE, atol=SOLVE)
    assert np.any(expected == 0) and np.any(expected > 0)


def largest(residual, members, limit):
    """max residual · v over the members (n, k) with ‖v‖ ≤ limit."""
    return np.max(np.where(np.linalg.norm(members, axis=0) <= limit, residual @ members, -INF))


@each_kind
@each_intercept
def test_no_member_violates_the_variational_inequality_by_more_than_the_gap(kind, intercept):
    data, rng = case(4, 30, 5, tasks=3), np.random.default_rng(5)
    heads = kind.bulk(Design(data.features, weights=data.weights, intercept=intercept), data.weak)
    student, p = heads.predict(data.features), data.weights / data.weights.sum()
    members = data.features @ kind.draw(rng, 5, 5000)
    if intercept:
        members = members - p @ members + p @ data.weak[:, 0] + rng.normal(size=5000)
    size = np.sqrt(inner(data.weak, data.weak, data.weights)) + np.sqrt(inner(student, student, data.weights))
    root = np.sqrt(p)
    for task in range(3):
        residual = root * (data.weak - student)[:, task]
        most = largest(residual, root[:, None] * members, size[task]) - residual @ (root * student[:, task])
        assert most <= heads.gap[task] + ROUNDING * size[task] ** 2
        assert heads.gap[task] <= TOLERANCE * size[task] ** 2


any_shape = st.tuples(st.integers(1, 12), st.integers(1, 9), st.integers(1, 4), st.booleans(), st.booleans())


@given(st.sampled_from(sorted(KINDS)), any_shape, st.integers(0, 2**32 - 1))
def test_heads_of_any_shape_are_members_and_as_close_as_their_gap_says(name, shape, seed):
    n, d, tasks, intercept, repeated = shape
    data, kind = case(seed, n, d, tasks), KINDS[name]
    features = data.features.copy()
    if repeated:
        features[:, d // 2 :] = features[:, : d - d // 2]
    heads = kind.bulk(Design(features, weights=data.weights, intercept=intercept), data.weak)
    w = heads.coefficients
    match name:
        case "ball":
            assert np.all(np.linalg.norm(w, axis=0) <= 0.7 * (1 + ROUNDING))
        case "hull":
            assert np.all(w >= 0) and np.sum(w, axis=0) == pytest.approx(1.0, abs=ROUNDING)
        case "box":
            assert np.all((w >= -0.3) & (w <= 0.4))
        case "non-negative":
            assert np.all(w >= 0)
        case "at most":
            assert np.all(w <= 0.2)
    expected, gap = exactly(kind, features, data.weak, data.weights, intercept)
    off = heads.predict(features) - expected
    size = 1.0 + inner(data.weak, data.weak, data.weights) + inner(expected, expected, data.weights)
    assert np.all(heads.gap >= 0)
    assert np.all(inner(off, off, data.weights) <= heads.gap + gap + ROUNDING * size)


def some_members(name, matrix):
    """The solver's sets, with lower ends that are not 0 so that no formula can forget them."""
    d = matrix.shape[1]
    ends = {"box": (-0.3, 0.4), "non-negative": (0.0, INF), "at most": (-INF, 0.2), "free": (-INF, INF)}
    if name == "hull":
        return Mixtures(matrix)
    if name == "mixed":
        low, high = np.array([[0.0, INF], [-INF, 0.1], [-0.2, 0.3], [-INF, INF], [0.2, 0.2], [0.5, INF]] * d)[:d].T
        return Ends(matrix, low[:, None], high[:, None])
    return Ends(matrix, *(np.full((d, 1), end) for end in ends[name]))


@pytest.mark.parametrize("name", ["box", "non-negative", "at most", "free", "mixed", "hull"])
@pytest.mark.parametrize("columns", ["independent", "more than rows", "repeated", "opposite"])
def test_the_gap_of_any_member_is_above_what_clarabel_finds(name, columns):
    rng = np.random.default_rng(6)
    r, d = (4, 7) if columns == "more than rows" else (8, 6)
    matrix = rng.normal(size=(r, d))
    if columns != "independent" and r > d:
        matrix[:, 3:] = (1 if columns == "repeated" else -1) * matrix[:, :3]
    members, labels = some_members(name, matrix), 2 * rng.normal(size=(r, 4))
    goal = Goal(labels, np.sum(labels**2, axis=0), np.zeros(4))
    if name == "hull":
        goal = goal._replace(values=labels - members.centre)
    heads = members.project(rng.normal(size=(d, 4)))
    gap, square = members.certify(heads, goal)
    student = matrix @ heads
    shared = members.centre if name == "hull" else 0.0
    assert square == pytest.approx(np.sum((student - shared) ** 2, axis=0), rel=ROUNDING)
    for task in range(4):
        w, residual = cp.Variable(d), (labels - student)[:, task]
        reach = np.linalg.norm(labels[:, task]) + np.linalg.norm(student[:, task])
        constraints = [w >= 0, cp.sum(w) == 1]
        if name != "hull":
            below, above = np.isfinite(members.lower[:, 0]), np.isfinite(members.upper[:, 0])
            constraints = [w[below] >= members.lower[below, 0], w[above] <= members.upper[above, 0]]
        bounded = name in ("box", "hull")
        if not bounded:
            constraints.append(cp.norm(matrix @ w) <= reach)
        most = cp.Problem(cp.Maximize(residual @ (matrix @ w - student[:, task])), constraints).solve(solver=cp.CLARABEL)
        assert gap[task] >= most - CLARABEL * reach**2
        if bounded:
            assert gap[task] == pytest.approx(most, abs=CLARABEL * reach**2)
        else:  # Cauchy and Schwarz at worst
            assert gap[task] <= 2 * reach * np.linalg.norm(residual)


def test_the_gap_of_any_head_in_a_ball_is_the_largest_that_clarabel_finds():
    rng, scales, radius = np.random.default_rng(23), np.array([3.0, 1.0, 0.2]), np.array([0.5, 2.0])
    labels, heads = rng.normal(size=(2, 3)), 0.2 * rng.normal(size=(2, 3))
    gap, square = ball_gap(labels, scales, heads, radius)
    assert square == pytest.approx(np.sum((heads * scales) ** 2, axis=1), rel=ROUNDING)
    for task in range(2):
        w, residual = cp.Variable(3), labels[task] - scales * heads[task]
        most = cp.Problem(cp.Maximize((scales * residual) @ (w - heads[task])), [cp.norm(w) <= radius[task]])
        assert gap[task] == pytest.approx(most.solve(solver=cp.CLARABEL), rel=CLARABEL)


@each_intercept
@pytest.mark.parametrize("name", ["box", "non-negative", "hull"])
def test_the_gap_is_for_the_normalised_measure_and_members_of_the_size_of_the_labels(name, intercept):
    features, labels = conditioned(1e4, n=200, d=40, tasks=2)
    features, labels, kind = 3.0 * features + 0.3, labels + 5.0, KINDS[name]
    weights = np.random.default_rng(24).uniform(0.2, 2.0, size=200)
    if name == "hull":  # near the middle, where twenty iterations don't get far
        labels = features @ np.random.default_rng(25).dirichlet(np.full(40, 0.5), 2).T + 1e-2 * labels
    heads = kind.bulk(Design(features, weights=weights, intercept=intercept), labels, limit=1, tolerance=1e-15)
    root = np.sqrt(weights / weights.sum())
    for task in range(2):
        student = heads.predict(features)[:, task]
        residual = root * (labels[:, task] - student)
        reach = np.linalg.norm(root * labels[:, task]) + np.linalg.norm(root * student)
        w, c = cp.Variable(40), cp.Variable()
        value = cp.multiply(root, features @ w + c)
        constraints = kind.written(w) + ([] if intercept else [c == 0])
        if name == "non-negative":
            constraints.append(cp.norm(value) <= reach)
        size = np.linalg.norm(residual)
        program = cp.Problem(cp.Maximize((residual / size) @ (value - root * student) / reach), constraints)
        most = size * reach * program.solve(solver=cp.CLARABEL)
        assert heads.gap[task] >= most - CLARABEL * size * reach
        if name == "non-negative":  # which is the size of the labels with their mean, twice
            assert heads.gap[task] <= 2 * size * reach
        else:
            assert most > 1e3 * CLARABEL * size * reach and heads.gap[task] == pytest.approx(most, rel=1e-2)


def conditioned(condition, seed=8, n=60, d=8, tasks=5):
    rng = np.random.default_rng(seed)
    left, right = np.linalg.qr(rng.normal(size=(n, d)))[0], np.linalg.qr(rng.normal(size=(d, d)))[0]
    features = np.sqrt(n) * (left * np.geomspace(1.0, 1.0 / condition, d)) @ right.T
    labels = features @ rng.normal(size=(d, tasks))
    return features, labels / np.std(labels, axis=0) + rng.normal(size=(n, tasks))


@pytest.mark.parametrize("name", ["box", "non-negative", "hull"])
def test_heads_stopped_early_say_so_and_their_gap_covers_the_distance_left(name):
    (features, labels), kind = conditioned(1e4, n=200, d=40), KINDS[name]
    heads = kind.bulk(Design(features), labels, limit=1, tolerance=TOLERANCE * 1e-3)
    expected, _ = exactly(kind, features, labels, np.ones(200))
    off = heads.predict(features) - expected
    distance = np.mean(off**2, axis=0)
    assert np.all(distance <= heads.gap) and np.max(distance) > 1e4 * TOLERANCE
    assert np.all(heads.iterations == 20) and np.mean(heads.converged) < 0.5
    scale = np.mean(labels**2, axis=0) + np.mean(heads.predict(features) ** 2, axis=0)
    assert np.array_equal(heads.converged, heads.gap <= TOLERANCE * 1e-3 * scale)
    full = kind.bulk(Design(features), labels)
    assert np.all(full.gap <= heads.gap) and np.mean(full.converged) > 0.5


@pytest.mark.parametrize("name", ["ball", "box", "non-negative", "hull"])
@pytest.mark.parametrize("condition", [1e2, 1e4, 1e8])
def test_ill_conditioned_features_give_the_answer_or_say_that_they_did_not(name, condition):
    (features, labels), kind = conditioned(condition), KINDS[name]
    heads = kind.bulk(Design(features), labels)
    expected, gap = exactly(kind, features, labels, np.ones(60))
    off = heads.predict(features) - expected
    assert np.all(np.mean(off**2, axis=0) <= heads.gap + gap + ROUNDING)
    size = np.mean(labels**2, axis=0) + np.mean(expected**2, axis=0)
    assert np.all(heads.gap[heads.converged] <= TOLERANCE * size[heads.converged])
    if condition <= 1e4 or name != "non-negative":
        assert np.all(heads.converged)


def test_a_gap_of_unbounded_heads_that_rounding_has_spoilt_is_not_called_converged():
    features, labels = conditioned(1e8)
    heads = solve_box(Design(features), labels)
    assert not np.any(heads.converged) and np.all(heads.gap > TOLERANCE * np.mean(labels**2, axis=0))


def test_a_tolerance_below_rounding_ends_the_search_but_does_not_pass_for_reached():
    data = case(22, 80, 6, tasks=4)
    heads = solve_box(Design(data.features), data.weak, tolerance=1e-20)
    assert not np.any(heads.converged) and np.all(heads.iterations <= 1280)
    expected, _ = exactly(KINDS["non-negative"], data.features, data.weak, np.ones(80))
    np.testing.assert_allclose(heads.predict(data.features), expected, rtol=SOLVE, atol=SOLVE)


@pytest.mark.parametrize("name", ["box", "non-negative", "hull"])
def test_steps_on_faces_finish_what_gradients_would_take_thousands_of_iterations_for(name):
    features, labels = conditioned(1e3, n=200, d=40)
    if name == "hull":
        labels = features @ np.random.default_rng(25).dirichlet(np.full(40, 0.5), 5).T + 1e-2 * labels
    heads = KINDS[name].bulk(Design(features), labels, tolerance=1e-10, limit=1500)
    assert np.all(heads.converged)


def test_repeated_and_opposite_columns_share_their_head():
    data = case(9, 40, 3, tasks=4)
    expected = solve_box(Design(data.features), data.weak, lower=0.0, upper=0.8).predict(data.features)
    twice = np.hstack([data.features, data.features])
    heads = solve_box(Design(twice), data.weak, lower=0.0, upper=0.4)
    assert np.all(heads.converged)
    np.testing.assert_allclose(heads.predict(twice), expected, rtol=SOLVE, atol=SOLVE)
    mirrored = np.hstack([data.features, -data.features])
    free = solve_box(Design(mirrored), data.weak)
    assert np.all(free.converged)
    least_squares = data.features @ np.linalg.lstsq(data.features, data.weak, rcond=None)[0]
    np.testing.assert_allclose(free.predict(mirrored), least_squares, rtol=SOLVE, atol=SOLVE)


def test_the_multiplier_of_a_ball_is_the_penalty_of_the_same_ridge_head():
    data = case(10, 50, 6, tasks=3)
    design, radius = Design(data.features, weights=data.weights, intercept=True), np.array([0.3, 1.0, 50.0])
    heads = solve_ball(design, data.weak, radius=radius)
    assert heads.multiplier[2] == 0 and np.all(heads.multiplier[:2] > 0)
    assert np.linalg.norm(heads.coefficients, axis=0)[:2] == pytest.approx(radius[:2], rel=ROUNDING)
    for task in range(3):
        ridge = design.solve(data.weak[:, task], penalties=heads.multiplier[task])
        np.testing.assert_allclose(heads.coefficients[:, task], ridge.coefficients[0], rtol=SOLVE, atol=SOLVE)
        assert heads.intercept[task] == pytest.approx(ridge.intercept[0], rel=SOLVE)


def test_a_ball_is_one_in_the_metric_of_the_design_and_a_box_has_none():
    data, metric = case(11, 40, 4, tasks=3), np.array([0.5, 1.0, 4.0, 9.0])
    heads = solve_ball(Design(data.features, metric=metric, intercept=True), data.weak, radius=0.7)
    turned = solve_ball(Design(data.features / np.sqrt(metric), intercept=True), data.weak, radius=0.7)
    np.testing.assert_allclose(heads.coefficients * np.sqrt(metric)[:, None], turned.coefficients, rtol=SOLVE)
    np.testing.assert_allclose(heads.intercept, turned.intercept, rtol=SOLVE)
    for solve in (solve_box, solve_hull, lambda *a: solve_set(*a, constraints=lambda w: [w >= 0])):
        with pytest.raises(ValueError, match="no metric"):
            solve(Design(data.features, metric=metric), data.weak)


@each_kind
def test_tasks_do_not_see_each_other_and_a_single_task_has_no_axis(kind):
    data = case(12, 40, 6, tasks=5)
    design = Design(data.features, intercept=True)
    together, alone = kind.bulk(design, data.weak), kind.bulk(design, data.weak[:, 2])
    assert alone.coefficients.shape == (6,) and alone.gap.shape == alone.converged.shape == alone.intercept.shape == ()
    np.testing.assert_allclose(together.coefficients[:, 2], alone.coefficients, rtol=SOLVE, atol=SOLVE)
    np.testing.assert_allclose(together.predict(data.features)[:, 2], alone.predict(data.features), rtol=SOLVE, atol=SOLVE)


@each_kind
def test_rows_that_were_streamed_give_the_same_heads(kind):
    data = case(13, 60, 5, tasks=3)
    blocks = [{"features": data.features[i::3], "weak": data.weak[i::3], "weights": data.weights[i::3]} for i in range(3)]
    streamed = kind.bulk(Design.from_batches(blocks, intercept=True))
    expected = kind.bulk(Design(data.features, weights=data.weights, intercept=True), data.weak)
    np.testing.assert_allclose(streamed.coefficients, expected.coefficients, rtol=SOLVE, atol=SOLVE)


@each_kind
@pytest.mark.parametrize("library", [torch, array_api_strict])
@pytest.mark.parametrize("condition", [3.0, 100.0])
def test_other_array_libraries_get_the_same_heads(kind, library, condition):
    data = case(14, 50, 6, tasks=4, condition=condition)
    expected = kind.bulk(Design(data.features, weights=data.weights, intercept=True), data.weak)
    arrays = [library.asarray(array) for array in (data.features, data.weights, data.weak)]
    got = kind.bulk(Design(arrays[0], weights=arrays[1], intercept=True), arrays[2])
    assert isinstance(got.coefficients, type(arrays[0])) and bool(library.all(got.converged))
    for name in ("coefficients", "intercept"):
        np.testing.assert_allclose(np.asarray(getattr(got, name)), getattr(expected, name), rtol=SOLVE, atol=SOLVE)
    np.testing.assert_allclose(np.asarray(got.predict(arrays[0])), expected.predict(data.features), rtol=SOLVE, atol=SOLVE)


@pytest.mark.gpu
@each_kind
def test_a_gpu_gets_the_heads_of_numpy(kind):
    data = case(15, 300, 20, tasks=50)
    expected = kind.bulk(Design(data.features, intercept=True), data.weak)
    features, labels = (torch.tensor(array, device="cuda") for array in (data.features, data.weak))
    got = kind.bulk(Design(features, intercept=True), labels)
    assert got.coefficients.device.type == "cuda"
    np.testing.assert_allclose(got.coefficients.cpu().numpy(), expected.coefficients, rtol=SOLVE, atol=SOLVE)


def test_float32_features_get_float64_heads_that_stay_in_their_class():
    data = case(16, 80, 6, tasks=4)
    features = data.features.astype(np.float32)
    heads = solve_box(Design(features), data.weak, lower=-0.1, upper=0.1)
    expected = solve_box(Design(features.astype(np.float64)), data.weak, lower=-0.1, upper=0.1)
    assert heads.coefficients.dtype == np.float64 and np.max(np.abs(heads.coefficients)) <= 0.1
    # ‖s − s*‖ of two problems whose labels differ by rounding of float32, 6e-8 of each
    assert heads.predict(data.features) == pytest.approx(expected.predict(data.features), abs=1e-6)


@each_kind
def test_features_or_labels_of_zero_are_no_trouble(kind):
    heads = kind.bulk(Design(np.zeros((4, 3))), np.ones((4, 2)))
    assert np.all(heads.converged) and np.all(heads.predict(np.zeros((2, 3))) == 0)
    silent = kind.bulk(Design(case(17, 20, 3).features), np.zeros((20, 2)))
    assert np.all(silent.converged) and np.all(np.isfinite(silent.coefficients))


def test_one_wrong_head_in_a_hundred_is_seen_by_its_gap():
    rng = np.random.default_rng(18)
    matrix, labels = rng.normal(size=(40, 8)), rng.normal(size=(40, 5))
    for members in (some_members("box", matrix), some_members("non-negative", matrix), Mixtures(matrix)):
        design = Design(matrix)
        found = solve_hull(design, labels) if isinstance(members, Mixtures) else None
        ends = (float(members.lower[0, 0]), float(members.upper[0, 0])) if isinstance(members, Ends) else (0.0, 1.0)
        found = found or solve_box(design, labels, lower=ends[0], upper=ends[1])
        moved = found.coefficients.copy()
        moved[:, 0] = members.project(1.01 * moved + 0.01)[:, 0]
        goal = Goal(labels, np.sum(labels**2, axis=0), np.zeros(5))
        if isinstance(members, Mixtures):
            goal = goal._replace(values=labels - members.centre)
        gap = members.certify(moved, goal)[0]
        assert gap[0] > 1e-4 * goal.square[0] and np.all(gap[1:] <= TOLERANCE * goal.square[1:])


# ---- sets written in cvxpy ----------------------------------------------------------------------------------------------------------


@each_intercept
@pytest.mark.parametrize("name", ["ball", "box", "non-negative", "hull"])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_a_set_written_in_cvxpy_is_compiled_once_and_agrees_with_the_built_in_class(name, scale, intercept):
    data, kind, calls = case(19, 40, 5, tasks=6), KINDS[name], []
    features = data.features * scale  # heads of order one
    design = Design(features, weights=data.weights, intercept=intercept)

    def constraints(w):
        calls.append(w)
        return kind.written(w)

    heads = solve_set(design, scale * data.weak, constraints=constraints)
    expected = kind.bulk(design, scale * data.weak)
    off = heads.predict(features) - expected.predict(features)
    distance = inner(off, off, data.weights)
    assert len(calls) == 1 and np.all(heads.converged)
    assert np.all(distance <= heads.gap + CLARABEL * scale**2)
    assert np.all(distance <= CLARABEL * scale**2 * inner(data.weak, data.weak, data.weights))


def test_heads_that_must_not_decrease_are_those_of_clarabel_on_the_rows():
    data = case(20, 40, 5, tasks=2)
    heads = solve_set(Design(data.features), data.weak, constraints=lambda w: [w[1:] >= w[:-1], cp.norm1(w) <= 1])
    for task, labels in enumerate(data.weak.T):
        w = cp.Variable(5)
        problem = cp.Problem(cp.Minimize(cp.sum_squares(data.features @ w - labels)), [w[1:] >= w[:-1], cp.norm1(w) <= 1])
        problem.solve(solver=cp.CLARABEL)
        off = data.features @ (heads.coefficients[:, task] - w.value)
        assert np.mean(off**2) <= CLARABEL * np.mean(labels**2)


def test_a_set_without_heads_is_misuse_and_a_solver_without_an_answer_a_failure():
    design, labels = Design(case(21, 20, 3).features), np.ones(20)
    with pytest.raises(ValueError, match="is empty: relax its constraints"):
        solve_set(design, labels, constraints=lambda w: [w >= 1, w <= 0])
    with pytest.raises(ValueError, match=r"\(DCP\)"):
        solve_set(design, labels, constraints=lambda w: [cp.norm(w) >= 1])
    with pytest.raises(ValueError, match=r"\(DPP\)"):
        solve_set(design, labels, constraints=lambda w: [cp.Parameter(value=1.0) * w >= 1])
    with pytest.raises(TypeError, match="must return a list"):
        solve_set(design, labels, constraints=lambda w: w >= 1)
    with pytest.raises(SolverFailure, match="CLARABEL"):  # empty, but no certificate of it exists
        solve_set(design, labels, constraints=lambda w: [cp.exp(w) <= 0])


def test_without_cvxpy_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "cvxpy", None)
    with pytest.raises(MissingExtra, match=r"w2s-theory\[programs\]"):
        solve_set(Design(np.eye(3)), np.ones(3), constraints=lambda w: [w >= 0])


@pytest.mark.parametrize(
    ("solve", "match"),
    [
        (lambda design, y: solve_ball(design, y, radius=0.0), "radius must be positive"),
        (lambda design, y: solve_ball(design, y, radius=[1.0, 2.0]), r"of shape \(1,\)"),
        (lambda design, y: solve_ball(design, y, radius=np.nan), "radius must be finite"),
        (lambda design, y: solve_box(design, y, lower=1.0, upper=0.0), "lower must be <= upper; at head 0"),
        (lambda design, y: solve_box(design, y, lower=np.nan), "lower must be a number"),
        (lambda design, y: solve_box(design, y, lower=INF), "lower must be a number"),
        (lambda design, y: solve_box(design, y, upper=-INF), "upper must be a number"),
        (lambda design, y: solve_box(design, y, upper=np.ones(2)), r"have shape \(3,\)"),
        (lambda design, y: solve_box(design, y, tolerance=0.0), "tolerance must be"),
        (lambda design, y: solve_hull(design, y, limit=0), "limit must be"),
        (lambda design, y: solve_hull(design, y[:2]), "weak must have shape"),
        (lambda design, y: solve_hull(design, [1.0, np.nan, 0.0]), "weak must be finite"),
        (lambda design, _: solve_hull(design), "labels must be passed"),
        (lambda design, y: solve_hull(design, y).predict(np.ones((2, 4))), "the 3 columns"),
    ],
)
def test_refusals_name_the_argument_and_the_way_out(solve, match):
    with pytest.raises(ValueError, match=match):
        solve(Design(np.eye(3)), np.ones(3))


@pytest.mark.parametrize("shift", [0.0, 1e4, 1e6])
def test_what_all_members_share_does_not_pass_for_convergence(shift):
    rng = np.random.default_rng(70)
    members = rng.normal(size=(40, 10))
    labels = 0.5 * rng.normal(size=40) + 0.5 * members[:, 0]
    expected = solve_hull(Design(members), labels)
    found = solve_hull(Design(members + shift), labels + shift)
    assert bool(found.converged)
    student = found.predict(members + shift) - shift
    # The gap at convergence, and the rounding of the shift.
    allowed = 1e-10 * np.mean(labels**2) * 2 + (1e-15 * shift) ** 2 * 1e4
    assert np.mean((student - expected.predict(members)) ** 2) <= 10 * allowed
