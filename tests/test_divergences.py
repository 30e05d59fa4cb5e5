"""Divergences against numerical definitions: φ and its gradient by finite differences, KL by scipy, the 0–1 loss by counting."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import rel_entr

from tests.tolerances import FINITE_DIFFERENCE, ROUNDING
from w2s_theory.divergences import KL, FromGenerator, ItakuraSaito, Mahalanobis, Squared, ZeroOne, as_divergence

MATRIX = np.array([[2.0, 0.5, 0.0], [0.5, 1.0, 0.3], [0.0, 0.3, 1.5]])
GENERATORS = {
    "squared": (Squared(vector=True), lambda x: np.sum(x**2, axis=-1)),
    "kl": (KL(), lambda x: np.sum(x * np.log(x), axis=-1)),
    "mahalanobis": (Mahalanobis(MATRIX), lambda x: np.einsum("...i,ij,...j->...", x, MATRIX, x)),
}


def directional_bregman(phi, first, second, step=1e-5):
    """φ(p) − φ(q) − dφ(q)[p − q] with the directional derivative by central differences."""
    along = first - second
    slope = (phi(second + step * along) - phi(second - step * along)) / (2 * step)
    return phi(first) - phi(second) - slope


@pytest.mark.parametrize("name", GENERATORS)
def test_a_divergence_is_the_bregman_divergence_of_its_generator(name):
    divergence, phi = GENERATORS[name]
    first, second = np.random.default_rng(1).dirichlet(np.ones(3), size=(2, 20)) * 0.8 + 0.2 / 3
    assert np.allclose(divergence.between(first, second), directional_bregman(phi, first, second), rtol=0, atol=FINITE_DIFFERENCE)


def test_itakura_saito_is_the_bregman_divergence_of_minus_log():
    first, second = np.random.default_rng(2).uniform(0.5, 2.0, (2, 30))
    expected = directional_bregman(lambda x: -np.log(x), first, second)
    assert np.allclose(ItakuraSaito().between(first, second), expected, rtol=0, atol=FINITE_DIFFERENCE)


@pytest.mark.parametrize("name", GENERATORS)
def test_gradients_agree_with_finite_differences(name):
    divergence, phi = GENERATORS[name]
    x = np.random.default_rng(3).dirichlet(np.ones(3)) * 0.7 + 0.1
    numeric = [(phi(x + 1e-5 * e) - phi(x - 1e-5 * e)) / 2e-5 for e in np.eye(3)]
    assert np.allclose(divergence.gradient(x), numeric, rtol=0, atol=FINITE_DIFFERENCE)


def test_the_gradient_of_itakura_saito_agrees_with_finite_differences():
    x = np.random.default_rng(7).uniform(0.5, 2.0, 20)
    assert np.allclose(ItakuraSaito().gradient(x), (np.log(x - 1e-5) - np.log(x + 1e-5)) / 2e-5, rtol=0, atol=FINITE_DIFFERENCE)


@pytest.mark.parametrize("divergence", [Squared(vector=True), KL(), ItakuraSaito(), Mahalanobis(MATRIX)], ids=lambda d: d.name)
def test_the_accurate_slope_difference_is_the_difference_of_gradients(divergence):
    first, second = np.random.default_rng(8).dirichlet(np.ones(3), size=(2, 20)) + 0.05
    plain = divergence.gradient(first) - divergence.gradient(second)
    assert np.allclose(divergence.slope_between(first, second), plain, rtol=1e-10, atol=ROUNDING)


def test_divergences_of_close_points_keep_their_digits():
    # D(p(1+x), p) for tiny x against its series: squared terms of size 1e-16 that a plain difference would lose altogether.
    p, x = np.random.default_rng(9).dirichlet(np.ones(4)), 1e-7 * np.array([1.0, -2.0, 0.5, 1.5])
    assert ItakuraSaito().between(p * (1 + x), p) == pytest.approx(x**2 / 2, rel=1e-5)
    assert KL().between(p * (1 + x), p) == pytest.approx(np.sum(p * x**2 / 2), rel=1e-5)


def test_kl_agrees_with_scipy_and_allows_zeros_in_the_first_argument():
    first, second = np.random.default_rng(4).dirichlet(np.ones(4), size=(2, 10))
    first[0] = [0.5, 0.5, 0.0, 0.0]
    assert np.allclose(KL().between(first, second), rel_entr(first, second).sum(axis=-1), rtol=ROUNDING)


def test_a_user_given_generator_reproduces_the_built_in_divergence():
    cubic = FromGenerator(lambda x: np.abs(x) ** 3, lambda x: 3 * x * np.abs(x))
    first, second = np.random.default_rng(5).normal(size=(2, 10))
    assert np.all(cubic.between(first, second) >= 0)
    entropy = FromGenerator(lambda p: np.sum(p * np.log(p), axis=-1), lambda p: 1 + np.log(p), event_ndim=1)
    p, q = np.random.default_rng(6).dirichlet(np.ones(3), size=(2, 10))
    assert np.allclose(entropy.between(p, q), KL().between(p, q), rtol=0, atol=ROUNDING)


def test_the_zero_one_residual_counts_disagreements_that_go_wrong():
    weak, student, target = np.array([[0, 0, 1, 2, 1.0], [0, 1, 0, 1, 2.0], [0, 1, 1, 0, 1.0]])
    # disagreements at 1 (student right), 2 (weak right), 3 (both wrong), 4 (weak right)
    assert ZeroOne().residual(target, student, weak).tolist() == [0, 0, -2, -1, -2]


@pytest.mark.parametrize(
    ("divergence", "values", "message"),
    [
        (KL(), np.array([[0.5, 0.6]]), "sum to 1"),
        (KL(), np.array([[1.0, 0.0]]), "strictly positive"),
        (ItakuraSaito(), np.array([0.0, 1.0]), "be > 0"),
        (ZeroOne(), np.array([0.5]), "class labels"),
    ],
)
def test_values_outside_the_domain_are_refused_by_name(divergence, values, message):
    with pytest.raises(ValueError, match=f"weak must.*{message}"):
        divergence.validate("weak", values)


def test_a_mahalanobis_matrix_must_be_symmetric_and_positive():
    with pytest.raises(ValueError, match="smallest eigenvalue is -1"):
        Mahalanobis(np.diag([1.0, -1.0]))
    with pytest.raises(ValueError, match="symmetric"):
        Mahalanobis(np.array([[1.0, 2.0], [0.0, 1.0]]))


def test_an_unknown_divergence_is_refused_with_the_known_names():
    with pytest.raises(ValueError, match=r"itakura-saito.*it is 'hinge'"):
        as_divergence("hinge")
