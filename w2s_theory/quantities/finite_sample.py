"""Exact finite-sample laws of a strong linear head fitted by least squares on n weakly labelled points.

Strong features, weak labels and target jointly Gaussian; ordinary least squares. With M∞ the population misfit and r = d/(n − d − 1):

    E gain         = M∞ (1 − r)          on fresh points; target a strong head (realizable), n > d + 1
    E test misfit  = M∞ (1 + r)          on fresh points; any target, n > d + 1
    E train misfit = M∞ (1 − d/n)        on the n points themselves; any target, n > d

A target that is not realizable adds −2 E[(weak − P weak)(target − P target)] to the gain, P the best strong head.

Derivation: the fitted head is a + (XᵀX)⁻¹Xᵀ(mξ) with ξ independent of X, so its excess on fresh points is m² tr(Σ (XᵀX)⁻¹), whose mean is
m² d/(n − d − 1) (inverse Wishart), and its cross term with the target has mean zero. Hence the gain is negative on average when
n < 2d + 1, and zero at n = 2d + 1. Trials fit real least-squares heads to sampled points, by a QR factorisation each, in the
world's array library.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._array import array_namespace
from ..problems.gaussian import GaussianWorld
from .quantity import Quantity

#: Numbers held at once while simulating (32 MiB of float64), so that memory does not grow with the number of trials.
CHUNK = 2**22


def overfitting_ratio(d: int, n: int) -> float:
    """r = d/(n − d − 1): excess risk of least squares relative to the noise, for Gaussian features. Needs n > d + 1."""
    if n <= d + 1:
        raise ValueError(
            f"n must exceed d + 1 for the excess risk to be finite; n = {n}, d = {d}. Draw more points or reduce the features."
        )
    return d / (n - d - 1)


def fitted_heads(world: GaussianWorld, count: int, rng: np.random.Generator) -> tuple[Any, Any]:
    """``count`` independent students: least-squares heads (count, d) on weak labels, and their misfits (count,) on their own points.

    Raises ``ValueError`` when n_pseudo < d, where least squares has no unique head.
    """
    if world.n_pseudo < world.d:
        raise ValueError(
            f"least squares needs n_pseudo >= d; they are {world.n_pseudo} and {world.d}. Use students.linear.MinimumNorm."
        )
    xp = array_namespace(world.target_head)
    heads, misfits = [], []
    step = max(1, CHUNK // (world.n_pseudo * (world.d + 4)))
    for start in range(0, count, step):
        features, weak, _ = world.sample(min(step, count - start), rng=rng)
        q, r = xp.linalg.qr(features)
        coordinates = (weak[:, None, :] @ q)[:, 0, :]
        heads.append(xp.linalg.solve(r, coordinates[..., None])[..., 0])
        misfits.append(xp.mean(xp.square(weak - (q @ coordinates[..., None])[..., 0]), axis=-1))
    return xp.concat(heads), xp.concat(misfits)


def label_free_gain(train_misfit: Any, d: int, n: int) -> Any:
    """Unbiased estimate of the expected gain on fresh points from weak labels only: train misfit · (1 − r)/(1 − d/n)."""
    return train_misfit * (1.0 - overfitting_ratio(d, n)) / (1.0 - d / n)


GAIN = Quantity(
    "gain on fresh points",
    lambda world: world.misfit_limit * (1.0 - overfitting_ratio(world.d, world.n_pseudo)),
    lambda world, count, rng: world.gain(fitted_heads(world, count, rng)[0]),
)
NONREALIZABLE_GAIN = Quantity(
    "gain on fresh points, target not realizable",
    lambda world: GAIN.closed_form(world) - 2.0 * world.weak_noise * world.target_noise * world.correlation,
    GAIN.trials,
)
TEST_MISFIT = Quantity(
    "misfit on fresh points",
    lambda world: world.misfit_limit * (1.0 + overfitting_ratio(world.d, world.n_pseudo)),
    lambda world, count, rng: world.misfit(fitted_heads(world, count, rng)[0]),
)
TRAIN_MISFIT = Quantity(
    "misfit on the training points",
    lambda world: world.misfit_limit * (1.0 - world.d / world.n_pseudo),
    lambda world, count, rng: fitted_heads(world, count, rng)[1],
)
