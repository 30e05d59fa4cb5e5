"""With two concepts the mean weight of the wrong one is exactly (1/2π) ∫ (α_k/α_*)^z Δ(z)^(−n/2) π/sin(πz) dy on a line z = c + iy, 0 < c < 1.

The inverse Laplace transform of the logistic function, averaged over the evidence by its moment generating function
(``quantities.evidence_mgf``). It stays exact to about eleven digits however small the weight is, where simulation sees nothing.
"""

from __future__ import annotations

import numpy as np

from ...problems.prompting import Prompting
from ...quantities.evidence_mgf import log_pair_moments
from ...statements import InExpectation, Sides, Statement
from .._identification import ASSUMPTIONS, DERIVED, TWO_CONCEPTS, identification_examples, unequal_examples, wrong_weights


def _sides(prompting: Prompting, count: int, rng: np.random.Generator) -> Sides:
    mean = np.exp(log_pair_moments(prompting.world, prompting.examples))
    return Sides(wrong_weights(prompting, count, rng), mean[0])


def _examples(rng: np.random.Generator) -> tuple[Prompting, ...]:
    """The examples with two concepts: a favoured, an opposed, a lost one, and the paper's geometry."""
    return (*unequal_examples(rng)[1:], *identification_examples(rng)[1:])


WEIGHT_LAW = Statement(
    name="identification.weight_law",
    says="two concepts: E(1 − w_*) = (1/2π) ∫ (α_k/α_*)^z Δ(z)^(−n/2) π/sin(πz) dy, z = c + iy, 0 < c < 1",
    relation="==",
    sides=_sides,
    about=Prompting,
    kind=InExpectation(resolution=0.03),
    assumptions=(*ASSUMPTIONS, TWO_CONCEPTS),
    source=DERIVED,
    tightness="an equality",
    examples=_examples,
)
