"""Theorem 1 for a convex set written in cvxpy: any class you can state, projected by a conic solver.

The same inequality as theorem_1, gain ≥ misfit. One example is the set of functions with bounded total variation along the sample and a
bounded mean, which has no closed-form projection; the other, functions of mean zero, is affine and attains the bound. The solver's own
optimality gap, measured by a second program, widens the comparison; when it is not small the check is UNSOLVED. Needs the extra ``programs``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...problems.population import Population
from ...quantities.projection import projection_numbers
from ...statements import Assumption, Sides, Source, Statement
from ...students.cvxpy_set import CvxpySet
from .._examples import POINTS, TASKS


def _sides(world: Population) -> Sides:
    numbers = projection_numbers(world)
    return numbers.compare(numbers.report.gain, numbers.report.misfit, forgiven=numbers.band)


def smooth_and_centred(values: Any) -> list[Any]:
    """Total variation at most 2 and mean in [−0.1, 0.1], as cvxpy constraints."""
    import cvxpy as cp

    return [cp.norm1(values[1:] - values[:-1]) <= 2.0, cp.abs(cp.sum(values)) <= 0.1 * values.shape[0]]


def centred(values: Any) -> list[Any]:
    """Sum zero, as a cvxpy constraint: an affine set."""
    import cvxpy as cp

    return [cp.sum(values) == 0]


def _examples(rng: np.random.Generator) -> tuple[Population, ...]:
    steps = np.sort(rng.uniform(-0.05, 0.05, (TASKS, POINTS)), axis=-1)
    target = steps - steps.mean(axis=-1, keepdims=True)
    weak = target + rng.standard_normal((TASKS, POINTS))
    return tuple(Population(weak, target, CvxpySet(constraints, POINTS)) for constraints in (smooth_and_centred, centred))


THEOREM_1_ANY_SET = Statement(
    name="charikar2024.theorem_1_any_set",
    says="realizable target, any convex set written in cvxpy, student = projection of the weak labels: gain ≥ misfit",
    relation=">=",
    sides=_sides,
    about=Population,
    assumptions=(Assumption("the target lies in the strong class", Population.is_realizable),),
    source=Source("charikar2024", "Theorem 1"),
    tightness="attained by affine classes",
    examples=_examples,
)
