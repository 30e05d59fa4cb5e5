"""What the projection theorems compare, with the error that an inexact projection can add. NumPy float64.

For the projection s of the weak labels w on a convex class V and the member v* of V closest to the target f,

    gain − misfit = 2⟨w − s, s − f⟩ = 2⟨w − s, s − v*⟩ + 2⟨w − s, v* − f⟩ ≥ −2·gap − 2√(misfit·ε),   ε = ‖v* − f‖²,

where gap bounds ⟨w − s, v* − s⟩: zero for an exact projection (the variational inequality), the solver's doing otherwise.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..outcomes import GainReport
from ..problems.population import Population
from .gain import gain_report


class ProjectionNumbers(NamedTuple):
    """The report of a projected student and the pieces of the bounds, arrays of shape (tasks...)."""

    report: GainReport
    epsilon: np.ndarray
    scale: np.ndarray
    solver_error: np.ndarray

    @property
    def band(self) -> np.ndarray:
        """2√(misfit·ε): how far gain can be from misfit when the target is at squared distance ε from the class."""
        return 2.0 * np.sqrt(self.report.misfit * self.epsilon)


def projection_numbers(world: Population) -> ProjectionNumbers:
    """Project, report and bound: everything Theorem 1 and the non-realizable bounds compare."""
    report = gain_report(world.weak, world.student.values, world.target, world.weights, ceiling=world.ceiling.values)
    # A projection is rounded relative to the labels themselves, not to the errors that are left after subtracting.
    scale = (
        report.weak_error
        + report.student_error
        + report.misfit
        + world.squared_norm(world.weak)
        + world.squared_norm(world.target)
    )
    return ProjectionNumbers(report, world.approximation_error, scale, 2.0 * world.optimality_gap())
