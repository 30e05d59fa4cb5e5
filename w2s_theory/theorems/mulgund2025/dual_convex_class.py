"""The same in the dual order: geometric mixtures fitted by cross-entropy gain at least their misfit.

Let the class be convex in the slopes ∇φ (log probabilities for KL: q ∝ Π_j m_j^{a_j}), the target f a member, and the student
s = argmin over q of E D(weak, q), for KL the cross-entropy with soft labels that is used in practice. Then

    E D(weak, f) − E D(s, f) ≥ E D(weak, s).

Proof: D(q, p) is the Bregman divergence of the conjugate φ* between ∇φ(p) and ∇φ(q), so this is convex_class for φ*.

What is guaranteed is the divergence to the target, not from it: for KL, KL(weak ‖ f) − KL(s ‖ f) ≥ KL(weak ‖ s). Derived here.
"""

from __future__ import annotations

import numpy as np

from ...divergences import Dual, ItakuraSaito
from ...problems.hull_population import HullPopulation
from ...statements import Assumption, Sides, Source, Statement
from .._mulgund import interior_population, population, projected


def _sides(world: HullPopulation) -> Sides:
    numbers = projected(world)
    return numbers.compare(numbers.student.gap)


def _examples(rng: np.random.Generator) -> tuple[HullPopulation, ...]:
    return (
        population(rng, "reverse-kl"),
        population(rng, Dual(ItakuraSaito())),
        interior_population(rng, "reverse-kl"),
    )


DUAL_CONVEX_CLASS = Statement(
    name="mulgund2025.dual_convex_class",
    says="target a geometric mixture, student the one with the least E D(weak, q): D(weak, f) − D(s, f) ≥ D(weak, s) on average",
    relation=">=",
    sides=_sides,
    about=HullPopulation,
    assumptions=(Assumption("members are mixed in their slopes", lambda world: isinstance(world.loss, Dual)),),
    source=Source("mulgund2025", "main theorem for the conjugate generator", derived=True),
    tightness="attained when the student mixes every member that the target mixes",
    examples=_examples,
)
