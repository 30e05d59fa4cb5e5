"""The batched descent on functions whose minima are known, with steps that must be refused and tasks that finish at different times."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from tests.tolerances import SOLVE
from w2s_theory.students.descent import Evaluation, minimise


@dataclass(frozen=True)
class Rosenbrock:
    """b (y − x²)² + (1 − x)² for one b per task, preconditioned by nothing: full steps are far too long."""

    steep: Any
    evaluated: list[int]
    rounding: float = 0.0
    wrong: float = 1.0

    def evaluate(self, points):
        self.evaluated.append(points.shape[1])
        x, y = points
        off = y - x**2
        slope = np.stack([-4 * self.steep * x * off - 2 * (1 - x), 2 * self.steep * off])
        return Evaluation(self.steep * off**2 + (1 - x) ** 2, self.wrong * slope, np.ones((1, len(x))))

    def precondition(self, gradient, curvature):
        return gradient / curvature

    def take(self, tasks):
        return replace(self, steep=self.steep[tasks])


@pytest.fixture
def valleys():
    rng = np.random.default_rng(5)
    return Rosenbrock(np.geomspace(0.1, 100.0, 40), []), rng.normal(size=(2, 40))


def test_every_task_arrives_in_its_own_time_and_place(valleys):
    problem, start = valleys
    result = minimise([(problem, 1e-11)], start, max_iterations=2000)
    assert result.points == pytest.approx(np.ones((2, 40)), abs=SOLVE)
    assert np.max(result.residual) <= 1e-11
    assert np.argmin(result.iterations) < np.argmax(result.iterations)
    assert problem.evaluated[-1] < 40 and sorted(problem.evaluated, reverse=True) == problem.evaluated


def test_a_task_goes_the_same_way_alone_and_in_company(valleys):
    problem, start = valleys
    together = minimise([(problem, 1e-9)], start, max_iterations=2000)
    for task in (0, 20, 39):
        one = slice(task, task + 1)
        alone = minimise([(replace(problem, steep=problem.steep[one]), 1e-9)], start[:, one], max_iterations=2000)
        assert alone.points[:, 0] == pytest.approx(together.points[:, task], abs=SOLVE)


def test_the_loss_never_rises(valleys):
    problem, start = valleys
    losses = [minimise([(problem, 1e-9)], start, max_iterations=most).loss for most in range(1, 40)]
    assert np.all(np.diff(losses, axis=0) <= 0)


def test_an_approximate_stage_helps_and_is_not_trusted(valleys):
    problem, start = valleys
    near = replace(problem, steep=1.05 * problem.steep, wrong=1.02)
    result = minimise([(near, 1e-3), (problem, 1e-11)], start, max_iterations=2000)
    assert np.max(result.residual) <= 1e-11
    assert result.points == pytest.approx(np.ones((2, 40)), abs=SOLVE)


def test_what_does_not_arrive_is_recorded_and_not_raised(valleys):
    problem, start = valleys
    short = minimise([(problem, 1e-11)], start, max_iterations=5)
    assert np.all(short.iterations <= 5) and np.max(short.residual) > 1e-11
    uphill = minimise([(replace(problem, wrong=-1.0), 1e-11)], start, max_iterations=2000)
    assert np.all(uphill.points == start)  # a gradient of the wrong sign leaves no step that decreases the loss
    assert np.min(uphill.residual) > 1e-11 and np.max(uphill.iterations) < 100
