"""What the projection theorems compare, with the error that an inexact projection can add. In the
world's array library.

For the projection s of the weak labels w on a convex class V and the member v* of V closest to the target f,

    gain − misfit = 2⟨w − s, s − f⟩ = 2⟨w − s, s − v*⟩ + 2⟨w − s, v* − f⟩ ≥ −2·gap − 2√(misfit·ε),   ε = ‖v* − f‖²,

where gap bounds ⟨w − s, v* − s⟩: zero for an exact projection (the variational inequality), the solver's doing otherwise.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .._array import array_namespace
from ..outcomes import GainReport
from ..problems.population import EPSILON, Population
from ..statements import Sides
from .gain import gain_report


class ProjectionNumbers(NamedTuple):
    """The report of a projected student and the pieces of the bounds, arrays of shape (tasks...).

    ``scale`` is what rounding errors of gain and misfit are proportional to, ``size`` the size of the errors themselves (never below
    what rounding makes of coinciding functions), ``solver_error`` what an inexact projection can add to |gain − misfit|.
    """

    report: GainReport
    epsilon: Any
    scale: Any
    size: Any
    solver_error: Any

    @property
    def band(self) -> Any:
        """2√(misfit·ε): how far gain can be from misfit when the target is at squared distance ε from the class."""
        return 2.0 * array_namespace(self.epsilon).sqrt(self.report.misfit * self.epsilon)

    def compare(self, left: Any, right: Any, *, forgiven: Any = 0.0) -> Sides:
        """Two sides of a statement about this student, with the errors they carry; ``forgiven`` is added to the solver's."""
        return Sides(left, right, self.scale, self.solver_error + forgiven, self.size)


def projection_numbers(world: Population) -> ProjectionNumbers:
    """Project, report and bound: everything Theorem 1 and the non-realizable bounds compare."""
    report = gain_report(world.weak, world.student.values, world.target, world.weights, ceiling=world.ceiling.values)
    xp = array_namespace(report.gain)
    spread = xp.sqrt(report.weak_error) + xp.sqrt(report.student_error) + xp.sqrt(report.misfit)
    rounded = EPSILON * world.magnitude  # error of the projected values: relative to the functions, not to their differences
    scale = spread**2 + (spread + rounded) * world.magnitude
    size = spread**2 + (1e4 * rounded) ** 2
    return ProjectionNumbers(report, world.approximation_error, scale, size, 2.0 * world.optimality_gap)
