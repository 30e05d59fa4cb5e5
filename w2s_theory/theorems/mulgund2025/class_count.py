"""χ² ≤ c − 1: one drawn member is at chi-squared distance at most the number of classes less one from the mixture, whatever the members.

χ² = E Σ_y Var_J m_J(y)/g(y), and E_J m_J² ≤ E_J m_J = g because probabilities are at most 1, so Σ_y (E m_J² − g²)/g ≤ Σ_y (1 − g) = c − 1.
Attained by members that are certain of one class at every sample. This is the c of the paper's √(c/k). Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.hull_population import HullPopulation
from ...problems.k_average import KAverage
from ...quantities.k_average import chi_squared, class_bound
from ...statements import Sides, Source, Statement
from .._mulgund import KL_ONLY, certain_members, k_average


def _sides(world: KAverage) -> Sides:
    return Sides(chi_squared(world), class_bound(world))


def _examples(rng: np.random.Generator) -> tuple[KAverage, ...]:
    mixture = rng.dirichlet(4.0 * np.ones(4))
    certain = HullPopulation(certain_members(4), np.full((1, 4), 0.25), mixture)
    return k_average(rng, 1), k_average(rng, 1, certainty=0.9), KAverage(certain, mixture, 1)


CLASS_COUNT = Statement(
    name="mulgund2025.class_count",
    says="c classes, members drawn from their mixture g: χ² = E Σ_y Var_J m_J(y)/g(y) ≤ c − 1",
    relation="<=",
    sides=_sides,
    about=KAverage,
    assumptions=(KL_ONLY,),
    source=Source("mulgund2025", "theorem for k-mixtures, dependence on the number of classes", derived=True),
    tightness="attained by members that are certain of one class at every sample",
    examples=_examples,
)
