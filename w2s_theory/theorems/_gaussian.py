"""What the finite-sample laws share: their hypotheses, when their Monte Carlo is calibrated, and example worlds."""

from __future__ import annotations

import numpy as np

from ..problems.gaussian import GaussianWorld
from ..statements import Assumption

#: The full hypotheses of the exact laws; least squares is what the trials do.
ASSUMPTIONS = (
    Assumption("features, weak labels and target are jointly Gaussian", GaussianWorld.is_jointly_gaussian),
    Assumption("the target is a strong head (realizable)", GaussianWorld.is_realizable),
    Assumption("n_pseudo > d + 1", lambda world: world.n_pseudo > world.d + 1),
)


def has_fourth_moment(world: GaussianWorld) -> bool:
    """True when (XᵀX)⁻¹ has a fourth moment, n > d + 7: the trials' variance can then itself be estimated."""
    return world.n_pseudo > world.d + 7


def gaussian_worlds(rng: np.random.Generator) -> tuple[GaussianWorld, ...]:
    """Realizable worlds below, near and above n = 2d + 1, one of them with correlated features."""
    d = 6
    root = rng.standard_normal((d, d)) + 2.0 * np.eye(d)
    heads = rng.standard_normal((2, d))
    return (
        GaussianWorld(heads[0], heads[0] + 0.1 * heads[1], weak_noise=0.8, n_pseudo=48, covariance=root @ root.T),
        GaussianWorld(heads[0], heads[0] + 0.1 * heads[1], weak_noise=1.0, n_pseudo=d + 9),
    )
