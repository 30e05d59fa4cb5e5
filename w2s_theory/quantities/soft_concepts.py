"""Soft concepts: a strong model that lets a concept bend (β ~ N(β_k, ψ² I)) copies the weak model's bias in the end.

Orthogonal prompts, XᵀX = n I (n ≥ d). They are read through their least-squares head β̂ = Xᵀy/n ~ N(β_w, (τ²/n) I) alone:

    weights  w_k ∝ α_k exp(−‖β̂ − β_k‖²/2v),   v = ψ² + σ²/n
    answer   s β̂ + (1 − s) B w,                s = ψ²/v = n/(n + σ²/ψ²)

    told the concept (w one-hot)   ‖s β_w + (1 − s) β_{k*} − β_*‖² + s² τ² d/n,   which is s²(ε_w² + τ² d/n) when the concept is exact
    one prompt                     the mean error of the answer over β̂
    n → ∞                          ε_w² for every ψ > 0;  w̄ = E w → softmax(log α_k − ‖β_w − β_k‖²/2ψ²): identification stops short

So errors can fall with n (the concept is identified) and rise again (its bias is copied); only ψ = 0 corrects a bias in the limit. One
concept is the Gaussian prior of in-context ridge regression, which gains nothing in the limit.
Weights depend on β̂ within the span of the differences of concepts only, q ≤ K − 1 directions: means over those are sums over nodes of the
trapezoidal rule (q ≤ 2: errors below 1e-9 while log-odds move by less than 50 (q = 1) or 10 (q = 2) when β̂ moves by a standard deviation)
or of a Sobol sequence (q > 2: about 1e-4 of the largest squared distance); the other directions are exact. Derived here (after somerstep2025).
NumPy float64.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.special import ndtri

from .._validation import generator, whole
from ..montecarlo import in_pieces
from ..problems.concepts import ConceptWorld
from ..students.refiner import posterior, refined_heads, weights_of
from .quantity import Quantity

#: Nodes of the trapezoidal rule along each of one or two directions, their reach in standard deviations, and of the Sobol sequence.
NODES, REACH, POINTS = {1: 2001, 2: 201}, 9.0, 2**14


def copied_share(world: ConceptWorld, n: int) -> float:
    """s = n/(n + σ²/ψ²): the share of the least-squares head in the answer after n orthogonal examples. 0 for sharp concepts."""
    return world.spread**2 / _variance(world, n)


def told_risk(world: ConceptWorld, n: int) -> float:
    """Expected error after one prompt of n orthogonal examples when the concept is told: only its bending is inferred."""
    s = copied_share(world, n)
    centre = s * world.weak + (1.0 - s) * world.concepts[world.aligned]
    return float(world.error(centre)) + s**2 * world.weak_noise**2 * world.d / n


def soft_risk(world: ConceptWorld, n: int) -> float:
    """E‖answer − β_*‖² after one prompt of n orthogonal examples: misidentification, copied bias and copied noise together."""
    s, axes = copied_share(world, n), _axes(world)
    heads, shares, weights = _nodes(world, n, axes)
    inside = s * heads + (1.0 - s) * weights @ (world.concepts @ axes.T) - world.truth @ axes.T
    centre = s * world.weak + (1.0 - s) * world.concepts[world.aligned] - world.truth
    outside = centre @ centre - np.sum(np.square(axes @ centre)) + s**2 * world.weak_noise**2 / n * (world.d - len(axes))
    return float(shares @ np.sum(np.square(inside), axis=-1) + outside)


def mean_weights(world: ConceptWorld, n: int) -> np.ndarray:
    """w̄ = E w after n orthogonal examples, (K,)."""
    _, shares, weights = _nodes(world, n, _axes(world))
    return shares @ weights


def saturated_weights(world: ConceptWorld) -> np.ndarray:
    """lim w = softmax(log α_k − ‖β_w − β_k‖²/2ψ²), (K,): more examples don't tell soft concepts apart any better.

    Raises ``ValueError`` for sharp concepts, whose limit is in quantities.phase_boundaries.
    """
    if world.is_sharp():
        raise ValueError("spread must be > 0 for evidence that saturates; for sharp concepts use phase_boundaries.limit_weights.")
    return weights_of(world, -np.sum(np.square(world.weak - world.concepts), axis=-1) / (2.0 * world.spread**2))


def noiseless_ridge_risk(world: ConceptWorld, n: int) -> float:
    """E error of the minimum-norm correction of one concept by n noiseless Gaussian examples: a straight line from it to the weak model.

    (1 − n/d)₊ ‖β_1 − β_*‖² + min(n/d, 1) ε_w²: the answer is β_1 + P(β_w − β_1), P a random projection of rank min(n, d). For β_1 = 0 and
    right labels it is ‖β_*‖²(1 − n/d)₊. It is the limit σ → 0 of a Gaussian prior. Raises ``ValueError`` for several concepts.
    """
    if world.count > 1:
        raise ValueError(f"concepts must be a single one for a Gaussian prior; there are {world.count}. Keep one.")
    seen = min(whole("n", n) / world.d, 1.0)
    return (1.0 - seen) * world.strong_error + seen * world.weak_error


def orthogonal_prompts(world: ConceptWorld, prompts: int, n: int, *, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Weakly labelled prompts with XᵀX = n I: features (prompts, n, d), √n times a random orthonormal frame, and labels (prompts, n)."""
    generator(rng)
    _variance(world, n)
    frames, triangles = np.linalg.qr(rng.standard_normal((whole("prompts", prompts), n, world.d)))
    features = (
        np.sqrt(n) * frames * np.sign(np.diagonal(triangles, axis1=-2, axis2=-1))[:, None, :]
    )  # signs make the frame uniform
    return features, features @ world.weak + world.weak_noise * rng.standard_normal((prompts, n))


def simulated_answers(world: ConceptWorld, n: int, prompts: int, *, rng: np.random.Generator) -> np.ndarray:
    """Heads (prompts, d) with which the strong model answers after sampled orthogonal prompts, by its posterior on raw examples."""
    return in_pieces(
        lambda count: refined_heads(world, *orthogonal_prompts(world, count, n, rng=rng)), prompts, numbers=_numbers(world, n)
    )


def simulated_weights(world: ConceptWorld, n: int, prompts: int, *, rng: np.random.Generator) -> np.ndarray:
    """Posteriors (prompts, K) of the strong model after sampled orthogonal prompts, on raw examples."""
    return in_pieces(
        lambda count: posterior(world, *orthogonal_prompts(world, count, n, rng=rng)), prompts, numbers=_numbers(world, n)
    )


def minimum_norm_answers(world: ConceptWorld, n: int, prompts: int, *, rng: np.random.Generator) -> np.ndarray:
    """Heads (prompts, d): the single concept plus the shortest correction that fits n Gaussian weak labels, by pseudo-inverses."""

    def corrections(count: int) -> np.ndarray:
        features, labels = world.sample(count, n, rng=rng)
        left_over = labels - features @ world.concepts[0]
        return (np.linalg.pinv(features) @ left_over[..., None])[..., 0]

    return world.concepts[0] + in_pieces(corrections, prompts, numbers=5 * whole("n", n) * world.d)


SOFT_RISK = Quantity(
    "error of one orthogonal prompt, soft concepts",
    lambda prompt: soft_risk(prompt.world, prompt.examples),
    lambda prompt, count, rng: prompt.world.error(simulated_answers(prompt.world, prompt.examples, count, rng=rng)),
)
NOISELESS_RIDGE = Quantity(
    "error of noiseless ridge in context",
    lambda prompt: noiseless_ridge_risk(prompt.world, prompt.examples),
    lambda prompt, count, rng: prompt.world.error(minimum_norm_answers(prompt.world, prompt.examples, count, rng=rng)),
)


def _numbers(world: ConceptWorld, n: int) -> int:
    """Held for each prompt: features, their frame and their draws, a covariance with its root and copies, and residuals."""
    return whole("n", n) * (3 * world.d + 4 * n + 2 * world.count)


def _variance(world: ConceptWorld, n: int) -> float:
    """v = ψ² + σ²/n, of β̂ around a concept as the strong model believes."""
    if whole("n", n) < world.d:
        raise ValueError(f"n must be at least d = {world.d} for orthogonal features (XᵀX = n I); it is {n}. Use more examples.")
    return world.spread**2 + world.belief**2 / n


def _axes(world: ConceptWorld) -> np.ndarray:
    """Orthonormal basis (q, d) of the span of the differences of concepts."""
    differences = world.concepts - world.concepts[0]
    _, sizes, axes = np.linalg.svd(differences, full_matrices=False)
    return axes[sizes > 1e-12 * max(sizes[0], 1e-300)]


def _nodes(world: ConceptWorld, n: int, axes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nodes of β̂ along ``axes`` (m, q), their shares (m,) and the weights w there (m, K)."""
    variance = _variance(world, n)
    nodes, shares = _normal_nodes(len(axes)) if world.weak_noise > 0.0 else (np.zeros((1, len(axes))), np.ones(1))
    heads = axes @ world.weak + world.weak_noise / np.sqrt(n) * nodes
    corners = (world.concepts - world.concepts[0]) @ axes.T
    closeness = (heads - axes @ world.concepts[0]) @ corners.T - 0.5 * np.sum(
        np.square(corners), axis=-1
    )  # (‖β̂ − β_1‖² − ‖β̂ − β_k‖²)/2
    return heads, shares, weights_of(world, closeness / variance)


@lru_cache(maxsize=8)
def _normal_nodes(q: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes (m, q) and shares (m,) for means over q independent standard normals, read-only because they are kept."""
    if q == 0:
        nodes, shares = np.zeros((1, 0)), np.ones(1)
    elif q <= 2:
        line = np.linspace(-REACH, REACH, NODES[q])
        density = np.exp(-0.5 * line**2)
        grids, masses = np.meshgrid(*[line] * q), np.meshgrid(*[density / density.sum()] * q)
        nodes, shares = np.stack([grid.ravel() for grid in grids], axis=-1), np.prod(masses, axis=0).ravel()
    else:
        from scipy.stats import qmc

        uniforms = qmc.Sobol(q, scramble=True, rng=np.random.default_rng(0)).random(POINTS)
        nodes, shares = ndtri(np.clip(uniforms, 2.0**-54, 1.0 - 2.0**-53)), np.full(POINTS, 1.0 / POINTS)
    nodes.setflags(write=False)
    shares.setflags(write=False)
    return nodes, shares
