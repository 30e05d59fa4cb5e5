"""Losses on weak labels: values by definition, slopes by finite differences, what each asks for, schedules and thresholds, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tolerances import FINITE_DIFFERENCE, ROUNDING
from w2s_theory.students.batch_loss import Moment, TargetLoss
from w2s_theory.students.confidence import Confidence, hard_labels
from w2s_theory.students.free_scores import FreeScores, settle
from w2s_theory.students.loss_menu import (
    LOSSES,
    Adaptive,
    CrossEntropy,
    ForwardKL,
    Product,
    ReverseCrossEntropy,
    ReverseKL,
    Symmetric,
    Window,
)

STEP = 1e-5


@st.composite
def batches(draw, smallest=2):
    """Scores and positive labels of a batch."""
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    n, classes = draw(st.integers(smallest, 12)), draw(st.integers(2, 5))
    return 2.0 * rng.standard_normal((n, classes)), 0.98 * rng.dirichlet(np.ones(classes), n) + 0.02 / classes


def softmax(scores):
    powers = np.exp(scores)
    return powers / powers.sum(axis=1, keepdims=True)


def differences(value, scores):
    """Central differences of row values (n,) in every score."""
    slopes = np.empty_like(scores)
    for c in range(scores.shape[1]):
        move = STEP * np.eye(scores.shape[1])[c]
        slopes[:, c] = (value(scores + move) - value(scores - move)) / (2.0 * STEP)
    return slopes


@pytest.mark.parametrize("name", LOSSES)
@given(batch=batches())
def test_a_slope_is_the_derivative_of_its_value_with_targets_held_fixed(name, batch):
    scores, labels = batch
    loss, moment = LOSSES[name], Moment(0.15)
    values, slopes = loss.terms(scores, labels, moment)
    if isinstance(loss, TargetLoss) and not isinstance(loss, ForwardKL):
        p = softmax(scores)
        target = loss.target(p, np.log(p), labels, moment)
        np.testing.assert_allclose(values, -(target * np.log(p)).sum(axis=1), rtol=ROUNDING)
        by_hand = differences(lambda z: -(target * np.log(softmax(z))).sum(axis=1), scores)
    else:
        by_hand = differences(lambda z: loss.terms(z, labels, moment)[0], scores)
    np.testing.assert_allclose(slopes, by_hand, atol=FINITE_DIFFERENCE * max(1.0, np.abs(slopes).max()))
    np.testing.assert_allclose(slopes.sum(axis=1), 0.0, atol=1e-14)


@given(batches())
def test_values_are_what_the_definitions_say(batch):
    scores, labels = batch
    p = softmax(scores)
    forward, reverse = -(labels * np.log(p)).sum(axis=1), -(p * np.log(labels)).sum(axis=1)
    expected = {
        CrossEntropy(): forward,
        ForwardKL(): (labels * np.log(labels / p)).sum(axis=1),
        ReverseKL(): (p * np.log(p / labels)).sum(axis=1),
        ReverseCrossEntropy(): reverse,
        Symmetric(2.0, 0.3): 2.0 * forward + 0.3 * reverse,
        Adaptive(0.1): np.where(labels.max(axis=1) - 0.5 >= 0.1, forward, reverse),
        Confidence(0.7, soft=True): -((0.3 * labels + 0.7 * p) * np.log(p)).sum(axis=1),
        Confidence(0.7, threshold="half"): 0.3 * forward - 0.7 * np.log(p.max(axis=1)),
        Window(0.2): np.where(p.max(axis=1) < 0.7, forward, 0.0),
        Product(0.5, 2.0): -(p**0.5 * labels**2 * np.log(p)).sum(axis=1) / (p**0.5 * labels**2).sum(axis=1),
    }
    for loss, value in expected.items():
        np.testing.assert_allclose(loss.terms(scores, labels)[0], value, rtol=ROUNDING, atol=ROUNDING, err_msg=str(loss))


def test_the_slope_of_adaptive_is_that_of_the_loss_it_chose():
    scores, labels = np.array([[0.0, 1.0]] * 2), np.array([[0.1, 0.9], [0.45, 0.55]])
    slopes = Adaptive().terms(scores, labels)[1]
    np.testing.assert_array_equal(slopes[0], CrossEntropy().terms(scores, labels)[1][0])
    np.testing.assert_array_equal(slopes[1], ReverseCrossEntropy().terms(scores, labels)[1][1])
    assert np.abs(slopes[1] - CrossEntropy().terms(scores, labels)[1][1]).max() > 0.01


def test_a_quantile_as_the_threshold_of_adaptive_leaves_rows_on_both_sides():
    """Three labels of four are below the default threshold, and all of them above that of the first quarter."""
    rng = np.random.default_rng(2)
    scores, y = rng.standard_normal((8, 2)), np.linspace(0.51, 0.68, 8)
    labels = np.stack([1.0 - y, y], axis=1)
    values = Adaptive(quantile=0.25).terms(scores, labels)[0]
    by_hand = [loss.terms(scores, labels)[0] for loss in (ReverseCrossEntropy(), CrossEntropy())]
    np.testing.assert_array_equal(values, np.concatenate([by_hand[0][:2], by_hand[1][2:]]))
    np.testing.assert_array_equal(Adaptive().terms(scores, labels)[0], by_hand[0])


def test_a_label_at_the_threshold_of_adaptive_is_confident_whichever_class_it_names():
    """All labels say 0.6, up to rounding: none is less confident than another."""
    scores = np.random.default_rng(3).standard_normal((40, 2))
    labels = np.where(np.arange(80).reshape(40, 2) % 4 == 0, 0.6, 0.4)
    labels[:, 1] = 1.0 - labels[:, 0]
    for loss in (Adaptive(0.1), Adaptive(quantile=0.5)):
        np.testing.assert_array_equal(loss.terms(scores, labels)[0], CrossEntropy().terms(scores, labels)[0])


@pytest.mark.parametrize("name", LOSSES)
def test_labels_in_single_precision_are_accepted(name):
    powers = np.exp(np.random.default_rng(0).standard_normal((400, 3)).astype(np.float32))
    labels = powers / powers.sum(axis=1, keepdims=True)
    assert np.abs(labels.sum(axis=1, dtype=np.float64) - 1.0).max() > 1e-9
    assert np.isfinite(LOSSES[name].terms(np.zeros((400, 3)), labels)[1]).all()
    assert np.abs(FreeScores(LOSSES[name], labels, labels).start.sum(axis=1) - 1.0).max() < ROUNDING


@pytest.mark.parametrize("name", LOSSES)
def test_extreme_scores_give_finite_values(name):
    scores, labels = np.array([[800.0, -800.0], [-5e4, 5e4]]), np.array([[1e-12, 1.0 - 1e-12], [0.5, 0.5]])
    for part in LOSSES[name].terms(scores, labels):
        assert np.isfinite(part).all()


def test_hard_labels_are_allowed_where_the_loss_is_finite_on_them():
    labels = np.array([[0.0, 1.0], [1.0, 0.0]])
    for loss in LOSSES.values():
        if loss.needs_positive_labels:
            with pytest.raises(ValueError, match=r"labels must be positive for .*infinite otherwise; 2 are 0"):
                loss.terms(np.zeros((2, 2)), labels)
        else:
            assert np.isfinite(loss.terms(np.zeros((2, 2)), labels)[0]).all()
    assert ForwardKL().terms(np.zeros((2, 2)), labels)[0] == pytest.approx(np.log(2.0))


def memoriser(loss, classes=4, rows=12, seed=3):
    rng = np.random.default_rng(seed)
    start, labels = (0.9 * rng.dirichlet(np.ones(classes), rows) + 0.1 / classes for _ in range(2))
    return FreeScores(loss, start, labels)


@pytest.mark.parametrize("loss", [CrossEntropy(), ForwardKL(), ReverseKL(), Confidence(soft=True)])
def test_free_scores_end_at_the_weak_label(loss):
    rows = memoriser(loss)
    settled = settle(rows, step=1.0)
    assert settled.residual.max() <= 1e-9
    np.testing.assert_allclose(settled.predictions, rows.labels, atol=1e-7)


@pytest.mark.parametrize("loss", [ReverseCrossEntropy(), Product()])
def test_free_scores_end_at_the_class_of_the_largest_weak_label_for_any_number_of_classes(loss):
    rows = memoriser(loss)
    wins = rows.labels.argmax(axis=1)
    assert np.any(rows.start.argmax(axis=1) != wins)
    predictions = settle(rows, step=2.0, tolerance=1e-4).predictions
    np.testing.assert_array_equal(predictions.argmax(axis=1), wins)
    assert predictions.max(axis=1).min() > 0.98


def test_the_weak_label_of_the_student_rises_all_the_way_under_the_product_loss():
    rows = memoriser(Product(), classes=5)
    means = [
        (rows.labels * settle(rows, step=0.1, most=most, tolerance=1e-12).predictions).sum(axis=1) for most in (1, 20, 80, 200)
    ]
    assert np.all(np.diff(means, axis=0) > 0.0)


def test_a_product_with_an_exponent_below_one_stops_at_a_power_of_the_weak_label():
    """Fixed point p ∝ p^β y^α: p ∝ y^(α/(1 − β))."""
    rows = memoriser(Product(own=0.5, weak=0.75))
    power = rows.labels**1.5
    settled = settle(rows, step=1.0)
    np.testing.assert_allclose(settled.predictions, power / power.sum(axis=1, keepdims=True), atol=1e-7)


@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("confidence, paper", {0.0: 0.0, 0.05: 0.125, 0.1: 0.25, 0.2: 0.5, 0.6: 0.5, 1.0: 0.5}),
        ("confidence, released code", {0.0: 0.0, 0.05: 0.025, 0.1: 0.05, 0.1001: 0.5, 1.0: 0.5}),
        ("confidence, corrected code", {0.0: 0.0, 0.05: 0.25, 0.1: 0.5, 1.0: 0.5}),
        ("entropy", {0.05: 0.25, 1.0: 0.5}),
    ],
)
def test_coefficients_follow_the_published_schedules(name, at):
    loss = LOSSES[name]
    assert isinstance(loss, Confidence)
    assert {progress: loss.coefficient(progress) for progress in at} == pytest.approx(at, rel=ROUNDING)


def test_the_released_schedule_is_ten_times_too_low_and_then_jumps():
    released, corrected = Confidence(jumps=True), Confidence()
    assert corrected.coefficient(0.1) == pytest.approx(10.0 * released.coefficient(0.1))
    assert released.coefficient(0.100001) == pytest.approx(10.0 * released.coefficient(0.1), rel=1e-4)
    assert Confidence(warmup=0.0).coefficient(0.0) == 0.5


@given(st.integers(0, 2**16), st.integers(2, 60))
def test_the_threshold_gives_two_classes_the_balance_asked_for_to_a_row(seed, n):
    rng = np.random.default_rng(seed)
    p, q = rng.dirichlet([1.0, 4.0], n), rng.random()
    hard = hard_labels(p, np.array([1.0 - q, q]))
    assert hard[:, 1].sum() == np.ceil(q * (n - 1))
    assert p[hard[:, 0] == 1, 0].min(initial=1.0) > p[hard[:, 1] == 1, 0].max(initial=0.0)  # the surest of class 0


def test_the_rule_for_many_classes_is_the_rule_for_two_and_nearly_keeps_the_balance():
    rng = np.random.default_rng(0)
    p = rng.dirichlet([1.0, 2.0], 31)
    balance = np.array([0.3, 0.7])
    thresholds = [np.quantile(p[:, 0], 0.7), np.quantile(p[:, 1], 0.3)]
    np.testing.assert_array_equal(hard_labels(p, balance)[:, 0], (p - thresholds).argmax(axis=1) == 0)
    p = rng.dirichlet([6.0, 1.0, 1.0], 3000)
    balance = np.array([0.2, 0.3, 0.5])
    hard = hard_labels(p, balance)
    by_hand = p - np.array([np.quantile(p[:, c], 1.0 - balance[c]) for c in range(3)])
    np.testing.assert_array_equal(hard.argmax(axis=1), by_hand.argmax(axis=1))
    assert np.array_equal(np.unique(hard), [0.0, 1.0]) and np.array_equal(hard.sum(axis=1), np.ones(3000))
    fixed = hard_labels(p, None).mean(axis=0)
    assert np.abs(hard.mean(axis=0) - balance).max() < 0.1 < 0.4 < np.abs(fixed - balance).max()


@pytest.mark.parametrize(("name", "share"), [("confidence, paper", 0.5), ("confidence, released code", 10 / 32)])
def test_the_paper_halves_a_batch_where_its_code_keeps_the_balance_of_the_weak_labels(name, share):
    p = np.random.default_rng(0).dirichlet([1.0, 4.0], 32)
    target = LOSSES[name].target(p, np.log(p), np.tile([0.7, 0.3], (32, 1)), Moment())  # type: ignore[attr-defined]
    own = (target - 0.5 * np.array([0.7, 0.3])) / 0.5
    assert own[:, 1].mean() == pytest.approx(share)
    if share == 0.5:
        np.testing.assert_allclose(own[:, 1], p[:, 1] > np.median(p[:, 1]), atol=ROUNDING)


def test_the_median_of_many_classes_asks_for_equally_frequent_ones():
    p = np.random.default_rng(1).dirichlet([6.0, 1.0, 1.0], 3000)
    labels = np.tile([0.8, 0.1, 0.1], (3000, 1))
    own = Confidence(1.0, threshold="median").target(p, np.log(p), labels, Moment())
    np.testing.assert_array_equal(own, hard_labels(p, np.full(3, 1.0 / 3.0)))
    assert np.abs(own.mean(axis=0) - 1.0 / 3.0).max() < 0.1 < 0.4 < np.mean(p.argmax(axis=1) == 0) - 1.0 / 3.0


@pytest.mark.parametrize("threshold", ["median", "batch", "history", "half"])
@pytest.mark.parametrize("classes", [2, 3])
def test_one_row_alone_has_the_class_of_its_largest_p(threshold, classes):
    """It has no quantiles: its only value is every one of them, which would make each batch of one class 0."""
    loss = Confidence(1.0, threshold=threshold)
    for p in np.random.default_rng(0).dirichlet(np.ones(classes), 20):
        target = loss.target(p[None], np.log(p[None]), np.full((1, classes), 1.0 / classes), Moment(past=np.empty((0, classes))))
        assert target[0].argmax() == p.argmax()


def test_rows_that_tie_with_the_threshold_are_all_class_0():
    np.testing.assert_array_equal(hard_labels(np.full((6, 2), 0.5), np.array([0.5, 0.5]))[:, 0], np.ones(6))


def test_a_fixed_threshold_collapses_where_the_adaptive_one_keeps_the_balance():
    """A student that believes in class 0 everywhere, a little less so where it should not."""
    p0 = np.linspace(0.55, 0.95, 40)
    p = np.stack([p0, 1.0 - p0], axis=1)
    labels = np.full((40, 2), 0.5)
    logs = np.log(p)
    collapsed = Confidence(1.0, threshold="half").target(p, logs, labels, Moment())
    kept = Confidence(1.0).target(p, logs, labels, Moment())
    assert collapsed.mean(axis=0).tolist() == [1.0, 0.0]
    assert kept.mean(axis=0).tolist() == [0.5, 0.5]


def test_a_history_decides_by_past_predictions_too():
    rng = np.random.default_rng(1)
    past, p = rng.dirichlet([1.0, 1.0], 500), rng.dirichlet([8.0, 1.0], 20)
    labels, loss = np.full((20, 2), 0.5), Confidence(1.0, threshold="history")
    with_past = loss.target(p, np.log(p), labels, Moment(past=past))
    median = np.median(np.concatenate([past, p])[:, 0])
    np.testing.assert_array_equal(with_past[:, 0], p[:, 0] >= median)
    assert with_past[:, 0].mean() > 0.8
    without = loss.target(p, np.log(p), labels, Moment())
    np.testing.assert_array_equal(without, Confidence(1.0).target(p, np.log(p), labels, Moment(past=past)))
    assert without[:, 0].mean() == 0.5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: CrossEntropy().terms(np.zeros((2, 2)), np.zeros((2, 2))), "sum to 1 in every row.*off by 1"),
        (lambda: CrossEntropy().terms(np.zeros((2, 2)), [[1.5, -0.5], [0.5, 0.5]]), "non-negative"),
        (lambda: CrossEntropy().terms(np.zeros((2, 2)), [[1.0], [1.0]]), "one column per class"),
        (lambda: CrossEntropy().terms(np.zeros((3, 2)), [[0.5, 0.5]]), "scores must have the shape of labels"),
        (lambda: CrossEntropy().terms([[np.nan, 0.0]], [[0.5, 0.5]]), "scores must be finite"),
        (lambda: CrossEntropy().terms([[0.0, 0.0]], [[np.nan, 0.5]]), "labels must be finite"),
        (lambda: Moment(1.5), r"progress must lie in \[0, 1\]"),
        (lambda: Moment(float("nan")), "progress"),
        (lambda: Confidence(1.5), "highest"),
        (lambda: Confidence(warmup=-0.1), "warmup"),
        (lambda: Confidence(threshold="mean"), "threshold must be 'median', 'batch'"),  # type: ignore[arg-type]
        (lambda: Window(0.7), "radius must lie"),
        (lambda: Product(weak=0.0), "weak must be a finite number > 0"),
        (lambda: Symmetric(forward=-1.0), "forward"),
        (lambda: Adaptive(0.7), "confidence must lie"),
        (lambda: Adaptive(quantile=1.0), "quantile must lie"),
        (lambda: Confidence().terms(np.zeros((1, 2)), [[0.5, 0.5]], Moment(past=np.full((3, 2), np.nan))), "past must be finite"),
        (
            lambda: Confidence().terms(np.zeros((1, 2)), [[0.5, 0.5]], Moment(past=np.full((3, 3), 1 / 3))),
            "past must have the 2 col",
        ),
        (lambda: FreeScores(CrossEntropy(), [[0.0, 1.0]], [[0.5, 0.5]]), "start must be positive"),
        (lambda: FreeScores(CrossEntropy(), [[0.5, 0.5]], [[0.2, 0.3, 0.5]]), "start must have the shape"),
        (lambda: FreeScores(ReverseKL(), [[0.5, 0.5]], [[0.0, 1.0]]), "labels must be positive"),
        (lambda: settle(memoriser(CrossEntropy()), step=0.0), "step"),
    ],
)
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
