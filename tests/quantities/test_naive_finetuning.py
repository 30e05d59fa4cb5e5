"""Naive fine-tuning and shrinkage towards the source: closed forms against sampled students, search over η and plain geometry."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from tests.tolerances import BRENT, ROUNDING, SOLVE, STANDARD_ERRORS
from w2s_theory import testing
from w2s_theory.problems.concepts import ConceptWorld, orthonormal_world
from w2s_theory.problems.finetuning import FineTuning
from w2s_theory.quantities.naive_finetuning import (
    NAIVE,
    SHRUNKEN,
    best_pull,
    distance_to_line,
    naive_risk,
    orthogonal_students,
    random_students,
    shrinkage_risk,
)

WORLD = ConceptWorld(
    np.array([[1.0, 0.0, 0.5, 0.0], [0.0, 1.0, 0.0, -0.5], [1.0, 1.0, 0.0, 0.0]]),
    np.array([0.7, 0.2, 0.1, 0.6]),
    weak_noise=1.5,
    prior=np.array([0.2, 0.5, 0.3]),
    target=np.array([1.0, 0.1, 0.3, 0.2]),
)


@st.composite
def concept_worlds(draw):
    """Concepts, weak vector, target and prior on a readable grid, in any position."""
    count, d = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    shares = draw(testing.values(count, low=1, high=4, step=1.0))
    weak, target = draw(testing.values(d)), draw(testing.values(d))
    return ConceptWorld(
        draw(testing.values(count, d)), weak, draw(st.integers(1, 4)) / 2.0, prior=shares / shares.sum(), target=target
    )


def assert_mean(values, exact, seen):
    """The mean of trials is ``exact``, and was measured well enough to have noticed an error of ``seen``."""
    stderr = values.std(ddof=1) / np.sqrt(values.size)
    assert abs(values.mean() - exact) <= STANDARD_ERRORS * stderr, (values.mean(), exact, stderr)
    assert 2.0 * STANDARD_ERRORS * stderr < abs(seen), "too noisy to have seen it"


@pytest.mark.parametrize("labels", [12, 30])
def test_the_naive_risk_is_that_of_least_squares_fitted_to_sampled_weak_labels(labels):
    world, rng = replace(WORLD, weak_noise=3.0), np.random.default_rng(1)
    errors = []
    for _ in range(30_000 if labels == 12 else 20_000):
        features = rng.standard_normal((labels, 4))
        weak = features @ world.weak + 3.0 * rng.standard_normal(labels)
        head = np.linalg.solve(features.T @ features, features.T @ weak)
        errors.append(np.sum((head - world.truth) ** 2))
    noise = 9.0 * 4 / (labels - 5)
    assert_mean(np.array(errors), naive_risk(world, labels), 0.1 * noise)


def test_the_naive_risk_tends_to_the_weak_error_and_refuses_too_few_labels_and_uniform_features():
    assert naive_risk(WORLD, 10**9) == pytest.approx(WORLD.weak_error, abs=1e-7)  # τ²d/n is 9e-9
    assert naive_risk(replace(WORLD, weak_noise=0.0), 6) == pytest.approx(WORLD.weak_error, rel=ROUNDING)
    with pytest.raises(ValueError, match=r"n must exceed d \+ 1"):
        naive_risk(WORLD, 5)
    with pytest.raises(ValueError, match="features must be Gaussian"):
        naive_risk(replace(WORLD, features="uniform"), 50)


def test_the_quantities_agree_with_their_trials():
    for quantity, tuning in ((NAIVE, FineTuning(WORLD, 20)), (SHRUNKEN, FineTuning(WORLD, 6, 0.4))):
        simulated = quantity.simulate(tuning, rng=np.random.default_rng(2), half_width=0.03 * quantity.exact(tuning).value)
        assert simulated.covers(quantity.exact(tuning).value)
        assert simulated.high - simulated.low <= 0.06 * quantity.exact(tuning).value


@pytest.mark.parametrize("eta", [0.0, 0.5, 4.0])
def test_the_shrinkage_risk_is_that_of_penalised_least_squares_on_orthogonal_points(eta):
    rng, n = np.random.default_rng(3), 8
    hadamard = np.array([[1.0]])
    for _ in range(3):
        hadamard = np.block([[hadamard, hadamard], [hadamard, -hadamard]])
    points = hadamard[:, [1, 2, 4, 7]]
    labels = points @ WORLD.weak + WORLD.weak_noise * rng.standard_normal((40_000, n))
    system = points.T @ points + n * eta * np.eye(4)
    heads = np.linalg.solve(system, (labels @ points + n * eta * WORLD.source).T).T
    noise = WORLD.weak_noise**2 * 4 / n / (1.0 + eta) ** 2
    assert_mean(np.sum((heads - WORLD.truth) ** 2, axis=-1), float(shrinkage_risk(WORLD, eta, labels=n)), max(0.1 * noise, 0.01))


def test_with_unlimited_labels_the_risk_follows_from_the_two_biases_and_their_angle():
    source, weak = WORLD.source - WORLD.truth, WORLD.weak - WORLD.truth
    for share in (1.0, 0.6, 0.1):
        expected = (1 - share) ** 2 * source @ source + share**2 * weak @ weak + 2 * share * (1 - share) * source @ weak
        assert float(shrinkage_risk(WORLD, 1.0 / share - 1.0)) == pytest.approx(expected, rel=SOLVE)
    ends = shrinkage_risk(WORLD, [0.0, np.inf])
    assert ends == pytest.approx([WORLD.weak_error, WORLD.source_error], rel=ROUNDING)


@pytest.mark.parametrize("labels", [None, 5, 50])
def test_the_best_pull_is_what_a_search_finds(labels):
    found = best_pull(WORLD, labels=labels)
    share, risk, *_ = optimize.fminbound(
        lambda share: float(shrinkage_risk(WORLD, 1.0 / share - 1.0, labels=labels)), 1e-9, 1.0, xtol=1e-5, full_output=True
    )
    assert found.risk == pytest.approx(risk, rel=BRENT)
    assert found.share == pytest.approx(share, abs=1e-4)  # the search's tolerance, ten times
    assert found.eta == pytest.approx(1.0 / found.share - 1.0)
    source, weak = WORLD.source - WORLD.truth, WORLD.weak - WORLD.truth
    loud = weak @ weak + (0.0 if labels is None else WORLD.weak_noise**2 * 4 / labels)
    square, inner = source @ source, source @ weak
    assert found.risk == pytest.approx((square * loud - inner**2) / (square + loud - 2 * inner), rel=SOLVE)


def test_the_best_pull_may_be_none_or_all():
    line = ConceptWorld(np.array([[1.0, 0.0]]), np.array([0.0, 0.0]), target=np.array([-1.0, 1.0]))
    assert best_pull(line) == (0.0, 1.0, 2.0)  # the target lies beyond the weak vector
    other = replace(line, target=np.array([3.0, 1.0]))  # and beyond the source
    assert best_pull(other) == (np.inf, 0.0, 5.0)
    same = ConceptWorld(np.array([[1.0, 0.0]]), np.array([1.0, 0.0]), target=np.array([0.0, 0.0]))
    assert best_pull(same).risk == distance_to_line(same) == 1.0
    assert distance_to_line(line) == distance_to_line(other) == 1.0


def test_biases_at_right_angles_leave_half_their_harmonic_mean():
    world = ConceptWorld(np.array([[2.0, 0.0]]), np.array([0.0, 3.0]), target=np.zeros(2))
    assert best_pull(world).risk == pytest.approx(4.0 * 9.0 / 13.0, rel=ROUNDING)
    assert distance_to_line(world) == pytest.approx(4.0 * 9.0 / 13.0, rel=ROUNDING)


def test_the_distance_is_zero_exactly_for_a_target_on_the_line():
    between = 0.3 * WORLD.source + 0.7 * WORLD.weak
    on = replace(WORLD, target=between)
    assert distance_to_line(on) < ROUNDING
    assert best_pull(on).risk < ROUNDING
    across = np.linalg.svd((WORLD.weak - WORLD.source)[None])[2][1]
    assert distance_to_line(replace(WORLD, target=between + 0.1 * across)) == pytest.approx(0.01, rel=SOLVE)


@settings(max_examples=60)
@given(concept_worlds())
def test_no_pull_reaches_below_the_distance_that_least_squares_finds(world):
    direction = (world.weak - world.source)[:, None]
    left_over = world.truth - world.source
    left_over = left_over - direction @ np.linalg.lstsq(direction, left_over, rcond=None)[0]
    scale = 1.0 + world.weak_error + world.source_error
    assert distance_to_line(world) == pytest.approx(left_over @ left_over, abs=SOLVE * scale)
    risks = shrinkage_risk(world, np.geomspace(1e-3, 1e3, 41))
    assert np.all(risks >= distance_to_line(world) - SOLVE * scale)
    assert best_pull(world).risk <= risks.min() + SOLVE * scale


def test_the_students_solve_their_least_squares():
    tuning = FineTuning(WORLD, 3, 0.6)
    features, labels = WORLD.sample(5, 3, rng=np.random.default_rng(4))
    for x, y, head in zip(features, labels, random_students(tuning, 5, np.random.default_rng(4)), strict=True):
        rows = np.vstack([x, np.sqrt(1.8) * np.eye(4)])
        wanted = np.concatenate([y, np.sqrt(1.8) * WORLD.source])
        assert np.allclose(head, np.linalg.lstsq(rows, wanted, rcond=None)[0], atol=SOLVE)
    many = random_students(replace(tuning, labels=20), 9000, np.random.default_rng(5))  # more than one chunk of memory allows
    assert many.shape == (9000, 4) and np.isfinite(many).all()


def test_one_draw_of_points_can_do_better_than_the_distance_although_the_mean_can_not():
    world = orthonormal_world(3, alignment=0.5, length=0.6, weak_noise=0.0)
    tuning = FineTuning(world, 4, 0.5)
    errors = world.error(random_students(tuning, 4000, np.random.default_rng(6)))
    assert errors.min() < 0.9 * distance_to_line(world)
    assert errors.mean() - STANDARD_ERRORS * errors.std() / np.sqrt(4000) > distance_to_line(world)


def test_orthogonal_points_are_orthogonal_and_their_labels_weak():
    tuning = FineTuning(replace(WORLD, weak_noise=0.0), 7, 0.5)
    points, labels = tuning.sample_orthogonal(2, rng=np.random.default_rng(7))
    assert np.allclose(points.T @ points, 7.0 * np.eye(4), atol=ROUNDING * 7)
    assert np.allclose(labels, points @ WORLD.weak, atol=ROUNDING)
    heads = orthogonal_students(tuning, 2, np.random.default_rng(8))
    assert np.allclose(heads, (WORLD.weak + 0.5 * WORLD.source) / 1.5, atol=SOLVE)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: shrinkage_risk(WORLD, -1.0), "etas must be >= 0"),
        (lambda: shrinkage_risk(WORLD, np.nan), "etas must be >= 0"),
        (lambda: shrinkage_risk(WORLD, 1.0, labels=3), "labels must be at least d = 4"),
        (lambda: FineTuning(WORLD, 3).sample_orthogonal(1, rng=np.random.default_rng(0)), "labels must be at least d = 4"),
        (lambda: FineTuning(WORLD, 0), "labels must be a whole number >= 1"),
        (lambda: FineTuning(WORLD, 5, -0.1), "eta must be a finite number >= 0"),
        (lambda: random_students(FineTuning(WORLD, 5), 2, np.random.default_rng(0)), "eta must be > 0"),
    ],
)
def test_bad_parameters_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_distance_to_the_line_has_digits_where_source_and_weak_nearly_coincide():
    weak = np.full(3, 1.0 / 3.0) + 1e-7 * np.array([0.0, 1.0, -1.0]) + 0.03e-7 * np.eye(3)[0]
    world = ConceptWorld(np.eye(3), weak)
    assert distance_to_line(world) == pytest.approx(0.666467, abs=2e-5)
    assert distance_to_line(world) <= best_pull(world).risk
