"""Projections on hulls in Bregman divergences: against other solvers, built optima, the certificate's own promises, and refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize, minimize_scalar

from tests.tolerances import CONSTRAINED, FINITE_DIFFERENCE, HULL_OPTIMUM, PRINTED_SIX, ROUNDING, SLSQP
from w2s_theory.design import Design
from w2s_theory.divergences import Dual, FromGenerator, ItakuraSaito, Mahalanobis, Squared, as_divergence
from w2s_theory.problems.hull_population import HullPopulation, mixture_of
from w2s_theory.students import bregman_hull
from w2s_theory.students.bregman_hull import hull_gap, project_on_hull
from w2s_theory.students.constrained import solve_hull
from w2s_theory.theorems._mulgund import weak_with_student

MATRIX = np.array([[2.0, 0.5, 0.0], [0.5, 1.0, 0.3], [0.0, 0.3, 1.5]])
COSH = FromGenerator(np.cosh, np.sinh, inverse=np.arcsinh)
LOSSES = {
    "kl": "kl",
    "reverse-kl": "reverse-kl",
    "itakura-saito": ItakuraSaito(),
    "dual itakura-saito": Dual(ItakuraSaito()),
    "squared": "squared",
    "vectors": Squared(vector=True),
    "mahalanobis": Mahalanobis(MATRIX),
    "dual mahalanobis": Dual(Mahalanobis(MATRIX)),
    "user-given": COSH,
    "dual user-given": Dual(COSH),
}


def world(name, k, seed=0, n=8, tasks=3):
    """Members, weak labels and weights of a random problem in the domain of the loss."""
    rng = np.random.default_rng(seed)

    def draw(*shape):
        if name.endswith("kl"):
            return 0.98 * rng.dirichlet(np.ones(3), size=(*shape, n)) + 0.02 / 3
        return rng.lognormal(size=(*shape, n, 3) if as_divergence(LOSSES[name]).event_ndim else (*shape, n))

    return draw(k), draw(tasks), rng.uniform(0.5, 1.5, n)


def objective(name, members, mixture, weak, p):
    """E D(mixture, weak), from the definition."""
    return as_divergence(LOSSES[name]).between(mixture_of(members, mixture, LOSSES[name]), weak) @ (p / p.sum())


@pytest.mark.parametrize("name", LOSSES)
def test_the_student_agrees_with_a_general_solver(name):
    members, weak, p = world(name, 4)
    found = project_on_hull(members, weak, divergence=LOSSES[name], weights=p)
    assert np.all(found.gap <= HULL_OPTIMUM)
    for task in range(2):
        peer = minimize(
            lambda a, task=task: objective(name, members, a / a.sum(), weak[task], p),
            np.full(4, 0.25),
            bounds=[(1e-12, 1.0)] * 4,
            constraints={"type": "eq", "fun": lambda a: a.sum() - 1.0},
            method="SLSQP",
            options={"ftol": 1e-14},
        )
        ours = objective(name, members, found.coefficients[task], weak[task], p)
        assert ours == pytest.approx(peer.fun, rel=0, abs=SLSQP)
        assert ours <= peer.fun + HULL_OPTIMUM


@pytest.mark.parametrize("name", LOSSES)
def test_an_optimum_that_was_built_is_found(name):
    members, _, p = world(name, 5)
    loss, rng = as_divergence(LOSSES[name]), np.random.default_rng(1)
    mixture = rng.dirichlet(4.0 * np.ones(5), size=3)
    weak = weak_with_student(members, mixture, loss, p / p.sum(), rng)
    found = project_on_hull(members, weak, divergence=loss, weights=p)
    assert np.all(found.converged)
    assert np.allclose(found.coefficients, mixture, rtol=0, atol=CONSTRAINED)
    assert np.all(hull_gap(members, mixture, weak, divergence=loss, weights=p) <= ROUNDING * 1e3)


@pytest.mark.parametrize("name", ["kl", "reverse-kl", "itakura-saito"])
def test_two_members_agree_with_a_scalar_search(name):
    members, weak, p = world(name, 2)
    found = project_on_hull(members, weak, divergence=LOSSES[name], weights=p)
    for task in range(3):
        best = minimize_scalar(
            lambda t, task=task: objective(name, members, np.array([t, 1.0 - t]), weak[task], p),
            bounds=(0.0, 1.0),
            method="bounded",
            options={"xatol": 1e-9},
        )
        assert objective(name, members, found.coefficients[task], weak[task], p) == pytest.approx(
            best.fun, rel=0, abs=HULL_OPTIMUM
        )


def test_squared_loss_agrees_with_the_solver_for_squared_loss():
    members, weak, p = world("squared", 6, n=20)
    found = project_on_hull(members, weak, weights=p, divergence="squared")
    peer = solve_hull(Design(members.T, weights=p, intercept=False), weak.T)
    assert np.allclose(found.values, (members.T @ peer.coefficients).T, rtol=0, atol=CONSTRAINED)


def test_the_three_class_toy_has_its_two_known_students():
    """Class (t/2, 1 − t, t/2), weak (.1, .7, .2): forward KL is least at t = .3, reverse KL at 2√.02/(2√.02 + .7)."""
    weak, t = np.array([[0.1, 0.7, 0.2]]), np.array([0.05, 0.95])
    members = np.stack([t / 2.0, 1.0 - t, t / 2.0], axis=-1)[:, None, :]
    for divergence, argument, value in (
        ("kl", 2 * np.sqrt(0.02) / (2 * np.sqrt(0.02) + 0.7), 0.017306),
        ("reverse-kl", 0.3, 0.016990),
    ):
        found = project_on_hull(members, weak, divergence=divergence)
        assert 1.0 - found.values[0, 1] == pytest.approx(argument, rel=0, abs=CONSTRAINED)
        assert as_divergence(divergence).between(found.values, weak)[0] == pytest.approx(value, rel=0, abs=PRINTED_SIX)


@given(st.sampled_from(sorted(LOSSES)), st.integers(0, 2**16), st.integers(1, 5))
def test_the_certificate_bounds_what_it_promises_for_any_mixture(name, seed, k):
    members, weak, p = world(name, k, seed=seed, n=3, tasks=2)
    loss, rng = as_divergence(LOSSES[name]), np.random.default_rng(seed)
    mixture = rng.dirichlet(np.ones(k), size=2)
    gap = hull_gap(members, mixture, weak, divergence=loss, weights=p)
    best = project_on_hull(members, weak, divergence=loss, weights=p)
    here, least = (objective(name, members, a, weak, p) for a in (mixture, best.coefficients))
    size = here + objective(name, members, np.full(k, 1.0 / k), weak, p)
    assert np.all(here - least <= gap + ROUNDING * 1e3 * (1.0 + size))
    assert np.all(least - best.gap <= here + ROUNDING * (1.0 + size))
    student = mixture_of(members, mixture, loss)
    slopes = [
        loss.residual(member, student, weak) @ (p / p.sum()) for member in np.broadcast_to(members[:, None], (k, *weak.shape))
    ]
    assert np.min(slopes, axis=0) == pytest.approx(-gap, rel=0, abs=1e4 * ROUNDING * float(np.max(1.0 + size)))


def test_the_certificate_is_the_steepest_descent_towards_a_member():
    members, weak, p = world("kl", 4, tasks=1)
    a = np.random.default_rng(2).dirichlet(np.ones(4))

    def towards(j, step):
        return objective("kl", members, a + step * (np.eye(4)[j] - a), weak[0], p)

    drops = [-(towards(j, 1e-5) - towards(j, -1e-5)) / 2e-5 for j in range(4)]
    assert hull_gap(members, a, weak[0], weights=p) == pytest.approx(max(drops), rel=0, abs=FINITE_DIFFERENCE)


def test_tasks_in_front_are_solved_one_by_one_and_weights_repeat_samples():
    members, weak, _ = world("kl", 4)
    together = project_on_hull(members, np.stack([weak, weak[::-1]]))
    assert together.values.shape == (2, 3, 8, 3)
    assert together.coefficients.shape == (2, 3, 4)
    alone = project_on_hull(members, weak[0])
    assert alone.gap.shape == alone.converged.shape == alone.iterations.shape == ()
    assert np.allclose(together.coefficients[0, 0], alone.coefficients, rtol=0, atol=CONSTRAINED)
    assert np.allclose(together.coefficients[1, 2], alone.coefficients, rtol=0, atol=CONSTRAINED)
    twice = np.r_[2.0, np.ones(7)]
    weighted = project_on_hull(members, weak, weights=twice)
    repeated = project_on_hull(np.concatenate([members, members[:, :1]], axis=1), np.concatenate([weak, weak[:, :1]], axis=1))
    assert np.allclose(weighted.coefficients, repeated.coefficients, rtol=0, atol=CONSTRAINED)


def test_degenerate_hulls_are_solved():
    members, weak, p = world("kl", 3)
    one = project_on_hull(members[:1], weak, weights=p)
    assert np.array_equal(one.coefficients, np.ones((3, 1)))
    assert np.all(one.gap == 0.0)
    twins = project_on_hull(members[[0, 0, 1, 2]], weak, weights=p)
    apart = project_on_hull(members, weak, weights=p)
    assert np.allclose(twins.values, apart.values, rtol=0, atol=CONSTRAINED)
    inside = project_on_hull(members, mixture_of(members, np.array([0.2, 0.3, 0.5]), "kl"), weights=p)
    assert np.allclose(inside.coefficients, [0.2, 0.3, 0.5], rtol=0, atol=CONSTRAINED)


def test_small_blocks_of_members_give_the_same_student(monkeypatch):
    members, weak, p = world("kl", 7)
    whole = project_on_hull(members, weak, weights=p)
    monkeypatch.setattr(bregman_hull, "TOGETHER", 100)
    assert np.allclose(project_on_hull(members, weak, weights=p).coefficients, whole.coefficients, rtol=0, atol=HULL_OPTIMUM)


def test_an_unfinished_solve_says_so_and_its_certificate_still_holds():
    members, weak, p = world("kl", 5)
    early, late = (project_on_hull(members, weak, weights=p, limit=limit) for limit in (1, 400))
    assert not np.any(early.converged)
    assert np.all(early.iterations == 1)
    assert np.all(late.converged)
    above = objective("kl", members, early.coefficients, weak, p) - objective("kl", members, late.coefficients, weak, p)
    assert np.all(above > 0)
    assert np.all(above <= early.gap)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"members": [[0.5, 0.5]]}, ValueError, r"members must have 3 dimension"),
        ({"members": [[[1.0, 0.0]]]}, ValueError, "members must hold strictly positive"),
        ({"weak": [[0.5, 0.5], [0.5, 0.5]]}, ValueError, r"weak must end in the shape \(1, 2\)"),
        ({"weak": [[1.0, 0.0]]}, ValueError, "weak must hold strictly positive"),
        ({"weak": [[np.nan, 0.5]]}, ValueError, "weak must be finite"),
        ({"weights": [1.0, 1.0]}, ValueError, r"weights must have shape \(1,\)"),
        ({"divergence": "zero-one"}, TypeError, "must be a Bregman divergence.*'zero-one'"),
        ({"tolerance": 0.0}, ValueError, "tolerance must be"),
        ({"limit": 0}, ValueError, "limit must be"),
    ],
)
def test_bad_input_is_refused_by_name(change, error, message):
    good = {"members": [[[0.4, 0.6]], [[0.7, 0.3]]], "weak": [[0.5, 0.5]]}
    arguments = {**good, **change}
    with pytest.raises(error, match=message):
        project_on_hull(arguments.pop("members"), arguments.pop("weak"), **arguments)


def test_a_certificate_needs_a_mixture_of_the_members():
    members, weak = [[[0.4, 0.6]], [[0.7, 0.3]]], [[0.5, 0.5]]
    with pytest.raises(ValueError, match="student_mixture must have 2 weights"):
        hull_gap(members, [1.0], weak)
    with pytest.raises(ValueError, match="student_mixture must be non-negative and sum to 1"):
        hull_gap(members, [0.5, 0.6], weak)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target_mixture": [0.5, 0.6]}, "target_mixture must hold 2 weights >= 0 .* sum to 1"),
        ({"target_mixture": [1.0]}, "target_mixture must hold 2 weights"),
        ({"weak": [[0.5, 0.6]]}, "weak must sum to 1"),
        ({"divergence": "itakura-saito"}, "members must have 2 dimension"),
    ],
)
def test_a_population_refuses_what_is_not_one(change, message):
    good = {"members": [[[0.4, 0.6]], [[0.7, 0.3]]], "weak": [[0.5, 0.5]], "target_mixture": [0.5, 0.5]}
    with pytest.raises(ValueError, match=message):
        HullPopulation(**{**good, **change})


def test_a_mixture_in_the_dual_order_is_geometric():
    members = np.array([[[0.2, 0.8]], [[0.6, 0.4]]])
    mixed = mixture_of(members, [0.25, 0.75], "reverse-kl")[0]
    product = members[0, 0] ** 0.25 * members[1, 0] ** 0.75
    assert mixed == pytest.approx(product / product.sum(), rel=ROUNDING)
    assert mixture_of(members, [0.25, 0.75], "kl")[0] == pytest.approx([0.5, 0.5], rel=ROUNDING)
