"""Where digits go missing: every answer is as good as its ``error`` says, near LAPACK's, or refused. Truth is in extended precision."""

from __future__ import annotations

import numpy as np
import pytest

from tests.design.cases import case, in_long_double
from tests.tolerances import DESIGN_OVER_LAPACK, ERROR_ESTIMATE_FACTOR, FLOAT32_GRAM, ROUNDING, SOLVE
from w2s_theory import Design, RowBlocks
from w2s_theory.design.moments import feature_moments
from w2s_theory.design.spectrum import GRAM_LIMIT

pytestmark = pytest.mark.skipif(np.finfo(np.longdouble).eps > 2e-19, reason="needs a longdouble of more than 53 bits")


def spectral(values, n, seed):
    """Features with given singular values, and their singular vectors."""
    rng = np.random.default_rng(seed)
    d = len(values)
    left, right = np.linalg.qr(rng.normal(size=(n, d)))[0], np.linalg.qr(rng.normal(size=(d, d)))[0]
    return (left * values) @ right.T, left


def fitted_error(features, heads, truth):
    """Largest error of the fitted values over the labels, each of norm one, for heads (d, T)."""
    return float(np.max(np.linalg.norm((features.astype(np.longdouble) @ heads - truth).astype(float), axis=0)))


@pytest.mark.parametrize("d", [6, 24])
@pytest.mark.parametrize("condition", [0.99 * GRAM_LIMIT, 5.0, 9.9, 30.0])
def test_the_worst_spectrum_for_a_gram_matrix_stays_within_ten_times_lapack(d, condition):
    """All singular values equal but one, labels along each direction; the worst of ten draws on either side."""
    ours, lapack = [], []
    for seed in range(10):
        features, left = spectral(np.r_[np.ones(d - 1), 1.0 / condition], 10 * d, seed)
        truth = in_long_double(features, left)
        ours.append(fitted_error(features, Design(features).solve(left, penalties=0.0).coefficients[0], truth))
        lapack.append(fitted_error(features, np.linalg.lstsq(features, left, rcond=None)[0], truth))
    assert max(ours) <= DESIGN_OVER_LAPACK * max(lapack)


@pytest.mark.parametrize("tiny", [1e-4, 1e-7, 1e-8, 1e-9, 1e-10])
def test_one_tiny_singular_value_does_not_hide_below_the_rounding_of_the_gram_matrix(tiny):
    for seed in range(20):
        features, left = spectral(np.array([1.0, 1.0, 1.0, tiny]), 80, seed)
        heads = Design(features).solve(left, penalties=0.0)
        assert heads.route == "svd" and heads.rank == 4
        assert (
            fitted_error(features, heads.coefficients[0], in_long_double(features, left))
            <= ERROR_ESTIMATE_FACTOR * heads.error[0]
        )


@pytest.mark.parametrize("penalty", [1e-20, 1e-16, 1e-12, 1e-4])
def test_a_repeated_column_with_a_small_penalty_shares_its_head(penalty):
    features = case(60, d=4).features
    labels = case(60, d=4).weak
    doubled = np.hstack([features, features[:, :1]])
    # Two columns of one feature share its head and see half the penalty: √2 times the feature, seen once.
    single = np.hstack([np.sqrt(2.0) * features[:, :1], features[:, 1:]])
    heads = Design(doubled).solve(labels, penalties=penalty).coefficients[0]
    expected = Design(single).solve(labels, penalties=penalty).coefficients[0]
    assert heads[0] == pytest.approx(expected[0] / np.sqrt(2.0), rel=1e-6)
    assert heads[4] == pytest.approx(heads[0], rel=1e-6)


def random_problem(seed):
    """Features of random shape, condition, offset and weights, and labels of norm one."""
    rng = np.random.default_rng(seed)
    d = int(rng.integers(1, 7))
    n = int(rng.integers(2 * d + 4, 60))
    features, _ = spectral(10.0 ** -rng.uniform(0.0, rng.uniform(0.0, 9.0), size=d), n, seed)
    intercept = bool(rng.integers(2))
    features = features * np.sqrt(n) + intercept * 10.0 ** rng.uniform(-1, 4)
    labels = rng.normal(size=(n, 3)) + intercept * rng.normal()
    return features, labels / np.linalg.norm(labels, axis=0), intercept, rng.uniform(0.5, 2.0, size=n)


@pytest.mark.parametrize("how", ["array", "blocks", "gone", "difference"])
def test_the_error_that_is_told_covers_the_error_that_is_made(how):
    told, made, refused = [], [], 0
    for seed in range(60):
        features, labels, intercept, weights = random_problem(seed)
        n = len(features)
        options = {"weak": labels, "weights": weights}
        if how == "array":
            design = Design(features, intercept=intercept, **options)
        elif how == "difference":
            extra = np.vstack([features, features[: n // 2] + 1.0]), np.vstack([labels, labels[: n // 2] * 3.0])
            heavy = np.r_[weights, np.ones(n // 2)]
            whole = Design(extra[0], weak=extra[1], weights=heavy, intercept=intercept)
            design = whole - Design(extra[0][n:], weak=extra[1][n:], intercept=intercept)
        else:
            blocks = RowBlocks(features, rows=max(n // 4, 2), **options)
            design = Design.from_batches(iter(blocks) if how == "gone" else blocks, intercept=intercept)
        try:
            heads = design.solve(penalties=0.0)
        except ValueError as error:
            assert "too ill-conditioned" in str(error) and how in ("gone", "difference")
            refused += 1
            continue
        if heads.rank < features.shape[1]:
            continue  # what the directions that were cut would have fitted is not rounding
        root = np.sqrt(weights.astype(np.longdouble))[:, None]
        columns = np.hstack([np.ones((n, 1)), features]) if intercept else features
        truth = in_long_double(root * columns, root * labels) / root
        fitted = features.astype(np.longdouble) @ heads.coefficients[0] + heads.intercept[0]
        made.append(np.max(np.linalg.norm((fitted - truth).astype(float), axis=0)))
        told.append(heads.error[0])
    assert len(made) >= 15 and refused < 60
    assert np.all(np.array(made) <= ERROR_ESTIMATE_FACTOR * np.array(told)), np.max(np.array(made) / np.array(told))
    # And it is not a wild guess: within a few powers of ten of what is made, in the middle.
    assert np.median(np.array(told) / np.array(made)) <= 1e3


def test_batches_whose_means_lie_far_apart_cost_digits_and_that_is_told():
    rng = np.random.default_rng(61)
    rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    labels = rng.normal(size=200)
    for distance in (1e2, 1e7):
        features = rng.normal(size=(200, 3))
        features[100:, 0] += distance
        features = features @ rotation
        batches = ({"features": features[i : i + 100], "weak": labels[i : i + 100]} for i in (0, 100))
        design = Design.from_batches(batches, intercept=True)
        assert design.moments.noise >= 2.2e-16 * distance**2
        if distance < 1e3:
            heads = design.solve(penalties=0.0)
            exact = Design(features, intercept=True).solve(labels, penalties=0.0)
            gap = np.max(np.abs(heads.predict(features) - exact.predict(features)))
            assert gap <= ERROR_ESTIMATE_FACTOR * heads.error[0] * np.linalg.norm(labels)
        else:
            with pytest.raises(ValueError, match="too ill-conditioned"):
                design.solve(penalties=0.0)


@pytest.mark.parametrize("condition", [1e2, 1e5, 1e8])
def test_held_out_misfits_of_long_heads_are_computed_from_the_rows(condition):
    rng = np.random.default_rng(62)
    features, _ = spectral(np.geomspace(1.0, 1.0 / condition, 5), 200, 62)
    labels = rng.normal(size=(200, 2))
    design, test = Design(features[:100], weak=labels[:100]), Design(features[100:], weak=labels[100:])
    report = design.report(penalties=0.0, on=test)
    predicted = design.solve(penalties=0.0).predict(features[100:])[0]
    assert report.misfit[0] == pytest.approx(np.mean((predicted - labels[100:]) ** 2, axis=0), rel=1e-8 + 1e-15 * condition)
    assert np.all(report.by_rows) == (condition > 1e4)


def test_a_difference_that_has_lost_its_digits_is_refused_and_so_is_what_was_no_part():
    data = case(63, n=200)
    features = data.features.copy()
    features[:-8] *= 1e8
    whole, part = Design(features, weak=data.weak), Design(features[:-8], weak=data.weak[:-8])
    with pytest.raises(ValueError, match="too ill-conditioned"):
        (whole - part).report(penalties=0.0)
    other = Design(3.0 * case(64, n=30).features, weak=data.weak[:30])
    with pytest.raises(ValueError, match="a part of the whole"):
        (Design(data.features, weak=data.weak) - other).solve(penalties=0.0)
    weights = np.r_[np.full(199, 0.1), 0.0]
    rest = Design(data.features, weights=weights) - Design(data.features[:199], weights=weights[:199])
    with pytest.raises(ValueError, match="weights must have a positive sum"):
        rest.solve(penalties=1.0)


def test_labels_that_lost_digits_to_a_subtraction_say_so():
    data = case(65, n=60)
    labels = data.weak.copy()
    labels[:30] *= 1e9
    rest = Design(data.features, weak=labels) - Design(data.features[:30], weak=labels[:30])
    exact = Design(data.features[30:]).solve(labels[30:], penalties=1.0)
    heads = rest.solve(penalties=1.0)
    gap = np.max(np.abs(heads.coefficients - exact.coefficients)) / np.max(np.abs(exact.coefficients))
    assert gap <= ERROR_ESTIMATE_FACTOR * heads.error[0]
    assert np.all(rest.report(penalties=1.0).cancelled)


def test_the_gram_matrix_of_short_floats_is_as_good_with_a_bias_column_as_without():
    rng = np.random.default_rng(66)
    features = np.hstack([np.full((40_000, 1), 1.1), rng.normal(size=(40_000, 2)), rng.choice([0.7, 0.8], size=(40_000, 1))])
    features = features.astype(np.float32)
    exact = features.astype(np.float64)
    for centred in (False, True):
        rows = exact - exact.mean(axis=0) if centred else exact
        moments = feature_moments(features, None, centred)
        error = np.linalg.norm(moments.gram - rows.T @ rows, 2)
        assert error <= FLOAT32_GRAM * np.linalg.norm(rows.T @ rows, 2)
        assert error <= 2.0 * moments.noise


def test_float32_features_do_not_cost_the_labels_their_digits():
    data = case(67, n=100)
    features = data.features.astype(np.float32)
    for intercept in (True, False):
        for penalty in (0.0, 30.0):
            near = Design(features, intercept=True).report(data.weak, data.target, penalties=penalty)
            far = Design(features, intercept=True).report(data.weak + 1e6, data.target + 1e6, penalties=penalty)
            assert far.misfit == pytest.approx(near.misfit, rel=1e-6)
            assert far.gain.weak_error == pytest.approx(near.gain.weak_error, rel=1e-6)
        heads = Design(features, intercept=intercept).solve(data.weak, penalties=0.0)
        exact = Design(features.astype(np.float64), intercept=intercept).solve(data.weak, penalties=0.0)
        gap = np.max(np.abs(heads.predict(features) - exact.predict(features.astype(np.float64))))
        assert ROUNDING * np.max(np.abs(data.weak)) < gap <= ERROR_ESTIMATE_FACTOR * heads.error[0] * np.linalg.norm(data.weak)


@pytest.mark.parametrize(("n", "d"), [(2000, 20), (5000, 40)])
def test_folds_of_float32_features_by_subtraction_are_accepted_and_right(n, d):
    rng = np.random.default_rng(71)
    features = np.maximum(rng.normal(size=(n, d)), -0.5).astype(np.float32)
    labels = features.astype(np.float64) @ rng.normal(size=(d, 2)) + rng.normal(size=(n, 2))
    parts = [Design(features[i::5], weak=labels[i::5], intercept=True) for i in range(5)]
    rest, exact = sum(parts) - parts[0], sum(parts[1:])
    heads, expected = rest.solve(penalties=1.0), exact.solve(penalties=1.0)
    assert np.max(np.abs(heads.coefficients - expected.coefficients)) <= ERROR_ESTIMATE_FACTOR * heads.error[0] * np.max(
        np.abs(expected.coefficients)
    )
    assert rest.report(penalties=1.0, on=parts[0]).misfit == pytest.approx(
        exact.report(penalties=1.0, on=parts[0]).misfit, rel=1e-4
    )


def test_the_answer_does_not_depend_on_what_was_asked_before():
    data = case(68, 4, 9)
    fresh, used = Design(data.features), Design(data.features)
    assert used.moments.gram.shape == (9, 9)
    first, second = (design.solve(data.weak, penalties=100.0) for design in (fresh, used))
    assert first.route == second.route == "svd"
    assert np.array_equal(first.coefficients, second.coefficients)


def test_designs_keep_their_dtype_however_they_were_made():
    data = case(69)
    features = data.features.astype(np.float32)
    designs = [
        Design(features, weak=data.weak),
        Design.from_batches([{"features": features, "weak": data.weak}]),
        Design(features[:30], weak=data.weak[:30]) + Design(features[30:], weak=data.weak[30:]),
    ]
    assert all(design.solve(penalties=1.0).coefficients.dtype == np.float32 for design in designs)
    mixed = Design(features[:30], weak=data.weak[:30]) + Design(data.features[30:], weak=data.weak[30:])
    assert mixed.solve(penalties=1.0).coefficients.dtype == np.float64


@pytest.mark.parametrize(
    ("build", "error", "match"),
    [
        (lambda: Design([[1e-170, 2e-170, 3e-170]]).solve([1.0], penalties=0.0), ValueError, "largest singular value is"),
        (lambda: Design([[1e200, 2e200, 3e200]]).solve([1.0], penalties=0.0), ValueError, "features"),
        (lambda: Design(np.full((3, 1), 1e-23, dtype=np.float32)), ValueError, "lost to underflow"),
        (lambda: Design(np.eye(3)).report(np.full(3, 1e-200), penalties=1.0), ValueError, "weak must be of a size"),
        (lambda: Design(np.eye(3)).report(np.full(3, 1e160), penalties=1.0), ValueError, "weak must stay in a range"),
        (
            lambda: Design(np.eye(3, dtype=np.float32)).solve(np.full(3, 1e-50), penalties=1.0),
            ValueError,
            "weak must be of a size",
        ),
        (lambda: Design(np.zeros((2, 3))).solve([1.0, np.nan], penalties=0.0), ValueError, "weak must be finite"),
        (lambda: Design(np.full((2, 3), np.nan)), ValueError, "features must be finite"),
        (lambda: Design(np.eye(3), weights=[1e-40] * 3), ValueError, "weights must have their largest between"),
        (lambda: Design(np.eye(3), metric=[1.0, 1.0, 1e-30]), ValueError, "metric must be positive definite"),
        (lambda: Design(np.eye(3), metric=np.ones((3, 3, 3))), ValueError, r"metric must have shape \(d,\) or \(d, d\)"),
        (lambda: Design.from_batches([(np.eye(3), np.ones(3))]), TypeError, "Name its parts"),
        (lambda: Design.from_batches(np.eye(3)), TypeError, r"Pass RowBlocks\(array\)"),
        (lambda: Design(np.eye(3)).report(np.ones(3), penalties=1.0, on=np.eye(3)), TypeError, "on must be a Design"),
        (lambda: Design.from_batches({"features": np.eye(3)}), TypeError, "features must hold real numbers"),
        (
            lambda: Design(np.eye(3), weak=np.ones(3)) + Design(np.eye(3), weak=np.ones((3, 1))),
            ValueError,
            "labels of one kind",
        ),
    ],
)
def test_what_float64_cannot_hold_is_refused(build, error, match):
    with pytest.raises(error, match=match):
        build()


def test_huge_times_leave_nothing_and_warn_of_nothing():
    data = case(70)
    free = Design(data.features).solve(data.weak, penalties=0.0).coefficients
    assert Design(data.features).solve(data.weak, times=1e308).coefficients == pytest.approx(free, rel=SOLVE)
