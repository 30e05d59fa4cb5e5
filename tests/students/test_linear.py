"""Linear heads against scikit-learn, brute-force refits, the pseudoinverse and extended precision."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tolerances import ERROR_ESTIMATE_FACTOR, ROUNDING, ROUNDING_FLOAT32, SOLVE
from w2s_theory.students.linear import LOO_DECADES, LOO_GRID_SIZE, OLS, MinimumNorm, Ridge

ALL_STUDENTS = [
    OLS(),
    OLS(intercept=True),
    MinimumNorm(),
    MinimumNorm(intercept=True),
    Ridge(0.7),
    Ridge(0.7, intercept=False),
    Ridge(),
]


@pytest.fixture
def rng():
    return np.random.default_rng(20240523)


def problem(rng, n=40, d=6, tasks=3):
    """Features off centre with unequal spreads, labels that they explain in part, unequal weights."""
    features = rng.normal(size=(n, d)) * np.geomspace(0.1, 3.0, d) + 2.0
    labels = rng.normal(size=(tasks, d)) @ features.T + rng.normal(size=(tasks, n)) - 1.0
    return features, labels, rng.uniform(0.2, 2.0, size=n)


def loo_grid(features, weights, intercept):
    """The documented grid, computed from the trace rather than from singular values."""
    mean = np.average(features, axis=0, weights=weights) if intercept else 0.0
    trace = float(np.sum(weights[:, None] * (features - mean) ** 2))
    return np.logspace(*LOO_DECADES, LOO_GRID_SIZE) * trace / features.shape[1]


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("shape", [(40, 6), (10, 25)])
def test_ridge_agrees_with_scikit_learn(rng, intercept, shape):
    linear_model = pytest.importorskip("sklearn.linear_model")
    features, labels, weights = problem(rng, *shape)
    ours = Ridge(2.5, intercept=intercept).fit(features, labels, weights)
    theirs = linear_model.Ridge(alpha=2.5, fit_intercept=intercept, solver="svd").fit(features, labels.T, weights)
    fresh = rng.normal(size=(7, shape[1]))
    assert ours.predict(fresh) == pytest.approx(theirs.predict(fresh).T, rel=ROUNDING, abs=ROUNDING)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("d", [2, 5, 12])
def test_the_leave_one_out_penalty_is_the_one_that_refits_without_each_sample_prefer(rng, intercept, d):
    """Many tasks on few, very unequally weighted samples, so that every part of the hat diagonal decides some of them."""
    features, labels, weights = problem(rng, 6, d, tasks=300)
    weights = weights**3
    grid = loo_grid(features, weights, intercept)
    errors = np.zeros((len(labels), len(grid)))
    for i in range(len(weights)):
        rest = np.arange(len(weights)) != i
        for k, penalty in enumerate(grid):
            fit = Ridge(penalty, intercept=intercept).fit(features[rest], labels[:, rest], weights[rest])
            errors[:, k] += weights[i] * (labels[:, i] - fit.predict(features[i : i + 1])[:, 0]) ** 2
    chosen = Ridge("loo", intercept=intercept).fit(features, labels, weights).penalty
    position = np.argmin(np.abs(np.log(chosen[:, None] / grid)), axis=1)
    assert chosen == pytest.approx(grid[position], rel=ROUNDING)
    assert errors[np.arange(len(labels)), position] == pytest.approx(np.min(errors, axis=1), rel=SOLVE)


def test_the_leave_one_out_penalty_agrees_with_scikit_learn_for_every_task(rng):
    linear_model = pytest.importorskip("sklearn.linear_model")
    features, labels, _ = problem(rng, 60, 20, tasks=8)
    labels[::2] = rng.normal(size=(4, 60))  # tasks that the features do not explain want another penalty
    fit = Ridge("loo").fit(features, labels)
    theirs = linear_model.RidgeCV(loo_grid(features, np.ones(60), True), alpha_per_target=True).fit(features, labels.T)
    assert len(set(theirs.alpha_)) > 1
    assert fit.penalty == pytest.approx(theirs.alpha_, rel=ROUNDING)
    assert fit.predict(features) == pytest.approx(theirs.predict(features).T, rel=SOLVE, abs=SOLVE)


def test_leave_one_out_does_not_depend_on_the_unit_of_the_features(rng):
    features, labels, _ = problem(rng)
    small, large = (Ridge().fit(features * unit, labels).predict(features * unit) for unit in (1e-6, 1e6))
    assert small == pytest.approx(large, rel=SOLVE)


@pytest.mark.parametrize("wrong", [1.0, 1.1])
def test_the_ridge_head_is_stationary_and_a_penalty_ten_per_cent_off_is_not(rng, wrong):
    features, labels, weights = problem(rng)
    fit = Ridge(5.0).fit(features, labels, weights)
    residual = fit.predict(features) - labels
    gradient = (weights * residual) @ features + wrong * 5.0 * fit.coefficients
    size = np.max(np.abs(features)) * np.max(np.abs(labels)) * len(weights)
    is_stationary = np.max(np.abs(gradient)) <= ROUNDING * size and np.max(np.abs(residual @ weights)) <= ROUNDING * size
    assert is_stationary == (wrong == 1.0)


@pytest.mark.parametrize("student", ALL_STUDENTS, ids=str)
def test_a_weight_counts_samples(rng, student):
    features, labels, _ = problem(rng)
    counts = rng.integers(0, 4, size=len(features))
    if student == Ridge():  # leaving a repeated sample out once is another question than leaving out its weight
        counts = np.minimum(counts, 1)
    weighted = student.fit(features, labels, counts)
    repeated = student.fit(np.repeat(features, counts, axis=0), np.repeat(labels, counts, axis=1))
    assert weighted.predict(features) == pytest.approx(repeated.predict(features), rel=SOLVE, abs=SOLVE)


@pytest.mark.parametrize("student", ALL_STUDENTS, ids=str)
def test_tasks_together_are_tasks_one_by_one(rng, student):
    features, labels, weights = problem(rng)
    together = student.fit(features, labels.reshape(3, 1, -1), weights)
    assert together.coefficients.shape == (3, 1, 6) and together.penalty.shape == together.intercept.shape == (3, 1)
    for task in range(3):
        alone = student.fit(features, labels[task], weights)
        assert together.predict(features)[task, 0] == pytest.approx(alone.predict(features), rel=ROUNDING, abs=ROUNDING)
        assert together.penalty[task, 0] == pytest.approx(float(alone.penalty), rel=ROUNDING)


@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**32))
def test_minimum_norm_is_the_pseudoinverse_and_records_the_rank(n, d, rank, seed):
    rng = np.random.default_rng(seed)
    rank = min(n, d, rank)
    # Orthonormal factors and singular values in [1, 2]: a rank that no rounding can blur.
    left, right = (np.linalg.qr(rng.normal(size=(size, rank)))[0] for size in (n, d))
    features = left * np.linspace(1.0, 2.0, rank) @ right.T
    labels = rng.normal(size=(2, n))
    fit = MinimumNorm().fit(features, labels)
    assert fit.rank == rank
    assert fit.condition == pytest.approx(2.0 if rank > 1 else 1.0, rel=SOLVE)
    assert fit.coefficients == pytest.approx(labels @ (left / np.linspace(1.0, 2.0, rank)) @ right.T, rel=SOLVE, abs=SOLVE)


def test_minimum_norm_is_the_limit_of_ridge_and_interpolates_when_features_outnumber_samples(rng):
    features, labels, _ = problem(rng, 8, 20)
    fit = MinimumNorm(intercept=True).fit(features, labels)
    assert fit.predict(features) == pytest.approx(labels, rel=SOLVE)
    assert fit.rank == 7  # centring costs one
    assert fit.coefficients == pytest.approx(Ridge(1e-10).fit(features, labels).coefficients, rel=1e-6, abs=1e-9)


def in_long_double(features, labels):
    """Least-squares fitted values by Gram–Schmidt, applied twice, in extended precision."""
    basis = np.zeros_like(features, dtype=np.longdouble)
    for j, column in enumerate(features.astype(np.longdouble).T):
        for _ in range(2):
            column = column - basis @ (basis.T @ column)
        basis[:, j] = column / np.sqrt(column @ column)
    return basis @ (basis.T @ labels.astype(np.longdouble))


@pytest.mark.parametrize("student", [OLS(), MinimumNorm()], ids=str)
@pytest.mark.parametrize("condition", [1e2, 1e7, 1e12])
def test_ill_conditioned_features_are_fitted_within_the_estimated_error(rng, student, condition):
    if np.finfo(np.longdouble).eps > 2e-19:
        pytest.skip("needs a longdouble of more than 53 bits")
    n, d = 50, 5
    left, right = (np.linalg.qr(rng.normal(size=(size, d)))[0] for size in (n, d))
    features, labels = (left * np.geomspace(1.0, 1.0 / condition, d)) @ right.T, rng.normal(size=n)
    fit = student.fit(features, labels)
    error = float(np.linalg.norm(fit.predict(features) - in_long_double(features, labels)) / np.linalg.norm(labels))
    assert fit.rank == d
    assert fit.condition == pytest.approx(condition, rel=0.01)
    assert float(fit.error) == pytest.approx(2.2e-16 * condition, rel=0.1)
    assert error <= ERROR_ESTIMATE_FACTOR * fit.error
    assert error <= 1e-3


def test_the_error_estimate_is_large_exactly_when_an_offset_has_eaten_the_digits(rng):
    features, labels, _ = problem(rng)
    honest = MinimumNorm(intercept=True).fit(features, labels)
    shifted = MinimumNorm(intercept=True).fit(features + 1e7, labels)
    gap = np.max(np.abs(shifted.predict(features + 1e7) - honest.predict(features))) / np.max(np.abs(labels))
    assert np.all(honest.error < 1e-12)
    assert gap <= ERROR_ESTIMATE_FACTOR * np.max(shifted.error)
    assert np.all(shifted.error > 1e-9)


@pytest.mark.parametrize(
    ("features", "rank"),
    [(np.ones((3, 5)), 1), (np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]]), 1), (np.eye(4)[:, :2] @ np.ones((2, 3)), 1)],
)
def test_ols_refuses_what_has_no_unique_head_and_names_the_way_out(features, rank):
    with pytest.raises(ValueError, match=rf"rank {rank}.*MinimumNorm.*Ridge"):
        OLS().fit(features, np.arange(float(len(features))))
    assert MinimumNorm().fit(features, np.arange(float(len(features)))).rank == rank


def test_a_constant_column_beside_an_intercept_is_rank_deficient_however_large(rng):
    features = np.column_stack([rng.normal(size=(30, 2)), np.full(30, 0.1 + 1e5)])
    with pytest.raises(ValueError, match="an intercept have numerical rank 2"):
        OLS(intercept=True).fit(features, rng.normal(size=30))


@pytest.mark.parametrize("student", [MinimumNorm(intercept=True), Ridge(1.0), Ridge()], ids=str)
def test_features_that_say_nothing_give_the_mean(student):
    fit = student.fit(np.full((4, 3), 2.0), [1.0, 2.0, 3.0, 6.0])
    assert fit.rank == 0 and fit.condition == 1.0
    assert fit.predict(np.full((2, 3), 2.0)) == pytest.approx([3.0, 3.0])


@pytest.mark.parametrize("student", ALL_STUDENTS, ids=str)
def test_torch_in_is_torch_out_with_the_same_numbers(rng, student):
    torch = pytest.importorskip("torch")
    features, labels, weights = problem(rng)
    reference = student.fit(features, labels, weights).predict(features)
    for dtype, tolerance in ((torch.float64, SOLVE), (torch.float32, 30 * ROUNDING_FLOAT32)):
        given_features = torch.tensor(features, dtype=dtype)
        fit = student.fit(given_features, torch.tensor(labels), torch.tensor(weights))
        predicted = fit.predict(given_features)
        assert predicted.dtype == dtype
        assert predicted.numpy() == pytest.approx(reference, rel=tolerance, abs=tolerance)


def test_half_precision_features_are_fitted_in_double(rng):
    features, labels, _ = problem(rng)
    half = features.astype(np.float16)
    assert np.array_equal(OLS().fit(half, labels).coefficients, OLS().fit(half.astype(np.float64), labels).coefficients)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (([[np.nan], [1.0]], [1.0, 2.0]), "features must be finite"),
        (([[2.0], [1.0]], [1.0, np.inf]), "labels must be finite"),
        (([2.0, 1.0], [1.0, 2.0]), "features must have 2 dimension"),
        (([[2.0], [1.0]], [1.0, 2.0, 3.0]), "labels must have one entry per row"),
        ((np.empty((0, 2)), np.empty(0)), "features must not be empty"),
        (([[2.0], [1.0]], [1.0, 2.0], [1.0, -1.0]), "weights must be non-negative"),
        (([[2.0], [1.0]], [1.0, 2.0], [0.0, 0.0]), "weights must have a positive sum"),
        (([[2.0], [1.0]], [1.0, 2.0], [1.0]), "weights must have shape"),
    ],
)
@pytest.mark.parametrize("student", [OLS(), MinimumNorm(), Ridge()], ids=str)
def test_bad_input_is_refused_by_name(student, arguments, match):
    with pytest.raises(ValueError, match=match):
        student.fit(*arguments)


def test_penalties_and_predictions_are_refused_by_name():
    with pytest.raises(ValueError, match="penalty must be a finite number >= 0"):
        Ridge(-1.0)
    with pytest.raises(ValueError, match="a number >= 0 or 'loo'"):
        Ridge("gcv")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at least 2 samples of positive weight"):
        Ridge("loo").fit([[1.0], [2.0]], [1.0, 2.0], [1.0, 0.0])
    with pytest.raises(ValueError, match="2 columns"):
        MinimumNorm().fit(np.eye(2), np.ones(2)).predict(np.ones((1, 3)))


def test_two_array_libraries_are_refused():
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match="one library"):
        OLS().fit(np.eye(2), torch.ones(2))


@pytest.mark.parametrize("student", [OLS(), MinimumNorm(), Ridge(1.0), Ridge("loo")])
def test_numbers_whose_squares_overflow_are_refused(student):
    features = np.random.default_rng(0).standard_normal((9, 2))
    with pytest.raises(ValueError, match="features must stay within"):
        student.fit(1e200 * features, np.ones(9))
    with pytest.raises(ValueError, match="labels must stay within"):
        student.fit(features.astype(np.float32), np.full(9, 1e30))
