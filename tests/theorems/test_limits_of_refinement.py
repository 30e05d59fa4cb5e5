"""Where refinement fails: every statement on its examples, its power, its refusals, and worlds where a dropped hypothesis breaks it.

quantiser_limit, flip_boundary, guaranteed_radius, ties, no_free_lunch, diversity_collapse, soft_concepts, saturation, no_asymptotic_gain,
noiseless_ridge.
"""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.theorems.ladder import assert_holds, assert_is_caught, examples, scaled_right
from tests.tolerances import PIECE_MEMORY, STANDARD_ERRORS
from w2s_theory import Verdict, check
from w2s_theory.problems.concepts import ConceptWorld, orthonormal_world
from w2s_theory.problems.mixture_prompt import MixturePrompt
from w2s_theory.problems.prompting import Prompting
from w2s_theory.problems.regression_mixture import RegressionMixture
from w2s_theory.quantities.identification import chernoff_bound
from w2s_theory.quantities.phase_boundaries import flip_size, nearest, settled
from w2s_theory.students.refiner import simulate_evidence
from w2s_theory.theorems import STATEMENTS
from w2s_theory.theorems._limits import first_at

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
    outcome = check(full("soft_concepts"), Prompting(kept, world.d + more), rng=np.random.default_rng(0))
    assert outcome.verdict in (Verdict.HOLDS, Verdict.INCONCLUSIVE)  # noisy labels can take more draws than a check makes
    if outcome.verdict is Verdict.INCONCLUSIVE:
        assert outcome.error < 0.1 * outcome.right, "too noisy to have seen a 10 % error"


@settings(max_examples=10)
@given(worlds())
def test_the_nearest_concept_wins_in_drawn_worlds(world):
    def delta_at(n: int) -> float:
        return float(np.sum(chernoff_bound(settled(world), n))) if nearest(world).size == 1 else 1.0

    n = next((n for n in range(1, 400) if delta_at(n) <= 0.3), 1)
    outcome = check(full("quantiser_limit"), Prompting(world, n), rng=np.random.default_rng(0))
    delta = delta_at(n)
    if delta >= 1.0:
        assert outcome.verdict is Verdict.OUT_OF_SCOPE
    else:  # a tiny δ, or one near the true rate, takes more draws than a check makes
        assert outcome.verdict in (Verdict.HOLDS, Verdict.INCONCLUSIVE)
        evidence = simulate_evidence(world, [n], 20_000, rng=np.random.default_rng(1))[0]
        lost = np.mean(np.argmax(evidence, axis=-1) != nearest(world)[0])
        assert lost <= delta + STANDARD_ERRORS * np.sqrt(delta / 20_000)


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


NEAR = orthonormal_world(3, alignment=0.6, length=0.9, weak_noise=0.2, belief=0.25)
BEYOND = {
    "ties": Prompting(orthonormal_world(3, alignment=-1e-4, length=1.0, weak_noise=1.0), 8),
    "no_asymptotic_gain": Prompting(replace(NEAR, spread=0.05), 4),
    "saturation": Prompting(replace(NEAR, spread=0.3), 4),
    "diversity_collapse": MixturePrompt(
        RegressionMixture(np.eye(2), np.full(2, 0.5), np.array([0.501, 0.499]), 1.0, weak_noise=1.0), 5
    ),
}


@pytest.mark.parametrize("name", BEYOND)
def test_limits_that_need_endless_prompts_are_declined(name):
    outcome = check(full(name), BEYOND[name], rng=np.random.default_rng(0))
    assert outcome.verdict is Verdict.OUT_OF_SCOPE
    assert len(outcome.failed) == 1 and outcome.failed[0].startswith("prompts of at most")


def test_the_gap_of_a_near_tie_is_declined_too():
    near_tie = ConceptWorld(np.eye(2), np.array([0.5005, 0.5]), 1.0)
    outcome = check("refinement.gap_limit", Prompting(near_tie, 4), rng=RNG)
    assert outcome.failed == ("prompts of at most 256 examples bring the sides within 3% of each other",)


def test_the_first_size_is_the_smallest_one_up_to_the_limit():
    for wanted in (1, 2, 3, 64, 65, 99, 100):
        assert first_at(lambda n, wanted=wanted: n >= wanted, 100) == wanted
    for wanted in (101, 10**9):
        assert first_at(lambda n, wanted=wanted: n >= wanted, 100) is None


def test_a_ratio_at_the_edge_of_the_bound_is_decided():
    world = replace(NEAR, spread=10.0)  # nothing is left of the concepts: the error is off by just what the label noise adds
    outcome = check(full("no_asymptotic_gain"), Prompting(world, 4), rng=np.random.default_rng(0))
    assert outcome.verdict is Verdict.HOLDS and outcome.trials <= 4 * 4096


@pytest.mark.parametrize("name", ["saturation", "no_free_lunch"])
def test_checks_hold_a_piece_of_their_prompts_at_a_time(name):
    world = replace(orthonormal_world(3, alignment=0.6, length=0.9, weak_noise=0.2, d=20), spread=1.0)
    tracemalloc.start()
    STATEMENTS[full(name)].sides(Prompting(world, 40), 8192, np.random.default_rng(0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < PIECE_MEMORY


def test_a_prompt_without_examples_is_out_of_scope_and_no_error():
    world = orthonormal_world(3, alignment=0.6, length=0.9, weak_noise=0.2)
    assert check(full("quantiser_limit"), Prompting(world, 0), rng=RNG).verdict is Verdict.OUT_OF_SCOPE


def test_statements_refuse_what_they_do_not_cover():
    tie = Prompting(orthonormal_world(3, alignment=0.0, weak_noise=0.5), 20)
    assert check(full("quantiser_limit"), tie, rng=RNG).failed == (
        "the bound δ(n) is below one (two concepts or more, no tie, enough examples)",
    )
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


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("quantiser_limit", Prompting(ConceptWorld(np.ones((1, 2)), np.zeros(2), 0.5), 4)),
        ("ties", Prompting(ConceptWorld(np.eye(1, 3), np.array([-0.5, 0.2, 0.0]), 0.5), 4)),
        ("flip_boundary", ConceptWorld(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), np.array([0.9, 0.1]), 0.6)),
        ("guaranteed_radius", ConceptWorld(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), np.array([0.9, 0.1]), 0.6)),
        ("saturation", Prompting(ConceptWorld(np.eye(2, 3), np.array([0.3, 0.9, 0.0]), 0.5, spread=0.02), 4)),
    ],
    ids=["one concept", "one concept behind", "a copy ahead", "a copy beside", "a lost soft concept"],
)
def test_degenerate_worlds_are_out_of_scope_and_never_crash(name, problem):
    outcome = check("limits_of_refinement." + name, problem, rng=np.random.default_rng(0))
    assert outcome.verdict is Verdict.OUT_OF_SCOPE
