"""Metrics against scikit-learn, pair counting and re-evaluation: values, weights, influences, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tolerances import JACKKNIFE, ROUNDING
from w2s_theory.quantities.metrics import BINS, METRICS, as_metric

HARD = ("accuracy", "balanced_accuracy", "f1")
SMOOTH = tuple(name for name in METRICS if name != "ece")


def predictions(classes, n=80, seed=0, digits=1):
    """Coarse probabilities (many ties), better than chance, and labels in which every class occurs."""
    rng = np.random.default_rng(seed)
    labels = np.append(np.arange(classes), rng.integers(0, classes, n - classes))
    raw = np.round(rng.dirichlet(np.ones(classes), n) + 0.6 * np.eye(classes)[labels], digits) + 0.01
    return raw / raw.sum(axis=1, keepdims=True), labels


@pytest.mark.parametrize("classes", [2, 4])
def test_metrics_agree_with_scikit_learn(classes):
    peer = pytest.importorskip("sklearn.metrics", reason="the peer needs the extra embeddings")
    chances, labels = predictions(classes)
    hard = chances.argmax(axis=1)
    expected = {
        "accuracy": peer.accuracy_score(labels, hard),
        "balanced_accuracy": peer.balanced_accuracy_score(labels, hard),
        "f1": peer.f1_score(labels, hard, average="binary" if classes == 2 else "macro"),
        "auc": peer.roc_auc_score(labels, chances[:, 1] if classes == 2 else chances, multi_class="ovr"),
        "cross_entropy": peer.log_loss(labels, chances),
    }
    for name, value in expected.items():
        assert as_metric(name)(chances, labels) == pytest.approx(value, rel=ROUNDING)
    for name in HARD:
        assert as_metric(name)(hard, labels) == pytest.approx(expected[name], rel=ROUNDING)


@given(st.integers(0, 2**16), st.sampled_from([2, 3]))
def test_auc_counts_pairs_with_ties_half(seed, classes):
    chances, labels = predictions(classes, n=25, seed=seed)
    areas = []
    for c in [1] if classes == 2 else range(classes):
        up, down = chances[labels == c, c], chances[labels != c, c]
        areas.append(np.mean(0.5 * (up[:, None] > down) + 0.5 * (up[:, None] >= down)))
    assert as_metric("auc")(chances, labels) == pytest.approx(np.mean(areas), rel=ROUNDING)


def test_brier_and_calibration_error_agree_with_loops_over_points_and_bins():
    chances, labels = predictions(3, digits=3)
    brier = sum((p - (c == y)) ** 2 for row, y in zip(chances, labels, strict=True) for c, p in enumerate(row)) / len(labels)
    assert as_metric("brier")(chances, labels) == pytest.approx(brier, rel=ROUNDING)
    total = 0.0
    assert BINS == 15  # as the table of the metrics says
    for b in range(BINS):
        inside = [i for i, row in enumerate(chances) if b / BINS < max(row) <= (b + 1) / BINS]
        total += abs(sum((np.argmax(chances[i]) == labels[i]) - max(chances[i]) for i in inside)) / len(labels)
    assert as_metric("ece")(chances, labels) == pytest.approx(total, rel=ROUNDING)


@pytest.mark.parametrize("name", METRICS)
@given(seed=st.integers(0, 2**16), classes=st.sampled_from([2, 3]))
def test_weights_count_as_copies_of_points_and_leading_axes_are_kept(name, seed, classes):
    chances, labels = predictions(classes, n=30, seed=seed)
    both = np.stack([chances, chances[::-1]])
    copies = np.random.default_rng(seed).integers(0, 3, (4, 30))
    copies[:, : 2 * classes] += 1
    weighted = as_metric(name).evaluate(both, labels).at(copies.astype(float))
    for model, row in zip(both, weighted, strict=True):
        direct = [as_metric(name)(np.repeat(model, many, axis=0), np.repeat(labels, many)) for many in copies]
        np.testing.assert_allclose(row, direct, rtol=ROUNDING, atol=ROUNDING)


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("classes", [2, 3])
def test_the_influence_is_what_leaving_a_point_out_does(name, classes):
    n = 2000
    chances, labels = predictions(classes, n=n, seed=1)
    evaluation = as_metric(name).evaluate(chances, labels)
    assert evaluation.influence is not None
    left_out = evaluation.at(np.ones((60, n)) - np.eye(60, n, k=classes))
    jackknife = (n - 1) * (evaluation.value - left_out)
    scale = np.std(evaluation.influence)
    assert np.mean(evaluation.influence) == pytest.approx(0.0, abs=ROUNDING * n)
    np.testing.assert_allclose(evaluation.influence[classes : classes + 60], jackknife, atol=JACKKNIFE * scale)


@pytest.mark.parametrize("name", ["f1", "auc"])
def test_a_test_set_without_a_class_is_judged_as_the_others_are(name):
    chances, labels = predictions(3, n=60)
    kept = labels < 2
    chances, labels = chances[kept], labels[kept]
    own = [as_metric(name)(np.stack([1.0 - chances[:, c], chances[:, c]], axis=1), labels == c) for c in (0, 1)]
    if name == "f1":
        hard = chances.argmax(axis=1)
        own = [2 * np.sum((hard == c) & (labels == c)) / np.sum((hard == c).astype(int) + (labels == c)) for c in (0, 1)]
    assert as_metric(name)(chances, labels) == pytest.approx(np.mean(own), rel=ROUNDING)
    assert own[1] != pytest.approx(np.mean(own), rel=ROUNDING)  # which is what class 1 of two would be given


def test_a_perfect_model_and_a_constant_one_have_the_values_that_they_must():
    labels = np.array([0, 1, 1, 0, 1])
    sure = np.where(np.arange(2) == labels[:, None], 1.0 - 1e-12, 1e-12)
    flat = np.full((5, 2), 0.5)
    values = {name: (float(m(sure, labels)), float(m(flat, labels))) for name, m in METRICS.items()}
    assert values["accuracy"] == pytest.approx((1.0, 0.4))
    assert values["balanced_accuracy"] == pytest.approx((1.0, 0.5))
    assert values["f1"] == pytest.approx((1.0, 0.0))
    assert values["auc"] == pytest.approx((1.0, 0.5))
    assert values["cross_entropy"] == pytest.approx((0.0, math.log(2.0)), abs=1e-9)
    assert values["brier"] == pytest.approx((0.0, 0.5))
    assert values["ece"] == pytest.approx((0.0, 0.1), abs=1e-9)


def test_each_metric_knows_which_way_is_up():
    assert {name for name, m in METRICS.items() if m.higher_is_better} == {"accuracy", "balanced_accuracy", "f1", "auc"}
    assert all(m.sign == (1.0 if m.higher_is_better else -1.0) for m in METRICS.values())
    assert as_metric(METRICS["auc"]) is METRICS["auc"]


def test_bad_predictions_and_labels_are_refused():
    chances, labels = predictions(3, n=10)
    refusals = {
        "metric must be": lambda: as_metric("accurracy"),
        "whole numbers >= 0; one": lambda: as_metric("accuracy")(chances, labels - 1),
        "whole numbers >= 0; one of them is 0.5": lambda: as_metric("accuracy")(chances, labels + 0.5),
        "one row per label": lambda: as_metric("accuracy")(chances[:9], labels),
        "column for each class": lambda: as_metric("brier")(chances[:, :2], labels),
        "must be probabilities": lambda: as_metric("brier")(2 * chances, labels),
        "must be finite": lambda: as_metric("brier")(chances * np.nan, labels),
        "hard predictions": lambda: as_metric("f1")(labels[:9], labels),
        "at least two classes": lambda: as_metric("balanced_accuracy")(chances, 0 * labels),
        "at least two classes; all of them are 1": lambda: as_metric("auc")(chances, 0 * labels + 1),
        "positive probability": lambda: as_metric("cross_entropy")(np.eye(3)[labels[::-1]], labels),
        "at least 2 dimension": lambda: as_metric("auc")(labels, labels),
    }
    for message, call in refusals.items():
        with pytest.raises(ValueError, match=message):
            call()


def test_a_resample_without_a_class_has_no_value():
    chances, labels = predictions(2, n=10)
    weights = (labels == 0).astype(float)[None]
    for name in ("balanced_accuracy", "auc"):
        assert np.isnan(as_metric(name).evaluate(chances, labels).at(weights)).all()


def test_the_bounds_of_a_score_are_attained_by_the_best_and_the_worst_certain_answer():
    right, wrong = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[0.0, 1.0], [1.0, 0.0]])
    for name in ("accuracy", "brier"):
        both = [as_metric(name).evaluate(answers, np.array([0, 1])) for answers in (right, wrong)]
        assert both[0].bounds == tuple(sorted(float(each.value) for each in both))


def test_certain_answers_fall_into_the_last_bin_of_the_calibration_error():
    certain = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    assert as_metric("ece")(certain, np.array([0, 0, 0, 1])) == pytest.approx(0.25, rel=ROUNDING)
