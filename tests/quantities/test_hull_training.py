"""Training within the hull: closed forms against a general optimiser, constrained least squares on samples and projections on a cone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from tests.tolerances import CONSTRAINED, ROUNDING, SLSQP, STANDARD_ERRORS, TRAPEZOIDAL
from w2s_theory.problems.concepts import ConceptWorld, orthonormal_world
from w2s_theory.problems.finetuning import FineTuning
from w2s_theory.quantities.hull_training import (
    hull_head,
    hull_risk,
    hull_students,
    noise_deficit,
    statistical_dimension,
)


def searched_risk(world):
    """The same minimisation by a general optimiser over mixture weights, from their middle."""
    count = world.count
    found = optimize.minimize(
        lambda w: np.sum((w @ world.concepts - world.weak) ** 2),
        np.full(count, 1.0 / count),
        jac=lambda w: 2.0 * world.concepts @ (w @ world.concepts - world.weak),
        bounds=[(0.0, 1.0)] * count,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1.0, "jac": lambda w: np.ones(count)},
        method="SLSQP",
        options={"ftol": 1e-15, "maxiter": 500},
    )
    return float(world.error(found.x @ world.concepts))


def mixtures_by_nnls(design, labels):
    """Weights of constrained least squares, the sum to one by a heavy row; its share of error is below 1e-9."""
    heavy = 1e5 * np.linalg.norm(design)
    rows = np.vstack([design, heavy * np.ones(design.shape[1])])
    return np.stack([optimize.nnls(rows, np.append(y, heavy))[0] for y in labels])


@pytest.mark.parametrize("count", [2, 3, 6])
@pytest.mark.parametrize("alignment", [-2.0, -0.5, -0.2, 0.0, 0.6, 1.0, 1.7])
def test_the_closed_form_is_what_an_optimiser_finds(count, alignment):
    world = orthonormal_world(count, alignment=alignment, length=alignment**2 + 0.4)
    assert hull_risk(world) == pytest.approx(searched_risk(world), abs=SLSQP)
    assert hull_head(world).risk == pytest.approx(hull_risk(world), abs=CONSTRAINED)


def test_the_closed_form_meets_itself_where_its_pieces_join_and_any_bias_costs():
    for count in (2, 5):
        corner = -1.0 / (count - 1)
        for edge, value in ((1.0, 0.0), (corner, count / (count - 1))):
            sides = [hull_risk(orthonormal_world(count, alignment=edge + step)) for step in (-1e-9, 1e-9)]
            assert sides == pytest.approx([value, value], abs=1e-8)
        assert hull_risk(orthonormal_world(count, alignment=0.99)) > 4e-5
    assert hull_risk(orthonormal_world(1, alignment=0.2)) == 0.0


def test_constrained_least_squares_on_many_points_approaches_the_closed_form():
    world = replace(orthonormal_world(4, alignment=0.4, length=1.0), weak_noise=0.5)
    features, labels = world.sample(3, 40_000, rng=np.random.default_rng(0))
    for x, y in zip(features, labels, strict=True):
        risk = float(world.error(mixtures_by_nnls(x @ world.concepts.T, y[None])[0] @ world.concepts))
        assert risk == pytest.approx(
            hull_risk(world), abs=0.02
        )  # the weights have standard error √(1.09/40 000) < 0.006, the slope is 1.2
        assert abs(risk - 1.1 * hull_risk(world)) > 0.02


def test_outside_its_geometry_the_closed_form_is_refused_and_the_solver_answers():
    skewed = ConceptWorld(np.array([[1.0, 0.0], [0.5, 0.5], [-1.0, 0.2]]), np.array([0.2, 1.1]))
    with pytest.raises(ValueError, match="hull_head"):
        hull_risk(skewed)
    found = hull_head(skewed)
    assert found.risk == pytest.approx(searched_risk(skewed), abs=SLSQP)
    assert found.weights.sum() == pytest.approx(1.0) and found.weights.min() >= 0.0
    with pytest.raises(ValueError, match="another"):
        hull_risk(replace(orthonormal_world(3, alignment=0.5), weak=np.array([0.5, 0.1, 0.0, 0.0])))
    with pytest.raises(ValueError, match="another"):
        hull_risk(replace(orthonormal_world(3), target=np.zeros(4)))


@settings(max_examples=30)
@given(st.integers(1, 5), st.integers(1, 4), st.integers(0, 2**16))
def test_the_head_satisfies_the_optimality_condition_of_the_hull_in_any_geometry(count, d, seed):
    rng = np.random.default_rng(seed)
    world = ConceptWorld(rng.standard_normal((count, d)), 2.0 * rng.standard_normal(d))
    head = hull_head(world).head
    assert np.all((world.concepts - head) @ (world.weak - head) <= CONSTRAINED)
    assert hull_head(world).slack < CONSTRAINED


def test_the_statistical_dimension_has_its_known_values():
    # Two generators at 60 degrees: intrinsic volumes 1/6 and 1/2. Three: solid angle 3 arccos(1/3) − π, faces of 60 degrees,
    # and intrinsic volumes of odd order that add to 1/2.
    solid = (3.0 * np.arccos(1.0 / 3.0) - np.pi) / (4.0 * np.pi)
    known = {1: 0.0, 2: 0.5, 3: 2.0 / 6.0 + 0.5, 4: 3.0 * solid + 2.0 * 3.0 / 12.0 + (0.5 - solid)}
    for count, value in known.items():
        assert statistical_dimension(count) == pytest.approx(value, abs=TRAPEZOIDAL)


@pytest.mark.parametrize("count", [2, 3, 5, 10, 40])
def test_the_statistical_dimension_is_the_mean_square_of_a_projection_on_the_cone(count):
    rng = np.random.default_rng(count)
    generators = np.vstack([-np.ones(count - 1), np.eye(count - 1)])  # e_k − e_1 as columns
    squares, faces = [], []
    for normal in rng.standard_normal((8000, count)):
        found, distance = optimize.nnls(generators, normal)
        squares.append(normal @ normal - distance**2)  # ‖Π g‖² by Pythagoras
        faces.append(np.count_nonzero(found))
    for draws in (np.array(squares), np.array(faces)):
        stderr = draws.std() / np.sqrt(draws.size)
        assert abs(draws.mean() - statistical_dimension(count)) <= STANDARD_ERRORS * stderr
        assert 2.0 * stderr < 0.1 * draws.mean()


def test_the_quadrature_has_converged_for_many_concepts_and_refuses_more():
    # Projection on the cone of zero-sum vectors with non-negative entries but the first, by its threshold equation.
    count, rng = 300, np.random.default_rng(1)
    draws = []
    for normal in rng.standard_normal((1500, count)):
        theta = optimize.brentq(lambda t, g=normal: g[0] - t + np.maximum(g[1:] - t, 0.0).sum(), -50.0, 50.0)
        draws.append((normal[0] - theta) ** 2 + np.sum(np.maximum(normal[1:] - theta, 0.0) ** 2))
    stderr = np.std(draws) / np.sqrt(1500)
    assert abs(np.mean(draws) - statistical_dimension(count)) <= STANDARD_ERRORS * stderr < 0.1 * np.mean(draws)
    with pytest.raises(ValueError, match="count must be at most"):
        statistical_dimension(10**6)
    with pytest.raises(ValueError, match="whole number"):
        statistical_dimension(0)


def test_the_students_are_those_of_constrained_least_squares():
    tuning = FineTuning(orthonormal_world(4, alignment=0.7, weak_noise=2.0), 9)
    heads = hull_students(tuning, 6, np.random.default_rng(2))
    points, labels = tuning.sample_orthogonal(6, rng=np.random.default_rng(2))
    expected = mixtures_by_nnls(points @ tuning.world.concepts.T, labels) @ tuning.world.concepts
    assert np.allclose(heads, expected, atol=CONSTRAINED)


@pytest.mark.parametrize(("count", "scaled"), [(2, 1.0), (4, 2.0), (5, 6.0), (3, 40.0)])
def test_the_cost_of_noise_lies_between_the_statistical_dimension_and_what_the_deficit_leaves(count, scaled):
    labels = 12
    tuning = FineTuning(orthonormal_world(count, weak_noise=np.sqrt(labels / scaled)), labels)
    cost = scaled * tuning.world.error(hull_students(tuning, 40_000, np.random.default_rng(3)))
    delta, stderr = statistical_dimension(count), cost.std() / 200.0
    assert (
        delta - noise_deficit(count, 2.0 * scaled) - STANDARD_ERRORS * stderr <= cost.mean() <= delta + STANDARD_ERRORS * stderr
    )
    assert 2.0 * stderr < 0.1 * delta


def test_the_deficit_is_a_chi_squared_tail():
    assert noise_deficit(5, 7.0) == pytest.approx(4.0 * stats.chi2.sf(3.5 * 5 / 4, 6), rel=ROUNDING)
    assert noise_deficit(1, 7.0) == 0.0
    with pytest.raises(ValueError, match="ratio"):
        noise_deficit(3, 0.0)


def test_on_random_points_the_bound_is_false_and_the_limit_the_same():
    # Two concepts, little noise: the coefficient is max(g, 0)/‖Xu‖ with ‖Xu‖² a 2χ²(n), so (n/τ²) E risk = n/(2(n − 2)).
    rng, world = np.random.default_rng(4), orthonormal_world(2, weak_noise=1e-3)
    for n in (6, 60):
        features, labels = world.sample(40_000, n, rng=rng)
        arm = features @ (world.concepts[1] - world.concepts[0])
        weight = np.clip(np.sum(arm * (labels - features @ world.concepts[0]), axis=-1) / np.sum(arm**2, axis=-1), 0.0, 1.0)
        cost = n * world.weak_noise**-2 * 2.0 * weight**2
        stderr = cost.std() / 200.0
        assert abs(cost.mean() - n / (2.0 * (n - 2))) <= STANDARD_ERRORS * stderr
        if n == 6:
            assert cost.mean() - STANDARD_ERRORS * stderr > 1.1 * statistical_dimension(2)
