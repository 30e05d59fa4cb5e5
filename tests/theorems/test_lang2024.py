"""Expansion with students that are robust on average: constants, profiles and every side against brute force over all sets; power and refusals.

bad_to_good, good_to_bad, corrected_error, coverage, profile, profile_error.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.theorems.ladder import assert_holds, assert_is_caught, examples, scaled_right
from tests.tolerances import LINEAR_PROGRAM, ROUNDING, STANDARD_ERRORS
from w2s_theory import Verdict, check
from w2s_theory.problems.expansion import Expansion
from w2s_theory.problems.pseudolabels import CoveredGraph, PseudolabelledGraph
from w2s_theory.quantities.expansion_bounds import bad_to_good_bound, error_bound, good_to_bad_bound
from w2s_theory.theorems._lang2024 import pseudolabelled

NAMES = ("bad_to_good", "good_to_bad", "corrected_error", "coverage", "profile", "profile_error")
RNG = np.random.default_rng(0)


@st.composite
def worlds(draw):
    """Weighted points of up to three classes, edges that may join classes, any student: mostly right, mostly like its labels, or random."""
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    n, classes = draw(st.integers(5, 9)), draw(st.sampled_from([2, 3]))
    target = rng.integers(0, classes, n)
    bad = np.arange(n) < draw(st.integers(1, min(5, n - 1)))
    pseudolabels = np.where(bad, (target + rng.integers(1, classes, n)) % classes, target)
    pairs = np.argwhere(np.triu(np.ones((n, n)), 1))
    edges = pairs[rng.random(len(pairs)) < draw(st.sampled_from([0.3, 0.6, 1.0]))]
    mostly = {"target": target, "labels": pseudolabels, "random": rng.integers(0, classes, n)}[
        draw(st.sampled_from(["target", "labels", "random"]))
    ]
    student = np.where(rng.random(n) < 0.8, mostly, rng.integers(0, classes, n))
    return PseudolabelledGraph(target, pseudolabels, student, edges, rng.uniform(0.2, 2.0, n))


def as_covered(world):
    return CoveredGraph(world.target, world.student, ~world.is_bad, world.edges, world.weights)


def every_set(world, source):
    """(P(U | source), P(neighbours of U | rest)) of all sets U of source points, the empty one first, from an adjacency matrix."""
    w, rest = world.weights, ~source
    adjacent = np.zeros((w.size, w.size), dtype=bool)
    adjacent[world.edges[:, 0], world.edges[:, 1]] = adjacent[world.edges[:, 1], world.edges[:, 0]] = True
    inside = np.flatnonzero(source)
    rows = []
    for chosen in product((False, True), repeat=inside.size):
        members = inside[list(chosen)]
        reached = adjacent[members].any(axis=0) & rest
        rows.append((w[members].sum() / w[source].sum(), w[reached].sum() / w[rest].sum()))
    return np.array(rows)


def convex_envelope(sets, at):
    """The lower convex hull of the points of ``every_set``, at one share: over all pairs of them."""
    low, high = sets[sets[:, 0] <= at + 1e-12], sets[sets[:, 0] >= at - 1e-12]
    gap = high[None, :, 0] - low[:, None, 0]
    along = np.where(gap > 1e-12, (at - low[:, None, 0]) / np.where(gap > 1e-12, gap, 1.0), 0.0)
    values = low[:, None, 1] + along * (high[None, :, 1] - low[:, None, 1])
    return np.where(gap > 1e-12, values, np.minimum(low[:, None, 1], high[None, :, 1])).min()


def numbers_by_hand(world):
    """α, err(f, ỹ), err(f, y), a, b and the two ρ, by loops over points."""
    w = world.weights
    wrong, bad = world.student != world.target, world.pseudolabels != world.target
    fragile = np.zeros(w.size, dtype=bool)
    for u, v in world.edges:
        if bad[u] != bad[v] and wrong[u] != wrong[v]:
            fragile[[u, v]] = True
    alpha = w[bad].sum()
    return {
        "alpha": alpha,
        "training": w[world.student != world.pseudolabels].sum(),
        "error": w[wrong].sum(),
        "a": w[wrong & bad].sum() / alpha,
        "b": w[wrong & ~bad].sum() / (1 - alpha),
        "rho_bad": w[wrong & bad & fragile].sum() / alpha,
        "rho_good": w[~wrong & ~bad & fragile].sum() / (1 - alpha),
        "fragile_bad": w[bad & fragile].sum() / alpha,
        "fragile_good": w[~bad & fragile].sum() / (1 - alpha),
    }


@given(worlds())
def test_the_expansion_constants_are_minima_over_all_sets(world):
    for way in (world.bad_to_good, world.good_to_bad):
        sets = every_set(world, way.source)[1:]
        assert way.constant == pytest.approx(np.min(sets[:, 1] / sets[:, 0]), rel=ROUNDING, abs=ROUNDING)


@given(worlds(), st.floats(0.0, 1.0))
@settings(max_examples=15)  # tens of linear programs each
def test_the_profile_is_the_convex_envelope_over_all_sets(world, at):
    for way in (world.bad_to_good, world.good_to_bad):
        sets = every_set(world, way.source)
        assert way.profile(at) == pytest.approx(convex_envelope(sets, at), abs=LINEAR_PROGRAM)
        assert way.profile(at) >= way.constant * at - LINEAR_PROGRAM
        assert all(way.profile(float(t)) <= reached + LINEAR_PROGRAM for t, reached in sets[1:3])


@given(worlds(), st.floats(-0.2, 0.6), st.floats(0.1, 1.0), st.floats(0.1, 1.0))
@settings(max_examples=15)  # tens of linear programs each
def test_the_extreme_shares_are_those_of_the_envelope_on_a_grid(world, budget, factor, slope):
    way, grid = world.bad_to_good, np.linspace(0.0, 1.0, 41)
    sets = every_set(world, way.source)
    allowed = np.array([factor * convex_envelope(sets, t) - slope * t for t in grid]) <= budget
    for largest in (True, False):
        found = way.extreme_share(factor=factor, slope=slope, budget=budget, largest=largest)
        if found is None:
            assert not allowed.any()
            continue
        assert factor * convex_envelope(sets, found) - slope * found <= budget + LINEAR_PROGRAM
        if allowed.any():
            end = grid[allowed].max() if largest else grid[allowed].min()
            assert (found >= end - LINEAR_PROGRAM) if largest else (found <= end + LINEAR_PROGRAM)
            assert abs(found - end) <= 1 / 40 + LINEAR_PROGRAM


@given(worlds())
@settings(max_examples=15)  # tens of linear programs each
def test_the_bounds_hold_for_any_student_and_any_graph_and_decline_without_expansion(world):
    covered = as_covered(world)
    within = (world.expands(), world.reverse_expands(), world.reverse_expands(), covered.expands(), True, True)
    for name, is_within in zip(NAMES, within, strict=True):
        outcome = check("lang2024." + name, covered if name == "coverage" else world, rng=np.random.default_rng(0))
        assert outcome.verdict is (Verdict.HOLDS if is_within else Verdict.OUT_OF_SCOPE), outcome


@given(worlds())
@settings(max_examples=15)
def test_the_bounds_by_profiles_are_those_of_the_worst_students_that_the_envelopes_allow(world):
    """a and b on a grid, the envelopes over all sets; a bound may exceed what the grid finds by a step of it."""
    n, step = numbers_by_hand(world), 1 / 40
    alpha, training, grid = n["alpha"], n["training"], np.linspace(0, 1, 41)
    forth, back = (every_set(world, source) for source in (world.is_bad, ~world.is_bad))

    def curve(sets, share):
        return np.array([0.0 if t < 0 else convex_envelope(sets, t) for t in share])

    a = b = grid
    possible = (1 - alpha) * curve(forth, a - n["fragile_bad"]) + alpha * (1 - a) <= training
    ours = bad_to_good_bound(world)
    assert ours >= min(1.0, np.max(np.where(possible, training - alpha + 2 * alpha * a, 0.0))) - LINEAR_PROGRAM
    assert not possible.any() or ours <= training - alpha + 2 * alpha * (a[possible].max() + step) + LINEAR_PROGRAM
    widened = curve(back, 1 - b - n["fragile_good"])
    possible = (1 - alpha) * b + alpha * widened <= training
    ours = good_to_bad_bound(world)
    worst = (1 - alpha) * b + alpha * (1 - widened)
    assert ours >= min(1.0, np.max(np.where(possible, worst, 0.0))) - LINEAR_PROGRAM
    if possible.any() and not possible[-1]:
        assert ours <= worst[np.flatnonzero(possible)[-1] + 1] + LINEAR_PROGRAM


@given(worlds())
def test_the_numbers_in_the_bounds_are_those_counted_by_hand(world):
    by_hand = numbers_by_hand(world)
    ours = (world.weak_error, world.training_error, world.student_error, world.error_on_bad, world.error_on_good)
    ours += (world.fragile_errors, world.fragile_hits, world.fragile_on_bad, world.fragile_on_good)
    assert ours == pytest.approx(list(by_hand.values()), abs=ROUNDING)
    covered = as_covered(world)
    assert covered.covered_error == pytest.approx(by_hand["b"], abs=ROUNDING)
    assert covered.uncovered_error == pytest.approx(by_hand["a"], abs=ROUNDING)
    assert covered.fragile_errors == pytest.approx(by_hand["rho_bad"], abs=ROUNDING)


@given(worlds())
def test_a_fragile_point_is_one_where_the_student_is_not_robust_when_neighbours_share_their_class(world):
    keeps = world.target[world.edges[:, 0]] == world.target[world.edges[:, 1]]
    inside = replace(world, edges=world.edges[keeps])
    differs = np.zeros(world.target.size, dtype=bool)
    for u, v in inside.edges:
        if inside.student[u] != inside.student[v]:
            differs[[u, v]] = True
    assert inside.edges_keep_the_class()
    assert not np.any(inside.is_fragile(inside.bad_to_good) & ~differs)
    assert not np.any(inside.is_fragile(inside.good_to_bad) & ~differs)


def test_two_classes_tie_the_corrected_error_to_the_identity():
    for world in examples("lang2024.corrected_error")[1:]:
        assert world.has_two_classes()
        outcomes = {name: check("lang2024." + name, world, rng=RNG) for name in ("good_to_bad", "corrected_error")}
        bound = 2 * (1 - world.weak_error) * outcomes["good_to_bad"].right + world.weak_error - world.training_error
        assert outcomes["corrected_error"].right == pytest.approx(bound, rel=ROUNDING)


def test_the_least_training_error_that_expansion_allows_leaves_less_than_the_weak_error():
    world = pseudolabelled([3, 6, 3, 3], [1, 1, 1, 1], right=[True] * 4, rng=np.random.default_rng(1))
    alpha, c = world.weak_error, world.good_to_bad.constant
    assert c == pytest.approx(15 / 4 / 6)
    everywhere = check("lang2024.corrected_error", world, rng=RNG)  # right everywhere: training error α, more than αc
    assert everywhere.left == 0.0
    assert everywhere.right == pytest.approx(
        alpha * (1 - c) + (1 - alpha + alpha * c) * alpha * (1 - c) / (1 - alpha - alpha * c)
    )


def test_without_training_error_the_bound_is_the_weak_error_when_the_student_is_nowhere_robust_and_below_it_otherwise():
    """Training error αc(1 − ρ), the least there can be."""
    copies = pseudolabelled([4, 4], [1, 1], right=[True, True], rng=np.random.default_rng(4))
    copies = replace(copies, student=copies.pseudolabels)
    assert copies.fragile_hits == 1.0
    assert check("lang2024.corrected_error", copies, rng=RNG).right == pytest.approx(copies.weak_error, rel=ROUNDING)
    apart = pseudolabelled([6, 6], [1, 1], right=[True, True], rng=RNG)
    student = np.where(np.arange(14) < 7, apart.pseudolabels, apart.target)  # copies one of two clusters, repairs the other
    half = replace(apart, student=student)
    alpha, c = half.weak_error, half.good_to_bad.constant
    assert half.fragile_hits == pytest.approx(0.5)
    assert half.training_error == pytest.approx(alpha * c * 0.5)
    assert check("lang2024.corrected_error", half, rng=RNG).right == pytest.approx(alpha * (1 - 0.5 * c))


@given(worlds(), st.floats(0.05, 0.95))
@settings(max_examples=15)
def test_the_slope_of_the_profile_is_a_lower_bound_on_the_expansion_of_larger_sets(world, least):
    for way in (world.bad_to_good, world.good_to_bad):
        sets = every_set(world, way.source)
        large = sets[sets[:, 0] > least]
        assert way.profile(least) / least <= np.min(large[:, 1] / large[:, 0]) + LINEAR_PROGRAM / least


def test_the_slope_of_the_profile_can_be_below_the_expansion_of_larger_sets():
    """Three bad points of four have no neighbours, the last is a neighbour of all good ones: only all four are more than 0.8."""
    world = PseudolabelledGraph(np.zeros(8), np.arange(8) < 4, np.zeros(8), [[3, v] for v in range(4, 8)])
    sets = every_set(world, world.is_bad)
    large = sets[sets[:, 0] > 0.8]
    assert np.min(large[:, 1] / large[:, 0]) == 1.0
    assert world.bad_to_good.profile(0.8) == pytest.approx(0.2, abs=LINEAR_PROGRAM)


def test_the_direction_from_good_to_bad_needs_no_more_than_alpha_below_one_half():
    """Bad points have too few good neighbours for the other direction, which declines: (1 − α)c = α."""
    world = pseudolabelled([3, 9], [3, 3], right=[True, True], rng=np.random.default_rng(2))
    assert world.expansion == pytest.approx(0.5)
    assert world.surplus == pytest.approx(0.0)
    assert not replace(world, weights=np.where(world.is_bad, 1.1, 1.0)).expands()
    assert world.reverse_expands()
    assert_holds("lang2024.good_to_bad", world)


def test_linked_clusters_have_the_expansion_they_are_made_with():
    good, bad = np.array([4, 5, 6, 5]), np.array([1, 2, 1, 2])
    world = pseudolabelled(good.tolist(), bad.tolist(), right=[True] * 4, rng=RNG)
    ratios = (good / good.sum()) / (bad / bad.sum())
    assert world.bad_to_good.constant == pytest.approx(ratios.min())
    assert world.good_to_bad.constant == pytest.approx(1 / ratios.max())


def test_a_point_without_neighbours_makes_the_constant_zero_and_the_profile_only_a_little_less():
    world = pseudolabelled([9, 9], [1, 1], right=[True, True], rng=RNG)
    cut = replace(world, edges=world.edges[world.edges.min(axis=1) > 0])  # the first good point loses its bad neighbour
    assert world.good_to_bad.constant == pytest.approx(1.0)
    assert cut.good_to_bad.constant == 0.0
    assert not cut.reverse_expands()
    assert cut.good_to_bad.profile(1.0) == pytest.approx(1.0)
    assert cut.good_to_bad.profile(1 / 18) == pytest.approx(0.0, abs=LINEAR_PROGRAM)
    assert cut.good_to_bad.profile(9 / 18) == pytest.approx(0.5 * 8 / 9, abs=LINEAR_PROGRAM)  # (1/18, 0) to (10/18, 1/2)


def test_without_edges_the_bound_is_the_triangle_inequality():
    for world in examples("lang2024.profile_error"):
        apart = replace(world, edges=[])
        assert error_bound(apart) == pytest.approx(min(1.0, apart.training_error + apart.weak_error), abs=LINEAR_PROGRAM)
        assert good_to_bad_bound(apart) == pytest.approx(error_bound(apart), abs=LINEAR_PROGRAM)


def test_a_student_that_is_nowhere_robust_gets_the_triangle_inequality():
    world = pseudolabelled([4, 4], [1, 1], right=[True, True], rng=np.random.default_rng(4))
    copies = replace(world, student=world.pseudolabels)
    assert copies.fragile_on_bad == copies.fragile_on_good == 1.0
    assert error_bound(copies) == pytest.approx(copies.weak_error)


def test_the_numbers_agree_with_sampled_points():
    world = examples("lang2024.good_to_bad")[1]
    drawn = np.random.default_rng(3).choice(world.target.size, 200_000, p=world.weights)
    bad, wrong = world.is_bad[drawn], world.is_wrong[drawn]
    fragile = world.is_fragile(world.good_to_bad)[drawn]
    for exact, event, given_ in (
        (world.error_on_good, wrong, ~bad),
        (world.fragile_hits, ~wrong & fragile, ~bad),
        (world.training_error, world.student[drawn] != world.pseudolabels[drawn], np.ones_like(bad)),
    ):
        stderr = np.sqrt(exact * (1 - exact) / given_.sum())
        assert STANDARD_ERRORS * stderr < 0.2 * exact
        assert abs(np.mean(event[given_]) - exact) < STANDARD_ERRORS * stderr


def test_a_restricted_population_is_the_one_made_of_its_points():
    world = examples("lang2024.bad_to_good")[0]
    points = world.target == 1
    part = world.within(points)
    assert part.target.size == points.sum()
    assert part.weak_error == pytest.approx(world.share(world.is_bad, points))
    kept = {tuple(edge) for edge in np.flatnonzero(points)[part.edges].tolist()}
    assert kept == {(u, v) for u, v in world.edges.tolist() if points[u] and points[v]}
    with pytest.raises(ValueError, match="some but not all pseudolabels"):
        world.within(world.is_bad)


@pytest.mark.parametrize("wrong", [lambda mask: mask.astype(int), lambda mask: np.flatnonzero(mask), lambda mask: mask[:-1]])
def test_a_set_of_points_that_is_no_mask_is_refused(wrong):
    world = examples("lang2024.bad_to_good")[0]
    points = wrong(world.target == 1)
    for name, call in (
        ("points", lambda: world.within(points)),
        ("event", lambda: world.share(points)),
        ("given", lambda: world.share(world.is_bad, points)),
    ):
        with pytest.raises(ValueError, match=f"{name} must be True or False for each of {world.target.size} points; it is"):
            call()


@pytest.mark.parametrize("name", NAMES)
def test_the_statement_holds_on_its_own_examples_and_the_last_attains_it(name):
    for seed in range(3):
        for world in examples("lang2024." + name, seed):
            assert_holds("lang2024." + name, world, seed)
    outcome = check("lang2024." + name, examples("lang2024." + name)[-1], rng=RNG)
    assert outcome.left == pytest.approx(outcome.right, rel=LINEAR_PROGRAM)
    assert outcome.left > 0


@pytest.mark.parametrize("name", NAMES)
def test_a_constant_ten_percent_off_is_caught(name):
    assert_is_caught(scaled_right("lang2024." + name, 1.1 if name == "profile" else 0.9))


def test_a_fragile_student_breaks_the_bounds_that_leave_it_out():
    """Without ρ the bounds are false: the student copies its labels, and every bad and every good point is fragile."""
    world = pseudolabelled([4, 4], [1, 1], right=[True, True], rng=np.random.default_rng(4))
    copies = replace(world, student=world.pseudolabels)
    assert copies.fragile_errors == copies.error_on_bad == 1.0
    assert copies.fragile_hits == 1.0
    assert (copies.training_error - copies.weak_error) / copies.surplus < copies.error_on_bad
    alpha = copies.weak_error
    assert alpha * 0.0 + (1 - alpha + alpha) * (0.0 - alpha) / (1 - 2 * alpha) < copies.student_error
    for name in ("bad_to_good", "good_to_bad", "corrected_error"):
        assert_holds("lang2024." + name, copies)


@pytest.mark.parametrize(
    ("covered", "shown"),
    [(np.ones(3, dtype=bool), "3 True"), (np.zeros(3, dtype=bool), "0 True"), (np.array([0, 1, 1]), "int64")],
)
def test_a_covered_graph_needs_points_of_either_kind(covered, shown):
    with pytest.raises(ValueError, match=rf"is_covered must be True or False for every point, some of each; .*{shown}"):
        CoveredGraph(np.zeros(3), np.zeros(3), covered, [[0, 1]])


def test_a_share_outside_zero_and_one_is_refused():
    way = Expansion(np.array([[0, 1]]), np.full(2, 0.5), np.array([True, False]), np.array([False, True]))
    with pytest.raises(ValueError, match="share must lie in"):
        way.profile(1.5)


def test_no_bound_exceeds_one_when_the_student_contradicts_every_pseudolabel():
    """Its training error is 1, so that without expansion error + α would exceed 1."""
    target = np.zeros(8)
    pseudolabels = np.array([1.0, 1.0, 0, 0, 0, 0, 0, 0])
    for edges in ([], [(0, 2), (1, 3)]):
        world = PseudolabelledGraph(target, pseudolabels, 1.0 - pseudolabels, edges)
        assert bad_to_good_bound(world) == good_to_bad_bound(world) == 1.0
