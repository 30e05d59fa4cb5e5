"""A student that only nearly minimises E KL(q ‖ weak) over the hull: misfit − gain ≤ E + log(1 + B̄√(E/2)), explicit constants.

E bounds by how much the student's objective exceeds the minimum; B̄² = E max_y (f/g)² for the target f and the student g. This is what
takes the theorem from the convex hull to averages of k of its members, whose E is of order 1/k (see k_average_bound): the root is
the paper's √(c/k). Proof in ``quantities.k_average.member_bound``. The first order in √E is sharp: two members sure of opposite
classes, weak labels undecided, target one of the members, student on the other's side. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.hull_population import HullPopulation, mixture_of
from ...problems.k_average import HullStudent
from ...quantities.gain import report, rounding_scale
from ...quantities.k_average import member_bound
from ...statements import Sides, Source, Statement
from ...students.bregman_hull import project_on_hull
from ...triple import Triple
from .._mulgund import KL_ONLY, population


def _sides(world: HullStudent) -> Sides:
    inside = world.population
    student = mixture_of(inside.members, world.student, inside.loss)
    triple = Triple(inside.weak, student, inside.target, inside.weights, divergence=inside.divergence)
    numbers = report(triple)
    return Sides(numbers.misfit - numbers.gain, member_bound(world), rounding_scale(triple))


def _examples(rng: np.random.Generator) -> tuple[HullStudent, ...]:
    world = population(rng, "kl")
    best = project_on_hull(world.members, world.weak, weights=world.weights).coefficients
    near = 0.9 * best + 0.1 * rng.dirichlet(np.ones(len(world.members)), size=len(best))
    sure, undecided = np.array([0.999, 0.001]), np.array([[0.5, 0.5]])
    corner = HullPopulation(np.stack([sure, sure[::-1]])[:, None, :], undecided, np.array([1.0, 0.0]))
    return HullStudent(world, near, best), HullStudent(corner, np.array([0.35, 0.65]), np.array([0.5, 0.5]))


APPROXIMATE_MEMBER = Statement(
    name="mulgund2025.approximate_member",
    says="student of the hull with objective at most E above the minimum, KL: misfit − gain ≤ E + log(1 + B̄√(E/2))",
    relation="<=",
    sides=_sides,
    about=HullStudent,
    assumptions=(KL_ONLY,),
    source=Source("mulgund2025", "theorem for k-mixtures, with an explicit excess", derived=True),
    tightness="sharp to first order in √E: two opposite members, an undecided weak model",
    examples=_examples,
)
