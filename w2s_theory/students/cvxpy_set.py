"""A student in any convex set that can be written in cvxpy, solved by CLARABEL. Needs the extra ``programs``. NumPy float64 only.

The setting is in ``problems.convexity``. Where a built-in class says the same (``convex``, ``shapes``) prefer it: it is exact
to rounding and much faster. Here the variational inequality holds to about 1e-8 of radius * ||weak - student||_P, and ``gap``
proves about 1e-7 of it (the price of believing only the dual value).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._validation import MissingExtra, SolverFailure, whole
from ..problems.convexity import ConvexClass, Projection, candidate, measure, norm, on_sample


@dataclass(frozen=True, eq=False)
class CvxpySet(ConvexClass):
    """V = {v in R^n : constraints(v)}: ``constraints`` takes a cvxpy expression of shape (n,) and returns a list of constraints.

    It is called as with a cvxpy Variable (the expression is a scaled one) and may make further variables, best of order one.
    ``size`` is n. A sample of zero weight gets whatever the solver ends at among the members that fit equally well. Projecting
    raises ``ValueError`` when the set is empty or not convex by cvxpy's rules, ``SolverFailure`` for any status but optimal,
    ``MissingExtra`` when cvxpy is absent.

    A set of functions whose neighbouring values differ by at most 0.1: ``CvxpySet(lambda v: [abs(v[1:] - v[:-1]) <= 0.1],
    size=20)``.
    """

    constraints: Callable[[Any], list[Any]]
    size: int

    def __post_init__(self) -> None:
        if not callable(self.constraints):
            raise TypeError(
                f"constraints must be a function of a cvxpy expression; it is {self.constraints!r}. Pass lambda v: [v >= 0], say."
            )
        object.__setattr__(self, "size", whole("size", self.size))

    def project(self, weak: Any, weights: Any = None) -> Projection:
        weak, p = on_sample("weak", weak, self.size), measure(weights, self.size)
        cp, root = load_cvxpy(), np.sqrt(p)
        values = np.empty(weak.shape)
        for task in np.ndindex(weak.shape[:-1]):
            scale = float(norm(weak[task], p)) or 1.0
            unit, member, constraints = self._member(cp, scale, root)
            distance = cp.sum_squares(cp.multiply(root > 0, unit) - root * weak[task] / scale)
            solve_program(cp, cp.Problem(cp.Minimize(distance), constraints), self._name, "is empty: relax its constraints")
            values[task] = member.value
        return Projection(values, self.gap(weak, values, p, norm(weak, p) + norm(values, p)))

    def gap(self, weak: Any, student: Any, weights: Any, radius: Any) -> np.ndarray:
        """The maximum of <w - s, v - s>_P over V with ||v||_P <= radius, by a second program.

        What is claimed is its dual value, plus what the dual's infeasibility can hide at members of the size the solver met.
        Raises ``ValueError`` when no member is that small.
        """
        weak, student, p, radius = candidate(weak, student, weights, radius, self.size)
        cp, root = load_cvxpy(), np.sqrt(p)
        radius = np.broadcast_to(radius, weak.shape[:-1])
        gap = np.zeros(weak.shape[:-1])
        for task in np.ndindex(gap.shape):
            residual = root * (weak[task] - student[task])
            size = np.linalg.norm(residual)
            if size == 0.0:
                continue
            scale = float(radius[task]) or 1.0
            unit, _, constraints = self._member(cp, scale, root)
            short = cp.norm(cp.multiply(root > 0, unit)) <= radius[task] / scale
            program = cp.Problem(cp.Maximize((residual / size) @ unit), [*constraints, short])
            small = f"has no member of P-norm <= {radius[task]:.6g}: pass a larger radius"
            proved = solve_program(cp, program, self._name, small)
            largest = scale * size * proved
            gap[task] = max(largest - residual @ (root * student[task]), 0.0)
        return gap

    @property
    def _name(self) -> str:
        return f"CvxpySet(size={self.size})"

    def _member(self, cp: Any, scale: float, root: np.ndarray) -> tuple[Any, Any, list[Any]]:
        """Return u of order one, v = scale u / sqrt(p) and the constraints on v: the solver's stopping rule is absolute."""
        unit = cp.Variable(self.size)
        member = cp.multiply(scale / np.where(root > 0, root, 1.0), unit)
        return unit, member, checked_constraints(self.constraints(member))


def checked_constraints(constraints: Any) -> list[Any]:
    """What a user's function of constraints returned, if it is a list of convex ones."""
    if not isinstance(constraints, (list, tuple)):
        raise TypeError(f"constraints must return a list of cvxpy constraints; it returned {constraints!r}. Wrap it in [...].")
    if not all(constraint.is_dcp() for constraint in constraints):
        raise ValueError(
            "constraints must be convex by cvxpy's rules (DCP); at least one is not. Rewrite it, or check with is_dcp()."
        )
    return list(constraints)


def solve_program(cp: Any, problem: Any, name: str, when_infeasible: str) -> float:
    """Solve with CLARABEL; return, for a linear objective to maximise, its dual value with what the dual residual can hide.

    ``name`` is the set's, for messages. Raises ``ValueError`` when the program is infeasible, ``SolverFailure`` for any other status
    but optimal.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of inaccurate answers, which raise below
            data, chain, inverse = problem.get_problem_data(cp.CLARABEL, solver_opts={})
            raw = chain.solve_via_data(problem, data, solver_opts={})
            problem.unpack_results(raw, chain, inverse)
    except cp.SolverError as error:
        raise SolverFailure(f"CLARABEL failed on {name}: {error}") from error
    if problem.status == cp.INFEASIBLE:
        raise ValueError(f"{name} {when_infeasible}.")
    if problem.status != cp.OPTIMAL:
        raise SolverFailure(f"CLARABEL ended with status {problem.status} on {name}; rescale its constraints.")
    # The solver's form is min c'x with A x + s = b, s in a cone. For its dual z, c'x >= -b'z + (c + A'z)'x at every feasible x.
    infeasibility = data["c"] + data["A"].T @ np.array(raw.z)
    lacking = np.linalg.norm(infeasibility) * np.linalg.norm(raw.x)
    return problem.value + abs(raw.obj_val - raw.obj_val_dual) + lacking


def load_cvxpy() -> Any:
    """cvxpy, or ``MissingExtra``."""
    try:
        import cvxpy
    except ImportError as error:
        raise MissingExtra("programs", "cvxpy") from error
    return cvxpy
