"""Weak training within the hull of the concepts: β̂ = argmin Σ_i (x_iᵀβ − y_i)² over mixtures β of β_1 … β_K.

**Bias.** With unlimited labels β̂ is the point of the hull nearest to β_w. For orthonormal concepts and a weak vector orthogonal to all but
the aligned one, β_*·β_w = c and β_* = β_{k*}:

    risk = (1 − c)₊² (K − 1)/K   for c ≥ −1/(K − 1),      K/(K − 1)   for c < −1/(K − 1).

Proof: B'β_w = c e_* is projected on the simplex; the minimiser has weights c + (1 − c)/K and (1 − c)/K while the first is ≥ 0, then 0 and
1/(K − 1); from c = 1 on it is the vertex. So the hull does not remove a bias: any c < 1 leaves a risk. Elsewhere ask ``hull_head``.

**Noise.** β_w = β_*, a vertex of a regular simplex of concepts, n points with XᵀX = n I. The least-squares vector is β_* + (τ/√n) g, and β̂ its
projection on the hull, so that

    δ_K − (K − 1) P(χ²_{K+1} > (n ℓ²/2τ²) K/(K − 1))  ≤  (n/τ²) E risk  ≤  δ_K = E‖Π_T g‖²,

T the tangent cone of the hull at the vertex, δ_K its statistical dimension, ℓ² the squared distance of two concepts (2 if orthonormal).
Upper: p = Π_hull(β_* + z) − β_* has ⟨z − p, p⟩ ≥ 0 and lies in T, so ‖p‖² ≤ ⟨z, p⟩ ≤ ‖p‖ ‖Π_T z‖. Lower: where Π_T z is itself in the
hull, it is p; otherwise ‖z‖² exceeds what the bound says, in the K − 1 dimensions of the hull. On random points the upper bound is false at
small n (two concepts: (n/τ²) E risk → n/(2(n − 2)) as τ → 0); the limit is the same.

**Statistical dimension.** Π_T g = ((g_k − θ)₊ for k ≥ 2, g_1 − θ) with entries that sum to zero, and δ is the mean number of positive ones:

    δ_K = (K − 1) P(Z_1 + Σ_{k≥3} (Z_k − Z_2)₊ < Z_2),   1/2 for K = 2, 5/6 for K = 3,

an integral over Z_2 = t of a probability given by the characteristic function of the rest (Gil-Pelaez); the trapezoidal rule is exact
to rounding, because both integrands are analytic and fall like Gaussians. Derived here (after somerstep2025). NumPy float64.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import chdtrc, ndtr, wofz

from .._validation import SolverFailure, positive, whole
from ..design import Design
from ..montecarlo import in_pieces
from ..problems.concepts import ConceptWorld
from ..problems.finetuning import FineTuning
from ..students.constrained import solve_hull
from ..students.shapes import SimplexHull

#: Beyond this many standard deviations a Gaussian has no mass in float64.
TAIL = 9.0
#: More concepts than these are refused: the quadrature takes memory proportional to their number.
MOST_CONCEPTS = 500


def hull_risk(world: ConceptWorld) -> float:
    """Error of the point of the hull nearest to the weak vector, in closed form.

    Raises ``ValueError`` outside the geometry of the formula (orthonormal concepts, a weak vector orthogonal to all but the aligned
    one, which is the target): ``hull_head`` solves any other.
    """
    if not world.is_paper_geometry():
        raise ValueError(
            "the closed form needs orthonormal concepts, a weak vector orthogonal to the wrong ones and a target among them; "
            "this world is another. Use hull_head(world).risk, which solves it."
        )
    count, alignment = world.count, float(world.concepts[world.aligned] @ world.weak)
    if count == 1:
        return 0.0
    bias = np.clip(1.0 - alignment, 0.0, count / (count - 1.0))
    return float(bias**2 * (count - 1.0) / count)


class HullHead(NamedTuple):
    """``head`` (d,) = Σ weights_k β_k, its mixture ``weights`` (K,), its error ``risk``, and ``slack``, a bound of the solver's error in it."""

    head: np.ndarray
    weights: np.ndarray
    risk: float
    slack: float


def hull_head(world: ConceptWorld) -> HullHead:
    """The point of the hull of any concepts that is nearest to the weak vector: weak training with unlimited labels."""
    found = SimplexHull(world.concepts).project(world.weak)
    assert found.coefficients is not None
    risk = float(world.error(found.values))
    distance = np.sqrt(world.d * max(float(found.gap), 0.0))  # ‖head − exact head‖; the gap is a mean over coordinates
    return HullHead(found.values, found.coefficients, risk, float(2.0 * np.sqrt(risk) * distance + distance**2))


def statistical_dimension(count: int) -> float:
    """δ_K of the tangent cone of a regular simplex of K = ``count`` concepts at a vertex, to about 1e-12.

    Raises ``ValueError`` for more than ``MOST_CONCEPTS``.

    >>> [round(statistical_dimension(count), 4) for count in (1, 2, 3, 4)]
    [0.0, 0.5, 0.8333, 1.0877]
    """
    if whole("count", count) > MOST_CONCEPTS:
        raise ValueError(
            f"count must be at most {MOST_CONCEPTS} for the quadrature; it is {count}. Project normal draws on the cone."
        )
    if count == 1:
        return 0.0
    t = np.linspace(-TAIL, TAIL, 145)
    # The rule in u is exact up to the mass of Z_1 − t + Σ (Z_k − t)₊ beyond π/step: none that counts.
    size = TAIL * (count + 2.0)
    step = np.pi / size
    u = step * (np.arange(int(np.ceil(TAIL / step))) + 0.5)
    # E exp(iu (Z − t)₊) = Φ(t) + exp(−t²/2) w((u + it)/√2)/2, w the Faddeeva function
    one = ndtr(t)[:, None] + 0.5 * np.exp(-0.5 * t**2)[:, None] * wofz((u + 1j * t[:, None]) / np.sqrt(2.0))
    whole_law = np.exp(-0.5 * u**2 - 1j * u * t[:, None]) * one ** (count - 2)
    below = 0.5 - np.sum(whole_law.imag / u, axis=1) * step / np.pi
    density = np.exp(-0.5 * t**2) / np.sqrt(2.0 * np.pi)
    return float((count - 1.0) * np.sum(density * below) * (t[1] - t[0]))


def noise_deficit(count: int, ratio: float) -> float:
    """(K − 1) P(χ²_{K+1} > (ratio/2) K/(K − 1)): how far (n/τ²) E risk can fall short of δ_K; ``ratio`` = n ℓ²/τ², 2n/τ² if orthonormal."""
    if whole("count", count) == 1:
        return 0.0
    return float((count - 1.0) * chdtrc(count + 1.0, 0.5 * positive("ratio", ratio) * count / (count - 1.0)))


def hull_students(tuning: FineTuning, count: int, rng: np.random.Generator) -> np.ndarray:
    """Heads (count, d) of students confined to the hull, each fitted to its own weak labels on one orthogonal design; η is not used.

    Raises ``SolverFailure`` when one did not converge.
    """
    concepts = tuning.world.concepts

    def train(many: int) -> np.ndarray:
        features, labels = tuning.sample_orthogonal(many, rng=rng)
        found = solve_hull(Design(features @ concepts.T), labels.T)
        if not np.all(found.converged):
            raise SolverFailure(f"{np.sum(~found.converged)} of {many} students within the hull did not converge.")
        return found.coefficients.T @ concepts

    return in_pieces(train, count, numbers=tuning.labels + 8 * len(concepts))
