"""Fine-tuning in a world of concepts: the statements hold, refuse what they don't cover, and notice a constant that is off.

naive_risk, shrinkage_risk, trapped_between_biases, trapped_on_average, hull_risk, hull_noise, hull_noise_bound.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from tests.quantities.test_naive_finetuning import concept_worlds
from tests.theorems.ladder import assert_holds, assert_is_caught, examples, scaled_right
from w2s_theory import Verdict, check
from w2s_theory.problems.concepts import ConceptWorld, orthonormal_world
from w2s_theory.problems.finetuning import FineTuning
from w2s_theory.theorems import STATEMENTS

EQUALITIES = ("naive_risk", "shrinkage_risk", "hull_risk", "hull_noise")
ALL = (*EQUALITIES, "trapped_between_biases", "trapped_on_average", "hull_noise_bound")
RNG = np.random.default_rng(0)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("seed", [0, 1])
def test_the_statement_holds_on_its_own_examples(name, seed):
    for problem in examples("finetuning." + name, seed):
        assert_holds("finetuning." + name, problem, seed)


@pytest.mark.parametrize("name", EQUALITIES)
@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_an_equality_ten_percent_off_is_caught(name, factor):
    assert_is_caught(scaled_right("finetuning." + name, factor))


@pytest.mark.parametrize(
    ("name", "factor"), [("trapped_between_biases", 1.1), ("trapped_on_average", 1.1), ("hull_noise_bound", 0.9)]
)
def test_a_bound_ten_percent_too_tight_is_caught_where_it_is_attained(name, factor):
    attained = examples("finetuning." + name)[-1]
    assert check(scaled_right("finetuning." + name, factor), attained, rng=np.random.default_rng(0)).verdict is Verdict.VIOLATED


@settings(max_examples=30)
@given(concept_worlds())
def test_no_pull_helps_in_any_world(world):
    assert_holds("finetuning.trapped_between_biases", world)


@settings(max_examples=5)
@given(concept_worlds())
def test_the_laws_of_naive_and_shrunken_students_hold_in_drawn_worlds(world):
    noisy = replace(world, weak_noise=4.0 + world.weak_noise)
    assert_holds("finetuning.naive_risk", FineTuning(noisy, world.d + 30))
    assert_holds("finetuning.shrinkage_risk", FineTuning(noisy, world.d + 2, 0.3))


def test_a_world_whose_pull_helps_after_all_would_be_noticed():
    # Outside the statement: a source that is not the mean of the concepts, here the truth itself, makes the claim false.
    world = examples("finetuning.trapped_between_biases")[1]
    right = STATEMENTS["finetuning.trapped_between_biases"]
    moved = replace(right, sides=lambda w: replace(right.sides(w), left=right.sides(replace(w, prior=np.eye(4)[0])).left))
    assert check(moved, world, rng=RNG).verdict is Verdict.VIOLATED


def test_random_points_trap_a_student_below_d_points_as_well():
    world = examples("finetuning.trapped_between_biases")[0]
    for features in ("gaussian", "uniform"):
        assert_holds("finetuning.trapped_on_average", FineTuning(replace(world, features=features), 2, 1.0))


PAPER = orthonormal_world(3, weak_noise=1.0)
SKEWED = ConceptWorld(np.array([[1.0, 0.0], [0.8, 0.5]]), np.array([1.0, 0.0]), 1.0)


@pytest.mark.parametrize(
    ("name", "problem", "failed"),
    [
        ("naive_risk", FineTuning(replace(PAPER, features="uniform"), 20), "features are Gaussian"),
        ("naive_risk", FineTuning(PAPER, 20, 0.1), "nothing pulls towards the source"),
        ("naive_risk", FineTuning(PAPER, 5), "n > d + 1"),
        ("naive_risk", FineTuning(replace(PAPER, weak_noise=0.0), 20), "the weak labels are noisy"),
        ("shrinkage_risk", FineTuning(PAPER, 3, 1.0), "n ≥ d, so that the points can be orthogonal"),
        ("shrinkage_risk", FineTuning(replace(PAPER, weak_noise=0.0), 20, 1.0), "the weak labels are noisy"),
        ("trapped_on_average", FineTuning(PAPER, 20), "something pulls towards the source"),
        ("hull_noise", FineTuning(SKEWED, 20), "orthonormal concepts, at least two"),
        ("hull_noise_bound", FineTuning(orthonormal_world(1, weak_noise=1.0), 20), "orthonormal concepts, at least two"),
    ],
)
def test_what_is_not_covered_is_out_of_scope(name, problem, failed):
    outcome = check("finetuning." + name, problem, rng=RNG)
    assert outcome.verdict is Verdict.OUT_OF_SCOPE
    assert outcome.failed == (failed,)


def test_a_biased_weak_vector_is_outside_the_laws_of_noise_and_breaks_them():
    biased = FineTuning(orthonormal_world(3, alignment=0.5, weak_noise=1.0), 20)
    for name in ("hull_noise", "hull_noise_bound"):
        assert check("finetuning." + name, biased, rng=RNG).verdict is Verdict.OUT_OF_SCOPE
    anywhere = replace(STATEMENTS["finetuning.hull_noise_bound"], assumptions=())
    assert check(anywhere, biased, rng=np.random.default_rng(0)).verdict is Verdict.VIOLATED


def test_heavy_tails_leave_the_naive_law_inconclusive():
    assert check("finetuning.naive_risk", FineTuning(PAPER, 9), rng=RNG).verdict is Verdict.INCONCLUSIVE


def test_outside_the_geometry_the_hull_formula_is_not_claimed():
    assert check("finetuning.hull_risk", SKEWED, rng=RNG).verdict is Verdict.OUT_OF_SCOPE
