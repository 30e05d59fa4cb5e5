"""Theorem 1 beyond the squared loss: a student that projects the weak labels on a convex class gains at least its misfit.

Let D be any Bregman divergence, V a convex class, the target f a member of V, and the student s = argmin over q in V of E D(q, weak). Then

    E D(f, weak) − E D(f, s) ≥ E D(s, weak),   that is   gain ≥ misfit.

With KL the student is fitted by reverse KL, E KL(q ‖ weak), and gain and misfit are of the cross-entropy.

Proof: E⟨f − s, ∇φ(s) − ∇φ(weak)⟩ ≥ 0 is the condition for the minimum, and it is the residual of the three-point identity (see
identities.bregman).

A student with certificate γ, that is no further than γ from the condition, has gain ≥ misfit − γ, and the check allows for that. Here the
class is that of mixtures of given members. The formula is the standard one of Bregman projections; the theorem was known to us
from the abstract and the authors' code.
"""

from __future__ import annotations

import numpy as np

from ...divergences import Dual, ItakuraSaito, Mahalanobis, Squared
from ...problems.hull_population import HullPopulation
from ...statements import Assumption, Sides, Source, Statement
from .._mulgund import interior_population, population, projected


def _sides(world: HullPopulation) -> Sides:
    numbers = projected(world)
    return numbers.compare(numbers.student.gap)


def _examples(rng: np.random.Generator) -> tuple[HullPopulation, ...]:
    root = rng.standard_normal((3, 3))
    losses = ("kl", ItakuraSaito(), Squared(vector=True), Mahalanobis(root @ root.T + np.eye(3)))
    return (*(population(rng, loss) for loss in losses), interior_population(rng, "kl"))


CONVEX_CLASS = Statement(
    name="mulgund2025.convex_class",
    says="target a mixture of members, student the mixture closest to the weak labels, E D(q, weak) least: gain ≥ misfit",
    relation=">=",
    sides=_sides,
    about=HullPopulation,
    assumptions=(Assumption("members are mixed in the values themselves", lambda world: not isinstance(world.loss, Dual)),),
    source=Source("mulgund2025", "main theorem for a convex class", derived=True),
    tightness="attained when the student mixes every member that the target mixes",
    examples=_examples,
)
