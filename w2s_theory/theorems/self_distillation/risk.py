"""The expected risk of a self-distilled ridge student, any number of steps and any mixings: Σ (f ω − θ)² + f² σ²/s².

f is what the last student keeps of each singular direction, f_i = g(1 − ξ_i(1 − f_{i−1})). A check computes the left side from students
refitted step by step to sampled weak labels. Proof: the last student's coordinates are f(ω + σ ε/s). Notation in
``quantities.self_distillation``. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.fixed_design import FixedDesign
from ...quantities.self_distillation import RISK
from ...statements import InExpectation, Sides, Source, Statement
from .._fixed_design import NOISY, fixed_designs


def _sides(world: FixedDesign, count: int, rng: np.random.Generator) -> Sides:
    return Sides(RISK.trials(world, count, rng), RISK.closed_form(world))


SELF_DISTILLED_RISK = Statement(
    name="self_distillation.risk",
    says="E risk of the k-step self-distilled ridge student = Σ (f ω − θ)² + f² σ²/s², f_i = g(1 − ξ_i(1 − f_{i−1}))",
    relation="==",
    sides=_sides,
    about=FixedDesign,
    kind=InExpectation(),
    assumptions=(NOISY,),
    source=Source("das2023", "and pareek2024, with a biased weak head", derived=True),
    tightness="exact for every design, bias and sequence of mixings",
    examples=fixed_designs,
)
