"""Self-distilled students against the normal equations solved step by step, and the fast path against refits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tolerances import ROUNDING, ROUNDING_FLOAT32, SOLVE
from w2s_theory.design import Design
from w2s_theory.students.linear import OLS, Ridge
from w2s_theory.students.self_distillation import SelfDistilled, self_distilled_heads

FEATURES = np.random.default_rng(1).normal(size=(30, 4)) * np.array([1.0, 2.0, 0.5, 1.0]) + 1.0
LABELS = np.random.default_rng(2).normal(size=(3, 30)) + FEATURES[:, 0]


def by_normal_equations(features, labels, penalty, mixings):
    """The heads (d, T) of the last step; no intercept."""
    gram = features.T @ features + penalty * np.eye(features.shape[1])
    heads = np.linalg.solve(gram, features.T @ labels)
    for xi in mixings:
        heads = np.linalg.solve(gram, features.T @ ((1 - xi) * labels + xi * (features @ heads)))
    return heads


@pytest.mark.parametrize("mixings", [(), (0.4,), (1.7, -0.6), (1.0, 1.0, 1.0)])
def test_each_step_is_trained_on_labels_mixed_with_the_predictions_of_the_one_before(mixings):
    fit = SelfDistilled(Ridge(2.5, intercept=False), mixings).fit(FEATURES, LABELS)
    np.testing.assert_allclose(fit.coefficients.T, by_normal_equations(FEATURES, LABELS.T, 2.5, mixings), rtol=SOLVE)


@given(st.integers(0, 2**16), st.integers(0, 3), st.booleans(), st.booleans())
def test_the_fast_path_has_the_heads_of_refitted_students(seed, steps, intercept, wide):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(6, 9) if wide else (15, 4)) + 0.5
    labels, weights = rng.normal(size=(2, len(features))), rng.uniform(0.5, 2.0, len(features))
    penalties, mixings = np.array([0.3, 4.0]), rng.uniform(-1.0, 2.0, (3, max(steps, 1)))
    design = Design(features, weights=weights, intercept=intercept)
    heads = self_distilled_heads(design, labels.T, penalties=penalties, mixings=mixings)
    for row, (penalty, sequence) in enumerate((p, s) for p in penalties for s in mixings):
        fit = SelfDistilled(Ridge(float(penalty), intercept=intercept), tuple(sequence)).fit(features, labels, weights)
        np.testing.assert_allclose(heads.coefficients[row].T, fit.coefficients, rtol=SOLVE, atol=SOLVE)
        np.testing.assert_allclose(heads.intercept[row], fit.intercept, rtol=SOLVE, atol=SOLVE)
        assert heads.path[row] == penalty


def test_no_mixing_is_the_ridge_head_and_a_full_one_shrinks_twice():
    design = Design(FEATURES, weak=LABELS.T)
    plain = design.solve(penalties=[0.5, 2.0])
    none = self_distilled_heads(design, penalties=[0.5, 2.0], mixings=0.0)
    np.testing.assert_allclose(none.coefficients, plain.coefficients, rtol=ROUNDING)
    np.testing.assert_allclose(none.error, plain.error, rtol=ROUNDING)
    again = design.solve(plain.predict(FEATURES)[1], penalties=2.0)
    np.testing.assert_allclose(
        self_distilled_heads(design, penalties=2.0, mixings=1.0).coefficients, again.coefficients, rtol=SOLVE
    )


def test_a_mixing_far_outside_zero_to_one_loses_digits_and_says_so():
    design = Design(FEATURES, weak=LABELS[0])
    small, large, hopeless = self_distilled_heads(design, penalties=100.0, mixings=[0.5, 1e6, 1e30]).error
    assert 1e3 * small < large < 1.0 == hopeless


def test_without_a_penalty_distillation_changes_nothing():
    fit = SelfDistilled(OLS(), (0.7, -2.0, 5.0)).fit(FEATURES, LABELS)
    np.testing.assert_allclose(fit.coefficients, OLS().fit(FEATURES, LABELS).coefficients, rtol=SOLVE)
    with pytest.raises(ValueError, match="penalties must be > 0"):
        self_distilled_heads(Design(FEATURES), LABELS[0], penalties=[0.0, 1.0], mixings=1.0)


def test_a_penalty_by_leave_one_out_is_chosen_at_every_step():
    teacher = Ridge("loo").fit(FEATURES, LABELS)
    student = SelfDistilled(Ridge("loo"), (1.0,)).fit(FEATURES, LABELS)
    again = Ridge("loo").fit(FEATURES, teacher.predict(FEATURES))
    np.testing.assert_array_equal(student.penalty, again.penalty)


def test_shapes_and_refusals():
    single = self_distilled_heads(Design(FEATURES), LABELS[0], penalties=[1.0, 2.0], mixings=[0.1, 0.2, 0.3])
    assert single.coefficients.shape == (6, 4)
    assert single.intercept.shape == (6,)
    fit = SelfDistilled(Ridge(2.0, intercept=False), (0.2,)).fit(FEATURES, LABELS[0])
    np.testing.assert_allclose(fit.coefficients, single.coefficients[4], rtol=SOLVE)
    for bad in ([np.nan], np.zeros((2, 2, 2))):
        with pytest.raises(ValueError, match="mixings must"):
            self_distilled_heads(Design(FEATURES), LABELS[0], penalties=1.0, mixings=bad)
    with pytest.raises(ValueError, match="mixings must be finite"):
        SelfDistilled(Ridge(1.0), (np.inf,))
    with pytest.raises(ValueError, match="mixings must have 1 dimension"):
        SelfDistilled(Ridge(1.0), 0.5)  # type: ignore[arg-type]


def test_torch_features_give_the_same_heads_in_their_own_dtype():
    torch = pytest.importorskip("torch")
    ours = self_distilled_heads(Design(FEATURES, intercept=True), LABELS.T, penalties=[1.0, 3.0], mixings=[[0.5, 1.5]])
    for dtype, tolerance in ((torch.float64, SOLVE), (torch.float32, 10 * ROUNDING_FLOAT32)):
        design = Design(torch.asarray(FEATURES, dtype=dtype), intercept=True)
        theirs = self_distilled_heads(design, torch.asarray(LABELS.T, dtype=dtype), penalties=[1.0, 3.0], mixings=[[0.5, 1.5]])
        assert theirs.coefficients.dtype == theirs.intercept.dtype == dtype
        np.testing.assert_allclose(theirs.coefficients.numpy(), ours.coefficients, rtol=tolerance, atol=tolerance)
