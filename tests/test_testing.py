"""The exported strategies: problems by construction, within their assumptions, and shrinking to something a person can read."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import find, given
from hypothesis import strategies as st

from w2s_theory import testing
from w2s_theory.students.bregman_hull import hull_gap
from w2s_theory.students.convex import Subspace


@given(testing.populations(realizable=True, max_condition=1e6))
def test_realizable_populations_are_realizable(world):
    assert world.is_realizable()


@given(testing.linear_samples(realizable=True, penalised=False))
def test_unpenalised_samples_have_full_rank_and_a_reproducing_head(sample):
    n, d = sample.features.shape
    assert n >= d == np.linalg.matrix_rank(sample.features)
    assert sample.is_realizable()


@given(st.sampled_from(["squared", "kl", "reverse-kl", "itakura-saito", "zero-one"]).flatmap(testing.triples))
def test_triples_stay_in_the_domain_of_their_divergence(triple):
    assert triple.weights.shape == (triple.weak.shape[0],)  # construction has validated the domain


@given(st.sampled_from(["squared", "kl", "reverse-kl", "itakura-saito"]).flatmap(testing.hull_populations))
def test_hull_populations_have_a_target_in_the_hull(world):
    gap = hull_gap(world.members, world.target_mixture, world.target, divergence=world.divergence, weights=world.weights)
    assert gap <= 1e-12 * (1.0 + np.max(np.abs(world.loss.coordinates(world.members))) ** 2)


@given(testing.gaussian_worlds())
def test_gaussian_worlds_are_where_the_laws_can_be_checked(world):
    assert world.is_realizable()
    assert world.n_pseudo > world.d + 7


def test_representations_reach_rank_deficient_and_ill_conditioned_features():
    def condition(features):
        values = np.linalg.svd(features, compute_uv=False)
        return values[0] / values[-1] if values[-1] > 0 else np.inf

    strategy = testing.representations(5, max_condition=1e8)
    find(strategy, lambda x: min(x.shape) > 1 and np.linalg.matrix_rank(x) < min(x.shape))
    find(strategy, lambda x: 1e5 < condition(x) < 1e9)


@pytest.mark.parametrize("kind", testing.KINDS)
def test_every_kind_of_class_is_drawn_and_holds_its_projections(kind):
    @given(testing.convex_classes(4, kinds=(kind,)), testing.values(4))
    def projects(strong_class, labels):
        student = strong_class.project(labels).values
        assert strong_class.distance(student) <= 1e-12 * (1 + np.sum(labels**2) + np.sum(student**2))

    projects()


def test_problems_shrink_to_something_readable():
    smallest = find(testing.populations(), lambda world: isinstance(world.strong_class, Subspace) and np.any(world.weak > 1))
    assert smallest.weak.tolist() == [1.5]
    assert smallest.target.tolist() == [0.0]


def test_unknown_kinds_and_divergences_are_refused():
    with pytest.raises(ValueError, match="kinds must be among"):
        find(testing.convex_classes(3, kinds=("sphere",)), lambda c: True)
    with pytest.raises(ValueError, match="divergence must be"):
        find(testing.triples("hinge"), lambda t: True)
