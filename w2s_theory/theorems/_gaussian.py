"""What the finite-sample laws share: their hypotheses, when their Monte Carlo is calibrated, and example worlds."""

from __future__ import annotations

import numpy as np

from ..problems.gaussian import GaussianWorld
from ..quantities.finite_sample import overfitting_ratio
from ..statements import Assumption

JOINTLY_GAUSSIAN = Assumption("features, weak labels and target are jointly Gaussian", GaussianWorld.is_jointly_gaussian)
REALIZABLE = Assumption("the target is a strong head (realizable)", GaussianWorld.is_realizable)
ENOUGH_POINTS = Assumption("n_pseudo > d + 1", lambda world: world.n_pseudo > world.d + 1)
NOISY = Assumption("the weak labels are not exactly a strong head", lambda world: world.weak_noise > 0.0)
#: The hypotheses of the law of the gain; least squares is what the trials do.
ASSUMPTIONS = (JOINTLY_GAUSSIAN, REALIZABLE, ENOUGH_POINTS, NOISY)


def has_fourth_moment(world: GaussianWorld) -> bool:
    """True when the excess, M∞ times an F(d, n − d + 1) variable, has a fourth moment: n > d + 7."""
    return world.n_pseudo > world.d + 7


def law_size(world: GaussianWorld) -> float:
    """M∞(1 + r): the size of the trials, which the resolution of a check is relative to."""
    return world.misfit_limit * (1.0 + overfitting_ratio(world.d, world.n_pseudo))


def gaussian_worlds(rng: np.random.Generator) -> tuple[GaussianWorld, ...]:
    """Realizable worlds above n = 2d + 1 (with correlated features), near it and below it."""
    d = 6
    root = rng.standard_normal((d, d)) + 2.0 * np.eye(d)
    heads = rng.standard_normal((2, d))
    return (
        GaussianWorld(heads[0], heads[0] + 0.1 * heads[1], weak_noise=0.8, n_pseudo=48, covariance=root @ root.T),
        GaussianWorld(heads[0], heads[0] + 0.1 * heads[1], weak_noise=1.0, n_pseudo=d + 9),
        GaussianWorld(np.ones(12), np.ones(12), weak_noise=1.0, n_pseudo=21),
    )
