"""With equal priors, the posterior prefers concept k to the aligned one with probability P(T_n > κ_k √n), T_n Student's t, at every n.

Exact for Gaussian features, and free of the strong model's belief σ: a common factor does not change the sign of the evidence. κ and the
proof are in ``quantities.identification``. The trials add up the raw log-odds of simulated prompts. Averaged over competitors.
"""

from __future__ import annotations

import numpy as np

from ...problems.prompting import Prompting
from ...quantities.identification import PREFERENCE
from ...statements import InExpectation, Sides, Statement
from .._identification import ASSUMPTIONS, DERIVED, EQUAL_PRIORS, identification_examples


def _sides(prompting: Prompting, count: int, rng: np.random.Generator) -> Sides:
    return Sides(PREFERENCE.trials(prompting, count, rng), PREFERENCE.closed_form(prompting))


PAIRWISE_LAW = Statement(
    name="identification.pairwise_law",
    says="equal priors: P(posterior prefers k to the aligned concept) = P(T_n > κ_k √n)",
    relation="==",
    sides=_sides,
    about=Prompting,
    kind=InExpectation(resolution=0.05),
    assumptions=(*ASSUMPTIONS, EQUAL_PRIORS),
    source=DERIVED,
    tightness="an equality",
    examples=identification_examples,
)
