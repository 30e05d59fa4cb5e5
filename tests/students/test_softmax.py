"""Softmax heads against scikit-learn, scipy's minimiser on the plain objective, closed forms and their own optimality condition."""

from __future__ import annotations

import array_api_strict
import numpy as np
import pytest
import scipy.optimize
import scipy.special
from hypothesis import given
from hypothesis import strategies as st

from tests.tolerances import BFGS, FINITE_DIFFERENCE, ROUNDING, SOFTMAX, SOFTMAX_FLOAT32
from w2s_theory.divergences import KL
from w2s_theory.students import softmax
from w2s_theory.students.feature_space import feature_space
from w2s_theory.students.softmax import HeadsProblem, fit_softmax
from w2s_theory.students.softmax_losses import terms_of

LOSSES = ("forward_kl", "reverse_kl", "squared")
TIGHT = 1e-10


@pytest.fixture
def rng():
    return np.random.default_rng(20250115)


def problem(rng, n=60, d=4, tasks=3, classes=2):
    """Features off centre with unequal spreads, soft labels, unequal weights. Two classes: the probability of the second."""
    features = rng.normal(size=(n, d)) * np.geomspace(0.5, 2.0, d) + 0.7
    scores = np.einsum("nd,dtc->ntc", features, rng.normal(size=(d, tasks, classes))) + rng.normal(size=(n, tasks, classes))
    labels = scipy.special.softmax(scores, axis=-1)
    return features, labels[..., 1] if classes == 2 else labels, rng.uniform(0.2, 2.0, size=n)


def hard(labels):
    if labels.ndim == 2:
        return np.round(labels)
    return np.eye(labels.shape[2])[np.argmax(labels, axis=-1)]


def plain(loss, features, labels, weights, penalty, intercept):
    """The objective of one task, written down: a function of the flat heads (d, q) followed by q intercepts; q = 1 for labels (n,)."""
    d = features.shape[1]
    q = 1 if labels.ndim == 1 else labels.shape[1]
    target = np.stack([1 - labels, labels], axis=1) if q == 1 else labels

    def objective(flat):
        heads = flat[: d * q].reshape(d, q)
        scores = features @ heads + (flat[d * q :] if intercept else 0.0)
        if q == 1:
            scores = np.concatenate([np.zeros_like(scores), scores], axis=1)
        logs = scipy.special.log_softmax(scores, axis=1)
        p = np.exp(logs)
        if loss == "forward_kl":
            value = np.sum(scipy.special.rel_entr(target, p), axis=1)
        elif loss == "reverse_kl":
            value = np.sum(scipy.special.rel_entr(p, target), axis=1)
        else:
            value = np.sum((p - target) ** 2, axis=1)
        return float(weights @ value + 0.5 * penalty * np.sum(heads**2))

    return objective


def flat(fit, task, intercept):
    heads = np.ravel(fit.coefficients[:, task])
    return np.concatenate([heads, np.atleast_1d(fit.intercept[task])]) if intercept else heads


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("shape", [(60, 4), (12, 25)])
@pytest.mark.parametrize("classes", [2, 3])
def test_hard_labels_agree_with_scikit_learn(rng, classes, shape, intercept):
    linear_model = pytest.importorskip("sklearn.linear_model")
    features, _, weights = problem(rng, *shape)
    kinds = np.stack([rng.permutation(np.arange(shape[0]) % classes) for _ in range(3)], axis=1)  # every class occurs
    labels = kinds.astype(float) if classes == 2 else np.eye(classes)[kinds]
    fit = fit_softmax(features, labels, penalty=0.4, weights=weights, intercept=intercept, tolerance=TIGHT)
    assert np.all(fit.converged)
    for task in range(3):
        theirs = linear_model.LogisticRegression(C=1 / 0.4, fit_intercept=intercept, solver="newton-cholesky", tol=1e-10)
        theirs.fit(features, kinds[:, task], weights)
        ours = fit.predict(features)[:, task]
        expected = theirs.predict_proba(features)
        assert ours == pytest.approx(expected[:, 1] if classes == 2 else expected, abs=SOFTMAX)
        assert fit.coefficients[:, task].T.reshape(-1) == pytest.approx(theirs.coef_.reshape(-1), abs=SOFTMAX)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("loss", LOSSES)
def test_no_general_minimiser_finds_a_lower_objective(rng, loss, classes, intercept):
    features, labels, weights = problem(rng, classes=classes)
    penalty = np.array([0.5, 2.0, 0.1])
    fit = fit_softmax(features, labels, penalty=penalty, loss=loss, weights=weights, intercept=intercept)
    assert np.all(fit.converged)
    for task in range(3):
        objective = plain(loss, features, labels[:, task], weights, penalty[task], intercept)
        ours = flat(fit, task, intercept)
        theirs = scipy.optimize.minimize(objective, np.zeros_like(ours), method="BFGS")
        assert objective(ours) <= theirs.fun + BFGS
        assert ours == pytest.approx(theirs.x, abs=1e-3)


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("loss", LOSSES)
def test_the_gradient_is_the_slope_of_the_loss_and_a_wrong_one_is_seen(rng, loss, classes):
    features, labels, weights = problem(rng, classes=classes)
    space = feature_space(features, weights, True)
    terms = terms_of(loss, 1 if classes == 2 else classes)
    table = labels[None] if classes == 2 else np.moveaxis(labels, 2, 0)
    heads = HeadsProblem(space, terms.prepare(table), np.array([0.5, 2.0, 0.1]), terms)
    points, along = rng.normal(size=(2, space.size * table.shape[0], 3))
    slope = (heads.evaluate(points + 1e-5 * along).loss - heads.evaluate(points - 1e-5 * along).loss) / 2e-5
    gradient = np.sum(heads.evaluate(points).gradient * along, axis=0)
    assert gradient == pytest.approx(slope, rel=FINITE_DIFFERENCE, abs=FINITE_DIFFERENCE * len(features))
    assert 1.1 * gradient != pytest.approx(slope, rel=0.05)


@pytest.mark.parametrize("wrong", [1.0, 1.1])
@pytest.mark.parametrize("loss", LOSSES)
def test_the_residual_is_the_true_gradient_and_a_penalty_ten_per_cent_off_is_not_stationary(rng, loss, wrong):
    features, labels, weights = problem(rng)
    fit = fit_softmax(features, labels, penalty=5.0, loss=loss, weights=weights, tolerance=TIGHT)
    p, y, zero = fit.predict(features), labels, 0.5

    def slope(p):
        if loss == "forward_kl":
            return p - y
        return p * (1 - p) * (scipy.special.logit(p) - scipy.special.logit(y) if loss == "reverse_kl" else 4 * (p - y))

    gradient = features.T @ (weights[:, None] * slope(p)) + wrong * 5.0 * fit.coefficients
    start = features.T @ (weights[:, None] * slope(np.full_like(p, zero)))
    residual = np.linalg.norm(gradient, axis=0) / np.linalg.norm(start, axis=0)
    assert np.max(np.abs(residual - fit.residual)) <= ROUNDING if wrong == 1.0 else np.min(residual) > 1e-3


@pytest.mark.parametrize("classes", [2, 3])
def test_a_soft_label_is_a_weighted_bunch_of_hard_ones(rng, classes):
    features, labels, weights = problem(rng, tasks=1, classes=classes)
    soft = fit_softmax(features, labels, weights=weights, intercept=True, tolerance=TIGHT)
    table = np.stack([1 - labels, labels], axis=2) if classes == 2 else labels
    kinds = np.repeat(np.eye(classes), len(features), axis=0)
    shares = np.concatenate([weights * table[:, 0, c] for c in range(classes)])
    repeated = kinds[:, 1:] if classes == 2 else kinds[:, None, :]
    stacked = fit_softmax(np.tile(features, (classes, 1)), repeated, weights=shares, intercept=True, tolerance=TIGHT)
    assert soft.coefficients == pytest.approx(stacked.coefficients, abs=SOFTMAX)


@pytest.mark.parametrize("loss", LOSSES)
def test_a_weight_counts_samples(rng, loss):
    features, labels, _ = problem(rng)
    counts = rng.integers(0, 4, size=len(features))
    weighted = fit_softmax(features, labels, loss=loss, weights=counts, intercept=True, tolerance=TIGHT)
    repeated = [np.repeat(array, counts, axis=0) for array in (features, labels)]
    assert weighted.coefficients == pytest.approx(
        fit_softmax(*repeated, loss=loss, intercept=True, tolerance=TIGHT).coefficients, abs=SOFTMAX
    )


@pytest.mark.parametrize("loss", LOSSES)
def test_two_classes_with_two_scores_are_two_classes_with_one(rng, loss):
    """The scores of ±w/2 have half the squared norm of w."""
    features, labels, weights = problem(rng)
    one = fit_softmax(features, labels, penalty=0.5, loss=loss, weights=weights, intercept=True, tolerance=TIGHT)
    pair = np.stack([1 - labels, labels], axis=2)
    two = fit_softmax(features, pair, penalty=1.0, loss=loss, weights=weights, intercept=True, tolerance=TIGHT)
    assert two.predict(features)[..., 1] == pytest.approx(one.predict(features), abs=SOFTMAX)
    assert np.sum(two.coefficients, axis=2) == pytest.approx(np.zeros((4, 3)), abs=SOFTMAX)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("together", [10**6, 10])
def test_tasks_and_penalties_together_are_one_by_one(rng, classes, together, monkeypatch):
    monkeypatch.setattr(softmax, "TOGETHER", together)
    features, labels, _ = problem(rng, tasks=5, classes=classes)
    penalties = np.geomspace(0.01, 100.0, 5)
    fit = fit_softmax(features, labels, penalty=penalties, tolerance=TIGHT)
    for task, penalty in enumerate(penalties):
        part = labels[:, task] if classes == 2 else labels[:, task : task + 1]
        alone = fit_softmax(features, part, penalty=penalty, tolerance=TIGHT)
        assert alone.coefficients.shape == ((4,) if classes == 2 else (4, 1, 3))
        assert alone.coefficients.reshape(-1) == pytest.approx(fit.coefficients[:, task].reshape(-1), abs=SOFTMAX)


def test_an_intercept_alone_is_the_mean_the_loss_is_made_for(rng):
    """Forward KL and squared loss ask for the mean probability, reverse KL for the mean log-odds."""
    labels, features = rng.uniform(0.05, 0.95, size=(30, 2)), np.full((30, 3), 7.0)
    for loss, expected in (
        ("forward_kl", np.mean(labels, axis=0)),
        ("squared", np.mean(labels, axis=0)),
        ("reverse_kl", scipy.special.expit(np.mean(scipy.special.logit(labels), axis=0))),
    ):
        fit = fit_softmax(features, labels, loss=loss, intercept=True)
        assert fit.predict(features[:1])[0] == pytest.approx(expected, abs=SOFTMAX)


@given(st.integers(1, 4), st.integers(2, 4), st.integers(5, 30), st.integers(0, 2**32))
def test_an_unpenalised_head_divides_the_divergence_from_its_labels(d, classes, n, seed):
    """KL(w‖f*) − KL(s‖f*) = KL(w‖s), on the sample, for a target among the heads: the Pythagoras of an exponential family."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, d))
    weak = scipy.special.softmax(rng.normal(size=(n, 1, classes)), axis=-1)
    target = scipy.special.softmax(features @ rng.normal(size=(d, classes)), axis=-1)
    fit = fit_softmax(features, weak, penalty=1e-9, tolerance=TIGHT)
    student, weak = fit.predict(features)[:, 0], weak[:, 0]
    gain, misfit = KL().between(weak, target) - KL().between(student, target), KL().between(weak, student)
    assert np.mean(gain) == pytest.approx(np.mean(misfit), abs=SOFTMAX)


@given(
    st.sampled_from(LOSSES), st.integers(2, 3), st.booleans(), st.integers(1, 20), st.integers(1, 12), st.floats(-3, 2), st.data()
)
def test_every_fit_converges_to_a_stationary_point_below_its_start(loss, classes, intercept, n, d, decade, data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    features, labels, weights = problem(rng, n, d, tasks=2, classes=classes)
    fit = fit_softmax(features, labels, penalty=10.0**decade, loss=loss, weights=weights, intercept=intercept)
    assert np.all(fit.converged) and np.max(fit.residual) <= 1e-8
    for task in range(2):
        objective = plain(loss, features, labels[:, task], weights, 10.0**decade, intercept)
        found = flat(fit, task, intercept)
        assert objective(found) <= objective(np.zeros_like(found)) + ROUNDING * n


@pytest.mark.parametrize("penalty", [1e-6, 1e-10])
@pytest.mark.parametrize("classes", [2, 3])
def test_separable_labels_are_separated_however_small_the_penalty(rng, classes, penalty):
    features = rng.normal(size=(100, 5))
    scores = np.einsum("nd,dtc->ntc", features, rng.normal(size=(5, 4, classes)))
    labels = hard(scipy.special.softmax(scores, axis=-1)) if classes == 3 else (scores[..., 1] > scores[..., 0]).astype(float)
    fit = fit_softmax(features, labels, penalty=penalty)
    assert np.all(fit.converged)
    p = fit.predict(features)
    assert np.array_equal(hard(p), labels) and np.all(p >= 0) and np.all(p <= 1)
    assert np.all(fit.predict(1e300 * features[:3]) <= 1)


def test_features_of_any_unit_condition_and_rank_are_fitted(rng):
    features, labels, _ = problem(rng, n=200, d=6)
    labels = hard(labels)
    expected = fit_softmax(features, labels, penalty=1e-3, tolerance=TIGHT).predict(features)
    for unit in (1e-6, 1e6, 1e20):
        fit = fit_softmax(features * unit, labels, penalty=1e-3 * unit**2, tolerance=TIGHT)
        assert fit.predict(features * unit) == pytest.approx(expected, abs=SOFTMAX)
    repeated = np.concatenate([features, features, np.zeros_like(features)], axis=1)
    fit = fit_softmax(repeated, labels, penalty=2e-3, tolerance=TIGHT)
    assert fit.predict(repeated) == pytest.approx(expected, abs=SOFTMAX)
    assert fit.coefficients[:6] == pytest.approx(fit.coefficients[6:12], abs=SOFTMAX)
    steep = features * np.geomspace(1.0, 1e-7, 6)
    assert np.all(fit_softmax(steep, labels, penalty=1e-12).converged)


def test_an_offset_of_the_features_is_taken_by_the_intercept(rng):
    features, labels, weights = problem(rng)
    near = fit_softmax(features, labels, weights=weights, intercept=True, tolerance=TIGHT)
    far = fit_softmax(features + 1e5, labels, weights=weights, intercept=True, tolerance=TIGHT)
    assert far.coefficients == pytest.approx(near.coefficients, abs=SOFTMAX)


def test_what_does_not_converge_is_recorded(rng):
    features, labels, _ = problem(rng)
    fit = fit_softmax(features, labels, max_iterations=3)
    assert not np.any(fit.converged) and np.min(fit.residual) > 1e-8 and np.max(fit.iterations) <= 3
    for most in range(2, 14):
        fit = fit_softmax(features, labels, max_iterations=most)
        assert np.array_equal(fit.converged, fit.residual <= 1e-8)
    exact = fit_softmax(features, labels, tolerance=1e-30)
    assert not np.any(exact.converged) and np.max(exact.residual) < 1e-12 and np.max(exact.iterations) < 200


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("loss", LOSSES)
def test_every_library_and_dtype_gives_the_same_heads(rng, loss, classes):
    torch = pytest.importorskip("torch")
    features, labels, weights = problem(rng, classes=classes)
    arguments = {"penalty": np.array([0.5, 2.0, 1.0]), "weights": weights}
    expected = fit_softmax(features, labels, loss=loss, intercept=True, **arguments).predict(features)
    for library in (array_api_strict, torch):
        for name, tolerance in (("float64", SOFTMAX), ("float32", SOFTMAX_FLOAT32)):
            dtype = getattr(library, name)
            given_features = library.asarray(features, dtype=dtype)
            options = {key: library.asarray(value) for key, value in arguments.items()}
            fit = fit_softmax(given_features, library.asarray(labels), loss=loss, intercept=True, **options)
            predicted = fit.predict(given_features)
            assert fit.coefficients.dtype == predicted.dtype == dtype
            assert bool(library.all(fit.converged))
            assert np.asarray(predicted) == pytest.approx(expected, abs=tolerance)


@pytest.mark.gpu
@pytest.mark.parametrize("loss", LOSSES)
def test_a_graphics_card_gives_the_same_heads(rng, loss):
    torch = pytest.importorskip("torch")
    features, labels, _ = problem(rng, classes=3)
    fit = fit_softmax(torch.tensor(features, device="cuda"), torch.tensor(labels, device="cuda"), loss=loss, intercept=True)
    assert fit.coefficients.device.type == "cuda" and bool(torch.all(fit.converged))
    expected = fit_softmax(features, labels, loss=loss, intercept=True)
    assert fit.coefficients.cpu().numpy() == pytest.approx(expected.coefficients, abs=SOFTMAX)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"labels": [[0.2], [0.3]]}, ValueError, "labels must have shape"),
        ({"labels": [0.2, np.nan, 0.3]}, ValueError, "labels must be finite"),
        ({"labels": [0.2, 1.3, 0.3]}, ValueError, r"labels must be probabilities.*0 and 1"),
        ({"labels": [[[0.2, 0.7]], [[0.5, 0.5]], [[1.0, 0.0]]]}, ValueError, "labels must sum to 1"),
        ({"labels": [0.2, 1.0, 0.3], "loss": "reverse_kl"}, ValueError, r"strictly between 0 and 1.*forward_kl"),
        ({"labels": [[[0.5, 0.5]], [[0.5, 0.5]], [[1.0, 0.0]]], "loss": "reverse_kl"}, ValueError, "strictly between"),
        ({"features": [[np.inf], [1.0], [2.0]]}, ValueError, "features must be finite"),
        ({"features": [1.0, 2.0, 3.0]}, ValueError, r"features must have shape \(n, d\)"),
        ({"penalty": 0.0}, ValueError, "penalty must be a finite number > 0"),
        ({"penalty": [1.0, 2.0]}, ValueError, "penalty must be a number or have shape"),
        ({"weights": [1.0, -1.0, 1.0]}, ValueError, "weights must be non-negative"),
        ({"weights": [0.0, 0.0, 0.0]}, ValueError, "weights must have a positive sum"),
        ({"loss": "hinge"}, ValueError, "loss must be one of forward_kl, reverse_kl, squared"),
        ({"tolerance": 0.0}, ValueError, "tolerance must be a finite number > 0"),
        ({"max_iterations": 0}, ValueError, "max_iterations must be a whole number"),
    ],
)
def test_bad_input_is_refused_by_name(options, error, match):
    given_options = {"features": [[1.0], [2.0], [3.0]], "labels": [0.1, 0.5, 0.9], **options}
    with pytest.raises(error, match=match):
        fit_softmax(given_options.pop("features"), given_options.pop("labels"), **given_options)


def test_other_columns_and_other_libraries_are_refused(rng):
    torch = pytest.importorskip("torch")
    features, labels, _ = problem(rng)
    with pytest.raises(ValueError, match="the 4 columns"):
        fit_softmax(features, labels).predict(features[:, :2])
    with pytest.raises(TypeError, match="one library"):
        fit_softmax(features, torch.tensor(labels))


@pytest.mark.parametrize("size", [1e-50, 1e-16, 1e-3, 1e12, 1e20])
def test_the_scale_of_features_and_weights_changes_nothing_but_the_units(rng, size):
    features = rng.standard_normal((60, 3))
    labels = (features[:, 0] + rng.standard_normal(60) > 0).astype(float)
    expected = fit_softmax(features, labels, penalty=1.0)
    found = fit_softmax(features * size, labels, penalty=size**2)
    assert bool(found.converged)
    assert found.coefficients * size == pytest.approx(expected.coefficients, rel=1e-6)
    weighted = fit_softmax(features, labels, penalty=1e20, weights=np.full(60, 1e20))
    assert bool(weighted.converged) and weighted.coefficients == pytest.approx(expected.coefficients, rel=1e-6)


@pytest.mark.parametrize("loss", ["forward_kl", "squared"])
def test_an_intercept_that_would_run_away_is_refused(rng, loss):
    features = rng.standard_normal((20, 2))
    labels = np.stack([np.zeros(20), np.arange(20.0) % 2], axis=1)
    with pytest.raises(ValueError, match="1 of 2 tasks leave one out"):
        fit_softmax(features, labels, intercept=True, loss=loss)
    assert np.all(fit_softmax(features, labels, loss=loss).converged)


def test_labels_that_sum_to_one_in_float32_only_are_renormalised(rng):
    features = rng.standard_normal((200, 3))
    raw = rng.uniform(0.1, 1.0, size=(200, 2, 4))
    exact = raw / raw.sum(axis=2, keepdims=True)
    short = exact.astype(np.float32).astype(np.float64)
    found, expected = (fit_softmax(features, labels, intercept=True) for labels in (short, exact))
    assert np.all(found.converged)
    assert found.predict(features) == pytest.approx(expected.predict(features), abs=1e-6)
