"""What averaging k drawn members costs the training objective: E D(ḡ, weak) − D(g, weak) = E D(ḡ, g), for any weak labels.

ḡ is the average of k members drawn from a mixture g, in the coordinates θ of the divergence, in either order. Proof: the linear term of the
three-point identity, ⟨θ(ḡ) − θ(g), ∇(g) − ∇(weak)⟩, has mean zero whether g is optimal or not, so the cost does not depend on the weak
labels. Derived here.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...problems.hull_population import HullPopulation
from ...problems.k_average import KAverage
from ...statements import InExpectation, Sides, Source, Statement
from .._mulgund import is_drawn, k_average


def _sides(world: KAverage, count: int, rng: np.random.Generator) -> Sides:
    inside, loss = world.population, world.population.loss
    averages = world.averages(count, rng=rng)
    start = loss.between(world.centre, inside.weak)
    excess = (loss.between(averages, inside.weak) - start) @ inside.weights
    return Sides(excess, loss.between(averages, world.centre) @ inside.weights)


def _examples(rng: np.random.Generator) -> tuple[KAverage, ...]:
    best = k_average(rng, 3)
    inside = best.population
    first, second = rng.dirichlet(8.0 * np.ones(len(best.mixture)), size=2)
    geometric = HullPopulation(inside.members, inside.weak, inside.target_mixture, "reverse-kl", inside.weights)
    return best, KAverage(geometric, first, 2), replace(best, mixture=second, size=1)


K_AVERAGE_EXCESS = Statement(
    name="mulgund2025.k_average_excess",
    says="average ḡ of k members drawn from a mixture g: E D(ḡ, weak) − D(g, weak) = E D(ḡ, g)",
    relation="==",
    sides=_sides,
    about=KAverage,
    kind=InExpectation(is_calibrated=is_drawn),
    source=Source("mulgund2025", "theorem for k-mixtures, the excess made exact", derived=True),
    tightness="an equality",
    examples=_examples,
)
