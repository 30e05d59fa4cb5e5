"""Heads of all tasks in any convex set that cvxpy can write: the program is compiled once, and labels are parameters of it.

The setting is that of ``constrained``: r ≤ d coordinates of the labels stand for n rows, so the size of a program does not depend
on n. CLARABEL solves two for each task, one for the head and one for its certificate. For balls, boxes and hulls ``constrained`` is
exact and much faster. Needs the extra ``programs``. The arithmetic is NumPy's; heads come in the library of the design.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._array import array_namespace, to_numpy
from ..design import Design
from .constrained import ConstrainedHeads, reduced
from .cvxpy_set import checked_constraints, load_cvxpy, solve_program

#: A student counts as converged when gap ≤ this times ‖y‖² + ‖s‖²: CLARABEL stops at 1e-8, and its certificate proves some 1e-7.
TOLERANCE = 1e-6


def solve_set(design: Design, labels: Any = None, *, constraints: Callable[[Any], list[Any]]) -> ConstrainedHeads:
    """argmin ‖R w − z‖² over the heads w with ``constraints(w)``, for every task.

    ``constraints`` takes a cvxpy expression of shape (d,) and returns a list of constraints. It is called as with a cvxpy Variable (the
    expression is a parameter times one, so that tasks of any scale share a program) and may make further variables, best of
    the order of the heads. They hold to the solver's 1e-8. ``labels`` (n,) or (n, T); ``None`` takes the weak labels of the design.

    The gap of ``constrained`` comes from a second program, max (z − R w)ᵀ(v − R w) over the class with ‖v‖ ≤ ‖y‖ + ‖R w‖, of which only the
    dual value is believed, with what the dual's infeasibility can hide at members of the size the solver met.

    Raises ``ValueError`` when no head satisfies the constraints, or when they are not convex by cvxpy's rules with parameters in them (DPP),
    ``TypeError`` for what is not a list of constraints, ``SolverFailure`` for any status but optimal, ``MissingExtra`` when cvxpy is absent.

    Heads that do not decrease along the features: ``solve_set(design, labels, constraints=lambda w: [w[1:] >= w[:-1]])``.
    """
    cp = load_cvxpy()
    data = reduced(design, labels)
    data.refuse_metric("a set written in cvxpy")
    xp = array_namespace(data.basis)
    matrix, goals = to_numpy(data.matrix), to_numpy(data.goal.values)
    square, shift = to_numpy(data.goal.square), to_numpy(data.goal.shift)
    largest = float(to_numpy(data.scales).max(initial=0.0)) or 1.0
    unit_matrix, (r, d) = matrix / largest, matrix.shape

    unit, scale = cp.Variable(d), cp.Parameter(pos=True)
    members = checked_constraints(constraints(scale * unit))
    if not all(constraint.is_dcp(dpp=True) for constraint in members):
        raise ValueError(
            "constraints must be convex by cvxpy's rules for parameters too (DPP): the head they are given is a parameter times a variable. "
            "Use students.cvxpy_set.CvxpySet, or write them without products of the head with other parameters."
        )
    goal, slope = cp.Parameter(r), cp.Parameter(d)
    nearest = cp.Problem(cp.Minimize(cp.sum_squares(unit_matrix @ unit - goal)), members)
    furthest = cp.Problem(cp.Maximize(slope @ unit), [*members, cp.norm(unit_matrix @ unit) <= 1])

    heads, gap, student_square = np.empty((d, goals.shape[1])), np.zeros(goals.shape[1]), np.empty(goals.shape[1])
    for task, z in enumerate(goals.T):
        size = float(np.linalg.norm(z)) or 1.0
        goal.value, scale.value = z / size, size / largest
        solve_program(cp, nearest, "the set of heads", "is empty: relax its constraints")
        heads[:, task] = size / largest * unit.value
        student = matrix @ heads[:, task]
        student_square[task] = student @ student
        residual = z - student
        length = float(np.linalg.norm(residual))
        if length == 0.0:
            continue
        reach = float(np.sqrt(square[task] + shift[task]) + np.sqrt(student_square[task] + shift[task]))
        slope.value, scale.value = unit_matrix.T @ residual / length, reach / largest
        proved = solve_program(cp, furthest, "the set of heads", "has no member as small as labels and student together")
        gap[task] = max(length * reach * proved - residual @ student, 0.0)
    converged = gap <= TOLERANCE * (square + student_square)
    arrays = [xp.asarray(array, device=data.basis.device) for array in (heads, gap, converged)]
    return data.answer(*arrays)
