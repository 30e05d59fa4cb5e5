"""Votes of neighbours: binomial laws, enumeration of all votes, raw clusters; the least noise that a filter leaves, by all subsets."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations, product
from math import factorial

import numpy as np
import pytest
from scipy.stats import binom

from tests.tolerances import PRINTED, PRINTED_THREE, ROUNDING, STANDARD_ERRORS, VOTES
from w2s_theory.problems.clusters import NoisyClusters, cluster_world
from w2s_theory.quantities.neighbour_repair import (
    REPAIRED_ERROR,
    plurality_error,
    random_error_chances,
    residual_noise,
)
from w2s_theory.students.neighbours import NeighbourProbe, nearest, neighbour_means
from w2s_theory.students.relabelling import relabel


def by_enumeration(chances, right, votes, known=None):
    """Over all sequences of votes."""
    error = 0.0
    for drawn in product(range(len(chances)), repeat=votes - (known is not None)):
        counts = np.bincount(list(drawn) + ([] if known is None else [known]), minlength=len(chances))
        top = counts == counts.max()
        error += np.prod([chances[c] for c in drawn]) * (1 - top[right] / top.sum())
    return error


@pytest.mark.parametrize("votes", [1, 2, 5, 50, 51])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.4, 0.6])
def test_two_classes_follow_the_binomial_law_with_half_of_the_ties(votes, share):
    exact = binom.sf(votes / 2, votes, share) + 0.5 * binom.pmf(votes / 2, votes, share)
    if votes % 2:
        exact = binom.sf(votes // 2, votes, share)
    assert plurality_error([1 - share, share], 0, votes) == pytest.approx(exact, rel=VOTES, abs=0.0)
    if votes > 1:
        drawn = votes - 1  # one vote is known to be wrong: half of the others and one less are enough
        kept = np.sum(binom.pmf(np.arange(votes), drawn, share) * (0.5 * (np.sign(2 * np.arange(1, votes + 1) - votes) + 1)))
        assert plurality_error([1 - share, share], 0, votes, known=1) == pytest.approx(kept, rel=VOTES, abs=0.0)


@pytest.mark.parametrize("known", [None, 0, 1, 2])
def test_more_classes_agree_with_all_sequences_of_votes(known):
    for chances in ([0.5, 0.3, 0.2], [0.6, 0.4, 0.0], [0.4, 0.2, 0.2, 0.2]):
        for right, votes in ((0, 4), (1, 5), (2, 3)):
            exact = by_enumeration(chances, right, votes, known)
            assert plurality_error(chances, right, votes, known=known) == pytest.approx(exact, rel=VOTES, abs=0.0)


@pytest.mark.parametrize(("chance", "votes"), [(0.01, 51), (0.2, 201), (1e-6, 31), (0.1, 200)])
def test_an_error_far_below_rounding_of_one_is_found_to_many_digits(chance, votes):
    exact = (
        binom.sf(votes // 2, votes, chance)
        if votes % 2
        else binom.sf(votes / 2, votes, chance) + 0.5 * binom.pmf(votes / 2, votes, chance)
    )
    assert exact < 1e-15
    assert plurality_error([1 - chance, chance], 0, votes) == pytest.approx(exact, rel=VOTES, abs=0.0)


@pytest.mark.parametrize("known", [None, 0, 2])
def test_tiny_errors_of_three_classes_agree_with_fractions_over_all_counts(known):
    chances, votes, error = (Fraction(998, 1000), Fraction(1, 1000), Fraction(1, 1000)), 14, Fraction(0)
    drawn = votes - (known is not None)
    for first in range(drawn + 1):
        for second in range(drawn + 1 - first):
            draws = (first, second, drawn - first - second)
            counts = [draws[c] + (known == c) for c in range(3)]
            ways = factorial(drawn) // (factorial(draws[0]) * factorial(draws[1]) * factorial(draws[2]))
            right = Fraction(int(counts[0] == max(counts)), counts.count(max(counts)))
            error += ways * chances[0] ** draws[0] * chances[1] ** draws[1] * chances[2] ** draws[2] * (1 - right)
    assert error < Fraction(1, 10**8)
    assert plurality_error([float(c) for c in chances], 0, votes, known=known) == pytest.approx(float(error), rel=VOTES, abs=0.0)


def test_an_error_never_leaves_zero_and_one():
    for share in np.linspace(0.0, 1.0, 21):
        for chances in ([1 - share, share], [1 - share, share / 2, share / 2]):
            for votes in (1, 2, 31):
                assert 0.0 <= plurality_error(chances, 0, votes) <= 1.0


def test_the_known_vote_averages_to_the_law_of_votes_that_are_all_drawn():
    """A point that votes on itself is one more draw."""
    chances = [0.5, 0.3, 0.2]
    mixed = sum(p * plurality_error(chances, 0, 7, known=c) for c, p in enumerate(chances))
    assert mixed == pytest.approx(plurality_error(chances, 0, 7), rel=VOTES, abs=0.0)


def test_the_numbers_worked_out_before_are_found_again():
    assert plurality_error([0.7, 0.3], 0, 5) == pytest.approx(0.163, abs=PRINTED_THREE)
    assert plurality_error([0.6, 0.4], 0, 51) == pytest.approx(0.0735, abs=PRINTED)
    assert plurality_error([0.7, 0.3], 0, 50) == pytest.approx(0.0017, abs=PRINTED)
    assert plurality_error([0.7, 0.3], 0, 1, known=1) == 1.0


@pytest.mark.parametrize("with_itself", [True, False])
def test_raw_clusters_follow_the_law_of_votes_with_and_without_the_point_itself(with_itself):
    """Points, distances and labels drawn; the law given that the own label is wrong, and without it."""
    rng = np.random.default_rng(5)
    world = NoisyClusters(cluster_world(classes=2, clusters=1, dimension=2, separation=50.0, rng=rng), 12, 0.3, 6)
    features, target, labels = world.draw(12_000, rng=rng)
    found = nearest(features, features if with_itself else None, k=6)
    wrong = (labels != target).astype(float)
    votes = np.take_along_axis(wrong[:, None, :], found, axis=2).sum(axis=2)
    error = 0.5 * (np.sign(votes - 3) + 1)
    for chosen, exact in (
        (np.ones_like(wrong), plurality_error([0.7, 0.3], 0, 6)),
        (wrong, plurality_error([0.7, 0.3], 0, 6, known=1 if with_itself else None)),
    ):
        sums, sizes = (error * chosen).sum(axis=1), chosen.sum(axis=1)
        stderr = np.std(sums - exact * sizes) / np.sqrt(len(sums)) / sizes.mean()
        assert STANDARD_ERRORS * stderr < 0.1 * exact
        assert abs(sums.sum() / sizes.sum() - exact) < STANDARD_ERRORS * stderr


def test_the_simulated_trials_use_the_same_vote_as_the_probe():
    rng = np.random.default_rng(6)
    world = NoisyClusters(cluster_world(classes=3, clusters=1, dimension=2, separation=50.0, rng=rng), 9, 0.4, 5)
    seed = np.random.default_rng(7)
    features, target, labels = world.draw(3, rng=np.random.default_rng(7))
    trials = REPAIRED_ERROR.trials(world, 3, seed)
    for i in range(3):
        means = relabel(NeighbourProbe(5), features[i], np.eye(3)[labels[i]])
        assert means == pytest.approx(neighbour_means(np.eye(3)[labels[i]], nearest(features[i], features[i], k=5)))
        top = means >= means.max(axis=1, keepdims=True) - ROUNDING
        right = top[np.arange(len(target)), target] / top.sum(axis=1)
        assert trials[i] == pytest.approx(1 - right.mean(), rel=ROUNDING)


def test_no_subset_of_the_size_left_has_less_noise():
    for wrong, dropped, n in ((3, 2, 8), (1, 3, 7), (4, 4, 9)):
        is_wrong = np.arange(n) < wrong
        least = min(is_wrong[list(kept)].mean() for kept in combinations(range(n), n - dropped))
        assert residual_noise(wrong / n, dropped / n) == pytest.approx(least, abs=ROUNDING)


def test_random_errors_spread_over_the_other_classes():
    assert random_error_chances(0.3, 4).tolist() == pytest.approx([0.7, 0.1, 0.1, 0.1])
    with pytest.raises(ValueError, match="share must lie in"):
        random_error_chances(1.2, 2)
    with pytest.raises(ValueError, match="chances must be non-negative and sum to 1"):
        plurality_error([0.5, 0.6], 0, 3)
    with pytest.raises(ValueError, match="votes must be a whole number >= 1"):
        plurality_error([0.5, 0.5], 0, 0)
