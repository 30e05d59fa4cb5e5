"""The exact law of the refiner's log-odds after n examples, as draws that cost O(K²) numbers whatever n and d are; tilted where it is rare.

With u_k = β_k − β_0 for a base concept 0, b = β_w − β_0 and an orthonormal basis Q of the span of the u_k (r ≤ K − 1 directions),
u_k = Q c_k and v = Qᵀb, the log-odds of concept k over the base are, for any number n of Gaussian examples,

    L_k = [h_k·(Tᵀv + s g) − ‖h_k‖²/2] / σ²,   h_k = Tᵀc_k,   s² = τ² + ‖b‖² − ‖v‖²,   g standard normal,

T the (r, min(r, n)) lower-trapezoidal Bartlett factor of the Wishart matrix Σ_i (Qᵀx_i)(Qᵀx_i)ᵀ = T Tᵀ: chi variables with n, n − 1, …
degrees of freedom on its diagonal and standard normals below.

The c_k are called corners, v the pull and s the noise. Tilting the probability by exp(λ L_k) keeps the law in the same family. With
z = Qᵀx and sω what a label adds to v·z, an example (z, ω) becomes Gaussian with precision
P = I − (λ/σ²)[[c_k vᵀ + v c_kᵀ − c_k c_kᵀ, s c_k], [s c_kᵀ, 0]], det P = Δ_k(λ), so that with S = P⁻¹, S_zz = R Rᵀ and γ = S_zz⁻¹ S_zω
the corners become Rᵀc_j, the pull Rᵀ(v + sγ) and the noise s√(S_ωω − γ·S_zz γ), and for any function f of the log-odds

    E f = Δ_k(λ)^(−n/2) E[f exp(−λ L_k) under the tilted law],

which makes a rare event common. Derived here (after somerstep2025). NumPy float64.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.special import chdtri, ndtr, ndtri

from ..problems.concepts import ConceptWorld

#: Points of the quasi-Monte-Carlo rule, and independent scrambles of it: their spread is the standard error.
POINTS, SCRAMBLES = 2**12, 8
#: More concepts than these are refused: the rule takes time in proportion to their fourth power.
MOST_CONCEPTS = 24
#: Standard deviations beyond which a point of the rule does not lie, and knots of the splines up to there.
REACH, KNOTS = 8.3, 1025


class Tilted(NamedTuple):
    """Draws under a tilt towards some concept: ``log_odds`` (draws, K) over the base; E f = mean(f · exp(``log_weight``))."""

    log_odds: np.ndarray
    log_weight: np.ndarray


class LogOddsLaw(NamedTuple):
    """``corners`` c_k (K, r), ``pull`` v (r,), ``noise`` s, ``variance`` σ²; the base has corner 0."""

    corners: np.ndarray
    pull: np.ndarray
    noise: float
    variance: float

    @classmethod
    def of(cls, world: ConceptWorld, base: int) -> LogOddsLaw:
        """Reduce a Gaussian world with sharp concepts to the law over concept ``base``. Raises ``ValueError`` for other worlds."""
        if not (world.is_gaussian() and world.is_sharp()):
            raise ValueError(
                "the law of the posterior weights is for Gaussian features and sharp concepts (spread = 0); this world has "
                f"{world.features} features and spread {world.spread:g}. Sample it: students.refiner.refined_heads(world, *world.sample(...))."
            )
        if world.count > MOST_CONCEPTS:
            raise ValueError(
                f"the law is integrated for at most {MOST_CONCEPTS} concepts; there are {world.count}. "
                "Simulate it: students.refiner.simulate_evidence, students.refinement.refined_students."
            )
        differences, bias = world.concepts - world.concepts[base], world.weak - world.concepts[base]
        _, sizes, axes = np.linalg.svd(differences, full_matrices=False)
        axes = axes[sizes > 1e-12 * sizes[0]]
        pull = axes @ bias
        outside = bias - pull @ axes
        return cls(differences @ axes.T, pull, float(np.hypot(world.weak_noise, np.linalg.norm(outside))), world.belief**2)

    @property
    def rank(self) -> int:
        """r, the number of directions in which concepts differ."""
        return int(self.pull.shape[0])

    def best_tilt(self, k: int, most: float) -> float:
        """λ* of ``quantities.evidence_mgf``, where Δ_k is largest, clipped to [0, ``most``]."""
        corner = self.corners[k]
        square, along = float(corner @ corner), float(corner @ self.pull)
        curvature = float(square * (self.pull @ self.pull + self.noise**2) - along**2)
        margin = square - 2.0 * along
        if margin <= 0.0:
            return 0.0
        return most if curvature <= 0.0 else min(most, float(0.5 * self.variance * margin / curvature))

    def tilted(self, k: int, tilt: float) -> tuple[LogOddsLaw, float]:
        """The law under exp(``tilt`` · L_k), and log Δ_k(``tilt``)."""
        if tilt == 0.0:
            return self, 0.0
        corner, scale = self.corners[k], tilt / self.variance
        precision = np.eye(self.rank + 1)
        precision[:-1, :-1] -= scale * (np.outer(corner, self.pull) + np.outer(self.pull, corner) - np.outer(corner, corner))
        precision[-1, :-1] = precision[:-1, -1] = -scale * self.noise * corner
        covariance = np.linalg.inv(precision)
        root = np.linalg.cholesky(covariance[:-1, :-1])
        slope = np.linalg.solve(covariance[:-1, :-1], covariance[:-1, -1])
        left = np.sqrt(max(covariance[-1, -1] - slope @ covariance[:-1, -1], 0.0))
        moved = LogOddsLaw(
            self.corners @ root, root.T @ (self.pull + self.noise * slope), float(self.noise * left), self.variance
        )
        return moved, float(np.linalg.slogdet(precision)[1])

    def draws(self, n: int, k: int, tilt: float, scramble: int) -> Tilted:
        """POINTS draws after n ≥ 1 examples under exp(``tilt`` · L_k), of scramble number ``scramble``."""
        law, log_delta = self.tilted(k, tilt)
        log_odds = law.log_odds(n, _normals(self.dimensions(n), scramble))
        return Tilted(log_odds, -tilt * log_odds[:, k] - 0.5 * n * log_delta)

    def dimensions(self, n: int) -> int:
        """How many independent numbers a draw takes: the entries of T and g."""
        m = min(self.rank, n)
        return self.rank * m - m * (m - 1) // 2 + m

    def log_odds(self, n: int, normals: np.ndarray) -> np.ndarray:
        """Log-odds (draws, K) from standard ``normals`` (draws, dimensions(n))."""
        r, m = self.rank, min(self.rank, n)
        draws = normals.shape[0]
        factor, used = np.zeros((draws, r, m)), m
        for j in range(m):
            factor[:, j, j] = _chi(n - j)(normals[:, j])
        for j in range(m):
            below = r - j - 1
            factor[:, j + 1 :, j] = normals[:, used : used + below]
            used += below
        arms = self.corners @ factor  # h_k, (draws, K, m)
        along = self.pull @ factor + self.noise * normals[:, used:]
        return ((arms @ along[..., None])[..., 0] - 0.5 * np.sum(np.square(arms), axis=-1)) / self.variance


@lru_cache(maxsize=256)
def _chi(degrees: int) -> Callable[[np.ndarray], np.ndarray]:
    """Chi variables as a function of normal ones, a cubic spline (to 1e-7): much faster than inverting a gamma function at each."""
    from scipy.interpolate import CubicSpline

    knots = np.linspace(-REACH, REACH, KNOTS)
    return CubicSpline(knots, np.sqrt(chdtri(degrees, ndtr(-knots))))


@lru_cache(maxsize=2 * SCRAMBLES)
def _normals(dimensions: int, scramble: int) -> np.ndarray:
    """A scrambled Sobol sequence as normal numbers, (POINTS, dimensions)."""
    from scipy.stats import qmc

    points = qmc.Sobol(dimensions, scramble=True, rng=np.random.default_rng(scramble)).random(POINTS)
    normals = ndtri(np.clip(points, 2.0**-54, 1.0 - 2.0**-53))
    normals.setflags(write=False)
    return normals
