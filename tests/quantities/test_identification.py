"""Laws of concept identification against raw log-odds, another reduction (an F ratio), the sphere, and cases worked by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize, special, stats

from tests.tolerances import FINITE_DIFFERENCE, PRINTED, QUADRATURE, ROUNDING, STANDARD_ERRORS
from w2s_theory.problems.concepts import ConceptWorld, orthonormal_world
from w2s_theory.problems.prompting import Prompting
from w2s_theory.quantities.evidence_mgf import domain, evidence_mgf
from w2s_theory.quantities.identification import (
    chernoff_bound,
    conditional_preference,
    error_bracket,
    flip_probability,
    posterior_odds,
    preference_probability,
    preferences,
    rivals,
    sample_size,
)
from w2s_theory.students.refiner import posterior, simulate_evidence

PAPER = orthonormal_world(2, alignment=0.6, length=0.9, weak_noise=0.8)
CONCEPTS = 0.8 * np.random.default_rng(3).standard_normal((4, 5))
GENERAL = ConceptWorld(
    CONCEPTS,
    CONCEPTS[2] + 0.4 * np.random.default_rng(4).standard_normal(5),
    weak_noise=2.0,
    belief=0.8,
    prior=np.array([0.4, 0.3, 0.2, 0.1]),
    aligned=2,
    target=np.ones(5),
)
AGAINST = orthonormal_world(2, alignment=0.6, length=0.9, weak_noise=0.8, belief=1.5, prior=np.array([0.1, 0.9]))
WORLDS = {"paper": PAPER, "general": GENERAL, "against": AGAINST, "swapped": replace(AGAINST, aligned=1)}


def by_f_ratio(world: ConceptWorld, k: int, n: int) -> float:
    """P(k beats k*) by another reduction: the evidence is μ₁A − μ₂B with independent A, B ~ χ²(n), μ the eigenvalues of its form."""
    u, b = world.concepts[k] - world.concepts[world.aligned], world.weak - world.concepts[world.aligned]
    form = np.array([[-0.5, 0.5], [0.5, 0.0]]) / world.belief**2  # in (p, e): p e − p²/2
    covariance = np.array([[u @ u, u @ b], [u @ b, b @ b + world.weak_noise**2]])
    low, high = np.sort(np.linalg.eigvals(covariance @ form).real)
    gain = np.log(world.alpha[k] / world.alpha[world.aligned])
    if gain == 0.0:
        return float(stats.f.sf(-low / high, n, n))
    value, _ = integrate.quad(
        lambda logs: np.exp(logs) * stats.chi2.pdf(np.exp(logs), n) * stats.chi2.sf((-low * np.exp(logs) - gain) / high, n),
        np.log(n) - 60.0 / n - 8.0,
        np.log(n + 60.0) + 1.0,
        epsabs=0.0,
        epsrel=QUADRATURE / 10,
        limit=500,
        points=[np.log(n), *([np.log(-gain / low)] if gain * low < 0 else [])],
    )
    return value


@pytest.mark.parametrize(("n", "printed"), [(3, 0.2797), (8, 0.1581), (20, 0.0532)])
def test_the_t_law_has_the_noted_values(n, printed):
    assert preference_probability(PAPER, n)[0] == pytest.approx(printed, abs=PRINTED)
    kappa = 0.6 / np.sqrt(2 * 0.64 + 1 + 1.8 - 1.2 - 0.36)  # c²/(2τ² + 1 + 2m − 2c − c²), the geometry's own formula
    assert preference_probability(PAPER, n)[0] == pytest.approx(stats.t.sf(kappa * np.sqrt(n), n), rel=QUADRATURE)


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("n", [1, 4, 11])
def test_preferences_agree_with_the_raw_log_odds_of_sampled_prompts(name, n):
    world, prompts = WORLDS[name], 100_000
    weights = posterior(world, *world.sample(prompts, n, rng=np.random.default_rng(n)))
    measured = (weights[:, world.competitors] > weights[:, [world.aligned]]).mean(axis=0)
    exact = preference_probability(world, n)
    stderr = np.sqrt(exact * (1 - exact) / prompts)
    assert np.all(np.abs(measured - exact) <= STANDARD_ERRORS * stderr)
    assert np.max(exact) > 0.03 and np.all((stderr < 0.02 * exact) | (exact < 0.01)), "too noisy to have seen a 10 % error"


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("n", [1, 2, 9, 60])
def test_preferences_agree_with_a_ratio_of_chi_squares(name, n):
    world = WORLDS[name]
    found = preference_probability(world, n)
    assert found == pytest.approx([by_f_ratio(world, k, n) for k in world.competitors], rel=QUADRATURE)


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.integers(1, 40), st.floats(0.05, 20.0), st.booleans())
def test_preferences_of_drawn_worlds_are_those_of_a_ratio_of_chi_squares(seed, n, belief, equal):
    rng = np.random.default_rng(seed)
    prior = None if equal else np.array([0.3, 0.7])
    world = ConceptWorld(rng.standard_normal((2, 3)), rng.standard_normal(3), 0.2 + rng.random(), belief, prior)
    assert preference_probability(world, n)[0] == pytest.approx(by_f_ratio(world, 1, n), rel=100 * QUADRATURE, abs=QUADRATURE)


def test_one_and_two_examples_are_an_angle():
    kappa = rivals(PAPER).kappa[0]
    assert preference_probability(PAPER, 1)[0] == pytest.approx(0.5 - np.arctan(kappa) / np.pi, rel=ROUNDING)
    assert preference_probability(PAPER, 2)[0] == pytest.approx(0.5 * (1.0 - kappa / np.sqrt(1.0 + kappa**2)), rel=ROUNDING)


@pytest.mark.parametrize("features", ["gaussian", "uniform"])
def test_the_drift_is_the_mean_log_likelihood_ratio(features):
    world = replace(GENERAL, features=features)
    evidence = simulate_evidence(world, [1], 200_000, rng=np.random.default_rng(0))[0][:, world.competitors]
    stderr = evidence.std(axis=0) / np.sqrt(200_000)
    assert np.all(np.abs(evidence.mean(axis=0) + rivals(world).drift) <= STANDARD_ERRORS * stderr)
    assert np.all(stderr < 0.02 * np.abs(rivals(world).drift))


def test_the_belief_matters_only_with_unequal_priors():
    equal, unequal = (preference_probability(replace(PAPER, belief=5.0, prior=p), 4)[0] for p in (None, np.array([0.3, 0.7])))
    assert equal == preference_probability(PAPER, 4)[0]
    assert unequal > 2 * preference_probability(replace(PAPER, prior=np.array([0.3, 0.7])), 4)[0] * 0.9


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("n", [1, 5, 40])
def test_the_chernoff_bound_is_the_smallest_transform_and_holds(name, n):
    """E exp(λ·log-odds) at its best λ, found by a search, halved where the prior does not favour the competitor."""
    world = WORLDS[name]
    exact, bound, (_, top) = preference_probability(world, n), chernoff_bound(world, n), domain(world)
    assert np.all(exact <= bound)
    for i, k in enumerate(world.competitors):
        odds = world.alpha[k] / world.alpha[world.aligned]
        if rivals(world).kappa[i] <= 0:
            assert bound[i] == 1.0
            continue
        # At the λ that is best without a prior, as the bound takes it: where the derivative of Δ, searched for its zero, changes sign.
        slope = lambda tilt, i=i: evidence_mgf(world, 1, tilt + 1e-6)[i] - evidence_mgf(world, 1, tilt - 1e-6)[i]  # noqa: E731
        tilt = float(optimize.brentq(slope, 0.0, 0.9 * top[i], xtol=1e-14))  # pyright: ignore[reportArgumentType]
        expected = min(1.0, (0.5 if odds <= 1 else 1.0) * odds**tilt * evidence_mgf(world, n, tilt)[i])
        assert bound[i] == pytest.approx(expected, rel=FINITE_DIFFERENCE * 10)


def test_the_bound_is_attained_half_way_and_has_the_exact_exponent():
    halfway = ConceptWorld(np.eye(2, 3), np.array([0.5, 0.5, 0.4]), 0.5)
    assert preference_probability(halfway, 7)[0] == chernoff_bound(halfway, 7)[0] == 0.5
    rate = rivals(PAPER).rate[0]
    assert rate == pytest.approx(0.5 * np.log(1 + 0.36 / 2.52), rel=ROUNDING)
    # P = ½ I_x(n/2, ½) ≥ x^{n/2}/(n B(n/2, ½)): the bound is off by a factor of order √n only.
    for n in (10, 100, 1000):
        lower = np.exp(-n * rate) / (n * special.beta(n / 2, 0.5))
        assert lower <= preference_probability(PAPER, n)[0] <= chernoff_bound(PAPER, n)[0]
        assert lower * np.sqrt(1 + 1 / (0.36 / 2.52)) >= preference_probability(PAPER, n)[0]


def test_the_error_lies_within_its_bracket_which_closes_for_two_concepts():
    low, high = error_bracket(GENERAL, 6)
    odds = posterior_odds(Prompting(GENERAL, 6), 100_000, np.random.default_rng(1))
    measured = np.mean(odds.max(axis=1) > 0)
    stderr = np.sqrt(measured * (1 - measured) / 100_000)
    assert low + STANDARD_ERRORS * stderr < measured < high - STANDARD_ERRORS * stderr
    assert error_bracket(PAPER, 6)[0] == error_bracket(PAPER, 6)[1]
    assert error_bracket(ConceptWorld(np.ones((1, 2)), np.ones(2)), 3) == (0.0, 0.0)
    assert error_bracket(orthonormal_world(9, alignment=0.01, weak_noise=5.0), 1)[1] == 1.0


@pytest.mark.parametrize(
    "world", [PAPER, orthonormal_world(5, alignment=0.8, weak_noise=0.7), GENERAL], ids=["2", "5", "general"]
)
@pytest.mark.parametrize("delta", [0.1, 1e-4])
def test_the_sample_size_is_enough_and_hardly_more_than_the_bound_needs(world, delta):
    n = int(sample_size(world, delta))
    assert error_bracket(world, n)[1] <= np.sum(chernoff_bound(world, n)) <= delta
    # One example fewer, and the worst competitor takes more than its share δ/(K − 1).
    assert np.max(chernoff_bound(world, n - 1)) > delta / (world.count - 1)


def test_a_lost_concept_has_no_exponent_and_no_sample_size():
    lost = replace(PAPER, weak=np.array([0.2, 0.9, 0.0]))
    assert rivals(lost).kappa[0] < 0 and rivals(lost).rate[0] == 0.0
    assert chernoff_bound(lost, 50)[0] == 1.0 and sample_size(lost, 0.1) == np.inf
    assert preference_probability(lost, 2000)[0] == pytest.approx(1.0, abs=ROUNDING)
    mirrored = replace(lost, aligned=1)
    for prior in (None, np.array([0.2, 0.8])):
        both = [preference_probability(replace(w, prior=prior), 5)[0] for w in (lost, mirrored)]
        assert sum(both) == pytest.approx(1.0, rel=ROUNDING)


def test_evidence_without_noise_decides_at_once_or_waits_for_the_prior():
    exact = ConceptWorld(np.eye(2), np.array([0.9, 0.1]), weak_noise=0.0)
    assert rivals(exact).kappa[0] == np.inf and rivals(exact).rate[0] == np.inf
    assert preference_probability(exact, 1)[0] == 0.0 and chernoff_bound(exact, 1)[0] == 0.0 and sample_size(exact, 0.1) == 1.0
    flipped = replace(exact, weak=np.array([0.1, 0.9]))
    assert rivals(flipped).kappa[0] == -np.inf and preference_probability(flipped, 1)[0] == 1.0
    for world in (exact, flipped):
        for prior in (np.array([0.2, 0.8]), np.array([0.8, 0.2])):
            weighted = replace(world, prior=prior)
            odds = posterior_odds(Prompting(weighted, 3), 50_000, np.random.default_rng(2))
            found = preference_probability(weighted, 3)[0]
            assert abs(np.mean(odds > 0) - found) <= STANDARD_ERRORS * np.sqrt(found * (1 - found) / 50_000)
    against = replace(exact, prior=np.array([0.2, 0.8]))
    assert 0.05 < preference_probability(against, 3)[0] < 0.95
    assert chernoff_bound(against, 3)[0] == 1.0 and sample_size(against, 0.1) == np.inf


def test_a_tie_counts_half_unless_the_prior_breaks_it():
    tie = ConceptWorld(np.eye(2), np.array([0.5, 0.5]))
    assert rivals(tie).kappa[0] == 0.0 and preference_probability(tie, 3)[0] == 0.5
    assert preferences(np.array([-2.0, 0.0, 3.0])).tolist() == [0.0, 0.5, 1.0]
    assert preference_probability(replace(tie, prior=np.array([0.4, 0.6])), 3)[0] == 1.0
    assert preference_probability(replace(tie, prior=np.array([0.6, 0.4])), 3)[0] == 0.0


def test_a_competitor_ruled_out_beforehand_never_wins():
    world = ConceptWorld(np.eye(3), np.array([0.7, 0.2, 0.9]), 0.5, prior=np.array([0.5, 0.5, 0.0]))
    assert preference_probability(world, 4)[1] == 0.0 and rivals(world).rate[1] == np.inf and chernoff_bound(world, 4)[1] == 0.0
    assert sample_size(world, 0.05) == sample_size(ConceptWorld(np.eye(2, 3), world.weak, 0.5), 0.05)


def test_on_given_features_only_the_label_noise_is_random():
    world = replace(GENERAL, features="uniform", weak_noise=1.5)
    rng = np.random.default_rng(5)
    features = world.draw_features((6, 5), rng=rng)
    labels = features @ world.weak + 1.5 * rng.standard_normal((100_000, 6))
    weights = posterior(world, np.broadcast_to(features, (100_000, 6, 5)), labels)
    measured = (weights[:, world.competitors] > weights[:, [world.aligned]]).mean(axis=0)
    exact = conditional_preference(world, features)
    stderr = np.sqrt(exact * (1 - exact) / 100_000)
    assert np.all(np.abs(measured - exact) <= STANDARD_ERRORS * stderr)
    assert np.max(exact) > 0.05 and np.all((stderr < 0.02 * exact) | (exact < 0.01))


def test_features_that_say_nothing_leave_it_to_the_prior():
    mute = np.zeros((2, 3, 5))
    assert conditional_preference(GENERAL, mute).tolist() == [[1.0, 1.0, 0.0]] * 2
    assert conditional_preference(replace(GENERAL, prior=None), mute[0]).tolist() == [0.5] * 3


def test_a_weak_preference_has_a_small_rate_rather_than_none():
    faint = orthonormal_world(2, alignment=1e-9, length=1.0, weak_noise=1.0)
    assert rivals(faint).rate[0] == pytest.approx(0.5 * rivals(faint).kappa[0] ** 2, rel=QUADRATURE)


def test_averaged_over_gaussian_features_it_is_the_exact_law_and_over_uniform_ones_it_is_not():
    for name, world in WORLDS.items():
        features = world.draw_features((40_000, 7, world.d), rng=np.random.default_rng(6))
        each = conditional_preference(world, features)
        stderr = each.std(axis=0) / np.sqrt(40_000)
        assert np.all(np.abs(each.mean(axis=0) - preference_probability(world, 7)) <= STANDARD_ERRORS * stderr), name
        assert np.all(stderr < 0.02 * each.mean(axis=0))
    noisy = ConceptWorld(np.eye(2), np.eye(2)[0], weak_noise=1.5, features="uniform")
    each = conditional_preference(noisy, noisy.draw_features((200_000, 20, 2), rng=np.random.default_rng(7)))
    stderr = each.std() / np.sqrt(200_000)
    assert each.mean() == pytest.approx(0.0220, abs=STANDARD_ERRORS * stderr + PRINTED) and stderr < 2e-4
    assert preference_probability(replace(noisy, features="gaussian"), 20)[0] == pytest.approx(0.0239, abs=PRINTED)


def test_a_random_error_flips_as_often_as_points_of_the_sphere_lie_beyond_the_plane():
    assert flip_probability(np.sqrt(2.0), 2.0, 30) == pytest.approx(0.02552, abs=PRINTED)
    for d, bias in ((2, 1.1), (5, 1.5), (30, 2.0)):
        points = np.random.default_rng(d).standard_normal((400_000, d))
        beyond = bias * points[:, 0] / np.linalg.norm(points, axis=1) > np.sqrt(2.0) / 2.0
        exact = flip_probability(np.sqrt(2.0), bias, d)
        stderr = np.sqrt(exact * (1 - exact) / 400_000)
        assert abs(beyond.mean() - exact) <= STANDARD_ERRORS * stderr and stderr < 0.02 * exact
    assert flip_probability(1.0, 0.8, 2) == pytest.approx(np.arccos(0.625) / np.pi, rel=ROUNDING)
    assert flip_probability(1.0, 0.8, 3) == pytest.approx((1 - 0.625) / 2, rel=ROUNDING)
    assert flip_probability(1.0, 0.8, 1) == 0.5
    assert flip_probability(1.0, 0.5, 7) == flip_probability(1.0, 0.0, 7) == 0.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rivals(ConceptWorld(np.ones((2, 3)), np.ones(3))), "concepts must differ from the aligned one"),
        (lambda: rivals(replace(PAPER, spread=0.1)), "spread must be 0"),
        (lambda: preference_probability(replace(PAPER, features="uniform"), 3), "features must be Gaussian"),
        (lambda: preference_probability(PAPER, 0), "n must be a whole number >= 1"),
        (lambda: chernoff_bound(PAPER, 2.5), "n must be a whole number >= 1"),  # type: ignore[arg-type]
        (lambda: sample_size(PAPER, 1.0), "delta must lie strictly between 0 and 1"),
        (lambda: conditional_preference(PAPER, np.ones((4, 2))), r"features must have shape \(..., n, 3\)"),
        (lambda: conditional_preference(PAPER, np.full((4, 3), np.nan)), "features must be finite"),
        (
            lambda: conditional_preference(replace(PAPER, weak_noise=0.0), np.ones((4, 3))),
            "weak_noise must be a finite number > 0",
        ),
        (lambda: flip_probability(0.0, 1.0, 3), "separation must be a finite number > 0"),
        (lambda: flip_probability(1.0, -1.0, 3), "bias must be a finite number >= 0"),
        (lambda: flip_probability(1.0, 2.0, 0), "d must be a whole number >= 1"),
    ],
)
def test_bad_input_is_refused_with_the_way_out(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_one_concept_needs_one_example():
    assert sample_size(ConceptWorld(np.array([[1.0, 0.0]]), np.array([0.5, 0.1])), 0.05) == 1.0
