"""When gain equals misfit exactly: the student mixes every member that the target mixes. Either order, any Bregman divergence.

Proof: at the minimum the objective's slope g_j is least, and equal, for all members with weight a_j > 0. A target with weights b only on those
has E⟨θ(f) − θ(s), ∇(s) − ∇(weak)⟩ = Σ_j b_j g_j − min g = 0. For a student with certificate γ it lies between −γ and γ max_j b_j/a_j, which
the comparison allows for. Elsewhere the gain exceeds the misfit by Σ_j b_j g_j − min g. Derived here.
"""

from __future__ import annotations

import numpy as np

from ..._array import array_namespace
from ...divergences import ItakuraSaito
from ...problems.hull_population import HullPopulation
from ...statements import Assumption, Sides, Source, Statement
from .._mulgund import interior_population, leverage, projected

#: A student's weight below this share of the target's is taken for zero.
CHARGED = 1e-4


def _sides(world: HullPopulation) -> Sides:
    numbers = projected(world)
    return numbers.compare(numbers.student.gap * array_namespace(world.members).clip(leverage(world, numbers.student), min=1.0))


def _is_charged(world: HullPopulation) -> bool:
    return bool(array_namespace(world.members).all(leverage(world, projected(world).student) < 1.0 / CHARGED))


def _examples(rng: np.random.Generator) -> tuple[HullPopulation, ...]:
    return tuple(interior_population(rng, loss) for loss in ("squared", ItakuraSaito(), "reverse-kl", "kl"))


CHARGED_MEMBERS = Statement(
    name="mulgund2025.charged_members",
    says="student the closest mixture, with weight on every member that the target mixes: gain = misfit",
    relation="==",
    sides=_sides,
    about=HullPopulation,
    assumptions=(Assumption("the student mixes every member that the target mixes", _is_charged),),
    source=Source("mulgund2025", "equality case of the theorem for a convex class", derived=True),
    tightness="an equality",
    examples=_examples,
)
