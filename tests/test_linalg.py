"""Least squares against NumPy's own solver, against exact rational arithmetic, and against the meaning of its weights."""

from __future__ import annotations

from fractions import Fraction

import array_api_strict
import numpy as np
import pytest
import torch

from tests.tolerances import ROUNDING, ROUNDING_FLOAT32
from w2s_theory._array import to_numpy
from w2s_theory.linalg import least_squares


def exact_solution(features, labels):
    """The least-squares solution of these very floating-point numbers, by Gaussian elimination on fractions: no rounding at all."""
    rows = [[Fraction(x) for x in row] for row in features.tolist()]
    b = [Fraction(x) for x in labels.tolist()]
    d = len(rows[0])
    system = [
        [sum(r[i] * r[j] for r in rows) for j in range(d)] + [sum(r[i] * y for r, y in zip(rows, b, strict=True))]
        for i in range(d)
    ]
    for i in range(d):
        system[i] = [x / system[i][i] for x in system[i]]
        for j in range(d):
            if j != i:
                system[j] = [x - system[j][i] * y for x, y in zip(system[j], system[i], strict=True)]
    return [row[-1] for row in system]


def relative_error(computed, exact):
    """‖computed − exact‖/‖exact‖, the difference taken in fractions."""
    difference = [float(Fraction(c) - e) for c, e in zip(computed.tolist(), exact, strict=True)]
    return np.linalg.norm(difference) / np.linalg.norm([float(e) for e in exact])


def ill_conditioned(condition, rng, n=8, d=4):
    """A matrix (n, d) with singular values from 1 down to 1/condition in geometric steps, and a unit vector outside its range."""
    left, right = np.linalg.qr(rng.standard_normal((n, d + 1)))[0], np.linalg.qr(rng.standard_normal((d, d)))[0]
    return (left[:, :d] * condition ** -np.linspace(0, 1, d)) @ right.T, left[:, d]


@pytest.mark.parametrize(("n", "d"), [(30, 4), (5, 5), (3, 8), (1, 1)])
def test_batched_least_squares_is_numpy_lstsq_on_every_task(n, d):
    rng = np.random.default_rng(n)
    features, labels = rng.standard_normal((2, 3, n, d)), rng.standard_normal((2, 3, n))
    fit = least_squares(features, labels)
    for index in np.ndindex(2, 3):
        expected = np.linalg.lstsq(features[index], labels[index], rcond=None)
        assert np.allclose(fit.coefficients[index], expected[0], rtol=0, atol=ROUNDING * fit.condition[index])
        assert fit.rank[index] == expected[2] == min(n, d)
        assert fit.condition[index] == pytest.approx(expected[3][0] / expected[3][-1], rel=1e-6)


def test_shared_features_give_every_task_the_answer_it_has_alone():
    rng = np.random.default_rng(0)
    features, labels = rng.standard_normal((20, 3)), rng.standard_normal((4, 20))
    together, alone = least_squares(features, labels), [least_squares(features, row) for row in labels]
    assert np.allclose(together.coefficients, [fit.coefficients for fit in alone], rtol=0, atol=ROUNDING)
    assert np.allclose(together.error, [fit.error for fit in alone], rtol=ROUNDING_FLOAT32, atol=0)


def test_a_weight_of_two_is_a_sample_seen_twice():
    rng = np.random.default_rng(1)
    features, labels = rng.standard_normal((10, 3)), rng.standard_normal((2, 10))
    times = rng.integers(0, 3, 10)
    weighted = least_squares(features, labels, times)
    repeated = least_squares(np.repeat(features, times, axis=0), np.repeat(labels, times, axis=1))
    assert np.allclose(weighted.coefficients, repeated.coefficients, rtol=0, atol=ROUNDING)
    assert not np.allclose(weighted.coefficients, least_squares(features, labels).coefficients, rtol=0, atol=1e-2)


def test_equal_weights_change_nothing():
    rng = np.random.default_rng(2)
    features, labels = rng.standard_normal((10, 3)), rng.standard_normal(10)
    plain, weighted = least_squares(features, labels), least_squares(features, labels, np.full(10, 7.0))
    assert np.allclose(plain.coefficients, weighted.coefficients, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("n", [6, 300, 6000])
def test_dead_and_collinear_columns_lower_the_rank_and_give_the_shortest_solution(n):
    rng = np.random.default_rng(n)
    live = rng.standard_normal((n, 3))
    features = np.column_stack([live, np.zeros(n), live @ [1.0, -2.0, 0.5], 3 * live[:, 0]])
    labels = rng.standard_normal((2, n))
    fit = least_squares(features, labels)
    assert fit.rank == 3
    shortest = labels @ np.linalg.pinv(features, rcond=1e-10).T
    assert np.allclose(fit.coefficients, shortest, rtol=0, atol=ROUNDING)
    assert np.allclose(fit.coefficients[:, 3], 0, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("n", [8, 5000])
def test_a_condition_number_of_1e12_keeps_full_rank_and_is_recorded(n):
    features, _ = ill_conditioned(1e12, np.random.default_rng(3), n=n)
    fit = least_squares(features, np.ones(n))
    assert fit.rank == 4
    # The smallest singular value, 1e-12, is itself known to eps/1e-12 = 2e-4, times a modest constant.
    assert fit.condition == pytest.approx(1e12, rel=1e-2)


def fits_with_known_error(condition, residual, draws=20):
    """Relative error of the coefficients, error estimate and eps · condition for random problems with ‖A x − b‖ = residual."""
    rng = np.random.default_rng(4)
    table = []
    for _ in range(draws):
        features, outside = ill_conditioned(condition, rng)
        labels = features @ rng.standard_normal(4) + residual * outside
        fit = least_squares(features, labels)
        actual = relative_error(fit.coefficients, exact_solution(features, labels))
        table.append((actual, fit.error, np.finfo(float).eps * fit.condition))
    return np.array(table).T


@pytest.mark.parametrize(("condition", "residual"), [(1e2, 0), (1e2, 1), (1e7, 0), (1e7, 1), (1e12, 0)])
def test_the_error_estimate_covers_the_distance_to_the_exact_solution_and_is_not_idle(condition, residual):
    actual, estimate, _ = fits_with_known_error(condition, residual)
    # The estimate is right up to a modest constant: the rounding of an (8, 4) decomposition is a fraction of eps to a few eps.
    assert np.max(actual / estimate) < 3
    assert np.median(actual / estimate) > 3e-3


def test_an_error_estimate_without_the_residual_would_be_far_too_small():
    actual, _, without = fits_with_known_error(1e7, 1)
    assert np.median(actual / without) > 1e3


def test_the_error_estimate_says_when_no_digit_is_left():
    actual, estimate, _ = fits_with_known_error(1e12, 1)
    assert np.all(estimate == 1) and np.median(actual) > 0.1


@pytest.mark.parametrize(("library", "dtype", "tolerance"), [
    (torch, torch.float64, ROUNDING),
    (torch, torch.float32, ROUNDING_FLOAT32),
    (array_api_strict, array_api_strict.float64, ROUNDING),
])  # fmt: skip
def test_every_array_library_gives_the_same_numbers_in_its_own_arrays(library, dtype, tolerance):
    rng = np.random.default_rng(6)
    features, labels, weights = rng.standard_normal((2, 12, 3)), rng.standard_normal((2, 12)), rng.uniform(1, 2, 12)
    expected = least_squares(features, labels, weights)
    arrays = [library.asarray(value, dtype=dtype) for value in (features, labels, weights)]
    fit = least_squares(*arrays)
    assert fit.coefficients.dtype == dtype
    for name in ("coefficients", "condition", "rank"):
        assert np.allclose(to_numpy(getattr(fit, name)), getattr(expected, name), rtol=10 * tolerance, atol=10 * tolerance)
    assert np.all(to_numpy(fit.error) >= np.finfo(str(dtype).split(".")[-1]).eps)


def test_features_that_are_all_zero_have_rank_zero_and_coefficients_zero():
    fit = least_squares(np.zeros((4, 2)), np.ones(4))
    assert fit.rank == 0 and fit.condition == 1 and fit.error == 1
    assert np.array_equal(fit.coefficients, np.zeros(2))


def test_labels_that_are_all_zero_have_coefficients_exactly_zero():
    fit = least_squares(np.random.default_rng(7).standard_normal((4, 2)), np.zeros(4))
    assert np.array_equal(fit.coefficients, np.zeros(2)) and fit.error < 1e-12


@pytest.mark.parametrize(
    ("features", "labels", "weights", "message"),
    [
        (np.full((3, 2), np.nan), np.ones(3), None, "features must be finite"),
        (np.ones((3, 2)), [1.0, np.inf, 0.0], None, "labels must be finite"),
        (np.ones((0, 2)), np.ones(0), None, "features must not be empty"),
        (np.ones(3), np.ones(3), None, "features must have at least 2"),
        (np.ones((3, 2)), np.ones(4), None, "one entry per row of features"),
        (np.ones((5, 3, 2)), np.ones((4, 3)), None, "must broadcast"),
        (np.ones((3, 2)), np.ones(3), [1.0, -1.0, 1.0], "weights must be non-negative"),
        (np.ones((3, 2)), np.ones(3), np.ones(2), "weights must have shape"),
    ],
)
def test_bad_input_is_refused_by_name(features, labels, weights, message):
    with pytest.raises(ValueError, match=message):
        least_squares(features, labels, weights)
