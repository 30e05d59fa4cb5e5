"""What label refinement does to a shifted prior: the confusion matrix, its spectrum, the error it leaves, and what undoing it costs.

In the notation of ``problems.mixtures``: π the strong model's prior, q the target's, f_k its components and f^w_k the weak model's.
Refining a weak label of concept j draws concept k with probability

    C_jk = E[π_k f_k(Y') / Σ_l π_l f_l(Y') | Y' ~ f^w_j],            so refined labels have the prior   q_ref = Cᵀ q.

With faithful weak labels (f^w = f), π_j C_jk is symmetric and positive semidefinite. So Cᵀ is self-adjoint for the inner product Σ v_k w_k/π_k, its
eigenvalues lie in [0, 1], Cᵀπ = π, and with ‖v‖² = Σ v_k²/π_k and λ₂ the second largest eigenvalue

    q_ref − π = Cᵀ(q − π),     ‖q_ref − π‖ ≤ λ₂ ‖q − π‖,     ‖q_ref − q‖ ≥ (1 − λ₂) ‖q − π‖:

refinement pulls the target prior towards the source prior. It makes no error if and only if q/π is constant on every group of concepts whose
components overlap: for Gaussians only when q = π. Refining m times with the frozen prior leaves λ₂ᵐ at most. Two concepts: all equalities.

Deconvolution q = C⁻ᵀ q_ref multiplies the variance of sampled weights by at most 1/λ_min² in that norm (in the plain one by 1/σ_min², the least
singular value); equal for two concepts. C comes from a trapezium rule with exponentially small error (Gaussians) or finite sums (tokens).
Derived here, a reconstruction of objects of somerstep2025limitations. NumPy float64.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit, rel_entr

from .._validation import positive
from ..problems.mixtures import FiniteMixture, GaussianMixture, Refinement, TokenMixture
from ..students.label_refinement import concept_posterior, deconvolve, expectation_maximisation, refine
from .quantity import Quantity


def confusion(world: FiniteMixture, prior: np.ndarray | None = None) -> np.ndarray:
    """C (K, K): row j says what the strong model, with ``prior`` (its own π when ``None``), makes of a weak label of concept j."""
    labels, weights = world.nodes()
    given = concept_posterior(world.log_densities(labels), world.source if prior is None else prior)
    return np.einsum("jg,jgk->jk", weights, given)


def spectrum(world: FiniteMixture) -> np.ndarray:
    """Eigenvalues of C for faithful weak labels, decreasing from 1, (K,). Raises ``ValueError`` when f^w differs from f."""
    if not world.is_faithful():
        raise ValueError("world must have weak components equal to the strong ones; otherwise C need not have real eigenvalues.")
    root = np.sqrt(world.source)
    symmetric = confusion(world) * root[:, None] / root
    return np.linalg.eigvalsh((symmetric + symmetric.T) / 2.0)[::-1]


def refined_prior(plan: Refinement) -> np.ndarray:
    """The prior of refined labels: Cᵀ q after one round; each further round meets the strong model's own labels. (K,)."""
    world = plan.effective
    weights = world.target @ confusion(world)
    return weights @ np.linalg.matrix_power(confusion(world.faithful()), plan.rounds - 1)


def prior_norm(world: FiniteMixture, difference: np.ndarray) -> np.ndarray:
    """√(Σ v_k²/π_k) of differences v (..., K) between priors."""
    return np.sqrt(np.sum(np.square(difference) / world.source, axis=-1))


def confusion_probability(separation: float, *, noise_ratio: float = 1.0) -> float:
    """c(D): two equally likely concepts at ±D (in units of the strong model's σ), weak noise ``noise_ratio`` · σ: the chance to take one
    for the other, E expit(2DZ) with Z ~ N(−D, noise_ratio²). q_ref − ½ = (q − ½)(1 − 2c); for ratio 1, c ≤ ½ exp(−D²/2).
    """
    positive("separation", separation, strict=False)
    half = np.full(2, 0.5)
    world = GaussianMixture(half, half, np.array([-separation, separation]), weak_noise=positive("noise_ratio", noise_ratio))
    labels, weights = world.nodes()
    return float(np.sum(weights[0] * expit(2.0 * separation * labels[0])))


def affinity(world: FiniteMixture) -> np.ndarray:
    """∫√(f_j f_k) of the strong components, (K, K): exp(−(μ_j − μ_k)²/8σ²) for Gaussians. Raises ``TypeError`` for other worlds."""
    if isinstance(world, TokenMixture):
        return np.sqrt(world.tables) @ np.sqrt(world.tables).T
    if isinstance(world, GaussianMixture):
        return np.exp(-np.square(np.subtract.outer(world.means, world.means)) / (8.0 * world.noise**2))
    raise TypeError(f"world must be a GaussianMixture or a TokenMixture; it is a {type(world).__name__}.")


def overlap_bound(world: FiniteMixture) -> np.ndarray:
    """½ √(π_k/π_j) ∫√(f_j f_k) ≥ C_jk for j ≠ k and faithful weak labels, by 2√(uv) ≤ u + v in the posterior's denominator. (K, K)."""
    root = np.sqrt(world.source)
    return 0.5 * affinity(world) * root / root[:, None]


def sampled_variance(weights: np.ndarray) -> np.ndarray:
    """n times the covariance (K, K) of the shares of n independently drawn concepts with these ``weights`` (K,)."""
    return np.diag(weights) - np.outer(weights, weights)


def deconvolved_variance(world: FiniteMixture) -> np.ndarray:
    """n times the covariance (K, K) of the deconvolved shares of n refined labels: C⁻ᵀ (diag(q_ref) − q_ref q_refᵀ) C⁻¹, for every n."""
    matrix = confusion(world)
    return deconvolve(deconvolve(sampled_variance(world.target @ matrix), matrix).T, matrix)


def amplification(world: FiniteMixture) -> float:
    """Variance of deconvolved weights over that of the sampled weights they come from, both summed in the norm √(Σ v_k²/π_k).

    For n independently drawn concepts of refined labels; the number does not depend on n.
    """
    matrix = confusion(world)
    before, after = sampled_variance(world.target @ matrix), deconvolved_variance(world)
    return float(np.sum(np.diag(after) / world.source) / np.sum(np.diag(before) / world.source))


def amplification_bound(world: FiniteMixture) -> float:
    """1/λ_min²: the amplification in the worst direction, for faithful weak labels."""
    return float(spectrum(world)[-1] ** -2)


def likelihood_variance(world: FiniteMixture) -> np.ndarray:
    """n times the asymptotic covariance (K, K) of the maximum-likelihood prior, where EM ends: diag(q) C(q)⁻¹ − q qᵀ.

    C(q) is the confusion of a strong model whose own prior is q; q must be positive and weak labels faithful. The Cramér–Rao bound.
    """
    if not (world.is_faithful() and np.all(world.target > 0)):
        raise ValueError("world must have faithful weak labels and a positive target prior for the bound to exist.")
    inverse = deconvolve(np.eye(world.count), confusion(world, world.target))
    return world.target[:, None] * inverse - np.outer(world.target, world.target)


def em_path(world: FiniteMixture, rounds: int) -> np.ndarray:
    """EM on unlimited weak labels, from π: the priors (rounds + 1, K). They tend to q for faithful labels and linearly independent f_k."""
    labels, weights = world.nodes()
    evidence, mass = world.log_densities(labels).reshape(-1, world.count), (world.target[:, None] * weights).ravel()
    return expectation_maximisation(evidence, world.source, rounds=rounds, weights=mass)


def em_divergences(world: FiniteMixture, path: np.ndarray) -> np.ndarray:
    """KL(law of a weak label ‖ Σ_k p_k f_k) for each p of ``path`` (m, K), faithful weak labels: (m,)."""
    labels, weights = world.nodes()
    mass = (world.target[:, None] * weights).ravel()
    evidence = world.log_densities(labels).reshape(-1, world.count)
    densities = np.exp(evidence - evidence.max(axis=1, keepdims=True))
    at = mass > 0
    return mass[at] @ np.log((densities[at] @ world.target)[:, None] / (densities[at] @ path.T))


def prior_divergence(world: FiniteMixture) -> float:
    """KL(q ‖ π) ≥ Σ_m KL(law of a weak label ‖ Σ_k p_k f_k) over all rounds p of EM from π."""
    return float(np.sum(rel_entr(world.target, world.source)))


def weak_law_divergence_bound(world: GaussianMixture) -> float:
    """Σ_k q_k KL(f_k ‖ f^w_k) ≥ KL(Σ q_k f_k ‖ Σ q_k f^w_k): the error of copying the weak law, an equality for one concept.

    KL(f_k ‖ f^w_k) = ½ [σ²/τ² − 1 − log(σ²/τ²)] + (μ_k − μ^w_k)²/(2τ²).
    """
    ratio = (world.noise / world.weak_scale) ** 2
    shift = np.square(world.means - world.weak_centres) / (2.0 * world.weak_scale**2)
    return float(world.target @ (0.5 * (ratio - 1.0 - np.log(ratio)) + shift))


def refined_concepts(plan: Refinement, count: int, rng: np.random.Generator) -> np.ndarray:
    """The concepts (count,) behind ``count`` refined prompts: weak labels sampled, concepts drawn, labels drawn anew, round after round."""
    _, labels = plan.world.sample(count, rng=rng, examples=plan.examples)
    return refine(plan.world, labels, rng=rng, rounds=plan.rounds)[0]


#: The share of the first concept among refined labels.
FIRST_SHARE = Quantity(
    "share of the first concept among refined labels",
    lambda plan: refined_prior(plan)[0],
    lambda plan, count, rng: (refined_concepts(plan, count, rng) == 0).astype(np.float64),
)
#: The same from the formula for one round on an even pair, two concepts at ±D: ½ + (q − ½)(1 − 2c(D√n)).
TWO_CONCEPT_SHARE = Quantity(
    "share of the first of two concepts among refined labels",
    lambda plan: 0.5 + (plan.world.target[0] - 0.5) * (1.0 - 2.0 * _confusion_of(plan)),
    FIRST_SHARE.trials,
)


def is_even_pair(plan: Refinement) -> bool:
    """True for two Gaussian concepts with equal source priors and unbiased weak means."""
    world = plan.world
    if not isinstance(world, GaussianMixture) or world.count != 2:
        return False
    return bool(world.source[0] == world.source[1]) and bool(np.array_equal(world.means, world.weak_centres))


def _confusion_of(plan: Refinement) -> float:
    """c of two concepts seen through prompts of n labels, at half their distance times √n."""
    world = plan.world
    if not (is_even_pair(plan) and plan.rounds == 1):
        raise ValueError(
            "plan must be one round on two Gaussian concepts with equal source priors and unbiased weak means; use FIRST_SHARE for others."
        )
    assert isinstance(world, GaussianMixture)
    separation = abs(world.means[0] - world.means[1]) / (2.0 * world.noise)
    return confusion_probability(float(separation * np.sqrt(plan.examples)), noise_ratio=world.weak_scale / world.noise)
