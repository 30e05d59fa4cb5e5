"""As many self-distillation steps as there are distinct singular values attain the floor of all spectral filters.

The left side is the exact risk of students refitted with the mixings of ``best_mixings``; they can be very large when singular values lie
close. Proof: k steps keep g·(1 + Σ_{m≤k} c_m (1 − g)^m) with free c, and a polynomial with k free coefficients meets k wanted values. The
mixings unroll the c and exist unless one vanishes on the way, which almost no world does. Notation in ``quantities.self_distillation``.
Derived here.
"""

from __future__ import annotations

from dataclasses import replace

from ...problems.fixed_design import FixedDesign
from ...quantities.self_distillation import best_mixings, refitted_risk, wiener_floor
from ...statements import Assumption, Sides, Source, Statement
from .._fixed_design import NOISY, PENALISED, fixed_designs, rounding_scale


def _distilled(world: FixedDesign) -> FixedDesign:
    return replace(world, mixings=best_mixings(world, int(world.groups[-1]) + 1))


def _has_mixings(world: FixedDesign) -> bool:
    try:
        return bool(best_mixings(world, int(world.groups[-1]) + 1))
    except ValueError:
        return False


def _sides(world: FixedDesign) -> Sides:
    distilled, floor = _distilled(world), wiener_floor(world)
    return Sides(refitted_risk(distilled), floor, scale=rounding_scale(distilled), size=floor)


FLOOR_ATTAINED = Statement(
    name="self_distillation.floor_attained",
    says="k steps with the best mixings attain the floor when k is the number of distinct singular values",
    relation="==",
    sides=_sides,
    about=FixedDesign,
    assumptions=(PENALISED, NOISY, Assumption("no mixing of the sequence vanishes", _has_mixings)),
    source=Source("pareek2024", "with a biased weak head and repeated singular values", derived=True),
    tightness="exact; one step fewer is in general not enough",
    examples=fixed_designs,
)
