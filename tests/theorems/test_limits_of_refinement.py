"""Where refinement fails: every statement on its examples, its power, its refusals, and worlds where a dropped hypothesis breaks it.

quantiser_limit, flip_boundary, guaranteed_radius, ties, no_free_lunch, diversity_collapse, soft_concepts, saturation, no_asymptotic_gain,
noiseless_ridge.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.theorems.ladder import assert_holds, assert_is_caught, examples, scaled_right
from w2s_theory import Verdict, check
from w2s_theory.problems.concepts import ConceptWorld, orthonormal_world
from w2s_theory.problems.mixture_prompt import MixturePrompt
from w2s_theory.problems.prompting import Prompting
from w2s_theory.problems.regression_mixture import RegressionMixture
from w2s_theory.quantities.phase_boundaries import flip_size, wrong_weight_bound
from w2s_theory.theorems import STATEMENTS

EQUALITIES = (
    "quantiser_limit",
    "flip_boundary",
    "ties",
    "diversity_collapse",
    "soft_concepts",
    "saturation",
    "no_asymptotic_gain",
    "noiseless_ridge",
)
BOUNDS = ("guaranteed_radius", "no_free_lunch")
RNG = np.random.default_rng(0)


def full(name: str) -> str:
    return "limits_of_refinement." + name


@pytest.mark.parametrize("name", [*EQUALITIES, *BOUNDS])
def test_the_statement_holds_on_its_own_examples(name):
    for seed in (0, 1):
        for problem in examples(full(name), seed):
            assert_holds(full(name), problem, seed)


@pytest.mark.parametrize("name", EQUALITIES)
@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_a_constant_ten_percent_off_is_caught(name, factor):
    assert_is_caught(scaled_right(full(name), factor))


@pytest.mark.parametrize("name", BOUNDS)
def test_a_bound_ten_percent_too_strong_is_caught_where_it_is_attained(name):
    assert_is_caught(scaled_right(full(name), 1.1))


@st.composite
def worlds(draw: st.DrawFn) -> ConceptWorld:
    """Distinct concepts on a grid of the plane or of space, and a weak vector that leads towards one of the others."""
    d = draw(st.integers(2, 3))
    points = draw(st.lists(st.tuples(*[st.integers(-3, 3)] * d), min_size=2, max_size=6, unique=True))
    concepts = np.array(points, dtype=float)
    share = draw(st.integers(1, 12)) / 8
    aside = np.array(draw(st.tuples(*[st.integers(-2, 2)] * d))) / 16
    return ConceptWorld(concepts, concepts[0] + share * (concepts[1] - concepts[0]) + aside, 0.5)


@settings(max_examples=50)
@given(worlds())
def test_boundaries_hold_in_drawn_worlds(world):
    assert check(full("flip_boundary"), world, rng=RNG).verdict in (Verdict.HOLDS, Verdict.OUT_OF_SCOPE)
    assert check(full("guaranteed_radius"), world, rng=RNG).verdict in (Verdict.HOLDS, Verdict.OUT_OF_SCOPE)


@settings(max_examples=20)
@given(worlds(), st.integers(1, 8))
def test_nobody_beats_the_weak_model_on_a_target_and_its_mirror_image(world, n):
    assert_holds(full("no_free_lunch"), Prompting(world, n))


@settings(max_examples=10)
@given(worlds(), st.integers(0, 4), st.sampled_from([0.2, 0.5, 1.0]))
def test_the_law_of_soft_concepts_holds_in_drawn_worlds(world, more, spread):
    kept = replace(world, concepts=world.concepts[:3], prior=None, aligned=0, spread=spread)
    assert_holds(full("soft_concepts"), Prompting(kept, world.d + more))


@settings(max_examples=10)
@given(worlds())
def test_the_nearest_concept_wins_in_drawn_worlds(world):
    n = next((n for n in range(1, 400) if wrong_weight_bound(world, n) <= 0.3), 1)
    outcome = check(full("quantiser_limit"), Prompting(world, n), rng=np.random.default_rng(0))
    delta = wrong_weight_bound(world, n)
    if delta >= 1.0:
        assert outcome.verdict is Verdict.OUT_OF_SCOPE
    else:  # a tiny δ takes more draws than a check makes
        assert outcome.verdict is Verdict.HOLDS or (outcome.verdict is Verdict.INCONCLUSIVE and delta < 1e-3)


def test_a_bias_straight_at_the_nearest_concept_meets_the_radius():
    world = ConceptWorld(np.array([[0.0, 0], [3, 0], [0, 1]]), np.array([0.0, 0.3]))
    outcome = check(full("guaranteed_radius"), world, rng=RNG)
    assert outcome.left == pytest.approx(0.5)
    assert outcome.right == pytest.approx(0.5)
    assert flip_size(replace(world, weak=np.array([0.3, 0.0]))) == pytest.approx(1.5)


def test_an_even_mixture_is_what_ties_leave_and_not_one_concept():
    one_concept = replace(
        STATEMENTS[full("ties")],
        sides=lambda prompting, count, rng: replace(STATEMENTS[full("ties")].sides(prompting, count, rng), right=2.0),
    )
    assert_is_caught(one_concept)


def test_unequal_priors_of_the_tied_concepts_break_the_symmetry_at_finite_n():
    world = orthonormal_world(3, alignment=-0.5, length=0.5, weak_noise=0.5, belief=0.7, prior=np.array([0.4, 0.6 - 1e-9, 1e-9]))
    assert check(full("ties"), Prompting(world, 1), rng=RNG).failed == ("the wrong concepts have equal priors",)
    anywhere = replace(STATEMENTS[full("ties")], assumptions=())
    assert check(anywhere, Prompting(world, 1), rng=np.random.default_rng(0)).verdict is Verdict.VIOLATED


def test_a_sharp_concept_escapes_the_weak_error():
    world = replace(orthonormal_world(3, alignment=0.6, length=0.9, weak_noise=0.2, belief=0.25), spread=0.0)
    assert check(full("no_asymptotic_gain"), Prompting(world, 4), rng=RNG).verdict is Verdict.OUT_OF_SCOPE
    right = STATEMENTS[full("no_asymptotic_gain")]
    soft = Prompting(replace(world, spread=0.6), 4)
    as_if_sharp = replace(
        right,
        sides=lambda prompting, count, rng: right.sides(
            replace(prompting, world=replace(prompting.world, spread=0.0)), count, rng
        ),
    )
    assert check(right, soft, rng=np.random.default_rng(0)).verdict is Verdict.HOLDS
    assert check(as_if_sharp, soft, rng=np.random.default_rng(0)).verdict is Verdict.VIOLATED


def test_the_law_of_orthogonal_prompts_is_not_that_of_random_ones():
    right = STATEMENTS[full("soft_concepts")]
    prompting = Prompting(replace(orthonormal_world(2, alignment=0.6, length=0.8, weak_noise=1.0), spread=0.8), 4)

    def random(prompting, count, rng):
        from w2s_theory.students.refiner import refined_heads

        world = prompting.world
        heads = refined_heads(world, *world.sample(count, prompting.examples, rng=rng))
        return replace(right.sides(prompting, 2, rng), left=world.error(heads))

    assert check(right, prompting, rng=np.random.default_rng(0)).verdict is Verdict.HOLDS
    assert check(replace(right, sides=random), prompting, rng=np.random.default_rng(0)).verdict is Verdict.VIOLATED


def test_statements_refuse_what_they_do_not_cover():
    tie = Prompting(orthonormal_world(3, alignment=0.0, weak_noise=0.5), 20)
    assert check(full("quantiser_limit"), tie, rng=RNG).failed == ("the bound δ(n) is below one (no tie, enough examples)",)
    uniform = Prompting(replace(orthonormal_world(3, alignment=0.5, weak_noise=0.5), features="uniform"), 20)
    assert "features are Gaussian" in check(full("quantiser_limit"), uniform, rng=RNG).failed
    for weak in (np.eye(2)[0], np.array([1.2, 0.0])):
        away = ConceptWorld(np.eye(2), weak)
        for name in ("flip_boundary", "guaranteed_radius"):
            expected = Verdict.OUT_OF_SCOPE if weak[0] == 1.0 or np.isinf(flip_size(away)) else Verdict.HOLDS
            assert check(full(name), away, rng=RNG).verdict is expected
    sharp = Prompting(orthonormal_world(2, alignment=0.5), 5)
    for name in ("soft_concepts", "saturation", "no_asymptotic_gain"):
        assert "concepts are soft (spread ψ > 0)" in check(full(name), sharp, rng=RNG).failed
    short = Prompting(replace(sharp.world, spread=0.3), 2)
    assert check(full("soft_concepts"), short, rng=RNG).failed == ("n ≥ d, so that features can be orthogonal",)
    assert len(check(full("noiseless_ridge"), tie, rng=RNG).failed) == 3
    assert check(full("no_free_lunch"), replace(tie, examples=0), rng=RNG).failed == ("prompts hold examples (n ≥ 1)",)
    one = RegressionMixture(np.eye(2), np.full(2, 0.5), np.array([1.0, 0.0]), 0.5)
    assert check(full("diversity_collapse"), MixturePrompt(one, 5), rng=RNG).failed == ("the target is no single concept",)
    even = replace(one, target=np.array([0.5, 0.5]))
    expected = ("one concept is nearest to the mean labelling head",)
    assert check(full("diversity_collapse"), MixturePrompt(even, 5), rng=RNG).failed == expected
