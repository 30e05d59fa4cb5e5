"""The exact rate: E KL(ḡ ‖ g) ~ χ²/2k − S₃/6k² for the average of k members drawn from a mixture g, within an explicit envelope of order 1/k.

χ² = E Σ_y Var_J m_J(y)/g(y) and S₃ = E Σ_y E_J (m_J − g)³/g². Their combination is a lower bound for every k, and the truth exceeds it by a
factor of at most 1 + the envelope of ``quantities.k_average.excess_envelope``, proved there. So the excess of a k-average is half of
what chi-squared promises, and of order 1/k. Derived here.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...problems.k_average import KAverage
from ...quantities.k_average import chi_squared, excess_envelope, excess_range
from ...statements import Assumption, InLimit, Sides, Source, Statement
from .._mulgund import KL_ONLY, is_drawn, k_average


def _sides(world: KAverage, count: int, rng: np.random.Generator) -> Sides:
    loss, inside = world.population.loss, world.population
    distance = loss.between(world.averages(count, rng=rng), world.centre) @ inside.weights
    return Sides(distance, np.full(count, excess_range(world)[0]))


def _sizes(world: KAverage) -> tuple[int, ...]:
    """Powers of two from where the lower bound is positive to where the envelope is below 0.05."""
    sizes, size = [], 1
    while not sizes or excess_envelope(replace(world, size=sizes[-1])) > 0.05:
        if excess_envelope(replace(world, size=size)) < np.inf:
            sizes.append(size)
        size *= 2
    return tuple(sizes)


def _examples(rng: np.random.Generator) -> tuple[KAverage, ...]:
    return k_average(rng, 1), k_average(rng, 1, certainty=0.5)


K_AVERAGE_LIMIT = Statement(
    name="mulgund2025.k_average_limit",
    says="average ḡ of k members drawn from a mixture g: E KL(ḡ ‖ g)/(χ²/2k − S₃/6k²) → 1 as k grows",
    relation="==",
    sides=_sides,
    about=KAverage,
    kind=InLimit(
        at=lambda world, size: replace(world, size=size),
        sizes=_sizes,
        envelope=lambda world, size: excess_envelope(replace(world, size=size)),
        is_calibrated=is_drawn,
    ),
    assumptions=(
        KL_ONLY,
        Assumption("the members that are drawn differ", lambda world: world.is_kl() and chi_squared(world) > 1e-9),
    ),
    source=Source("mulgund2025", "theorem for k-mixtures, rate of the excess", derived=True),
    tightness="an equality in the limit",
    examples=_examples,
)
