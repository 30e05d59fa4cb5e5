"""Reports of a Design against gain_report on explicit predictions, refits without each sample, and exact small answers."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.design.cases import Case, case, minimiser, predictions
from tests.tolerances import ROUNDING, SOLVE
from w2s_theory import Design, RowBlocks, gain_report
from w2s_theory.design import report as reporting

PENALTIES = np.array([1e-2, 1.0, 30.0])


def by_predictions(train: Case, test: Case, penalty: float, intercept: bool):
    """The GainReport on ``test`` of heads fitted to ``train``, from predictions; the ceiling learns the target."""
    student, ceiling = (
        predictions(test.features, minimiser(train.features, labels, train.weights, penalty, intercept))
        for labels in (train.weak, train.target)
    )
    return gain_report(test.weak.T, student.T, test.target.T, test.weights, ceiling=ceiling.T)


def assert_same(report, expected, l):
    for name, values in expected.numbers().items():
        got = report.gain.numbers()[name][l]
        assert got == pytest.approx(values, rel=SOLVE, abs=SOLVE, nan_ok=True), name


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("shape", [(60, 5), (9, 20)])
def test_every_number_in_sample_is_that_of_explicit_predictions(shape, intercept):
    data = case(20, *shape)
    report = Design(data.features, weights=data.weights, intercept=intercept).report(data.weak, data.target, penalties=PENALTIES)
    for l, penalty in enumerate(PENALTIES):
        assert_same(report, by_predictions(data, data, penalty, intercept), l)
        assert report.misfit[l] == pytest.approx(report.gain.misfit[l], rel=ROUNDING)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("shape", [(60, 5), (9, 20)])
def test_every_number_on_held_out_rows_is_that_of_explicit_predictions(shape, intercept):
    train, test = case(21, *shape), case(22, 40, shape[1])
    held = Design(test.features, weights=test.weights, intercept=intercept, **test.labels)
    design = Design(train.features, weights=train.weights, intercept=intercept, **train.labels)
    report = design.report(penalties=PENALTIES, on=held)
    assert report.gcv is None
    for l, penalty in enumerate(PENALTIES):
        assert_same(report, by_predictions(train, test, penalty, intercept), l)


def test_a_teacher_without_a_target_has_a_held_out_misfit():
    train, test = case(35), case(36, 40)
    report = Design(train.features, weak=train.weak).report(penalties=PENALTIES, on=Design(test.features, **test.labels))
    assert report.gain is None
    fitted = predictions(test.features, minimiser(train.features, train.weak, np.ones(60), 1.0, False))
    assert report.misfit[1] == pytest.approx(np.mean((fitted - test.weak) ** 2, axis=0), rel=SOLVE)


@given(st.integers(2, 12), st.integers(1, 8), st.integers(1, 6), st.booleans(), st.booleans(), st.integers(0, 2**32))
def test_gain_is_misfit_and_residual_and_the_residual_its_two_terms(n, d, tasks, intercept, by_time, seed):
    data = case(seed, n, d, tasks)
    along = {"times": PENALTIES} if by_time else {"penalties": PENALTIES}
    gain = Design(data.features, weights=data.weights, intercept=intercept).report(data.weak, data.target, **along).gain
    scale = 1.0 + np.max(data.weak**2) + np.max(data.target**2)
    assert gain.gain == pytest.approx(gain.misfit + gain.residual, abs=10 * ROUNDING * scale)
    assert gain.residual == pytest.approx(gain.cross_term + gain.penalty_term, abs=10 * ROUNDING * scale)


def test_effective_dimension_and_gcv_are_those_of_the_explicit_hat_matrix():
    data = case(23)
    report = Design(data.features, weights=data.weights, intercept=True).report(data.weak, penalties=PENALTIES)
    assert report.gain is None
    for l, penalty in enumerate(PENALTIES):
        heads = minimiser(data.features, np.eye(60), data.weights, penalty, True)
        hat = predictions(data.features, heads)
        assert report.effective_dimension[l] == pytest.approx(np.trace(hat), rel=SOLVE)
        misfit = np.average((data.weak - hat @ data.weak) ** 2, axis=0, weights=data.weights)
        assert report.gcv[l] == pytest.approx(misfit / (1 - np.trace(hat) / 60) ** 2, rel=SOLVE)


def test_gcv_counts_rows_of_positive_weight_only_and_is_nan_for_heads_that_interpolate():
    data = case(24, n=12, d=3)
    weights = np.where(np.arange(12) < 8, data.weights, 0.0)
    kept = Design(data.features[:8], weights=weights[:8], intercept=True).report(data.weak[:8], penalties=PENALTIES)
    assert Design(data.features, weights=weights, intercept=True).report(data.weak, penalties=PENALTIES).gcv == pytest.approx(
        kept.gcv, rel=SOLVE
    )
    wide = case(25, n=4, d=9)
    report = Design(wide.features).report(wide.weak, penalties=[0.0, 1.0])
    assert np.all(np.isnan(report.gcv[0])) and np.all(np.isfinite(report.gcv[1]))


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("condition", [3.0, 1e3])
def test_leave_one_out_errors_are_those_of_refits_without_each_row(intercept, condition):
    data = case(26, n=9, d=3, condition=condition)
    errors = Design(data.features, weights=data.weights, intercept=intercept).leave_one_out(data.weak, penalties=PENALTIES)
    for l, penalty in enumerate(PENALTIES):
        left_out = np.empty((9, 4))
        for i in range(9):
            rest = np.arange(9) != i
            heads = minimiser(data.features[rest], data.weak[rest], data.weights[rest], penalty, intercept)
            left_out[i] = (data.weak[i] - predictions(data.features[i : i + 1], heads)[0]) ** 2
        assert errors[l] == pytest.approx(np.average(left_out, axis=0, weights=data.weights), rel=SOLVE)


def test_leave_one_out_in_small_blocks_is_the_same(monkeypatch):
    data = case(27)
    design = Design(data.features, intercept=True)
    whole = design.leave_one_out(data.weak, penalties=PENALTIES)
    monkeypatch.setattr("w2s_theory.design.rowwise.PREDICTION_BLOCK", 7 * 12)
    assert design.leave_one_out(data.weak, penalties=PENALTIES) == pytest.approx(whole, rel=SOLVE)


def test_leave_one_out_is_nan_where_a_row_decides_its_own_prediction():
    features = np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]])
    errors = Design(features).leave_one_out(np.ones(3), penalties=[0.0, 1.0])
    assert np.isnan(errors[0]) and np.isfinite(errors[1])


def test_held_out_tasks_in_small_blocks_are_the_same(monkeypatch):
    train, test = case(33), case(34, 40)
    held = Design(test.features, weights=test.weights, intercept=True, **test.labels)
    design = Design(train.features, weights=train.weights, intercept=True, **train.labels)
    whole = design.report(penalties=PENALTIES, on=held)
    monkeypatch.setattr(reporting, "HEAD_BLOCK", 2 * 3 * 5)
    blocks = design.report(penalties=PENALTIES, on=held)
    for l in range(3):
        assert_same(blocks, type(whole.gain)(**{name: values[l] for name, values in whole.gain.numbers().items()}), l)


def whole_numbers():
    """Six rows, two features, labels that the features explain but for 2⁻²⁰: squared errors of 1e-12 under labels of 30."""
    features = np.array([[1.0, 2.0], [3.0, -1.0], [0.0, 4.0], [2.0, 2.0], [-1.0, 3.0], [5.0, 1.0]])
    tiny = np.array([1.0, -1.0, 1.0, 1.0, -1.0, -1.0]) * 2.0**-20
    return features, features @ np.array([7.0, -3.0]) + tiny, features @ np.array([7.0, -3.0])


def exact_misfit(features, labels):
    """Mean squared residual of least squares on two features, in rational arithmetic."""
    x, y = [[Fraction(value) for value in row] for row in features.tolist()], [Fraction(value) for value in labels.tolist()]
    a, b, c = (sum(row[i] * row[j] for row in x) for i, j in ((0, 0), (0, 1), (1, 1)))
    p, q = (sum(row[i] * value for row, value in zip(x, y, strict=True)) for i in (0, 1))
    w = ((c * p - b * q) / (a * c - b * b), (a * q - b * p) / (a * c - b * b))
    return float(sum((value - row[0] * w[0] - row[1] * w[1]) ** 2 for row, value in zip(x, y, strict=True)) / len(y))


@pytest.mark.parametrize("how", ["array", "blocks"])
def test_a_residual_tiny_against_the_labels_is_computed_from_the_rows_and_said_to_be(how):
    features, weak, target = whole_numbers()
    labels = np.stack([weak, weak + np.arange(6.0)], axis=1)
    truth = np.stack([target, target], axis=1)
    if how == "array":
        report = Design(features).report(labels, truth, penalties=0.0)
    else:
        report = Design.from_batches(RowBlocks(features, weak=labels, target=truth, rows=4)).report(penalties=0.0)
    assert report.by_rows.tolist() == [True, False] and not np.any(report.cancelled)
    assert report.misfit[0, 0] == pytest.approx(exact_misfit(features, weak), rel=1e-7)
    assert report.misfit[0, 1] == pytest.approx(exact_misfit(features, labels[:, 1]), rel=SOLVE)
    assert report.gain.misfit[0, 0] == report.misfit[0, 0]
    assert report.gain.gain == pytest.approx(report.gain.misfit, rel=1e-7)  # realizable, no penalty: Theorem 1 with equality


def test_a_stream_that_is_gone_says_that_digits_are_missing():
    features, weak, target = whole_numbers()
    batches = ({"features": features[i : i + 2], "weak": weak[i : i + 2], "target": target[i : i + 2]} for i in (0, 2, 4))
    report = Design.from_batches(batches).report(penalties=0.0)
    assert bool(report.cancelled) and not bool(report.by_rows)
    assert abs(report.misfit[0] - exact_misfit(features, weak)) <= ROUNDING * np.mean(weak**2)


def test_held_out_errors_that_cancel_are_computed_from_the_held_out_rows():
    features, weak, target = whole_numbers()
    design = Design(features, weak=target, target=target)
    report = design.report(penalties=0.0, on=Design(features[:4] * 2.0, weak=weak[:4] * 2.0, target=target[:4] * 2.0))
    assert bool(report.by_rows)
    assert report.misfit[0] == pytest.approx(np.mean((2.0 * (weak - target)[:4]) ** 2), rel=1e-7)


def test_weak_labels_close_to_the_target_keep_the_digits_of_their_difference():
    rng = np.random.default_rng(28)
    features = rng.normal(size=(200, 3))
    target = rng.normal(size=200)
    weak = target + 1e-9 * rng.normal(size=200)
    gain = Design(features).report(weak, target, penalties=1.0).gain
    assert gain.weak_error[0] == pytest.approx(np.mean((weak - target) ** 2), rel=1e-6)
    assert gain.student_error[0] == pytest.approx(gain.misfit[0], rel=1e-6)


@pytest.mark.parametrize("name", ["ss", "sw", "ww", "sd", "wd", "dd", "cc", "cw", "cd", "sc"])
def test_an_inner_product_ten_percent_off_would_be_caught(name, monkeypatch):
    data = case(29)
    original = reporting.in_sample
    monkeypatch.setattr(
        reporting, "in_sample", lambda *args: (inner := original(*args))._replace(**{name: 1.1 * getattr(inner, name)})
    )
    report = Design(data.features, weights=data.weights).report(data.weak, data.target, penalties=PENALTIES)
    with pytest.raises(AssertionError):
        for l, penalty in enumerate(PENALTIES):
            assert_same(report, by_predictions(data, data, penalty, False), l)


def test_a_report_on_rows_without_labels_or_of_another_kind_is_refused():
    data = case(30)
    design = Design(data.features, intercept=True, **data.labels)
    with pytest.raises(ValueError, match="must carry weak labels"):
        design.report(penalties=1.0, on=Design(data.features, intercept=True))
    with pytest.raises(ValueError, match="the same intercept and metric"):
        design.report(penalties=1.0, on=Design(data.features, **data.labels))
    other = case(31, tasks=3)
    with pytest.raises(ValueError, match="the same tasks"):
        design.report(penalties=1.0, on=Design(other.features, intercept=True, **other.labels))
    narrow = case(32, d=4)
    with pytest.raises(ValueError, match="the same features"):
        design.report(penalties=1.0, on=Design(narrow.features, intercept=True, **narrow.labels))


def test_a_report_prints_in_a_few_lines():
    data = case(37)
    text = str(Design(data.features).report(data.weak, data.target, penalties=PENALTIES))
    assert text.startswith("DesignReport (penalties or times × tasks: 3 × 4)") and "student_error" in text
    assert len(text.splitlines()) < 20
