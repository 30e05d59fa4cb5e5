"""The best one-step mixing: ξ* = Σ h[(g ω − θ)ω + g ν] / Σ h²(ω² + ν), h = g(1 − g), ν = σ²/s².

The left side is the vertex of the parabola through the exact risks of students refitted with ξ = −1, 0 and 1. The vertex can lie below 0 or
above 1. Proof: the student keeps g − ξ h of each direction, so the risk is quadratic in ξ. Notation in ``quantities.self_distillation``.
Derived here.
"""

from __future__ import annotations

from ...problems.fixed_design import FixedDesign
from ...quantities.self_distillation import best_mixing
from ...statements import Sides, Source, Statement
from .._fixed_design import NOISY, PENALISED, fixed_designs, refitted_parabola


def _sides(world: FixedDesign) -> Sides:
    at, slope, curvature = refitted_parabola(world)
    left, right = -slope / (2.0 * curvature), best_mixing(world)
    return Sides(left, right, scale=(at + abs(slope)) / curvature * (1.0 + abs(right)), size=abs(right))


BEST_MIXING = Statement(
    name="self_distillation.best_mixing",
    says="the one-step mixing of least risk is ξ* = Σ h[(g ω − θ)ω + g σ²/s²] / Σ h²(ω² + σ²/s²), h = g(1 − g)",
    relation="==",
    sides=_sides,
    about=FixedDesign,
    assumptions=(PENALISED, NOISY),
    source=Source("das2023", "with a biased weak head", derived=True),
    tightness="exact",
    examples=fixed_designs,
)
