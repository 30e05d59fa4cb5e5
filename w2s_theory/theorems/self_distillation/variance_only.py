"""Self-distillation reduces variance only: averaged over the sign of the weak bias, risk = ‖bias‖² + the risk of learning the weak head.

Two targets, a − δ and a + δ, have the same weak head a, so the same weak labels and the same students, whatever the steps and mixings. The
mean of the two risks is ‖δ‖² + E‖student − a‖²: mixings act on the second term, the first passes through. Hence no mixing is right for both
targets, and one of the two risks is at least ‖δ‖². (For one known sign shrinkage can undo part of a bias by luck; the other sign pays for
it.) A check computes the left side from refitted students, the right side from the closed form with the weak head as the target. Proof: the
parallelogram identity. Derived here.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...problems.fixed_design import FixedDesign
from ...quantities.self_distillation import RISK, refitted_risk
from ...statements import Sides, Source, Statement
from .._fixed_design import fixed_designs, rounding_scale


def _sides(world: FixedDesign) -> Sides:
    bias = world.weak_head - world.target_head
    opposite = replace(world, target_head=world.weak_head + bias)
    left = 0.5 * (refitted_risk(world) + refitted_risk(opposite))
    learning = RISK.closed_form(replace(world, target_head=world.weak_head))
    return Sides(left, np.sum(bias**2) + learning, scale=rounding_scale(world) + rounding_scale(opposite), size=left)


VARIANCE_ONLY = Statement(
    name="self_distillation.variance_only",
    says="mean risk over the two signs of the weak bias = ‖bias‖² + risk of the same student as a learner of the weak head",
    relation="==",
    sides=_sides,
    about=FixedDesign,
    source=Source("pareek2024", "with a biased weak head", derived=True),
    tightness="an identity, for every mixing and number of steps",
    examples=fixed_designs,
)
