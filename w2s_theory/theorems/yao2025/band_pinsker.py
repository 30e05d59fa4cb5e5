"""|CE(f, s) − CE(f, w)| ≤ 1/(γ√2)·√misfit, misfit the smaller of E KL(w‖s) and E KL(s‖w): the band by Pinsker's inequality.

Proof: |log s_k/w_k| ≤ |s_k − w_k|/γ and |s_k − w_k| ≤ √(KL/2). It is 1/(2√(γ(1 − γ))) times the band with the best constant: the same at
γ = ½, 16 times as wide at γ = 0.001. Derived here, in the form of Yao et al. (constants not read).
"""

from __future__ import annotations

import numpy as np

from ..._array import array_namespace
from ...quantities.disagreement_bounds import forward_misfit, pinsker_constant, reverse_misfit
from ...statements import Sides, Source, Statement
from ...triple import Triple
from .._yao import IS_KL, compare, floor_of, moved_from_floor, random_probabilities


def _sides(triple: Triple) -> Sides:
    forward, reverse = forward_misfit(triple), reverse_misfit(triple)
    return compare(triple, pinsker_constant(floor_of(triple)), array_namespace(forward).minimum(forward, reverse))


def _examples(rng: np.random.Generator) -> tuple[Triple, ...]:
    return random_probabilities(rng), moved_from_floor(0.02, step=1e-3), moved_from_floor(0.45, step=1e-3, classes=2)


BAND_PINSKER = Statement(
    name="yao2025.band_pinsker",
    says="probabilities ≥ γ: |change in cross-entropy| ≤ 1/(γ√2)·√(the smaller misfit)",
    relation="<=",
    sides=_sides,
    about=Triple,
    assumptions=(IS_KL,),
    source=Source("yao2025kl", "upper and lower bound, by Pinsker's inequality", derived=True),
    tightness="loose by 1/(2√(γ(1 − γ))) or more; attained only as γ tends to ½, with two classes",
    examples=_examples,
)
