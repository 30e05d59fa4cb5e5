"""Hypotheses, source and small worlds of the statements about a shifted prior."""

from __future__ import annotations

import numpy as np

from ..problems.mixtures import FiniteMixture, GaussianMixture, Refinement, TokenMixture
from ..problems.regression_mixture import RegressionMixture
from ..quantities.prior_shift import confusion
from ..statements import Assumption, Source

SOURCE = Source("somerstep2025limitations", "label refinement under latent concept shift, reconstructed", derived=True)
FAITHFUL = Assumption("weak labels follow the strong model's components (f^w = f)", lambda world: world.is_faithful())
SHIFTED = Assumption("the prior has shifted (q ≠ π)", lambda world: bool(np.max(np.abs(world.target - world.source)) > 1e-6))
#: Deconvolution multiplies errors by the inverse of C: beyond this condition a simulation sees nothing.
INVERTIBLE = Assumption(
    "the confusion matrix is invertible, with condition below 100", lambda world: bool(np.linalg.cond(confusion(world)) < 100.0)
)


def pair(rng: np.random.Generator) -> GaussianMixture:
    """Two Gaussian concepts with unequal source priors: where the norm bounds are attained."""
    return GaussianMixture(np.array([0.4, 0.6]), np.array([0.85, 0.15]), np.array([-0.8, 0.8]) * rng.uniform(0.9, 1.1))


def triple(rng: np.random.Generator) -> GaussianMixture:
    """Three Gaussian concepts on a line."""
    return GaussianMixture(
        np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.2, 0.6]), np.array([-1.5, 0.0, 1.2]) * rng.uniform(0.9, 1.1)
    )


def tokens(rng: np.random.Generator) -> TokenMixture:
    """Three concepts over five tokens, one token of which only the first can give."""
    tables = 0.5 * rng.dirichlet(np.ones(5), size=3) + 0.5 * np.eye(3, 5)
    tables[1:, 4] = 0.0
    tables /= tables.sum(axis=1, keepdims=True)
    return TokenMixture(np.array([0.2, 0.3, 0.5]), np.array([0.5, 0.4, 0.1]), tables)


def biased_triple(rng: np.random.Generator) -> GaussianMixture:
    """Three concepts, and weak labels whose means and noise are off."""
    base = triple(rng)
    return GaussianMixture(base.source, base.target, base.means, 1.0, base.means + np.array([0.3, -0.2, 0.1]), 1.3)


def faithful_worlds(rng: np.random.Generator) -> tuple[FiniteMixture, ...]:
    """Tokens, three Gaussians, two Gaussians."""
    return tokens(rng), triple(rng), pair(rng)


def plans(rng: np.random.Generator) -> tuple[Refinement, ...]:
    """One round on wrong components, three rounds on tokens, prompts of three labels."""
    return Refinement(biased_triple(rng)), Refinement(tokens(rng), rounds=3), Refinement(pair(rng), rounds=2, examples=3)


def regression_pair(rng: np.random.Generator, *, bias: float = 0.0, weak_noise: float | None = None) -> RegressionMixture:
    """Two concepts in three features, σ = 0.8, equal source priors, q = 0.9; weak concepts off by ``bias`` ⟂ their difference."""
    basis = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    concepts = np.stack([basis[0] + 0.5 * basis[2], -basis[0] + 0.5 * basis[2]])
    weak = None if bias == 0.0 else concepts + bias * basis[1]
    half = np.full(2, 0.5)
    return RegressionMixture(concepts, half, np.array([0.9, 0.1]), 0.8, weak, weak_noise)
