"""The exponents r_m of E(1 − w_*)^m satisfy r_1 ≤ r_2 ≤ 2 r_1: averaging over fresh prompts can double the exponent of a risk, no more.

Proof: r_m is the largest value on [0, m] of ½ log Δ_k, concave and zero at 0, for the slowest competitor; so a value at λ ≤ 2 is at most twice
that at λ/2. Where the target is the aligned concept and contributions of competitors do not cancel, answers from one prompt have a risk
of order E(1 − w_*)², r_2, and answers from fresh prompts one of order (E(1 − w_*))², 2 r_1.
"""

from __future__ import annotations

import numpy as np

from ...problems.concepts import orthonormal_world
from ...problems.prompting import Prompting
from ...quantities.evidence_mgf import exponents
from ...statements import Sides, Statement
from .._identification import ASSUMPTIONS, DERIVED, KEPT, identification_examples


def _sides(prompting: Prompting) -> Sides:
    found = exponents(prompting.world)
    return Sides(np.array([found.first, found.second]), np.array([found.second, 2.0 * found.first]))


def _examples(rng: np.random.Generator) -> tuple[Prompting, ...]:
    general, _, paper = identification_examples(rng)
    believed_noisy = orthonormal_world(3, alignment=0.8, weak_noise=0.5, belief=10.0)
    return general, paper, Prompting(believed_noisy, 1)


AVERAGING_DOUBLES_EXPONENT = Statement(
    name="identification.averaging_doubles_exponent",
    says="the exponents of E(1 − w_*) and E(1 − w_*)² satisfy r_1 ≤ r_2 ≤ 2 r_1",
    relation="<=",
    sides=_sides,
    about=Prompting,
    assumptions=(*ASSUMPTIONS, KEPT),
    source=DERIVED,
    tightness="r_1 = r_2, a doubling, where λ* ≤ 1; r_2 → 2 r_1, no gain, as the belief σ → ∞",
    examples=_examples,
)
