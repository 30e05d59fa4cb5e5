"""Pseudolabel correction on finite graphs: identity, expansion bound and error bound against brute force; refusals and power.

identity, expansion_bound, corrected_error.
"""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.theorems.ladder import assert_holds, assert_is_caught, examples, scaled_right
from tests.tolerances import ROUNDING, STANDARD_ERRORS
from w2s_theory import Verdict, check
from w2s_theory.problems.pseudolabels import PseudolabelledGraph
from w2s_theory.theorems._pseudolabels import clusters

BOUNDS = ("expansion_bound", "corrected_error")
RNG = np.random.default_rng(0)


@st.composite
def graphs(draw, robust=True):
    """Weighted points in clusters of one class, random links within them; a robust student is constant on what the links connect."""
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    count = draw(st.integers(2, 4))
    sizes = rng.integers(2, 6, count)
    cluster = np.repeat(np.arange(count), sizes)
    n = cluster.size
    target = rng.integers(0, 2, count)[cluster].astype(float)
    is_bad = np.zeros(n, dtype=bool)
    is_bad[np.cumsum(sizes)[: draw(st.integers(1, count))] - 1] = True
    pairs = np.argwhere(np.triu(cluster[:, None] == cluster[None, :], 1))
    edges = pairs[rng.random(len(pairs)) < draw(st.sampled_from([0.5, 0.9, 1.0]))]
    student = rng.integers(0, 2, count)[cluster] if robust else rng.integers(0, 2, n)
    return PseudolabelledGraph(target, np.where(is_bad, 1 - target, target), student, edges, rng.uniform(0.2, 2.0, n))


def brute_force_expansion(world):
    """Over all sets of bad points."""
    bad, good = np.flatnonzero(world.is_bad), ~world.is_bad
    neighbours = np.zeros((world.target.size, world.target.size), dtype=bool)
    neighbours[world.edges[:, 0], world.edges[:, 1]] = neighbours[world.edges[:, 1], world.edges[:, 0]] = True
    ratios = []
    for chosen in product((False, True), repeat=bad.size):
        if any(chosen):
            inside = bad[list(chosen)]
            seen = neighbours[inside].any(axis=0) & good
            ratios.append(
                world.weights[seen].sum() / world.weights[good].sum() * world.weights[bad].sum() / world.weights[inside].sum()
            )
    return min(ratios)


@given(graphs())
def test_the_expansion_is_the_minimum_over_all_sets_of_bad_points(world):
    assert world.expansion == pytest.approx(brute_force_expansion(world), rel=ROUNDING, abs=ROUNDING)


def test_the_expansion_of_crossing_neighbourhoods_is_that_of_the_worst_set_not_of_the_worst_point():
    """Every bad point alone has two good neighbours, all three together still only three."""
    target = np.zeros(12)
    pseudolabels = np.array([1.0] * 3 + [0.0] * 9)
    edges = [(0, 3), (0, 4), (1, 4), (1, 5), (2, 5), (2, 3)]
    world = PseudolabelledGraph(target, pseudolabels, target, edges)
    assert world.expansion == pytest.approx((3 / 9) / 1.0) == pytest.approx(brute_force_expansion(world))
    assert world.expansion < (2 / 9) / (1 / 3)
    assert replace(world, edges=edges[:4]).expansion == 0.0  # the third bad point has no neighbour


def test_the_expansion_of_a_large_graph_needs_memory_for_its_edges_only():
    world = clusters(np.random.default_rng(0), 2000, good=5, bad=1, links=5)  # 12 000 points, 10 000 edges: dense, 960 MB
    tracemalloc.start()
    assert world.expansion == pytest.approx(1.0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100 * 2**20


@given(graphs(robust=False))
def test_the_identity_holds_for_any_student(world):
    assert_holds("pseudolabels.identity", world)


@given(graphs())
def test_the_bounds_hold_for_robust_students_and_decline_without_expansion(world):
    for name in BOUNDS:
        outcome = check("pseudolabels." + name, world, rng=np.random.default_rng(0))
        assert outcome.verdict is (Verdict.HOLDS if world.expands() else Verdict.OUT_OF_SCOPE), outcome


def test_the_identity_agrees_with_sampled_points():
    world = examples("pseudolabels.identity")[1]
    drawn = np.random.default_rng(1).choice(world.target.size, 200_000, p=world.weights)
    y, weak, student = (labels[drawn] for labels in (world.target, world.pseudolabels, world.student))
    bad = weak != y
    a = np.mean(student[bad] != y[bad])
    sampled = np.mean(student != weak) - bad.mean() * (1 - 2 * a)
    assert sampled == pytest.approx(np.mean(student != y))  # exact in the sample too
    assert abs(sampled - world.student_error) < STANDARD_ERRORS * np.sqrt(0.25 / drawn.size)


def test_a_student_that_fits_no_worse_than_the_weak_error_is_right_everywhere():
    for world in examples("pseudolabels.corrected_error"):
        perfect = replace(world, student=world.target)
        assert perfect.training_error == pytest.approx(world.weak_error)
        assert_holds("pseudolabels.corrected_error", perfect)
        assert perfect.student_error == 0.0


def test_the_bounds_are_attained_on_fully_linked_clusters():
    world = examples("pseudolabels.expansion_bound")[-1]
    assert world.expansion == pytest.approx(1.0)
    for name in BOUNDS:
        outcome = check("pseudolabels." + name, world, rng=RNG)
        assert outcome.left == pytest.approx(outcome.right, rel=ROUNDING)


@pytest.mark.parametrize("name", ["identity", *BOUNDS])
def test_the_statement_holds_on_its_own_examples(name):
    for seed in range(4):
        for world in examples("pseudolabels." + name, seed):
            assert_holds("pseudolabels." + name, world, seed)


@pytest.mark.parametrize("name", ["identity", *BOUNDS])
def test_a_constant_ten_percent_off_is_caught(name):
    assert_is_caught(scaled_right("pseudolabels." + name, 0.9))
    if name == "identity":
        assert_is_caught(scaled_right("pseudolabels.identity", 1.1))


def test_a_student_that_is_not_robust_can_break_the_bound_and_is_declined():
    world = clusters(np.random.default_rng(0), 5, links=4)
    copies = replace(world, student=world.pseudolabels)  # fits its labels perfectly, corrects nothing
    assert copies.training_error == 0.0
    assert copies.error_on_bad == 1.0
    for name in BOUNDS:
        assert check("pseudolabels." + name, copies, rng=RNG).failed == ("the student answers alike on points that look alike",)
    assert (copies.training_error - copies.weak_error) / copies.surplus < copies.error_on_bad


def test_edges_across_classes_and_too_little_expansion_are_declined():
    world = clusters(np.random.default_rng(1), 4)
    opposite = np.flatnonzero(world.target != world.target[0])[:1]
    across = replace(world, edges=np.vstack([world.edges, [[0, int(opposite[0])]]]), student=world.target * 0)
    assert "points that look alike have one class" in check("pseudolabels.expansion_bound", across, rng=RNG).failed
    many_bad = clusters(np.random.default_rng(1), 4, good=2, bad=2, links=1)
    assert check("pseudolabels.expansion_bound", many_bad, rng=RNG).failed == ("expansion: (1 − α) c > α",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"student": np.array([0.0, 0.5, 0.0])}, "student must be whole numbers from 0, the classes; they include 0.5"),
        ({"student": np.zeros(2)}, "one entry per point"),
        ({"pseudolabels": np.zeros(3)}, "some but not all pseudolabels must be wrong; 0 of 3"),
        ({"pseudolabels": np.ones(3)}, "3 of 3"),
        ({"edges": [[0, 3]]}, "edges must name points 0 to 2"),
        ({"edges": [[0, 0, 1], [1, 2, 2]]}, r"shape \(m, 2\), one pair of points in a row; they are int64 of shape \(2, 3\)"),
        ({"edges": [0, 1]}, r"shape \(m, 2\)"),
        ({"edges": [[0.0, 1.7]]}, "edges must be whole numbers"),
        ({"edges": [[0.0, np.nan]]}, "edges must be whole numbers"),
        ({"weights": np.array([1.0, 0.0, 1.0])}, "weights must be 3 positive numbers"),
        ({"target": np.array([0.0, np.nan, 0.0])}, "target must be finite"),
    ],
)
def test_a_graph_refuses_what_is_not_one(change, message):
    good = {"target": np.zeros(3), "pseudolabels": np.array([1.0, 0.0, 0.0]), "student": np.zeros(3), "edges": [[0, 1]]}
    with pytest.raises(ValueError, match=message):
        PseudolabelledGraph(**{**good, **change})
