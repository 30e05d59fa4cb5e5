"""With any priors, the posterior prefers concept k to the aligned one with probability E Q(κ√C + c/√C), C ~ χ²(n).

c = σ² log(α_*/α_k)/(s√U): with unequal priors the strong model's belief σ matters, since it says how much evidence outweighs them. Given
the features along β_k − β_{k*}, the evidence is Gaussian (``quantities.identification``). The trials add up raw log-odds.
"""

from __future__ import annotations

import numpy as np

from ...problems.prompting import Prompting
from ...quantities.identification import PREFERENCE
from ...statements import InExpectation, Sides, Statement
from .._identification import ASSUMPTIONS, DERIVED, unequal_examples


def _sides(prompting: Prompting, count: int, rng: np.random.Generator) -> Sides:
    return Sides(PREFERENCE.trials(prompting, count, rng), PREFERENCE.closed_form(prompting))


PAIRWISE_LAW_UNEQUAL_PRIORS = Statement(
    name="identification.pairwise_law_unequal_priors",
    says="any priors: P(posterior prefers k to the aligned concept) = E Q(κ_k √C + c_k/√C), C ~ χ²(n)",
    relation="==",
    sides=_sides,
    about=Prompting,
    kind=InExpectation(resolution=0.05),
    assumptions=ASSUMPTIONS,
    source=DERIVED,
    tightness="an equality",
    examples=unequal_examples,
)
