"""Misfit bounds how much a student can gain or lose in cross-entropy, when no probability is below γ: forward KL.

Let weak model w and student s give every class at least the probability γ. Then, for any target f and any student,

    |CE(f, s) − CE(f, w)| ≤ √(2(1 − γ)/γ) · √(E KL(w‖s)),

and the constant is the best.

Proof: forward KL of two distributions whose class k differs by the factor eᵘ is at least γu²/(2(1 − γ)) (``quantities.disagreement_bounds``); the
risk moves by at most E max_k |log s_k/w_k|; and the root is concave.

The form C√misfit is that of Yao et al., whose constants were not read; ours is derived here.
"""

from __future__ import annotations

from ...quantities.disagreement_bounds import forward_misfit, sharp_constant
from ...statements import Sides, Source, Statement
from ...triple import Triple
from .._yao import IS_KL, compare, examples, floor_of


def _sides(triple: Triple) -> Sides:
    return compare(triple, sharp_constant(floor_of(triple)), forward_misfit(triple))


BAND_FORWARD = Statement(
    name="yao2025.band_forward",
    says="probabilities ≥ γ: |change in cross-entropy| ≤ √(2(1 − γ)/γ)·√(misfit KL(w‖s))",
    relation="<=",
    sides=_sides,
    about=Triple,
    assumptions=(IS_KL,),
    source=Source("yao2025kl", "upper and lower bound with forward KL", derived=True),
    tightness="attained as the student tends to the weak model where the true class has probability γ; loose elsewhere",
    examples=examples,
)
