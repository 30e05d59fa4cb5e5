"""No number of self-distillation steps, with any mixings, has less risk than Σ_G [Σθ² − (Σωθ)²/Σ(ω² + σ²/s²)].

G runs over groups of directions with one singular value. The left side is the exact risk of refitted students. The floor holds for every
estimator that scales each singular direction by a function of its singular value: ridge, early stopping, self-distillation. Proof: within a
group the risk is a parabola in the one factor that the group shares. With distinct values and no bias it is the Wiener filter's Σ θ²ν/(θ² +
ν). The last example attains it. Notation in ``quantities.self_distillation``. Derived here.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...problems.fixed_design import FixedDesign
from ...quantities.self_distillation import best_mixings, refitted_risk, wiener_floor
from ...statements import Sides, Source, Statement
from .._fixed_design import fixed_designs, rounding_scale


def _sides(world: FixedDesign) -> Sides:
    floor = wiener_floor(world)
    return Sides(refitted_risk(world), floor, scale=rounding_scale(world), size=floor)


def _examples(rng: np.random.Generator) -> tuple[FixedDesign, ...]:
    worlds = fixed_designs(rng)
    return (*worlds, replace(worlds[-1], mixings=best_mixings(worlds[-1], 3)))


WIENER_FLOOR = Statement(
    name="self_distillation.wiener_floor",
    says="risk of any self-distilled ridge student ≥ Σ_G [Σθ² − (Σωθ)²/Σ(ω² + σ²/s²)], G the distinct singular values",
    relation=">=",
    sides=_sides,
    about=FixedDesign,
    source=Source("pareek2024", "with a biased weak head and repeated singular values", derived=True),
    tightness="attained by as many steps as there are distinct singular values",
    examples=_examples,
)
