"""Mixtures of softmax heads against the plain objective, scipy's minimiser, the single head they contain, and a known mixture."""

from __future__ import annotations

import array_api_strict
import numpy as np
import pytest
import scipy.optimize
import scipy.special
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tolerances import BFGS, FINITE_DIFFERENCE, ROUNDING, SOFTMAX
from w2s_theory.divergences import KL
from w2s_theory.students.feature_space import feature_space
from w2s_theory.students.mixtures import _Mixture, fit_mixture
from w2s_theory.students.softmax import fit_softmax

LOSSES = ("forward_kl", "reverse_kl", "squared")


@pytest.fixture
def rng():
    return np.random.default_rng(20250119)


def problem(rng, n=60, d=3, tasks=2, classes=2):
    features = rng.normal(size=(n, d)) + 0.5
    labels = rng.dirichlet(2.0 * np.ones(classes), size=(n, tasks))
    return features, labels[..., 1] if classes == 2 else labels, rng.uniform(0.2, 2.0, size=n)


def plain(loss, features, labels, weights, penalty, k):
    """The objective of one task, written down: a function of heads (k, d, q), intercepts (k, q) and logits (k,), flat."""
    d = features.shape[1]
    q = 1 if labels.ndim == 1 else labels.shape[1]
    target = np.stack([1 - labels, labels], axis=1) if q == 1 else labels

    def objective(flat):
        heads, offset, logits = np.split(flat, [k * d * q, k * (d + 1) * q])
        heads, share = heads.reshape(k, d, q), scipy.special.softmax(logits)
        scores = features @ heads + offset.reshape(k, 1, q)
        if q == 1:
            scores = np.concatenate([np.zeros_like(scores), scores], axis=2)
        p = np.einsum("j,jnc->nc", share, scipy.special.softmax(scores, axis=2))
        if loss == "forward_kl":
            value = np.sum(scipy.special.rel_entr(target, p), axis=1)
        elif loss == "reverse_kl":
            value = np.sum(scipy.special.rel_entr(p, target), axis=1)
        else:
            value = np.sum((p - target) ** 2, axis=1)
        return float(weights @ value + 0.5 * penalty * share @ np.sum(heads**2, axis=(1, 2)))

    return objective


def flat(fit, task):
    parts = fit.coefficients[:, :, task], fit.intercept[:, task], np.log(fit.weights[:, task])
    return np.concatenate([np.ravel(part) for part in parts])


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("loss", LOSSES)
def test_the_gradient_is_the_slope_of_the_objective_and_a_wrong_one_is_seen(rng, loss, classes):
    features, labels, weights = problem(rng, classes=classes)
    table = np.stack([1 - labels, labels]) if classes == 2 else np.moveaxis(labels, 2, 0)
    space = feature_space(features, weights, True)
    mixture = _Mixture(space, table, np.array([0.5, 2.0]), loss, 3, classes == 2)
    points, along = rng.normal(size=(2, 3 * space.size * (1 if classes == 2 else classes) + 3, 2))
    slope = (mixture.evaluate(points + 1e-5 * along).loss - mixture.evaluate(points - 1e-5 * along).loss) / 2e-5
    gradient = np.sum(mixture.evaluate(points).gradient * along, axis=0)
    assert gradient == pytest.approx(slope, rel=FINITE_DIFFERENCE, abs=FINITE_DIFFERENCE * len(features))
    assert 1.1 * gradient != pytest.approx(slope, rel=0.05)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("loss", LOSSES)
def test_the_objective_is_the_plain_one_and_no_general_minimiser_gets_lower_from_there(rng, loss, classes):
    features, labels, weights = problem(rng, classes=classes)
    penalty = np.array([0.3, 1.0])
    fit = fit_mixture(
        features, labels, heads=2, penalty=penalty, loss=loss, weights=weights, intercept=True, tolerance=1e-8, rng=rng
    )
    assert np.all(fit.converged)
    for task in range(2):
        objective, found = plain(loss, features, labels[:, task], weights, penalty[task], 2), flat(fit, task)
        assert objective(found) == pytest.approx(fit.objective[task], rel=ROUNDING)
        assert scipy.optimize.minimize(objective, found, method="BFGS").fun >= fit.objective[task] - BFGS
        assert plain(loss, features, labels[:, task], weights, 1.1 * penalty[task], 2)(found) > fit.objective[task] * 1.0001


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("loss", LOSSES)
def test_one_head_is_the_softmax_head(rng, loss, classes):
    features, labels, weights = problem(rng, classes=classes)
    fit = fit_mixture(features, labels, heads=1, loss=loss, weights=weights, intercept=True, tolerance=1e-10, rng=rng)
    single = fit_softmax(features, labels, loss=loss, weights=weights, intercept=True, tolerance=1e-10)
    assert np.all(fit.weights == 1.0) and np.all(fit.converged)
    assert fit.coefficients[0] == pytest.approx(single.coefficients, abs=SOFTMAX)
    assert fit.predict(features) == pytest.approx(single.predict(features), abs=SOFTMAX)


@settings(max_examples=15)
@given(
    st.sampled_from(LOSSES), st.integers(2, 3), st.integers(2, 4), st.integers(1, 20), st.integers(1, 6), st.integers(0, 2**32)
)
def test_more_heads_are_never_worse_than_one(loss, classes, heads, n, d, seed):
    rng = np.random.default_rng(seed)
    features, labels, weights = problem(rng, n, d, classes=classes)
    options = {"loss": loss, "weights": weights, "penalty": 0.1, "rng": rng, "max_iterations": 60}
    many = fit_mixture(features, labels, heads=heads, starts=2, **options)
    one = fit_mixture(features, labels, heads=1, **options)
    assert np.all(many.objective <= one.objective * (1 + ROUNDING) + ROUNDING * n)
    assert np.sum(many.weights, axis=0) == pytest.approx(np.ones(2), rel=ROUNDING)
    p = many.predict(features)
    assert np.all((p >= 0) & (p <= 1))


@pytest.mark.parametrize("loss", ["forward_kl", "reverse_kl"])
def test_labels_that_are_a_mixture_of_two_heads_are_learnt_by_two_and_not_by_one(rng, loss):
    features = rng.normal(size=(300, 2))
    heads = 3.0 * rng.normal(size=(2, 2, 3))
    labels = np.einsum("j,jnc->nc", [0.3, 0.7], scipy.special.softmax(features @ heads, axis=-1))[:, None, :]
    two, one = (fit_mixture(features, labels, heads=k, loss=loss, penalty=1e-6, starts=4, rng=rng) for k in (2, 1))
    assert one.objective[0] > 1.0
    assert two.objective[0] < 1e-3
    assert two.predict(features) == pytest.approx(labels, abs=1e-3)
    assert np.sort(two.weights[:, 0]) == pytest.approx([0.3, 0.7], abs=1e-2)


def test_by_reverse_kl_many_heads_gain_their_misfit_and_a_single_head_does_not(rng):
    """The target is a mixture of two heads. Six heads are close to a convex class, one is not: theory gives it no guarantee, and it fails."""
    features = rng.normal(size=(200, 2))
    heads = 2.0 * rng.normal(size=(2, 2, 3))
    target = np.einsum("j,jnc->nc", [0.5, 0.5], scipy.special.softmax(features @ heads, axis=-1))
    weak = scipy.special.softmax(np.log(target) + 0.7 * rng.normal(size=target.shape), axis=-1)
    divergence, shares = KL().between, []
    for k in (1, 6):
        fit = fit_mixture(features, weak[:, None, :], heads=k, penalty=1e-6, starts=2, max_iterations=300, rng=rng)
        student = fit.predict(features)[:, 0]
        gain = np.mean(divergence(target, weak) - divergence(target, student))
        shares.append(gain / np.mean(divergence(student, weak)))
    assert shares[0] < 0.9 and shares[1] > 0.95


@pytest.mark.parametrize("classes", [2, 3])
def test_every_library_gives_the_same_mixture(rng, classes):
    torch = pytest.importorskip("torch")
    features, labels, _ = problem(rng, 20, 2, classes=classes)
    options = {"heads": 2, "penalty": 0.5, "intercept": True, "starts": 1}
    expected = fit_mixture(features, labels, **options, rng=np.random.default_rng(3))
    for library in (array_api_strict, torch):
        arrays = library.asarray(features), library.asarray(labels)
        fit = fit_mixture(*arrays, **options, rng=np.random.default_rng(3))
        assert np.asarray(fit.objective) == pytest.approx(expected.objective, rel=SOFTMAX)
        assert np.asarray(fit.predict(arrays[0])).shape == expected.predict(features).shape
    short = fit_mixture(features.astype(np.float32), labels, **options, rng=np.random.default_rng(3))
    assert short.predict(features).dtype == np.float32 and np.all(short.residual <= 1e-5)
    assert short.objective == pytest.approx(expected.objective, rel=1e-4)


def test_a_single_task_has_no_task_axis_and_an_early_stop_is_recorded(rng):
    features, labels, _ = problem(rng)
    fit = fit_mixture(features, labels[:, 0], heads=3, max_iterations=3, rng=rng)
    assert fit.weights.shape == (3,) and fit.coefficients.shape == (3, 3) and fit.intercept.shape == (3,)
    assert fit.predict(features).shape == (60,) and fit.objective.shape == fit.residual.shape == ()
    assert not fit.converged and fit.residual > 1e-6


def test_features_that_say_nothing_give_the_mean_log_odds(rng):
    labels = rng.uniform(0.1, 0.9, size=(20, 2))
    fit = fit_mixture(np.zeros((20, 3)), labels, heads=2, intercept=True, rng=rng)
    expected = scipy.special.expit(np.mean(scipy.special.logit(labels), axis=0))
    assert np.all(fit.converged) and fit.predict(np.zeros((1, 3)))[0] == pytest.approx(expected, abs=SOFTMAX)


def test_bad_input_is_refused_by_name(rng):
    features, labels, _ = problem(rng)
    with pytest.raises(ValueError, match="heads must be a whole number"):
        fit_mixture(features, labels, heads=0, rng=rng)
    with pytest.raises(ValueError, match="starts must be a whole number"):
        fit_mixture(features, labels, heads=2, starts=0, rng=rng)
    with pytest.raises(TypeError, match=r"numpy\.random\.Generator"):
        fit_mixture(features, labels, heads=2, rng=7)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="strictly between 0 and 1"):
        fit_mixture(features, np.round(labels), heads=2, rng=rng)
    with pytest.raises(ValueError, match="loss must be one of"):
        fit_mixture(features, labels, heads=2, loss="hinge", rng=rng)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="the 3 columns"):
        fit_mixture(features, labels, heads=2, max_iterations=2, rng=rng).predict(features[:, :2])
