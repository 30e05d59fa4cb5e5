"""Random problems for the statements' ``examples``: small, of every kind the statement covers, and where it is attained."""

from __future__ import annotations

import numpy as np

from ..problems.convexity import ConvexClass
from ..problems.population import Population
from ..students.convex import Ball, Box, Subspace
from ..students.shapes import Monotone, SimplexHull
from ..triple import Triple

POINTS, FEATURES, TASKS = 24, 5, 3


def subspace(rng: np.random.Generator) -> Subspace:
    """Linear heads on Gaussian features of POINTS points."""
    return Subspace(rng.standard_normal((POINTS, FEATURES)))


def convex_classes(rng: np.random.Generator) -> tuple[ConvexClass, ...]:
    """One class of each built-in kind on POINTS points."""
    features = rng.standard_normal((POINTS, FEATURES))
    return (
        Subspace(features),
        Ball(features, radius=1.0),
        Box(features, lower=0.0, upper=np.inf),
        SimplexHull(rng.standard_normal((FEATURES, POINTS))),
        Monotone(rng.standard_normal(POINTS)),
    )


def population(strong_class: ConvexClass, rng: np.random.Generator, *, distance: float = 0.0) -> Population:
    """TASKS tasks whose targets are members of the class plus ``distance`` times noise; weak labels are the target plus noise."""
    weights = rng.uniform(0.5, 1.5, POINTS)
    member = strong_class.project(rng.standard_normal((TASKS, POINTS)), weights).values
    target = member + distance * rng.standard_normal((TASKS, POINTS))
    return Population(target + rng.standard_normal((TASKS, POINTS)), target, strong_class, weights)


def aligned_population(rng: np.random.Generator, *, sign: float = 1.0) -> Population:
    """Linear heads and a target off the class by a vector parallel to what the student cannot fit: the bound 2√(misfit·ε) is attained.

    With ``sign`` = +1 the weak labels miss the class in the same direction as the target, and gain = misfit − 2√(misfit·ε).
    """
    world = population(subspace(rng), rng)
    missed = world.weak - world.student.values
    return Population(world.weak, world.ceiling.values + sign * 0.4 * missed, world.strong_class, world.weights)


def gaussian_triple(rng: np.random.Generator) -> Triple:
    """TASKS triples of independent Gaussian values."""
    weak, student, target = rng.standard_normal((3, TASKS, POINTS))
    return Triple(weak, student, target)


def label_triple(rng: np.random.Generator, classes: int) -> Triple:
    """TASKS triples of random class labels."""
    weak, student, target = rng.integers(classes, size=(3, TASKS, POINTS))
    return Triple(weak, student, target, divergence="zero-one")
