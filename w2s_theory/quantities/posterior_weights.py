"""Moments of the refiner's posterior weights after n weakly labelled examples: the exact law of the log-odds, integrated.

With u_k = β_k − β_{k*}, b = β_w − β_{k*} and an orthonormal basis Q of the span of the u_k (r ≤ K − 1 directions), u_k = Q c_k and
v = Qᵀb, the log-odds of concept k over k* are, for any number n of Gaussian examples,

    L_k = [h_k·(Tᵀv + s g) − ‖h_k‖²/2] / σ²,   h_k = Tᵀc_k,   s² = τ² + ‖b‖² − ‖v‖²,   g standard normal,

T the (r, min(r, n)) lower-trapezoidal Bartlett factor of the Wishart matrix Σ_i (Qᵀx_i)(Qᵀx_i)ᵀ = T Tᵀ: chi variables with n, n − 1, …
degrees of freedom on its diagonal and standard normals below. So a draw costs O(K²) numbers, whatever n and d are.
Two concepts: their weights have exact moments (``quantities.evidence_mgf``). More: a scrambled Sobol sequence over the draws, with the
spread over scrambles as standard error. Derived here (after somerstep2025). NumPy float64.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.special import chdtri, ndtr, ndtri

from .._validation import whole
from ..problems.concepts import ConceptWorld
from ..students.refiner import weights_of
from .evidence_mgf import log_pair_moments
from .identification import preference_probability

#: Points of the quasi-Monte-Carlo rule, and independent scrambles of it: with fewer than a dozen concepts the errors are about 1e-5.
POINTS, SCRAMBLES = 2**14, 8


class WeightMoments(NamedTuple):
    """``mean``: E w (K,); ``second``: E w wᵀ (K, K); ``stderr``: standard errors of ``mean`` (zeros where it is exact)."""

    mean: np.ndarray
    second: np.ndarray
    stderr: np.ndarray


def expected_weights(world: ConceptWorld, n: int) -> np.ndarray:
    """E w: the mean posterior over concepts after n weakly labelled examples, (K,). See ``weight_moments``."""
    return weight_moments(world, n).mean


@lru_cache(maxsize=256)
def weight_moments(world: ConceptWorld, n: int) -> WeightMoments:
    """First and second moments of the posterior weights after n ≥ 0 examples. Kept for worlds (which never change) asked about before.

    Raises ``ValueError`` for uniform features or soft concepts, to which the law does not apply.
    """
    law = LogOddsLaw.of(world)
    if whole("n", n, at_least=0) == 0 or law.rank == 0:
        weights = world.alpha
        return _read_only(WeightMoments(weights, np.outer(weights, weights), np.zeros(world.count)))
    if world.count == 2:
        return _read_only(_two_concepts(world, n))
    means, seconds = [], []
    for weights in _draws(world, law, n):
        means.append(weights.mean(axis=0))
        seconds.append(weights.T @ weights / POINTS)
    mean = np.mean(means, axis=0)
    return _read_only(WeightMoments(mean, np.mean(seconds, axis=0), np.std(means, axis=0, ddof=1) / np.sqrt(SCRAMBLES)))


@lru_cache(maxsize=256)
def preferred_shares(world: ConceptWorld, n: int) -> np.ndarray:
    """The probability that each concept is the most likely one after n ≥ 1 examples, (K,): exact for two, to about 1e-3 for more.

    Raises ``ValueError`` for uniform features or soft concepts.
    """
    law = LogOddsLaw.of(world)
    whole("n", n)
    if world.count == 2 and law.rank:
        wrong = float(preference_probability(world, n)[0])
        shares = np.array([wrong, 1.0 - wrong]) if world.aligned == 1 else np.array([1.0 - wrong, wrong])
    else:
        best = [np.bincount(np.argmax(weights, axis=-1), minlength=world.count) / POINTS for weights in _draws(world, law, n)]
        shares = np.mean(best, axis=0)
    shares.setflags(write=False)
    return shares


class LogOddsLaw(NamedTuple):
    """The reduced law of the log-odds over the aligned concept: ``corners`` c_k (K, r), ``pull`` v (r,), ``noise`` s, ``variance`` σ²."""

    corners: np.ndarray
    pull: np.ndarray
    noise: float
    variance: float

    @classmethod
    def of(cls, world: ConceptWorld) -> LogOddsLaw:
        """Reduce a Gaussian world with sharp concepts to its law."""
        if not (world.is_gaussian() and world.is_sharp()):
            raise ValueError(
                "the law of the posterior weights is for Gaussian features and sharp concepts (spread = 0); "
                "simulate this world with students.refiner instead."
            )
        aligned = world.concepts[world.aligned]
        differences, bias = world.concepts - aligned, world.weak - aligned
        _, sizes, axes = np.linalg.svd(differences, full_matrices=False)
        axes = axes[sizes > 1e-12 * max(float(sizes[0]), 1e-300)] if sizes[0] > 0 else axes[:0]
        pull = axes @ bias
        outside = bias - pull @ axes
        return cls(differences @ axes.T, pull, float(np.hypot(world.weak_noise, np.linalg.norm(outside))), world.belief**2)

    @property
    def rank(self) -> int:
        """r, the number of directions in which concepts differ."""
        return int(self.pull.shape[0])

    def dimensions(self, n: int) -> int:
        """How many independent numbers a draw takes: the entries of T and g."""
        m = min(self.rank, n)
        return self.rank * m - m * (m - 1) // 2 + m

    def log_odds(self, n: int, uniforms: np.ndarray) -> np.ndarray:
        """Draws of the log-odds (draws, K) from ``uniforms`` (draws, dimensions(n)) in (0, 1)."""
        r, m = self.rank, min(self.rank, n)
        draws = uniforms.shape[0]
        factor, used = np.zeros((draws, r, m)), m
        for j in range(m):
            factor[:, j, j] = _chi(n - j, uniforms[:, j])
        for j in range(m):
            below = r - j - 1
            factor[:, j + 1 :, j] = ndtri(uniforms[:, used : used + below])
            used += below
        arms = self.corners @ factor  # h_k, (draws, K, m)
        along = self.pull @ factor + self.noise * ndtri(uniforms[:, used:])
        return ((arms @ along[..., None])[..., 0] - 0.5 * np.sum(np.square(arms), axis=-1)) / self.variance


def _two_concepts(world: ConceptWorld, n: int) -> WeightMoments:
    other = 1 - world.aligned
    first, square = (float(np.exp(log_pair_moments(world, n, power=power)[0])) for power in (1.0, 2.0))
    mean, second = np.empty(2), np.empty((2, 2))
    mean[other], mean[world.aligned] = first, 1.0 - first
    second[other, other] = square
    second[0, 1] = second[1, 0] = first - square
    second[world.aligned, world.aligned] = 1.0 - 2.0 * first + square
    return WeightMoments(mean, second, np.zeros(2))


def _read_only(moments: WeightMoments) -> WeightMoments:
    for part in moments:
        part.setflags(write=False)
    return moments


def _chi(degrees: int, uniforms: np.ndarray) -> np.ndarray:
    """Quantiles of the chi law, by a cubic spline in the normal quantile (to 1e-7 of a standard deviation, and much faster than inverting)."""
    from scipy.interpolate import CubicSpline

    knots = np.linspace(-8.3, 8.3, 1025)
    return CubicSpline(knots, np.sqrt(chdtri(degrees, ndtr(-knots))))(ndtri(uniforms))


def _draws(world: ConceptWorld, law: LogOddsLaw, n: int) -> Iterator[np.ndarray]:
    """Posterior weights (POINTS, K), scramble by scramble."""
    for scramble in range(SCRAMBLES):
        yield weights_of(world, law.log_odds(n, _sobol(law.dimensions(n), scramble)))


def _sobol(dimensions: int, scramble: int) -> np.ndarray:
    from scipy.stats import qmc

    points = qmc.Sobol(dimensions, scramble=True, rng=np.random.default_rng(scramble)).random(POINTS)
    return np.clip(points, 2.0**-54, 1.0 - 2.0**-53)
