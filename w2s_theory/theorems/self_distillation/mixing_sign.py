"""A little self-distillation is a little more penalty: the slope of the risk in ξ, at ξ = 0, is λ R'(λ).

R(λ) is the risk of the ridge student. Hence sign ξ* = −sign R'(λ): an under-penalised teacher is helped by ξ > 0, an over-penalised one by
ξ < 0, and at a stationary penalty one step gains nothing. A check computes the left side from students refitted with ξ = ±1, whose half
difference is the slope because the risk is quadratic. Proof: both change g by a multiple of h, ∂g/∂λ = −h/λ and ∂f/∂ξ = −h. Derived here.
"""

from __future__ import annotations

from ...problems.fixed_design import FixedDesign
from ...quantities.self_distillation import ridge_slope
from ...statements import Sides, Source, Statement
from .._fixed_design import NOISY, PENALISED, fixed_designs, refitted_parabola


def _sides(world: FixedDesign) -> Sides:
    at, slope, curvature = refitted_parabola(world)
    right = world.penalty * ridge_slope(world)
    return Sides(slope, right, scale=at + abs(slope) + curvature, size=abs(right))


MIXING_SIGN = Statement(
    name="self_distillation.mixing_sign",
    says="∂R/∂ξ at ξ = 0 equals λ R'(λ), so the best mixing has the sign of −R'(λ)",
    relation="==",
    sides=_sides,
    about=FixedDesign,
    assumptions=(PENALISED, NOISY),
    source=Source("das2023", "with a biased weak head", derived=True),
    tightness="an identity",
    examples=fixed_designs,
)
