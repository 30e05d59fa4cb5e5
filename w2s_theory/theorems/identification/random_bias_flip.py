"""A weak error of length ε in a uniformly random direction loses its concept to k with probability ½ I_{1−a²}((d−1)/2, ½), a = ‖β_k − β_{k*}‖/2ε.

The weak vector is then nearer to β_k, and refinement goes there however many examples it reads. The share of a spherical cap; zero for
a ≥ 1. In many dimensions random errors are nearly orthogonal to every concept and hardly ever flip one. The trials draw directions;
ε is the length of the world's weak error. Averaged over competitors.
"""

from __future__ import annotations

import numpy as np

from ...problems.concepts import ConceptWorld
from ...quantities.identification import flip_probability, has_distinct_rivals, rivals
from ...statements import Assumption, InExpectation, Sides, Statement
from .._identification import DERIVED


def _sides(world: ConceptWorld, count: int, rng: np.random.Generator) -> Sides:
    seen, aligned = rivals(world), world.concepts[world.aligned]
    radius = np.sqrt(seen.bias)
    directions = rng.standard_normal((count, world.d))
    weak = aligned + radius * directions / np.linalg.norm(directions, axis=-1, keepdims=True)
    nearer = [np.sum((weak - world.concepts[k]) ** 2, axis=-1) < seen.bias for k in world.competitors]
    exact = [flip_probability(float(distance), float(radius), world.d) for distance in np.sqrt(seen.separation)]
    return Sides(np.mean(nearer, axis=0), np.mean(exact))


def _is_comparable(world: ConceptWorld) -> bool:
    return world.is_sharp() and world.count >= 2 and has_distinct_rivals(world)


def _can_flip(world: ConceptWorld) -> bool:
    return _is_comparable(world) and 4.0 * rivals(world).bias > float(np.min(rivals(world).separation))


def _examples(rng: np.random.Generator) -> tuple[ConceptWorld, ...]:
    concepts = np.eye(3, 6)
    return (
        ConceptWorld(concepts, concepts[0] + 1.5 * np.eye(6)[5]),
        ConceptWorld(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.5]]), np.array([1.0, 1.0])),
    )


RANDOM_BIAS_FLIP = Statement(
    name="identification.random_bias_flip",
    says="a random weak error of length ε is nearer to k with probability ½ I_{1−a²}((d−1)/2, ½), a = ‖β_k − β_{k*}‖/2ε < 1",
    relation="==",
    sides=_sides,
    about=ConceptWorld,
    kind=InExpectation(resolution=0.05),
    assumptions=(
        Assumption("sharp concepts, with competitors other than the aligned one", _is_comparable),
        Assumption("the weak model errs by more than half the way to a competitor", _can_flip),
    ),
    source=DERIVED,
    tightness="an equality",
    examples=_examples,
)
