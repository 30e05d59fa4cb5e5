"""Heads of a Design against scikit-learn, augmented least squares, integrated gradient flow and extended precision."""

from __future__ import annotations

import array_api_strict
import numpy as np
import pytest
import scipy.integrate
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.design.cases import case, in_long_double, minimiser, predictions
from tests.tolerances import (
    DESIGN_OVER_LAPACK,
    ERROR_ESTIMATE_FACTOR,
    INTEGRATED_FLOW,
    ROUNDING,
    ROUNDING_FLOAT32,
    SOLVE,
)
from w2s_theory import Design
from w2s_theory.design.spectrum import GRAM_LIMIT

PENALTIES = np.array([1e-2, 1.0, 300.0])


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("shape", [(60, 5), (12, 12), (8, 20)])
def test_every_penalty_agrees_with_scikit_learn(shape, intercept):
    linear_model = pytest.importorskip("sklearn.linear_model")
    data = case(1, *shape)
    heads = Design(data.features, weights=data.weights, intercept=intercept).solve(data.weak, penalties=PENALTIES)
    assert heads.coefficients.shape == (3, shape[1], 4) and heads.intercept.shape == (3, 4)
    for l, penalty in enumerate(PENALTIES):
        theirs = linear_model.Ridge(alpha=penalty, fit_intercept=intercept, solver="svd").fit(
            data.features, data.weak, data.weights
        )
        assert heads.coefficients[l] == pytest.approx(theirs.coef_.T, rel=SOLVE, abs=SOLVE)
        assert heads.predict(data.features)[l] == pytest.approx(theirs.predict(data.features), rel=SOLVE, abs=SOLVE)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("full", [True, False])
def test_an_anisotropic_penalty_is_that_of_the_augmented_least_squares_problem(full, intercept):
    data = case(2)
    factor = np.random.default_rng(5).normal(size=(5, 5))
    metric = factor @ factor.T + np.eye(5) if full else np.array([0.1, 1.0, 4.0, 0.5, 20.0])
    heads = Design(data.features, weights=data.weights, intercept=intercept, metric=metric).solve(data.weak, penalties=PENALTIES)
    for l, penalty in enumerate(PENALTIES):
        expected = minimiser(data.features, data.weak, data.weights, penalty, intercept, metric)
        assert heads.coefficients[l] == pytest.approx(expected[:-1], rel=SOLVE, abs=SOLVE)
        assert heads.intercept[l] == pytest.approx(expected[-1], rel=SOLVE, abs=SOLVE)


@pytest.mark.parametrize("metric", [None, np.array([0.5, 1.0, 2.0])])
def test_stopping_times_are_those_of_the_integrated_gradient_flow(metric):
    data, times = case(3, d=3, tasks=1), np.array([0.0, 1e-3, 0.02, 0.3])
    root = np.sqrt(data.weights)[:, None]
    mean = np.average(data.features, axis=0, weights=data.weights)
    rows, goal = root * (data.features - mean), root[:, 0] * (data.weak[:, 0] - np.average(data.weak[:, 0], weights=data.weights))
    scale = np.ones(3) if metric is None else metric
    flow = scipy.integrate.solve_ivp(
        lambda _, w: -rows.T @ (rows @ w - goal) / scale, (0, 0.3), np.zeros(3), t_eval=times, rtol=1e-11, atol=1e-12
    )
    heads = Design(data.features, weights=data.weights, intercept=True, metric=metric).solve(data.weak[:, 0], times=times)
    assert heads.coefficients.shape == (4, 3)
    assert heads.coefficients == pytest.approx(flow.y.T, abs=INTEGRATED_FLOW)


def test_late_stopping_is_no_stopping_and_a_huge_penalty_leaves_the_mean():
    data = case(4)
    design = Design(data.features, intercept=True)
    late, free = design.solve(data.weak, times=1e9), design.solve(data.weak, penalties=0.0)
    assert late.coefficients == pytest.approx(free.coefficients, rel=SOLVE)
    shrunk = design.solve(data.weak, penalties=1e15).predict(data.features)[0]
    assert shrunk == pytest.approx(np.broadcast_to(data.weak.mean(axis=0), shrunk.shape), rel=SOLVE)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("shape", [(60, 5), (8, 20)])
def test_without_a_penalty_it_is_the_head_of_least_norm(shape, intercept):
    data = case(5, *shape)
    features = data.features.copy()
    features[:, -1] = features[:, 0]  # rank-deficient as well
    heads = Design(features, intercept=intercept).solve(data.weak, penalties=0.0)
    centre = features.mean(axis=0) if intercept else 0.0
    expected = np.linalg.pinv(features - centre, rcond=1e-10) @ (data.weak - (data.weak.mean(axis=0) if intercept else 0.0))
    assert heads.route == "svd"
    assert heads.rank == min(shape[0] - intercept, shape[1] - 1)
    assert heads.coefficients[0] == pytest.approx(expected, rel=SOLVE, abs=SOLVE)


def test_a_weight_of_two_is_a_row_seen_twice_and_of_zero_one_not_seen():
    data = case(6)
    counts = np.arange(60) % 3
    repeated = Design(np.repeat(data.features, counts, axis=0), intercept=True)
    heads = Design(data.features, weights=counts, intercept=True).solve(data.weak, penalties=PENALTIES)
    expected = repeated.solve(np.repeat(data.weak, counts, axis=0), penalties=PENALTIES)
    assert heads.coefficients == pytest.approx(expected.coefficients, rel=SOLVE)
    assert heads.intercept == pytest.approx(expected.intercept, rel=SOLVE)


@given(st.integers(1, 12), st.integers(1, 8), st.integers(1, 9), st.booleans(), st.integers(0, 2**32))
def test_heads_solve_their_normal_equations_for_any_shape(n, d, tasks, intercept, seed):
    data = case(seed, n, d, tasks)
    heads = Design(data.features, weights=data.weights, intercept=intercept).solve(data.weak, penalties=PENALTIES)
    residual = data.weights[:, None] * (data.weak - heads.predict(data.features))
    size = np.linalg.norm(data.weights[:, None] * data.weak) * (1.0 + np.linalg.norm(data.features))
    gradient = data.features.T @ residual - PENALTIES[:, None, None] * heads.coefficients
    assert np.max(np.abs(gradient)) <= 100 * ROUNDING * size * (1 + np.linalg.norm(data.features))
    if intercept:
        assert np.max(np.abs(residual.sum(axis=1))) <= 100 * ROUNDING * size * (1 + np.linalg.norm(data.features))


def conditioned(condition, seed, n=80, d=6):
    """Features of a given condition number; labels along the smallest direction, realizable, random, and nearly orthogonal."""
    rng = np.random.default_rng(seed)
    left, right = np.linalg.qr(rng.normal(size=(n, n)))[0], np.linalg.qr(rng.normal(size=(d, d)))[0]
    features = (left[:, :d] * np.geomspace(1.0, 1.0 / condition, d)) @ right.T
    labels = [left[:, d - 1], features @ rng.normal(size=d), rng.normal(size=n), left[:, d] + 1e-3 * left[:, 0]]
    return features, np.stack([label / np.linalg.norm(label) for label in labels], axis=1)


@pytest.mark.parametrize("condition", [1.5, 5.0, 9.0, 11.0, 1e2, 1e4, 1e6, 1e8, 1e10, 1e12])
def test_at_any_condition_number_errors_stay_near_those_of_lapack_and_within_the_estimate(condition):
    if np.finfo(np.longdouble).eps > 2e-19:
        pytest.skip("needs a longdouble of more than 53 bits")
    ours, lapack, estimate = [], [], 0.0
    for seed in range(8):
        features, labels = conditioned(condition, seed)
        truth = in_long_double(features, labels)
        heads = Design(features).solve(labels, penalties=0.0)
        assert heads.route == ("gram" if condition < GRAM_LIMIT else "svd") and heads.rank == 6
        long = features.astype(np.longdouble)
        ours.append(np.linalg.norm((long @ heads.coefficients[0] - truth).astype(float), axis=0))
        lapack.append(np.linalg.norm((long @ np.linalg.lstsq(features, labels, rcond=None)[0] - truth).astype(float), axis=0))
        estimate = max(estimate, heads.error[0])
    assert np.all(np.max(ours, axis=0) <= DESIGN_OVER_LAPACK * np.max(lapack, axis=0))
    assert np.max(ours) <= ERROR_ESTIMATE_FACTOR * estimate
    assert estimate <= ERROR_ESTIMATE_FACTOR * max(np.max(ours), 2.2e-16 * condition)


def test_a_large_penalty_makes_the_gram_matrix_safe_and_a_small_one_does_not():
    features, labels = conditioned(1e6, 0)
    design = Design(features)
    assert design.solve(labels, penalties=[0.1, 1.0]).route == "gram"
    assert design.solve(labels, penalties=[1e-9, 1.0]).route == "svd"
    assert design.solve(labels, times=[5.0]).route == "gram"


def test_an_offset_that_has_eaten_the_digits_shows_in_the_error_estimate():
    data = case(7)
    honest = Design(data.features, intercept=True).solve(data.weak, penalties=0.0)
    shifted = Design(data.features + 1e7, intercept=True).solve(data.weak, penalties=0.0)
    gap = np.max(np.abs(shifted.predict(data.features + 1e7) - honest.predict(data.features))) / np.max(np.abs(data.weak))
    assert honest.error[0] < 1e-13 < 1e-9 < shifted.error[0]
    assert gap <= ERROR_ESTIMATE_FACTOR * shifted.error[0]


@pytest.mark.parametrize("library", [torch, array_api_strict])
@pytest.mark.parametrize("options", [{"penalties": PENALTIES}, {"penalties": 0.0}, {"times": [0.1, 3.0]}], ids=str)
@pytest.mark.parametrize("condition", [3.0, 1e3])
def test_other_array_libraries_get_the_same_numbers(library, options, condition):
    data = case(8, condition=condition)
    arrays = [library.asarray(array) for array in (data.features, data.weights, data.weak, data.target)]
    ours = Design(data.features, weights=data.weights, intercept=True, metric=np.arange(1.0, 6.0))
    theirs = Design(arrays[0], weights=arrays[1], intercept=True, metric=np.arange(1.0, 6.0))
    expected, got = ours.solve(data.weak, **options), theirs.solve(arrays[2], **options)
    assert isinstance(got.coefficients, type(arrays[0])) and got.route == expected.route
    assert np.asarray(got.predict(arrays[0])) == pytest.approx(expected.predict(data.features), rel=SOLVE, abs=SOLVE)
    report, other = ours.report(data.weak, data.target, **options), theirs.report(arrays[2], arrays[3], **options)
    assert np.asarray(other.gcv) == pytest.approx(report.gcv, rel=SOLVE)
    for name, values in report.gain.numbers().items():
        assert np.asarray(other.gain.numbers()[name]) == pytest.approx(values, rel=SOLVE, abs=SOLVE, nan_ok=True), name
    if "penalties" in options:
        loo = ours.leave_one_out(data.weak, **options)
        assert np.asarray(theirs.leave_one_out(arrays[2], **options)) == pytest.approx(loo, rel=SOLVE)


@pytest.mark.parametrize("library", [np, torch])
def test_float32_features_give_float32_heads_that_are_right_to_float32(library):
    data = case(9, n=3000, offset=5.0)
    features = library.asarray(data.features.astype(np.float32))
    heads = Design(features, intercept=True).solve(library.asarray(data.weak), penalties=PENALTIES)
    exact = Design(data.features.astype(np.float32).astype(np.float64), intercept=True).solve(data.weak, penalties=PENALTIES)
    assert heads.coefficients.dtype == features.dtype
    assert np.asarray(heads.coefficients) == pytest.approx(exact.coefficients, rel=ROUNDING_FLOAT32, abs=ROUNDING_FLOAT32)


@pytest.mark.gpu
def test_a_gpu_gets_the_numbers_of_numpy():
    data = case(10, n=500, d=20)
    arrays = [torch.tensor(array, device="cuda") for array in (data.features, data.weak, data.target)]
    expected = Design(data.features, intercept=True).report(data.weak, data.target, penalties=PENALTIES)
    got = Design(arrays[0], intercept=True).report(arrays[1], arrays[2], penalties=PENALTIES)
    assert got.misfit.device.type == "cuda"
    for name, values in expected.gain.numbers().items():
        assert got.gain.numbers()[name].cpu().numpy() == pytest.approx(values, rel=SOLVE, abs=SOLVE), name


@pytest.mark.parametrize("intercept", [True, False])
def test_features_that_say_nothing_predict_the_mean_or_nothing(intercept):
    value = 2.0 if intercept else 0.0
    for penalty in (0.0, 1.0):
        heads = Design(np.full((4, 3), value), intercept=intercept).solve([1.0, 2.0, 3.0, 6.0], penalties=penalty)
        assert heads.predict(np.full((2, 3), value))[0] == pytest.approx([3.0 * intercept] * 2)


@pytest.mark.parametrize(
    ("build", "error", "match"),
    [
        (lambda: Design([[np.nan], [1.0]]), ValueError, "features must be finite; 1 of 2"),
        (lambda: Design(np.full((1, 2), np.inf)), ValueError, "features must be finite; 2 of 2"),
        (lambda: Design([1.0, 2.0]), ValueError, r"features must have shape \(n, d\)"),
        (lambda: Design(np.zeros((0, 3))), ValueError, r"features must have shape \(n, d\)"),
        (lambda: Design(np.full((3, 2), 1e200)), ValueError, "features must stay in a range"),
        (lambda: Design([[1e-170], [2e-170]]), ValueError, "lost to underflow"),
        (lambda: Design([["a"]]), TypeError, "features must hold real numbers"),
        (lambda: Design(np.eye(3), weights=[1.0, -1.0, 1.0]), ValueError, "weights must be non-negative"),
        (lambda: Design(np.eye(3), weights=np.ones((3, 2))), ValueError, "solve_task_weights"),
        (
            lambda: Design(np.eye(3), weights=np.zeros(3)).solve(np.ones(3), penalties=1.0),
            ValueError,
            "weights must have a positive sum",
        ),
        (lambda: Design(np.eye(3), metric=[1.0, 0.0, 1.0]), ValueError, "metric must be positive definite"),
        (lambda: Design(np.eye(3), metric=np.diag([1.0, 1.0, -1.0])), ValueError, "metric must be positive definite"),
        (lambda: Design(np.eye(3), metric=np.triu(np.ones((3, 3)))), ValueError, "symmetric"),
        (lambda: Design(np.eye(3), metric=[1.0, 1.0]), ValueError, "metric must have the 3 columns"),
        (lambda: Design(np.eye(3), target=np.ones(3)), ValueError, "a target needs weak labels"),
        (lambda: Design(np.eye(3)).solve(np.ones((5, 3)), penalties=1.0), ValueError, r"pass labels\.T"),
        (lambda: Design(np.eye(3)).solve([1.0, np.nan, 0.0], penalties=1.0), ValueError, "weak must be finite; 1 of 3"),
        (lambda: Design(np.eye(3)).solve([1.0, 1.0, 0.0], penalties=-1.0), ValueError, "penalties must be >= 0"),
        (lambda: Design(np.eye(3)).solve([1.0, 1.0, 0.0], penalties=[np.nan]), ValueError, "penalties must be finite"),
        (lambda: Design(np.eye(3)).solve([1.0, 1.0, 0.0], penalties=np.ones((1, 1))), ValueError, r"shape \(L,\)"),
        (lambda: Design(np.eye(3)).solve([1.0, 1.0, 0.0]), TypeError, "exactly one"),
        (lambda: Design(np.eye(3)).solve([1.0, 1.0, 0.0], penalties=1.0, times=1.0), TypeError, "exactly one"),
        (lambda: Design(np.eye(3)).solve(penalties=1.0), ValueError, "labels must be passed"),
        (lambda: Design(np.eye(3)).report([1.0, 0.0, 1.0], np.ones((3, 2)), penalties=1.0), ValueError, "the same shape"),
        (lambda: Design(np.eye(3)).report(target=np.ones(3), penalties=1.0), ValueError, "needs the weak labels"),
        (lambda: Design(np.eye(3)).solve(torch.ones(3), penalties=1.0), TypeError, "one library"),
        (lambda: Design(np.eye(3)).solve(np.ones(3), penalties=1.0).predict(np.ones((2, 4))), ValueError, "the 3 columns"),
    ],
)
def test_refusals_name_the_argument_and_the_way_out(build, error, match):
    with pytest.raises(error, match=match):
        build()


def test_a_single_task_has_no_task_axis():
    data = case(11)
    design = Design(data.features, intercept=True)
    one, many = design.solve(data.weak[:, 0], penalties=PENALTIES), design.solve(data.weak, penalties=PENALTIES)
    assert one.coefficients == pytest.approx(many.coefficients[:, :, 0], rel=SOLVE)
    assert one.predict(data.features) == pytest.approx(many.predict(data.features)[:, :, 0], rel=SOLVE)
    report = design.report(data.weak[:, 0], data.target[:, 0], penalties=PENALTIES)
    assert report.misfit.shape == report.gcv.shape == report.gain.pgr.shape == (3,)
    assert predictions(data.features, np.vstack([one.coefficients[0][:, None], one.intercept[:1]])).shape == (60, 1)
