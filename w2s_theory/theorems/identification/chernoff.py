"""P(posterior prefers k to the aligned concept) ≤ ½ (1 + κ_k²)^(−n/2) for equal priors: identification errors vanish exponentially in n.

The rate is ρ = ½ log(1 + κ²). The factor ½ comes from Q(x) ≤ ½ exp(−x²/2) given the features. With a prior against k the bound gains
(α_k/α_*)^λ*; with a prior for it, it loses that and the half (``quantities.identification.chernoff_bound``). Averaged over competitors.
"""

from __future__ import annotations

import numpy as np

from ...problems.concepts import ConceptWorld
from ...problems.prompting import Prompting
from ...quantities.identification import PREFERENCE, chernoff_bound
from ...statements import InExpectation, Sides, Statement
from .._identification import ASSUMPTIONS, DERIVED, identification_examples, unequal_examples


def _sides(prompting: Prompting, count: int, rng: np.random.Generator) -> Sides:
    bound = np.mean(chernoff_bound(prompting.world, prompting.examples))
    return Sides(PREFERENCE.trials(prompting, count, rng), bound)


def _examples(rng: np.random.Generator) -> tuple[Prompting, ...]:
    halfway = ConceptWorld(np.eye(2, 3), np.array([0.5, 0.5, 0.4]), 0.5)
    return *identification_examples(rng), *unequal_examples(rng), Prompting(halfway, 4)


CHERNOFF = Statement(
    name="identification.chernoff",
    says="P(posterior prefers k to the aligned concept) ≤ ½ (1 + κ_k²)^(−n/2) for equal priors, on average over k",
    relation="<=",
    sides=_sides,
    about=Prompting,
    kind=InExpectation(resolution=0.05),
    assumptions=ASSUMPTIONS,
    source=DERIVED,
    tightness="attained at κ = 0, a weak vector half-way between two concepts; else too large by a factor of order κ√n",
    examples=_examples,
)
