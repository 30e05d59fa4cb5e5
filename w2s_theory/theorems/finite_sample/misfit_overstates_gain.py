"""Out of sample, misfit overstates gain by 2 M∞ d/n in the limit of many labels: n·E(misfit − gain)/(2 d M∞) → 1 at rate 1/n.

The exact ratio is n/(n − d − 1), so |ratio − 1| = (d + 1)/(n − d − 1) ≤ 2(d + 1)/n for n ≥ 2(d + 1): the envelope that is checked. The rate
1/n is what least squares pays; the general Theorem 2 has n^(−1/4). Hypotheses in ``quantities.finite_sample``. Derived here.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...problems.gaussian import GaussianWorld
from ...quantities.finite_sample import fitted_heads
from ...statements import InLimit, Sides, Statement
from .._gaussian import ASSUMPTIONS


def _sides(world: GaussianWorld, count: int, rng: np.random.Generator) -> Sides:
    heads, _ = fitted_heads(world, count, rng)
    excess = world.misfit(heads) - world.gain(heads)
    return Sides(world.n_pseudo * excess, 2.0 * world.d * world.misfit_limit)


def _sizes(world: GaussianWorld) -> tuple[int, ...]:
    """Multiples of d + 1, from where the trials have a fourth moment."""
    return tuple(k * (world.d + 1) for k in (5, 10, 20, 40))


def _examples(rng: np.random.Generator) -> tuple[GaussianWorld, ...]:
    head = rng.standard_normal(4)
    return (GaussianWorld(head, head, weak_noise=1.0, n_pseudo=16),)


MISFIT_OVERSTATES_GAIN = Statement(
    name="finite_sample.misfit_overstates_gain",
    says="n·E(test misfit − gain)/(2 d M∞) → 1 as n grows, off by at most 2(d + 1)/n",
    relation="==",
    sides=_sides,
    about=GaussianWorld,
    kind=InLimit(
        at=lambda world, n: replace(world, n_pseudo=n),
        sizes=_sizes,
        envelope=lambda world, n: 2.0 * (world.d + 1) / n,
    ),
    assumptions=ASSUMPTIONS,
    tightness="the ratio is n/(n − d − 1): the envelope is at most twice too wide",
    examples=_examples,
)
