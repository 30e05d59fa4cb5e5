"""Repair by neighbours: the statements hold, have power, decline outside their hypotheses, and fail there.

neighbour_repair, systematic_errors_survive, filtered_noise.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.theorems.ladder import assert_holds, assert_is_caught, examples, scaled_right
from w2s_theory import Verdict, check
from w2s_theory.problems.clusters import NoisyClusters, NoisyLabels, cluster_world
from w2s_theory.theorems._noisy_labels import regional, regions_outvote

NAMES = ("neighbour_repair", "systematic_errors_survive", "filtered_noise")
RNG = np.random.default_rng(0)


@pytest.mark.parametrize("name", NAMES)
def test_the_statement_holds_on_its_own_examples(name):
    for world in examples("burns2023." + name, 1):
        assert_holds("burns2023." + name, world, 1)


@pytest.mark.parametrize("name", NAMES)
def test_a_constant_ten_percent_off_is_caught(name):
    assert_is_caught(scaled_right("burns2023." + name, 1.1))


def test_the_filter_attains_the_bound_when_it_ranks_wrong_labels_first():
    outcome = check("burns2023.filtered_noise", examples("burns2023.filtered_noise")[-1], rng=RNG)
    assert outcome.left == pytest.approx(outcome.right)
    assert outcome.right > 0


@given(st.integers(0, 2**16), st.floats(0.0, 0.9), st.floats(0.01, 0.9), st.integers(1, 30))
def test_no_filter_beats_the_bound_on_any_labels(seed, share, contamination, neighbours):
    rng = np.random.default_rng(seed)
    target = rng.integers(0, 3, 30)
    labels = np.where(rng.random(30) < share, (target + 1) % 3, target)
    world = NoisyLabels(rng.standard_normal((30, 2)), target, labels, target, 3, neighbours, contamination)
    assert_holds("burns2023.filtered_noise", world)


@given(st.integers(0, 2**16), st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.integers(1, 16), st.sampled_from([2, 3]))
def test_whole_wrong_regions_survive_any_vote_that_they_win(seed, share, neighbours, classes):
    world = regional(np.random.default_rng(seed), share=share, per_cluster=9, classes=classes, neighbours=neighbours)
    assert regions_outvote(world)
    assert_holds("burns2023.systematic_errors_survive", world)


def test_regions_smaller_than_half_of_the_vote_are_declined_and_can_be_repaired():
    rng = np.random.default_rng(2)
    features = rng.standard_normal((40, 2))
    nearest_to_middle = np.argsort(np.linalg.norm(features, axis=1))
    region = np.zeros(40, dtype=int)
    region[nearest_to_middle[:4]] = 1
    world = NoisyLabels(features, np.zeros(40, dtype=int), region, region, neighbours=20)
    outcome = check("burns2023.systematic_errors_survive", world, rng=RNG)
    assert outcome.failed == ("more than half of the neighbours of every point lie in its own region",)
    small = replace(world, neighbours=1)
    assert_holds("burns2023.systematic_errors_survive", small)
    scattered = replace(small, regions=np.zeros(40, dtype=int))
    assert check("burns2023.systematic_errors_survive", scattered, rng=RNG).failed == ("all points of a region have one label",)


def test_neighbourhoods_that_mix_clusters_are_declined():
    world = cluster_world(classes=2, clusters=1, dimension=2, separation=4.0, rng=np.random.default_rng(3))
    outcome = check("burns2023.neighbour_repair", NoisyClusters(world, 9, 0.3, 5), rng=RNG)
    assert outcome.verdict is Verdict.OUT_OF_SCOPE
    assert outcome.failed == ("the neighbours of a point share its cluster",)
