"""Finite populations and trainings on them: projections under weights, sampling by counts, realizability, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from tests.tolerances import ROUNDING, STANDARD_ERRORS
from w2s_theory.problems.population import Population
from w2s_theory.problems.training import ApproximateTraining, SampledTraining
from w2s_theory.students.convex import Ball, Subspace
from w2s_theory.students.shapes import SimplexHull

#: Four points, small enough for brute force.
FEATURES = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, -1.0]])
WEAK, TARGET = np.array([1.0, 2.0, 0.0, -1.0]), np.array([0.5, 1.0, 1.5, -0.5])
WEIGHTS = np.array([1.0, 2.0, 3.0, 4.0])


def test_the_student_is_the_weighted_projection_of_the_weak_labels():
    world = Population(WEAK, TARGET, Subspace(FEATURES), WEIGHTS)
    p = WEIGHTS / WEIGHTS.sum()
    head = np.linalg.solve(FEATURES.T @ (p[:, None] * FEATURES), FEATURES.T @ (p * WEAK))
    assert np.allclose(world.student.values, FEATURES @ head, atol=ROUNDING)
    assert world.approximation_error == pytest.approx(0.0, abs=ROUNDING)
    assert world.is_realizable()


def test_a_sample_is_the_same_points_weighted_by_how_often_they_were_drawn():
    world = Population(WEAK, TARGET, Subspace(FEATURES), WEIGHTS)
    drawn = world.sample(50_000, rng=np.random.default_rng(0)).weights
    p = WEIGHTS / WEIGHTS.sum()
    assert np.all(np.abs(drawn - p) <= STANDARD_ERRORS * np.sqrt(p * (1 - p) / 50_000))
    assert np.allclose(drawn * 50_000, np.round(drawn * 50_000))


def test_empirical_students_converge_to_the_population_student():
    world = Population(WEAK, TARGET, Ball(FEATURES, radius=1.0), WEIGHTS)
    errors = [
        np.mean(world.squared_norm(SampledTraining(world, n).students(200, rng=np.random.default_rng(1)) - world.student.values))
        for n in (50, 5000)
    ]
    assert errors[1] < errors[0] / 30, "squared distance falls like 1/n"


def test_a_sample_of_one_point_still_gives_a_student_everywhere():
    world = Population(WEAK, TARGET, Subspace(FEATURES), WEIGHTS)
    students = SampledTraining(world, 1).students(20, rng=np.random.default_rng(2))
    assert students.shape == (20, 4)
    assert np.all(np.isfinite(students))


def test_realizability_is_a_matter_of_every_task():
    off = np.array([1.0, 1.0, -1.0, 0.0])  # orthogonal to both features under equal weights
    both = Population(WEAK, np.stack([TARGET, TARGET + 0.01 * off]), Subspace(FEATURES))
    assert not both.is_realizable()
    assert Population(WEAK, TARGET, Subspace(FEATURES)).is_realizable()


def test_zero_is_a_realizable_target_of_a_hull_around_it():
    corner = np.array([1.0, 2.0, -1.0])
    world = Population(np.array([0.3, 0.0, 0.1]), np.zeros(3), SimplexHull(np.stack([corner, -2 * corner, 3 * corner])))
    assert world.is_realizable()


def test_membership_is_checked_by_projecting():
    world = Population(WEAK, TARGET, Ball(FEATURES, radius=1.0))
    assert ApproximateTraining(world, FEATURES @ np.array([0.6, 0.8])).is_member()
    assert not ApproximateTraining(world, FEATURES @ np.array([0.7, 0.8])).is_member()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"weak": [1.0, np.nan, 0.0, 0.0]}, "weak must be finite"),
        ({"target": [1.0, 0.0]}, "share the last axis"),
        ({"weights": [1.0, -1.0, 1.0, 1.0]}, "non-negative"),
        ({"weights": np.ones(3)}, "weights must have shape"),
        ({"weak": 1e200 * WEAK}, "weak must stay within"),
        ({"strong_class": Subspace(np.ones((5, 1)))}, "5 samples"),
    ],
)
def test_bad_populations_are_refused(arguments, message):
    good = {"weak": WEAK, "target": TARGET, "strong_class": Subspace(FEATURES), "weights": WEIGHTS}
    with pytest.raises(ValueError, match=message):
        Population(**{**good, **arguments})


@pytest.mark.parametrize(
    ("n", "delta", "message"), [(0, 0.1, "n_pseudo must be"), (5, 0.0, "delta must lie"), (5, 1.0, "delta must lie")]
)
def test_bad_trainings_are_refused(n, delta, message):
    world = Population(WEAK, TARGET, Ball(FEATURES, radius=1.0))
    with pytest.raises(ValueError, match=message):
        SampledTraining(world, n, delta)
    with pytest.raises(ValueError, match="must hold one task"):
        SampledTraining(Population(np.stack([WEAK, WEAK]), TARGET, Ball(FEATURES, radius=1.0)), 5)
    with pytest.raises(ValueError, match="shape of weak"):
        ApproximateTraining(world, np.ones(3))


def test_a_problem_cannot_be_changed_from_outside():
    target = TARGET.copy()
    world = Population(WEAK, target, Subspace(FEATURES))
    target += 5 * WEAK
    assert world.is_realizable()
    with pytest.raises(ValueError, match="read-only"):
        world.target[0] = 1.0


def test_a_class_must_be_a_class():
    with pytest.raises(TypeError, match="must be a ConvexClass"):
        Population(WEAK, TARGET, None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="must broadcast"):
        Population(np.ones((2, 4)), np.ones((3, 4)), Subspace(FEATURES))
