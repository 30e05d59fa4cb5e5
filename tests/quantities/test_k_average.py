"""Averages of k drawn members: closed bounds against every draw enumerated, plain loops, and their inequalities on grids."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import rel_entr
from scipy.stats import multinomial

from tests.tolerances import ONE_SIDED, ROUNDING, STANDARD_ERRORS, TAYLOR
from w2s_theory.problems.hull_population import HullPopulation
from w2s_theory.problems.k_average import HullStudent, KAverage
from w2s_theory.quantities.k_average import (
    certificate,
    chi_squared,
    class_bound,
    excess_bound,
    excess_envelope,
    excess_limit,
    excess_range,
    member_bound,
    member_excess,
    root_bound,
    shortfall_bound,
    spread,
    target_bound,
    target_ratio,
)
from w2s_theory.students.bregman_hull import project_on_hull
from w2s_theory.theorems._mulgund import certain_members, k_average

WORLDS = [k_average(np.random.default_rng(seed), 2, certainty=certainty) for seed, certainty in ((0, 0.0), (1, 0.5), (2, 0.9))]
SMALL = [k_average(np.random.default_rng(seed), 2, members=2, points=2) for seed in (3, 4)]


def every_draw(world):
    """All ways to draw k members: their average (draws, n, c) and probability (draws,), from the multinomial law."""
    m, k = len(world.mixture), world.size
    counts = np.array([c for c in itertools.product(range(k + 1), repeat=m) if sum(c) == k])
    chances = multinomial.pmf(counts, k, world.mixture)
    return np.tensordot(counts / k, world.population.members, axes=1), chances


def kl(first, second, p):
    return rel_entr(first, second).sum(axis=-1) @ p


def exact_excess(world):
    """E KL(ḡ ‖ g) by enumeration."""
    averages, chances = every_draw(world)
    centre = np.tensordot(world.mixture, world.population.members, axes=1)
    return float(chances @ kl(averages, centre, world.population.weights))


def exact_target_part(world):
    """E KL(f ‖ ḡ) − KL(f ‖ g) by enumeration."""
    averages, chances = every_draw(world)
    inside = world.population
    centre = np.tensordot(world.mixture, inside.members, axes=1)
    return float(chances @ kl(inside.target, averages, inside.weights) - kl(inside.target, centre, inside.weights))


def exact_shortfall(world):
    """E[misfit − gain] by enumeration."""
    averages, chances = every_draw(world)
    inside, p = world.population, world.population.weights
    gain = kl(inside.target, inside.weak, p) - kl(inside.target, averages, p)
    return float(chances @ (kl(averages, inside.weak, p) - gain))


def test_the_inequalities_behind_the_expansions_hold_on_a_grid():
    v = np.concatenate([np.linspace(-1.0, 1.0, 4001)[1:], np.geomspace(1.0, 1e4, 1000), [-1.0 + 1e-12]])
    entropy = (1 + v) * np.log1p(v) - v
    assert np.all(entropy >= v**2 / 2 - v**3 / 6 - ROUNDING)
    assert np.all(entropy <= v**2 / 2 - v**3 / 6 + v**4 / 3 + ROUNDING)
    r = np.minimum(1.0, 1.0 + v)
    assert np.all(-np.log1p(v) <= -v + v**2 / 2 - v**3 / 3 + v**4 / (4 * r) + ROUNDING)
    at = v < -1.0 + 1e-9  # where the constant 1/3 is needed
    assert np.all(entropy[at] > v[at] ** 2 / 2 - v[at] ** 3 / 6 + v[at] ** 4 / 3.3)


def test_moments_and_chi_squared_agree_with_plain_loops():
    for world in WORLDS:
        inside, a = world.population, world.mixture
        total, moments = 0.0, spread(world)
        for i, p in enumerate(inside.weights):
            for y in range(3):
                g = sum(a[j] * inside.members[j, i, y] for j in range(len(a)))
                second, third, fourth = (
                    sum(a[j] * (inside.members[j, i, y] / g - 1.0) ** r for j in range(len(a))) for r in (2, 3, 4)
                )
                assert [m[i, y] for m in moments[:3]] == pytest.approx([second, third, fourth], rel=ROUNDING * 100)
                assert moments.smallest[i, y] == pytest.approx(min(inside.members[:, i, y]) / g, rel=ROUNDING)
                total += p * sum(a[j] * (inside.members[j, i, y] - g) ** 2 for j in range(len(a))) / g
        assert chi_squared(world) == pytest.approx(total, rel=ROUNDING * 100)


@pytest.mark.parametrize("k", [1, 2, 5])
def test_the_excess_lies_between_its_bounds(k):
    for world in (replace(world, size=k) for world in WORLDS):
        truth, (low, high) = exact_excess(world), excess_range(world)
        assert low <= truth <= high
        assert truth <= excess_bound(world) <= chi_squared(world) / k <= class_bound(world) / k
        assert excess_limit(world) == pytest.approx(chi_squared(world) / 2 / k, rel=ROUNDING)
        assert 0.0 <= truth / low - 1.0 <= excess_envelope(world) if low > 0 else excess_envelope(world) == math.inf


@pytest.mark.parametrize("world", SMALL, ids=["first", "second"])
def test_both_bounds_of_the_excess_close_in_at_the_rate_of_their_next_terms(world):
    """Two members, k in the tens: bounds and truth agree up to terms of 1/k³, so a constant 10 % off in the second term shows."""
    large = replace(world, size=60)
    truth, (low, high) = exact_excess(large), excess_range(large)
    second = abs(low - excess_limit(large))
    assert excess_envelope(large) == pytest.approx(sum_of_fourths(large) / 3.0 / low, rel=ROUNDING * 1e4)
    assert high - low == pytest.approx(sum_of_fourths(large) / 3.0, rel=ROUNDING * 1e4)
    # The truth exceeds the lower bound by E V⁴/12 to leading order: Taylor's next term, computed here from the draws.
    assert truth - low == pytest.approx(sum_of_fourths(large) / 12.0, rel=TAYLOR)
    assert second > 0.1 * (truth - low)


def sum_of_fourths(world):
    """E Σ_y g V⁴ by enumeration."""
    averages, chances = every_draw(world)
    centre = np.tensordot(world.mixture, world.population.members, axes=1)
    return float(chances @ (np.sum(centre * (averages / centre - 1.0) ** 4, axis=-1) @ world.population.weights))


@pytest.mark.parametrize("k", [1, 2, 5])
def test_the_target_part_stays_below_its_bound(k):
    for world in (replace(world, size=k) for world in WORLDS):
        assert exact_target_part(world) <= target_bound(world)
        assert exact_shortfall(world) <= shortfall_bound(world)
        assert shortfall_bound(world) == pytest.approx(excess_range(world)[1] + target_bound(world), rel=1e-9)  # γ = 0 here
        assert exact_shortfall(world) <= root_bound(world)


@pytest.mark.parametrize("world", SMALL, ids=["first", "second"])
def test_the_target_bound_keeps_taylors_terms(world):
    large = replace(world, size=60)
    averages, chances = every_draw(large)
    inside = large.population
    v = averages / large.centre - 1.0
    terms = v**2 / 2 - v**3 / 3 + v**4 / (4 * (inside.members / large.centre).min(axis=0))
    expected = chances @ (np.sum(inside.target * terms, axis=-1) @ inside.weights)
    assert target_bound(large) == pytest.approx(expected, rel=ROUNDING * 1e3)
    assert exact_target_part(large) == pytest.approx(target_bound(large), rel=TAYLOR)


def test_the_certificate_of_a_mixture_that_is_not_the_best_is_counted():
    world = WORLDS[0]
    inside = world.population
    best = project_on_hull(inside.members, inside.weak, weights=inside.weights).coefficients
    other = replace(world, mixture=np.roll(world.mixture, 1))
    assert certificate(other) > 100 * certificate(replace(world, mixture=best / best.sum()))
    assert shortfall_bound(other) == pytest.approx(
        certificate(other) + excess_range(other)[1] + target_bound(other), rel=ROUNDING
    )
    assert exact_shortfall(other) <= shortfall_bound(other)
    assert exact_shortfall(other) <= root_bound(other)


def test_the_published_shape_agrees_with_a_number_worked_by_hand():
    """Two classes, one sample: f/m is at most (.5/.2, .5/.8 → 2.5) for both members, so B̄ = 2.5, c − 1 = 1."""
    members = np.array([[[0.2, 0.8]], [[0.8, 0.2]]])
    world = KAverage(HullPopulation(members, [[0.5, 0.5]], [0.5, 0.5]), np.array([0.5, 0.5]), 8)
    assert target_ratio(world) == pytest.approx(2.5, rel=ROUNDING)
    assert root_bound(world) == pytest.approx(1 / 8 + 2.5 * math.sqrt(1 / 16), rel=ROUNDING * 100)
    assert chi_squared(world) == pytest.approx(0.3**2 / 0.5 * 2, rel=ROUNDING * 10)
    assert excess_bound(world) == pytest.approx(math.log(1 + 0.36 / 8), rel=ROUNDING * 10)
    uneven = replace(world, population=HullPopulation(members, [[0.5, 0.5]], [1.0, 0.0]), mixture=np.array([0.3, 0.7]))
    assert target_ratio(uneven) == pytest.approx(math.sqrt(0.3 * 1.0 + 0.7 * 16.0), rel=ROUNDING)  # (.8/.8)², (.8/.2)²


def test_certain_members_attain_the_class_count():
    for c in (2, 5):
        mixture = np.random.default_rng(c).dirichlet(np.ones(c))
        world = KAverage(HullPopulation(certain_members(c), np.full((1, c), 1 / c), mixture), mixture, 1)
        assert chi_squared(world) <= class_bound(world) == c - 1
        assert chi_squared(world) == pytest.approx(
            c - 1, rel=0.02
        )  # members are certain up to 1e-4, over weights of 0.02 and more


def test_drawn_averages_have_the_law_of_the_draws():
    world = WORLDS[1]
    drawn = world.averages(20_000, rng=np.random.default_rng(0))
    excess = kl(drawn, world.centre, world.population.weights)
    stderr = excess.std() / math.sqrt(excess.size)
    assert abs(excess.mean() - exact_excess(world)) < STANDARD_ERRORS * stderr
    assert STANDARD_ERRORS * stderr < 0.1 * exact_excess(world)


def test_averages_in_the_dual_order_are_geometric():
    world = WORLDS[0]
    inside = world.population
    dual = KAverage(HullPopulation(inside.members, inside.weak, inside.target_mixture, "reverse-kl"), world.mixture, 2)
    drawn = dual.averages(1, rng=np.random.default_rng(0))[0]
    counts = np.random.default_rng(0).multinomial(2, dual.mixture / dual.mixture.sum(), size=1)[0]
    product = np.prod(inside.members ** (counts / 2)[:, None, None], axis=0)
    assert drawn == pytest.approx(product / product.sum(axis=-1, keepdims=True), rel=ROUNDING * 10)
    with pytest.raises(ValueError, match="must be 'kl'"):
        chi_squared(dual)
    with pytest.raises(ValueError, match="must be 'kl'"):
        member_bound(HullStudent(dual.population, dual.mixture, dual.mixture))


@given(st.integers(0, 2**16), st.integers(2, 4), st.integers(2, 4))
def test_a_member_of_the_hull_never_falls_further_short_than_its_bound(seed, m, classes):
    rng = np.random.default_rng(seed)
    members, weak = (0.95 * rng.dirichlet(0.5 * np.ones(classes), size=size) + 0.05 / classes for size in ((m, 2), (3, 2)))
    population = HullPopulation(members, weak, rng.dirichlet(np.ones(m), size=3))
    student, reference = rng.dirichlet(np.ones(m), size=(2, 3))
    best = project_on_hull(members, weak).coefficients
    best = best / best.sum(axis=-1, keepdims=True)
    p = population.weights
    values = np.tensordot(student, members, axes=1)
    short = kl(values, weak, p) - kl(population.target, weak, p) + kl(population.target, values, p)
    for other in (best, reference):  # any reference will do
        assert np.all(short <= member_bound(HullStudent(population, student, other)) + ROUNDING * 100)
    above = kl(values, weak, p) - kl(np.tensordot(best, members, axes=1), weak, p)
    assert np.all(member_excess(HullStudent(population, student, best)) >= above - ROUNDING * 100)
    assert member_excess(HullStudent(population, student, best)) == pytest.approx(np.maximum(above, 0.0), rel=1e-4, abs=1e-6)


def test_the_bound_of_a_member_agrees_with_a_number_worked_by_hand():
    """One sample, members (.9, .1) and (.1, .9), weak undecided: best ½–½; student ¼–¾ is (.3, .7); target (.9, .1)."""
    members = np.array([[[0.9, 0.1]], [[0.1, 0.9]]])
    population = HullPopulation(members, [[0.5, 0.5]], [1.0, 0.0])
    excess = 0.3 * math.log(0.6) + 0.7 * math.log(1.4)
    bound = excess + math.log(1 + 3.0 * math.sqrt(excess / 2))
    world = HullStudent(population, np.array([0.25, 0.75]), np.array([0.5, 0.5]))
    assert member_excess(world) == pytest.approx(excess, rel=ROUNDING * 100)
    assert member_bound(world) == pytest.approx(bound, rel=ROUNDING * 100)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mixture": [0.5, 0.6]}, "mixture must be non-negative and sum to 1"),
        ({"mixture": [1.0]}, "mixture must have 2 weights"),
        ({"size": 0}, "size must be a whole number >= 1"),
        (
            {"population": HullPopulation([[[0.4, 0.6]], [[0.7, 0.3]]], [[[0.5, 0.5]]], [0.5, 0.5])},
            "population must have one task",
        ),
    ],
)
def test_bad_input_is_refused_by_name(change, message):
    population = HullPopulation([[[0.4, 0.6]], [[0.7, 0.3]]], [[0.5, 0.5]], [0.5, 0.5])
    good = {"population": population, "mixture": [0.5, 0.5], "size": 2}
    with pytest.raises(ValueError, match=message):
        KAverage(**{**good, **change})
    with pytest.raises(ValueError, match="reference must have 2 weights"):
        HullStudent(population, np.array([0.5, 0.5]), np.array([1.0]))


def test_the_certificate_is_the_steepest_way_to_a_member_by_finite_differences():
    """How fast E KL(g ‖ weak) falls from the mixture towards the member where it falls fastest."""
    for world in WORLDS:
        even = replace(world, mixture=np.full(len(world.mixture), 1.0 / len(world.mixture)))
        members, weak, p = even.population.members, even.population.weak, even.population.weights
        step = 1e-6
        falls = [(kl(even.centre, weak, p) - kl((1 - step) * even.centre + step * m, weak, p)) / step for m in members]
        assert certificate(even) > 1e-3
        assert certificate(even) == pytest.approx(max(falls), rel=ONE_SIDED)
