"""The softmax rule as a classifier: against another solver, the choice of penalty against brute force, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from tests.tolerances import BFGS, ROUNDING, SOFTMAX_RULE
from w2s_theory.problems.classification import stratified
from w2s_theory.students.classifiers import FLOOR, MIXING, PENALTIES, SoftmaxRule


@pytest.fixture
def rng():
    return np.random.default_rng(20231214)


@pytest.fixture(params=[2, 4])
def data(request, rng):
    """Features and soft labels of 2 or 4 classes that a linear head explains in part."""
    features = rng.normal(size=(150, 5)) * np.linspace(0.5, 2.0, 5) + 1.0
    scores = features @ rng.normal(size=(5, request.param)) + 0.5 * rng.normal(size=(150, request.param))
    labels = np.exp(scores - scores.max(axis=1, keepdims=True))
    return features, labels / labels.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("wrong", [1.0, 1.1])
def test_forward_kl_is_the_logistic_regression_of_scikit_learn_with_every_class_weighted_by_its_share(data, rng, wrong):
    """A soft label is C rows with one class each, weighted by its probabilities."""
    linear_model = pytest.importorskip("sklearn.linear_model")
    features, labels = data
    classes = labels.shape[1]
    peer = linear_model.LogisticRegression(C=1.0 / (2.5 * wrong), tol=1e-10, max_iter=5000)
    peer.fit(np.repeat(features, classes, axis=0), np.tile(np.arange(classes), len(features)), sample_weight=labels.ravel())
    ours = SoftmaxRule(penalty=2.5).fit(features, labels, rng=rng).predict(features)
    agree = np.max(np.abs(ours - peer.predict_proba(features))) <= SOFTMAX_RULE
    assert agree if wrong == 1.0 else not agree


def test_reverse_kl_is_the_minimum_that_another_optimiser_finds(rng):
    from scipy import optimize

    features = rng.normal(size=(60, 2))
    labels = rng.dirichlet(np.ones(3), size=60)

    def probabilities(theta):
        scores = features @ theta[:6].reshape(2, 3) + theta[6:]
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        return scores / scores.sum(axis=1, keepdims=True)

    def objective(theta, mixing):
        model, target = probabilities(theta), (1.0 - mixing) * labels + mixing / 3.0
        return np.sum(model * np.log(model / target)) + 0.5 * 0.7 * np.sum(theta[:6] ** 2)

    peer = optimize.minimize(objective, np.zeros(9), args=(MIXING,), options={"gtol": 1e-6})
    fit = SoftmaxRule("reverse_kl", penalty=0.7).fit(features, labels, rng=rng)
    theta = np.concatenate([fit.heads.coefficients[:, 0].ravel(), fit.heads.intercept[0]])
    assert objective(theta, MIXING) == pytest.approx(peer.fun, abs=BFGS) and fit.residual <= 1e-6
    # The share of the uniform distribution matters, and it can be seen here.
    assert abs(optimize.minimize(objective, np.zeros(9), args=(0.0,)).fun - peer.fun) > 1e-3


@pytest.mark.parametrize("loss", ["forward_kl", "reverse_kl"])
def test_the_holdout_penalty_is_the_best_of_the_grid_on_a_fifth_of_the_same_labels(data, loss):
    """One fit per penalty, one at a time, with the same draw of the held-out rows."""
    features, labels = data
    held, kept = np.split(stratified(np.argmax(labels, axis=1), rng=np.random.default_rng(5)), [30])

    def spread(rows):
        return rows.shape[0] * np.sum(np.var(rows, axis=0))

    losses = []
    for penalty in PENALTIES * spread(features[kept]):
        fit = SoftmaxRule(loss, penalty=float(penalty)).fit(features[kept], labels[kept], rng=np.random.default_rng(0))
        losses.append(-np.sum(labels[held] * np.log(fit.predict(features[held]))))
    best = SoftmaxRule(loss).fit(features, labels, rng=np.random.default_rng(5))
    assert best.penalty == pytest.approx(PENALTIES[np.argmin(losses)] * spread(features), rel=ROUNDING)
    assert max(losses) > 1.05 * min(losses)


def test_the_holdout_shrinks_labels_that_the_features_say_nothing_about(rng):
    """Then the best prediction is the mean label; a single fifth may err, four of them together do not."""
    spread = []
    for _ in range(4):
        features, labels = rng.normal(size=(400, 20)), np.eye(3)[rng.integers(0, 3, size=400)]
        chosen, loose = (rule.fit(features, labels, rng=rng) for rule in (SoftmaxRule(), SoftmaxRule(penalty=1e-3)))
        assert chosen.penalty > 1e-2 * 400 * 20
        spread.append([np.std(fit.predict(features), axis=0).mean() for fit in (chosen, loose)])
    shrunk, free = np.mean(spread, axis=0)
    assert shrunk < 0.4 * free
    features = rng.normal(size=(400, 20))
    known = np.eye(3)[np.argmax(features[:, :3], axis=1)]
    assert SoftmaxRule().fit(features, known, rng=rng).penalty < 1e-3 * 400 * 20


def test_a_class_of_one_row_is_always_among_the_rows_that_the_holdout_fits():
    """A fifth that took it left nothing to fit it by; 0 and 1 for the class, and a little weight for it in one row of another class."""
    hard = np.eye(3)[np.repeat([0, 1, 2], [15, 14, 1])]
    soft = np.eye(3)[np.repeat([0, 1], 15)]
    soft[4] = [0.6, 0.0, 0.4]
    for seed in range(25):
        rng = np.random.default_rng(seed)
        for labels in (hard, soft):
            fit = SoftmaxRule().fit(rng.normal(size=(30, 2)), labels, rng=rng)
            assert fit.predict(np.zeros((1, 2))).shape == (1, 3)


def test_labels_in_single_precision_are_as_good(data):
    features, labels = data
    one, other = (
        SoftmaxRule(penalty=2.5).fit(features, y, rng=np.random.default_rng(0)) for y in (labels, labels.astype(np.float32))
    )
    assert np.abs(labels.astype(np.float32).sum(axis=1, dtype=np.float64) - 1.0).max() > 1e-9
    assert other.predict(features) == pytest.approx(one.predict(features), abs=SOFTMAX_RULE)


def test_probabilities_are_positive_and_sum_to_one_however_far_out(data, rng):
    features, labels = data
    hard = np.eye(labels.shape[1])[np.argmax(labels, axis=1)]
    for loss in ("forward_kl", "reverse_kl"):
        predicted = SoftmaxRule(loss, penalty=1e-3).fit(features, hard, rng=rng).predict(1e4 * features)
        assert predicted.shape == labels.shape and predicted.min() >= 0.5 * FLOOR
        assert predicted.sum(axis=1) == pytest.approx(np.ones(150), abs=ROUNDING)


def test_the_scale_of_the_features_does_not_matter(data):
    features, labels = data
    one, other = (SoftmaxRule().fit(scale * features, labels, rng=np.random.default_rng(5)) for scale in (1.0, 100.0))
    assert other.penalty == pytest.approx(1e4 * one.penalty)
    assert other.predict(100.0 * features) == pytest.approx(one.predict(features), abs=SOFTMAX_RULE)


@pytest.mark.parametrize(
    ("features", "labels", "match"),
    [
        (np.ones((4, 2)), np.full((4, 2), 0.5), "at least 5 rows; there are 4"),
        (np.ones((6, 2)), np.full((5, 2), 0.5), "one row per row of features"),
        (np.ones((6, 2)), np.ones((6, 1)), "two or more columns"),
        (np.ones((6, 2)), np.full((6, 2), 0.6), "sum to 1"),
        (
            np.arange(10.0).reshape(5, 2),
            np.eye(5),
            "a row of every class beside the held-out fifth; there are 5 classes and 5 rows",
        ),
        (np.full((6, 2), np.nan), np.full((6, 2), 0.5), "features must be finite"),
        (np.ones((6, 2)), np.full((6, 2), 0.5), "features must vary"),
        (np.arange(12.0).reshape(6, 2), np.tile([1.0, 0.0], (6, 1)), "give weight to every class"),
    ],
)
def test_bad_labels_and_features_are_refused(features, labels, match, rng):
    with pytest.raises(ValueError, match=match):
        SoftmaxRule().fit(features, labels, rng=rng)


def test_bad_rules_are_refused():
    with pytest.raises(ValueError, match="'forward_kl' or 'reverse_kl'; it is 'squared'"):
        SoftmaxRule("squared")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="penalty must be a finite number > 0"):
        SoftmaxRule(penalty=0.0)
