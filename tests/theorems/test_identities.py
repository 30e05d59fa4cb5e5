"""identities.squared, identities.bregman, identities.zero_one, identities.zero_one_binary: hold everywhere, refuse, have power."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.theorems.ladder import assert_holds, assert_is_caught, scaled_right
from w2s_theory import Triple, Verdict, check, falsify, testing
from w2s_theory.divergences import FromGenerator, Mahalanobis, Squared
from w2s_theory.quantities.gain import report
from w2s_theory.theorems import STATEMENTS

RNG = np.random.default_rng(0)


@given(testing.triples("squared"))
def test_the_squared_identity_holds_for_any_triple(triple):
    assert_holds("identities.squared", triple)


@given(st.sampled_from(["squared", "kl", "itakura-saito"]).flatmap(testing.triples))
def test_the_bregman_identity_holds_for_any_triple(triple):
    assert_holds("identities.bregman", triple)


@given(st.integers(2, 6).flatmap(lambda classes: testing.triples("zero-one", classes=classes)))
def test_the_zero_one_identity_holds_for_any_number_of_classes(triple):
    assert_holds("identities.zero_one", triple)


@given(testing.triples("zero-one", classes=2))
def test_the_binary_zero_one_identity_holds_for_two_classes(triple):
    assert_holds("identities.zero_one_binary", triple)


def test_the_squared_residual_is_right_in_exact_arithmetic():
    weak, student, target = ([Fraction(k, 7) for k in row] for row in ([3, -2, 5], [1, 4, 4], [0, 2, -1]))
    gain = sum((f - w) ** 2 - (f - s) ** 2 for w, s, f in zip(weak, student, target, strict=True)) / 3
    misfit = sum((s - w) ** 2 for w, s in zip(weak, student, strict=True)) / 3
    numbers = report(Triple(*([float(x) for x in row] for row in (weak, student, target))))
    assert numbers.residual == pytest.approx(float(gain - misfit), rel=1e-13)


def test_the_two_class_formula_is_refuted_on_three_classes():
    anywhere = replace(STATEMENTS["identities.zero_one_binary"], assumptions=())
    outcome = falsify(anywhere, testing.triples("zero-one", classes=3))
    assert outcome.is_found
    # Both wrong, differently: gain 0, misfit 1, q 0, and the formula says -1. One point suffices, and the hunt shrinks to it.
    assert outcome.problem.weak.shape == (1,)
    assert len({float(getattr(outcome.problem, name)[0]) for name in ("weak", "student", "target")}) == 3
    assert check("identities.zero_one_binary", outcome.problem, rng=RNG).verdict is Verdict.OUT_OF_SCOPE


@pytest.mark.parametrize(
    "name", ["identities.squared", "identities.bregman", "identities.zero_one", "identities.zero_one_binary"]
)
def test_a_constant_ten_percent_off_is_caught(name):
    assert_is_caught(scaled_right(name, 1.1))
    assert_is_caught(scaled_right(name, 0.9))


def test_an_identity_refuses_another_loss():
    squared, labels = Triple([1.0], [2.0], [3.0]), Triple([1], [2], [3], divergence="zero-one")
    assert check("identities.zero_one", squared, rng=RNG).verdict is Verdict.OUT_OF_SCOPE
    assert check("identities.squared", labels, rng=RNG).verdict is Verdict.OUT_OF_SCOPE
    assert check("identities.bregman", labels, rng=RNG).verdict is Verdict.OUT_OF_SCOPE


def test_a_gradient_that_is_not_the_generators_is_refused():
    arrays = 1.0 + 0.1 * RNG.standard_normal((3, 10))
    right = FromGenerator(lambda x: x**4, lambda x: 4.0 * x**3)
    assert_holds("identities.bregman", Triple(*arrays, divergence=right))
    with pytest.raises(ValueError, match="generator must be convex and slope its gradient"):
        report(Triple(*arrays, divergence=FromGenerator(lambda x: x**4, lambda x: 4.4 * x**3)))


@pytest.mark.parametrize("distance", [1e-3, 1e-6, 1e-9])
@pytest.mark.parametrize("name", ["kl", "itakura-saito"])
def test_predictors_that_almost_agree_are_compared_fairly(name, distance):
    rng = np.random.default_rng(9)
    base = rng.dirichlet(np.ones(4), size=20) if name == "kl" else rng.lognormal(size=20)
    close = [base * (1 + distance * rng.standard_normal(base.shape)) for _ in range(3)]
    if name == "kl":
        close = [c / c.sum(axis=-1, keepdims=True) for c in close]
    assert_holds("identities.bregman", Triple(*close, divergence=name))


def test_a_large_offset_is_compared_fairly():
    rng = np.random.default_rng(10)
    arrays = 1e8 + rng.standard_normal((3, 20, 2))
    root = rng.standard_normal((2, 2))
    for divergence in (
        Mahalanobis(root @ root.T),
        Squared(vector=True),
        FromGenerator(lambda x: np.sum(x * x, -1), lambda x: 2 * x, 1),
    ):
        outcome = check("identities.bregman", Triple(*arrays, divergence=divergence), rng=rng)
        assert outcome.verdict in (Verdict.HOLDS, Verdict.INCONCLUSIVE)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_short_floats_do_not_blunt_the_check(dtype):
    triple = Triple(*np.random.default_rng(11).standard_normal((3, 30)).astype(dtype))
    assert_holds("identities.squared", triple)
    assert check(scaled_right("identities.squared", 1 + 1e-9), triple, rng=RNG).verdict is Verdict.VIOLATED
