"""Divergences against numerical definitions: φ and its gradient by finite differences, KL by scipy, the 0–1 loss by counting."""

from __future__ import annotations

import copy
import math
import pickle

import array_api_strict
import numpy as np
import pytest
import torch
from scipy.special import logsumexp, rel_entr

from tests.tolerances import FINITE_DIFFERENCE, ROUNDING
from w2s_theory import gain_report
from w2s_theory.divergences import (
    KL,
    Dual,
    FromGenerator,
    ItakuraSaito,
    Mahalanobis,
    ReverseKL,
    Squared,
    ZeroOne,
    as_divergence,
    log_ratio,
)

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


# ---- the reverse order, and points from their slopes --------------------------------------------------------------------------------

BASES = {
    "squared": Squared(),
    "kl": KL(),
    "itakura-saito": ItakuraSaito(),
    "mahalanobis": Mahalanobis(MATRIX),
    "user-given": FromGenerator(np.cosh, np.sinh, inverse=np.arcsinh),
}
#: The conjugate of each generator, known in closed form: φ*(θ) = sup ⟨θ, x⟩ − φ(x), over the simplex for KL.
CONJUGATES = {
    "squared": lambda t: t**2 / 4.0,
    "kl": lambda t: logsumexp(t, axis=-1),
    "itakura-saito": lambda t: -1.0 - np.log(-t),
    "mahalanobis": lambda t: np.sum(t * np.linalg.solve(MATRIX, t[..., None])[..., 0], axis=-1) / 4.0,
    "user-given": lambda t: t * np.arcsinh(t) - np.sqrt(1.0 + t**2),
}


def points(name, count, seed=10):
    rng = np.random.default_rng(seed)
    if name == "kl":
        return rng.dirichlet(np.ones(3), size=(count, 20)) * 0.8 + 0.2 / 3
    return rng.uniform(0.5, 2.0, (count, 20, 3) if name == "mahalanobis" else (count, 20))


@pytest.mark.parametrize("name", BASES)
def test_a_point_is_found_again_from_its_slope(name):
    base, (x,) = BASES[name], points(name, 1)
    assert np.allclose(base.inverse_gradient(base.gradient(x)), x, rtol=0, atol=ROUNDING)
    other = base.gradient(x) * 1.3 - 0.1
    back = base.gradient(base.inverse_gradient(other)) - other
    if name == "kl":  # slopes matter up to a constant per sample
        back = back - back.mean(axis=-1, keepdims=True)
    assert np.allclose(back, 0.0, rtol=0, atol=10 * ROUNDING)


@pytest.mark.parametrize("name", BASES)
def test_the_inverse_of_the_gradient_map_is_the_gradient_of_the_conjugate(name):
    base, (x,) = BASES[name], points(name, 1)
    slopes, conjugate = base.gradient(x), CONJUGATES[name]
    directions = np.eye(3) if base.event_ndim else [1.0]
    numeric = [(conjugate(slopes + 1e-5 * e) - conjugate(slopes - 1e-5 * e)) / 2e-5 for e in directions]
    expected = np.stack(numeric, axis=-1) if base.event_ndim else numeric[0]
    assert np.allclose(base.inverse_gradient(slopes), expected, rtol=0, atol=FINITE_DIFFERENCE)


@pytest.mark.parametrize("name", BASES)
def test_the_reverse_order_is_the_bregman_divergence_of_the_conjugate_in_dual_coordinates(name):
    base, (p, q) = BASES[name], points(name, 2)
    first, second = base.gradient(p), base.gradient(q)
    expected = directional_bregman(CONJUGATES[name], first, second)
    assert np.allclose(Dual(base).between(p, q), expected, rtol=0, atol=FINITE_DIFFERENCE)
    assert np.array_equal(Dual(base).between(p, q), base.between(q, p))


@pytest.mark.parametrize("name", BASES)
def test_the_three_point_identity_holds_in_the_reverse_order(name):
    base, (weak, student, target) = BASES[name], points(name, 3)
    gain = base.between(weak, target) - base.between(student, target)
    residual = (base.gradient(target) - base.gradient(student)) * (student - weak)
    residual = residual.sum(axis=-1) if base.event_ndim else residual
    assert np.allclose(Dual(base).residual(target, student, weak), residual, rtol=0, atol=10 * ROUNDING)
    assert np.allclose(gain, base.between(weak, student) + residual, rtol=0, atol=10 * ROUNDING)


@pytest.mark.parametrize("name", BASES)
def test_the_reverse_of_the_reverse_is_the_divergence_itself(name):
    assert Dual(Dual(BASES[name])) is BASES[name]  # its domain too: a one-hot target, a class that is convex in the values


def test_the_reverse_of_reverse_kl_takes_one_hot_targets_again_and_copies_keep_their_base():
    assert Dual(ReverseKL()) == KL()
    assert gain_report([[0.4, 0.6]], [[0.3, 0.7]], [[0.0, 1.0]], divergence=Dual(Dual(KL()))).gain > 0.0
    for loss in (ReverseKL(), Dual(ItakuraSaito())):
        assert pickle.loads(pickle.dumps(loss)) == copy.deepcopy(loss) == loss


def test_a_log_ratio_of_numbers_whose_quotient_overflows_is_accurate():
    assert log_ratio(np.array([1.0]), np.array([1e-320])) == pytest.approx(-math.log(1e-320), rel=ROUNDING)
    assert log_ratio(np.array([1e-320]), np.array([1.0])) == pytest.approx(math.log(1e-320), rel=ROUNDING)


@pytest.mark.parametrize("name", BASES)
@pytest.mark.parametrize("wrap", [lambda base: base, Dual], ids=["primal", "dual"])
def test_coordinates_lead_there_and_back(name, wrap):
    loss, (p, q) = wrap(BASES[name]), points(name, 2)
    assert np.allclose(loss.at(loss.coordinates(p)), p, rtol=0, atol=ROUNDING)
    difference = loss.coordinates(p) - loss.coordinates(q)
    assert np.allclose(loss.displacement(p, q), difference, rtol=0, atol=10 * ROUNDING)
    assert np.allclose(loss.inverse_gradient(loss.gradient(p)), p, rtol=0, atol=ROUNDING)


def test_reverse_kl_is_known_by_name_and_measures_the_cross_entropy_loss():
    weak, student, target = np.random.default_rng(11).dirichlet(np.ones(4), size=(3, 10))
    numbers = gain_report(weak, student, target, divergence="reverse-kl")
    expected = [rel_entr(w, t).sum(axis=-1).mean() for w, t in ((weak, target), (student, target), (weak, student))]
    assert [numbers.weak_error, numbers.student_error, numbers.misfit] == pytest.approx(expected, rel=ROUNDING)
    assert numbers.divergence == "reverse-kl"
    assert as_divergence("reverse-kl") == ReverseKL()
    assert Dual(ItakuraSaito()).name == "dual itakura-saito"


def test_cross_term_and_penalty_term_follow_the_reverse_order():
    """With p = softmax(θ), both are products of a difference of logits with student − weak."""
    rng = np.random.default_rng(12)
    weak, student, target, ceiling = rng.dirichlet(np.ones(3), size=(4, 8))
    numbers = gain_report(weak, student, target, divergence="reverse-kl", ceiling=ceiling)
    cross = np.mean(np.sum((np.log(target) - np.log(ceiling)) * (student - weak), axis=-1))
    penalty = np.mean(np.sum((np.log(ceiling) - np.log(student)) * (student - weak), axis=-1))
    assert [numbers.cross_term, numbers.penalty_term] == pytest.approx([cross, penalty], rel=ROUNDING * 100)
    assert numbers.residual == pytest.approx(cross + penalty, rel=ROUNDING * 100)


@pytest.mark.parametrize("xp", [torch, array_api_strict], ids=["torch", "array_api_strict"])
@pytest.mark.parametrize("name", ["squared", "kl", "itakura-saito", "mahalanobis"])
def test_slopes_and_their_inverses_are_the_same_in_other_array_libraries(name, xp):
    base, (p, q) = BASES[name], points(name, 2)
    first, second = xp.asarray(p.copy()), xp.asarray(q.copy())
    for loss in (base, Dual(base)):
        for method in ("between", "slope_between", "displacement"):
            expected = getattr(loss, method)(p, q)
            assert np.allclose(np.asarray(getattr(loss, method)(first, second)), expected, rtol=0, atol=ROUNDING)
        back = loss.at(loss.coordinates(first))
        assert isinstance(back, type(first))
        assert np.allclose(np.asarray(back), p, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("first", [1e-300, 1e-10, 0.3, 0.5, 1.0 - 1e-9, 1.0, 1.4, 1.6, 1e10, 1e300])
def test_log_ratios_are_accurate_near_and_far(first):
    second = 0.99
    expected = float(np.log(np.longdouble(first)) - np.log(np.longdouble(second)))
    assert float(log_ratio(np.array(first), np.array(second))) == pytest.approx(expected, rel=1e-14)
    assert float(log_ratio(np.array(second * (1 + 1e-9)), np.array(second))) == pytest.approx(1e-9, rel=1e-6)


@pytest.mark.parametrize("divergence", ["kl", "reverse-kl"])
def test_the_identity_survives_probabilities_of_very_different_size(divergence):
    target, student, weak = np.array([[[0.6, 0.4 - 1e-10, 1e-10]], [[1e-10, 0.5, 0.5 - 1e-10]], [[0.3, 0.3, 0.4]]])
    numbers = gain_report(weak, student, target, divergence=divergence)
    assert numbers.gain == pytest.approx(numbers.misfit + numbers.residual, rel=ROUNDING)


def test_the_reverse_order_refuses_one_hot_targets_and_says_what_to_do():
    soft, hard = np.array([[0.5, 0.5]]), np.array([[1.0, 0.0]])
    assert np.isfinite(gain_report(soft, soft, hard, divergence="kl").gain)
    for name, arrays in {"target": (soft, soft, hard), "weak": (hard, soft, soft), "student": (soft, hard, soft)}.items():
        with pytest.raises(ValueError, match=f"{name} must hold strictly positive.*one-hot labels, smooth them"):
            gain_report(*arrays, divergence="reverse-kl")
    with pytest.raises(ValueError, match="target must sum to 1"):
        gain_report(soft, soft, np.array([[0.5, 0.6]]), divergence="reverse-kl")


def test_slopes_without_a_point_are_refused():
    with pytest.raises(ValueError, match=r"positive definite.*from 0 to 1"):
        Mahalanobis(np.diag([1.0, 0.0])).inverse_gradient(np.ones((2, 2)))
    with pytest.raises(ValueError, match=r"slopes must be < 0.*largest is 0\.5"):
        ItakuraSaito().inverse_gradient(np.array([-1.0, 0.5]))
    with pytest.raises(ValueError, match=r"inverse of its gradient map.*has none"):
        FromGenerator(np.cosh, np.sinh).inverse_gradient(np.ones(2))
    with pytest.raises(TypeError, match="base must be a Bregman divergence"):
        Dual(ZeroOne())
