"""Statements about refined labels: the closed forms against whole pipelines of sampled prompts, answers and fitted students."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.theorems.ladder import assert_holds, assert_is_caught, examples, scaled_right
from tests.tolerances import ROUNDING, STANDARD_ERRORS
from w2s_theory import Verdict, check, testing
from w2s_theory.problems.concepts import ConceptWorld, orthonormal_world
from w2s_theory.problems.prompting import Prompting
from w2s_theory.quantities.forecast import forecast
from w2s_theory.quantities.posterior_weights import expected_weights
from w2s_theory.quantities.refined_risk import (
    examples_for_gap,
    finite_student_risk,
    gap,
    gap_rate,
    intent_risk,
    limit_gap,
    limit_risk,
    pgr,
    refined_risk,
    repeated_risk,
    single_prompt_risk,
)
from w2s_theory.students.refinement import answers, intent_students, naive_students, read_intent, refined_students, repeated_heads

NAMES = ("refined_risk", "single_prompt_risk", "finite_student", "intent_risk", "gap", "gap_limit")
WORLD = orthonormal_world(3, alignment=0.7, length=0.9, weak_noise=0.7, belief=0.8, d=6)
#: A bias of .6 of the way to the other concept: naive fine-tuning has error .72, refinement tends to 2.
PAST_HALF_WAY = ConceptWorld(np.eye(2, 3), np.array([0.4, 0.6, 0.0]), 0.5, 0.7)
RNG = np.random.default_rng(0)


@pytest.mark.parametrize("name", NAMES)
def test_the_statement_holds_on_its_own_examples(name):
    for problem in examples("refinement." + name, seed=1):
        assert_holds("refinement." + name, problem, seed=1)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_a_constant_ten_percent_off_is_caught(name, factor):
    assert_is_caught(scaled_right("refinement." + name, factor))


@pytest.mark.parametrize(("n", "labels", "d"), [(2, 11, 3), (5, 9, 4), (4, 60, 10)])
def test_the_law_of_the_finite_student_is_exact_for_few_labels(n, labels, d):
    world = ConceptWorld(2.0 * np.eye(2, d), np.r_[1.4, 0.3, np.zeros(d - 2)], 0.6, 0.5)
    errors = world.error(refined_students(world, n, labels, 40_000, rng=np.random.default_rng(1)))
    exact, stderr = finite_student_risk(world, n, labels), errors.std() / np.sqrt(errors.size)
    assert abs(errors.mean() - exact) <= STANDARD_ERRORS * stderr
    without_correction = refined_risk(world, n)
    assert stderr < 0.02 * (exact - without_correction), "too noisy to have seen a 10 % error of the excess"


@pytest.mark.parametrize(("d", "labels"), [(1, 6), (2, 10), (3, 14)])
def test_the_excess_of_the_finite_student_agrees_with_sampled_designs(d, labels):
    # Given the design the labels' variance is known, so that only designs are sampled and a tenth of a per cent can be seen.
    concepts = np.array([[1.5, 0.4, -0.3], [-0.2, 1.1, 0.7]])[:, :d]
    world, n = ConceptWorld(concepts, 0.8 * concepts[0], 0.7, 0.6), 3
    weights = expected_weights(world, n)
    arms = concepts - weights @ concepts
    x = np.random.default_rng(d).standard_normal((400_000, labels, d))
    variance = world.belief**2 + np.square(x @ arms.T) @ weights
    inverse = np.linalg.inv(np.swapaxes(x, -1, -2) @ x)
    excess = np.sum(variance * np.sum(np.square(x @ inverse), axis=-1), axis=-1)
    exact = finite_student_risk(world, n, labels) - refined_risk(world, n)
    stderr = excess.std() / np.sqrt(excess.size)
    assert abs(excess.mean() - exact) <= STANDARD_ERRORS * stderr
    assert stderr < 0.0025 * exact


def test_the_first_order_law_of_the_finite_student_would_be_seen_to_fail():
    world, n, labels = orthonormal_world(3, alignment=0.6, length=0.9, weak_noise=0.8, belief=0.7, d=8), 4, 14
    errors = world.error(refined_students(world, n, labels, 20_000, rng=np.random.default_rng(2)))
    weights = expected_weights(world, n)
    spread = weights @ np.sum((world.concepts - weights @ world.concepts) ** 2, axis=-1)
    first_order = refined_risk(world, n) + (world.belief**2 * 8 + 10 * spread) / labels
    assert abs(errors.mean() - first_order) > 10 * errors.std() / np.sqrt(errors.size)


def test_naive_and_refined_students_are_least_squares_heads_of_their_labels():
    heads = naive_students(WORLD, 2000, 50, rng=np.random.default_rng(3))
    np.testing.assert_allclose(heads.mean(axis=0), WORLD.weak, atol=0.02)
    heads = refined_students(WORLD, 5, 2000, 50, rng=np.random.default_rng(4))
    np.testing.assert_allclose(heads.mean(axis=0), expected_weights(WORLD, 5) @ WORLD.concepts, atol=0.02)


def test_answers_follow_the_predictive_mixture():
    weights, x = np.array([0.2, 0.5, 0.3]), np.array([1.0, -2.0, 0.5, 0, 0, 0])
    drawn = answers(WORLD, np.tile(weights, (200_000, 1)), np.tile(x, (200_000, 1)), rng=np.random.default_rng(5))
    means = WORLD.concepts @ x
    mean, variance = weights @ means, weights @ means**2 - (weights @ means) ** 2 + WORLD.belief**2
    assert abs(drawn.mean() - mean) <= STANDARD_ERRORS * np.sqrt(variance / drawn.size)
    assert drawn.var() == pytest.approx(variance, rel=0.02)
    below = np.mean(drawn < -1.9)  # the distribution, not only two moments
    from scipy.stats import norm

    expected = weights @ norm.cdf((-1.9 - means) / WORLD.belief)
    assert abs(below - expected) <= STANDARD_ERRORS * np.sqrt(expected * (1 - expected) / drawn.size)


def test_intent_is_read_by_the_largest_posterior_and_one_reading_serves_all():
    heads = intent_students(WORLD, 30, 500, rng=np.random.default_rng(6))
    assert set(map(tuple, heads)) <= set(map(tuple, WORLD.concepts))
    found = read_intent(WORLD, [0, 3, 40], 4000, rng=np.random.default_rng(7))
    wrong = np.mean(found != 0, axis=1)
    assert wrong[0] == 0.0 and wrong[1] > 0.2 > 0.02 > wrong[2]  # with no evidence, ties go to the first


def test_averaging_prompts_never_hurts_and_costs_nothing_without_examples():
    for n in (1, 4, 16):
        assert refined_risk(WORLD, n) < single_prompt_risk(WORLD, n)
    assert refined_risk(WORLD, 0) == pytest.approx(WORLD.source_error, rel=ROUNDING)
    assert single_prompt_risk(WORLD, 0) == pytest.approx(WORLD.source_error, rel=ROUNDING)


def test_the_gap_tends_to_the_weak_error_or_to_a_loss():
    assert limit_gap(WORLD) == pytest.approx(WORLD.weak_error)
    assert limit_risk(PAST_HALF_WAY) == 2.0 and limit_gap(PAST_HALF_WAY) == pytest.approx(0.72 - 2.0)
    assert gap(WORLD, 200) == pytest.approx(limit_gap(WORLD), rel=1e-6)
    assert gap(PAST_HALF_WAY, 2000) == pytest.approx(limit_gap(PAST_HALF_WAY), rel=1e-3)
    assert pgr(WORLD, 200) == pytest.approx(1.0, rel=1e-6)
    assert np.isnan(pgr(replace(WORLD, weak=WORLD.truth), 3))


def test_a_strong_model_with_imperfect_concepts_keeps_its_own_error():
    world = replace(WORLD, target=WORLD.truth + np.array([0.0, 0, 0, 0.3, 0, 0]))
    assert limit_risk(world) == pytest.approx(0.09) == pytest.approx(world.strong_error)
    assert gap(world, 300) == pytest.approx(world.weak_error - 0.09, rel=1e-6)


@pytest.mark.parametrize("share", [0.3, 0.8, 0.97])
def test_the_number_of_examples_for_a_gap_is_where_the_gap_is_first_reached(share):
    target = share * limit_gap(WORLD)
    first = next(n for n in range(1, 200) if gap(WORLD, n) >= target)
    assert examples_for_gap(WORLD, target) == first


def test_a_gap_beyond_the_limit_is_refused():
    with pytest.raises(ValueError, match="finite gap"):
        examples_for_gap(WORLD, float("nan"))
    with pytest.raises(ValueError, match="must be a gap that refinement reaches"):
        examples_for_gap(WORLD, 1.01 * limit_gap(WORLD))
    with pytest.raises(ValueError, match="must be a gap that refinement reaches"):
        examples_for_gap(PAST_HALF_WAY, 0.1)


@pytest.mark.parametrize("belief", [0.5, np.sqrt(3.0)], ids=["identification-limited", "temperature-limited"])
def test_the_gap_approaches_its_limit_at_its_rate(belief):
    world = orthonormal_world(2, alignment=0.8, length=1.0, weak_noise=0.5, belief=belief)
    sizes = np.array([60, 120])
    distance = np.array([refined_risk(world, int(n)) for n in sizes])  # = G(∞) − G(n), without the cancellation
    slope = -np.diff(np.log(distance))[0] / np.diff(sizes)[0]
    assert slope == pytest.approx(gap_rate(world), rel=0.06)  # corrections of order (log n)/n remain


@pytest.mark.parametrize(
    "world",
    [
        ConceptWorld(np.eye(2, 3), np.array([0.9, 0.1, 0.0]), 0.6, 0.8, target=np.array([1.0, 0.1, 0.3])),
        ConceptWorld(np.eye(2, 3), np.array([0.9, 0.1, 0.0]), 0.6, 0.8, target=np.array([1.0, 0.0, 0.3])),
        ConceptWorld(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), np.array([0.9, 0.1]), 0.6, 0.8),
        ConceptWorld(np.eye(3), np.array([0.3, 0.7, 0.0]), 0.4, 0.6),
        orthonormal_world(3, alignment=0.8, length=1.0, weak_noise=0.5, belief=0.5),
    ],
    ids=["first order", "at a right angle", "two copies", "another concept wins", "three orthonormal"],
)
def test_the_rate_of_the_gap_is_once_or_twice_that_of_the_weights(world):
    sizes = np.array([14, 28]) if limit_risk(world) > 0.0 else np.array([30, 60])  # before the difference drowns in rounding
    distance = np.array([abs(refined_risk(world, int(n)) - limit_risk(world)) for n in sizes])
    slope = -np.diff(np.log(distance))[0] / np.diff(sizes)[0]
    assert gap_rate(world) == pytest.approx(slope, rel=0.12)  # what corrections of order (log n)/n leave
    scaled = replace(world, concepts=1e-10 * world.concepts, weak=1e-10 * world.weak, target=1e-10 * world.truth)
    scaled = replace(scaled, weak_noise=1e-10 * world.weak_noise, belief=1e-10 * world.belief)
    assert gap_rate(scaled) == pytest.approx(gap_rate(world), rel=1e-9), "a rate has no unit"


def test_a_gap_between_ties_has_no_rate_and_without_rivals_it_is_there_at_once():
    assert np.isnan(gap_rate(ConceptWorld(np.eye(2), np.array([0.5, 0.5]), 0.5)))
    assert gap_rate(ConceptWorld(np.ones((1, 2)), np.zeros(2))) == np.inf


@pytest.mark.parametrize(
    ("world", "word"),
    [
        (WORLD, "helps"),
        (PAST_HALF_WAY, "hurts"),
        (replace(WORLD, spread=0.3), "copies"),
        (ConceptWorld(np.eye(2), np.array([0.0, 1.0])), "copies"),  # a weak model that means one concept and is another
        (orthonormal_world(2, weak_noise=0.5), "copies"),  # a weak vector without error
    ],
)
def test_the_forecast_says_what_refinement_does_in_the_limit(world, word):
    found = forecast(world)
    assert found.word == word and word in str(found)
    assert found.refined == found.limit and found.gap == found.naive - found.refined


@pytest.mark.parametrize("world", [WORLD, PAST_HALF_WAY, replace(PAST_HALF_WAY, weak_noise=2.0)])
@pytest.mark.parametrize("n", [1, 12])
def test_the_forecast_agrees_in_word_with_students_that_are_trained(world, n):
    found = forecast(world, examples=n, labels=12)
    naive = world.error(naive_students(world, 12, 20_000, rng=np.random.default_rng(8)))
    refined = world.error(refined_students(world, n, 12, 20_000, rng=np.random.default_rng(9)))
    stderr = np.hypot(naive.std(), refined.std()) / np.sqrt(20_000)
    difference = naive.mean() - refined.mean()
    assert abs(found.gap - difference) <= STANDARD_ERRORS * stderr
    measured = "copies" if abs(difference) <= 0.05 * naive.mean() else "helps" if difference > 0 else "hurts"
    assert found.word == measured


def test_repeated_refinement_moves_towards_the_concept_that_is_meant():
    heads = repeated_heads(WORLD, 8, 4, prompts=150_000, rng=np.random.default_rng(10))
    assert heads.shape == (5, 6) and np.array_equal(heads[0], WORLD.weak)
    errors = WORLD.error(heads)
    np.testing.assert_allclose(errors, repeated_risk(WORLD, 8, 4), rtol=0.06)
    assert np.all(np.diff(errors) < 0.0)


@settings(max_examples=25)
@given(testing.concept_worlds())
def test_the_limit_is_the_concept_nearest_to_the_weak_vector_in_any_world(world):
    distances = [np.sum((world.weak - concept) ** 2) for concept in world.concepts]
    nearest = [world.concepts[k] for k in range(world.count) if distances[k] <= min(distances) + 1e-9]
    errors = [float(np.sum((concept - world.truth) ** 2)) for concept in nearest]
    if len(nearest) == 1:
        assert limit_risk(world) == pytest.approx(errors[0], abs=1e-12)
    else:  # a mixture of the nearest is no further from the truth than the furthest of them
        assert limit_risk(world) <= max(errors) + 1e-9
    assert forecast(world).gap == pytest.approx(world.weak_error - limit_risk(world))


@settings(max_examples=10)
@given(testing.concept_worlds(max_concepts=3), st.integers(0, 6))
def test_averaging_prompts_never_hurts_in_any_world(world, n):
    scale = float(np.max(world.error(world.concepts))) + 1e-9
    assert refined_risk(world, n) <= single_prompt_risk(world, n) + 1e-9 * scale


def test_a_weak_vector_without_error_is_copied_and_not_hurt_by_rounding():
    assert forecast(orthonormal_world(2, weak_noise=0.5), examples=60).word == "copies"


def test_a_refiner_that_believes_in_enormous_noise_still_reads_the_intent():
    world = ConceptWorld(np.eye(2), np.array([0.3, 0.6]), 0.5, 1e9)
    assert_holds("refinement.intent_risk", Prompting(world, 4))


def test_students_with_fewer_labels_than_features_are_refused():
    for train in (lambda: naive_students(WORLD, 5, 3, rng=RNG), lambda: refined_students(WORLD, 2, 5, 3, rng=RNG)):
        with pytest.raises(ValueError, match="labels must be at least d = 6"):
            train()


def test_problems_outside_the_statements_are_out_of_scope():
    for change in ({"features": "uniform"}, {"spread": 0.2}):
        problem = Prompting(replace(WORLD, **change), 4, labels=30)
        for name in NAMES:
            assert check("refinement." + name, problem, rng=RNG).verdict is Verdict.OUT_OF_SCOPE
    for labels in (None, 7):
        for name in ("finite_student", "gap"):
            assert check("refinement." + name, Prompting(WORLD, 4, labels), rng=RNG).verdict is Verdict.OUT_OF_SCOPE
    assert check("refinement.intent_risk", Prompting(WORLD, 0), rng=RNG).failed == ("a batch has examples",)
    tie = Prompting(ConceptWorld(np.eye(2), np.array([0.5, 0.5]), 0.5), 4)
    assert check("refinement.gap_limit", tie, rng=RNG).verdict is Verdict.OUT_OF_SCOPE
    heavy = check("refinement.finite_student", Prompting(WORLD, 4, labels=9), rng=RNG)
    assert heavy.verdict is Verdict.INCONCLUSIVE and "heavy" in heavy.why


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match=r"labels must exceed d \+ 1 = 7"):
        finite_student_risk(WORLD, 3, 7)
    with pytest.raises(ValueError, match="n must be a whole number >= 1"):
        intent_risk(WORLD, 0)
    with pytest.raises(ValueError, match="together with labels"):
        forecast(WORLD, labels=20)
    with pytest.raises(ValueError, match="tolerance must be a finite number >= 0"):
        forecast(WORLD, tolerance=-0.1)
    with pytest.raises(ValueError, match="examples must be a whole number >= 0"):
        Prompting(WORLD, -1)
    with pytest.raises(TypeError, match="ConceptWorld"):
        Prompting(np.ones(3), 1)  # type: ignore[arg-type]


def test_the_forecast_names_its_own_arguments():
    with pytest.raises(TypeError, match="world must be a ConceptWorld"):
        forecast(np.eye(2))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="examples must be a whole number"):
        forecast(WORLD, examples=-1)
    with pytest.raises(ValueError, match=r"labels must exceed d \+ 1 = 7"):
        forecast(WORLD, examples=3, labels=5)
