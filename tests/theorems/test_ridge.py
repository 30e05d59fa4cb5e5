"""ridge.penalty: the identity holds for every penalty and reference head, agrees with the report's own split, has power."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from tests.theorems.ladder import assert_holds, assert_is_caught, scaled_right
from tests.tolerances import ROUNDING
from w2s_theory import gain_report, testing
from w2s_theory.problems.linear_sample import LinearSample


@given(testing.linear_samples(max_condition=1e4))
def test_the_ridge_identity_holds_for_any_penalty_and_reference_head(sample):
    assert_holds("ridge.penalty", sample)


@given(testing.linear_samples(penalised=False))
def test_the_ridge_identity_holds_without_a_penalty(sample):
    assert_holds("ridge.penalty", sample)


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_a_constant_ten_percent_off_is_caught(factor):
    assert_is_caught(scaled_right("ridge.penalty", factor))


def test_the_report_splits_the_residual_into_the_same_two_terms():
    rng = np.random.default_rng(0)
    features, weak, target, v, penalty = rng.standard_normal((20, 4)), *rng.standard_normal((2, 20)), rng.standard_normal(4), 3.0
    b = np.linalg.solve(features.T @ features + penalty * np.eye(4), features.T @ weak)
    report = gain_report(weak, features @ b, target, ceiling=features @ v)
    assert 20 * report.penalty_term == pytest.approx(penalty * (b @ b - v @ v + (b - v) @ (b - v)), rel=1e3 * ROUNDING)
    assert 20 * report.cross_term == pytest.approx(-2 * (weak - features @ b) @ (target - features @ v), rel=1e3 * ROUNDING)


def test_a_sample_refuses_what_it_cannot_use():
    features = np.eye(3)
    with pytest.raises(ValueError, match="penalty must be a finite number >= 0"):
        LinearSample(features, np.ones(3), np.ones(3), penalty=-1.0)
    with pytest.raises(ValueError, match="weak must have 3 samples"):
        LinearSample(features, np.ones(4), np.ones(3))
    with pytest.raises(ValueError, match="reference_head must have 3 coefficients"):
        LinearSample(features, np.ones(3), np.ones(3), reference_head=np.ones(2))
    with pytest.raises(ValueError, match="features must be finite"):
        LinearSample(features * np.nan, np.ones(3), np.ones(3))
