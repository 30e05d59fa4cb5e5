"""For the squared loss the gain is the misfit plus an inner product, whatever the three functions are.

Let w (weak), s (student) and f (target) be any three functions. Then

    gain = misfit + 2⟨w − s, s − f⟩,

where gain = ‖w − f‖² − ‖s − f‖², misfit = ‖s − w‖², and the last term is called the residual. Nothing is assumed.

Proof: expand ‖w − f‖² = ‖(w − s) + (s − f)‖².

The identity is the algebra behind Theorem 1 of Charikar et al. (2024), whose hypotheses make the residual non-negative: convexity of the
class, and a target within it. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...divergences import Squared
from ...quantities.gain import report, rounding_scale
from ...statements import Assumption, Sides, Source, Statement
from ...triple import Triple
from .._examples import gaussian_triple


def _sides(triple: Triple) -> Sides:
    numbers = report(triple)
    return Sides(numbers.gain, numbers.misfit + numbers.residual, rounding_scale(triple))


def _examples(rng: np.random.Generator) -> tuple[Triple, ...]:
    vector = rng.standard_normal((3, 4, 12, 2))
    return Triple(*vector, divergence=Squared(vector=True)), gaussian_triple(rng)


SQUARED = Statement(
    name="identities.squared",
    says="gain equals misfit plus the residual 2⟨weak − student, student − target⟩",
    relation="==",
    sides=_sides,
    about=Triple,
    assumptions=(Assumption("the loss is squared error", lambda triple: isinstance(triple.loss, Squared)),),
    source=Source("charikar2024", "algebra behind Theorem 1", derived=True),
    tightness="an identity",
    examples=_examples,
)
