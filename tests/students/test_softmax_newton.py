"""Newton's softmax heads: against the large-scale solver, a general optimiser, finite differences, repeated rows, and bad input."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import logsumexp, softmax

from tests.tolerances import BFGS, FINITE_DIFFERENCE, ROUNDING, SOFTMAX
from w2s_theory.students.softmax import fit_softmax
from w2s_theory.students.softmax_newton import softmax_newton


def sample(n=25, d=3, classes=3, tasks=2, seed=0):
    rng = np.random.default_rng(seed)
    labels = 0.98 * rng.dirichlet(np.ones(classes), size=(tasks, n)) + 0.02 / classes
    return rng.standard_normal((n, d)), labels, rng.uniform(0.5, 1.5, n)


def loss(head, features, labels, v, penalty):
    """Cross-entropy less the labels' entropy, plus the penalty, from the definition."""
    scores = features @ head.reshape(features.shape[1], -1)
    log_p = scores - logsumexp(scores, axis=-1, keepdims=True)
    return float(v @ np.sum(labels * (np.log(labels) - log_p), axis=-1)) + penalty / 2 * float(np.sum(head**2))


@pytest.mark.parametrize("penalty", [0.1, 3.0])
def test_heads_agree_with_the_large_scale_solver(penalty):
    features, labels, v = sample()
    fit = softmax_newton(features, labels, penalty=penalty, weights=v)
    v = v / v.mean()
    peer = fit_softmax(features, labels.transpose(1, 0, 2), penalty=penalty, weights=v, tolerance=1e-10)
    assert np.allclose(fit.coefficients, np.asarray(peer.coefficients).transpose(1, 0, 2), rtol=0, atol=SOFTMAX)


@pytest.mark.parametrize("penalty", [0.0, 0.5])
def test_the_loss_agrees_with_a_general_optimiser_and_the_gradient_with_differences(penalty):
    features, labels, v = sample()
    v = v / v.mean()
    fit = softmax_newton(features, labels, penalty=penalty, weights=v)
    for task in range(2):
        peer = minimize(loss, np.zeros(9), args=(features, labels[task], v, penalty), method="BFGS")
        ours = loss(fit.coefficients[task], features, labels[task], v, penalty)
        assert ours <= peer.fun + ROUNDING * 100
        assert ours == pytest.approx(peer.fun, rel=0, abs=BFGS)
    early = softmax_newton(features, labels, penalty=penalty, weights=v, limit=1)
    head = early.coefficients[0]
    steps = 1e-5 * np.eye(9).reshape(9, 3, 3)
    numeric = [
        (loss(head + e, features, labels[0], v, penalty) - loss(head - e, features, labels[0], v, penalty)) / 2e-5 for e in steps
    ]
    assert np.allclose(early.gradient[0].ravel(), numeric, rtol=0, atol=10 * FINITE_DIFFERENCE)
    assert np.linalg.norm(early.gradient) > 1e-3  # not yet the minimum: the comparison was not of zeros


@pytest.mark.parametrize("penalty", [0.0, 1.0])
def test_the_gradient_ends_at_rounding_and_heads_sum_to_zero(penalty):
    features, labels, v = sample()
    fit = softmax_newton(features, labels, penalty=penalty, weights=v)
    assert np.abs(fit.gradient).max() < ROUNDING
    assert np.abs(fit.coefficients.sum(axis=-1)).max() < ROUNDING * 100
    assert np.allclose(fit.values, softmax(features @ fit.coefficients, axis=-1), rtol=0, atol=ROUNDING)


def test_realizable_labels_are_reproduced_far_from_zero():
    features, _, _ = sample()
    head = 6.0 * np.random.default_rng(1).standard_normal((3, 3))
    labels = softmax(features @ head, axis=-1)
    fit = softmax_newton(features, labels)
    assert np.allclose(fit.values, labels, rtol=0, atol=SOFTMAX)


def test_features_that_repeat_themselves_do_not_stop_the_fit():
    features, labels, _ = sample()
    fit, repeated = (softmax_newton(rows, labels) for rows in (features, np.column_stack([features, features[:, 0]])))
    assert np.allclose(fit.values, repeated.values, rtol=0, atol=SOFTMAX)
    assert np.abs(repeated.gradient).max() < SOFTMAX


def test_a_weight_of_two_is_a_row_seen_twice_and_one_task_needs_no_axis():
    features, labels, _ = sample()
    twice = np.r_[2.0, np.ones(24)]
    weighted = softmax_newton(features, labels[0], penalty=0.7 * 25 / 26, weights=twice)
    repeated = softmax_newton(np.r_[features, features[:1]], np.r_[labels[0], labels[0, :1]], penalty=0.7)
    assert weighted.coefficients.shape == (3, 3)
    assert np.allclose(weighted.coefficients, repeated.coefficients, rtol=0, atol=SOFTMAX)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": [[0.5, 0.5]]}, r"labels must be \(..., 2, C\)"),
        ({"labels": [[1.0, 0.0], [0.5, 0.5]]}, "labels must hold strictly positive"),
        ({"features": [[np.nan], [1.0]]}, "features must be finite"),
        ({"penalty": -1.0}, "penalty must be a finite number >= 0"),
    ],
)
def test_bad_input_is_refused_by_name(change, message):
    good = {"features": [[1.0], [2.0]], "labels": [[0.5, 0.5], [0.2, 0.8]]}
    with pytest.raises(ValueError, match=message):
        softmax_newton(**{**good, **change})
