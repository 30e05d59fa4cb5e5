"""The refiner: a strong model that reads weakly labelled examples, infers by Bayes which concept is meant, and answers with its own.

Reading n examples (x_i, y_i), the strong model's posterior over concepts is

    w_k ∝ α_k exp(−Σ_i (y_i − β_k·x_i)² / 2σ²)                          for sharp concepts,
    w_k ∝ α_k N(y; X β_k, σ² I + ψ² X Xᵀ)                               for soft ones (spread ψ > 0),

in the notation of ``problems.concepts``: α the prior, σ the ``belief``, ψ the ``spread``, X with rows x_i, B with columns β_k.
It answers a query x with the mixture Σ_k w_k N(β_k·x, σ²) (soft: with the posterior mean of the concept). A student trained on
answers that come from a fresh prompt for every query converges to the head B w̄, w̄ = E w. NumPy float64.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy.special import softmax

from .._validation import finite, generator, whole
from ..problems.concepts import ConceptWorld

#: Prompts simulated at once: (K, CHUNK) arrays then stay in the second-level cache.
CHUNK = 2048


def log_evidence(world: ConceptWorld, features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """log p(labels | features, concept k) for prompts of n examples, up to a constant in k: (..., K).

    ``features``: (..., n, d); ``labels``: (..., n). n = 0 gives zeros. The prior is not included.
    """
    features, labels = _prompts(world, features, labels)
    residuals = labels[..., None, :] - world.concepts @ np.swapaxes(features, -1, -2)  # (..., K, n)
    if world.is_sharp():
        return -0.5 / world.belief**2 * np.sum(np.square(residuals), axis=-1)
    roots = np.linalg.cholesky(_covariance(world, features))
    whitened = np.linalg.solve(roots, np.swapaxes(residuals, -1, -2))  # (..., n, K): one factorisation for all concepts
    return -0.5 * np.sum(np.square(whitened), axis=-2)


def posterior(world: ConceptWorld, features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The strong model's posterior over concepts after reading prompts of n examples: (..., K)."""
    return weights_of(world, log_evidence(world, features, labels))


def log_weights(world: ConceptWorld, evidence: np.ndarray) -> np.ndarray:
    """Log posterior weights up to a constant, evidence + log(prior/its largest), (..., K): what to take the largest of."""
    evidence = np.asarray(evidence, dtype=float)
    if evidence.shape[-1:] != (world.count,):
        raise ValueError(f"evidence must have one entry for each of {world.count} concepts; its shape is {evidence.shape}.")
    with np.errstate(divide="ignore"):
        return evidence + np.log(world.alpha / world.alpha.max())  # equal priors add nothing, not even rounding


def weights_of(world: ConceptWorld, evidence: np.ndarray) -> np.ndarray:
    """Posterior weights from log evidence, both (..., K) (with the prior added here)."""
    return softmax(log_weights(world, evidence), axis=-1)


def refined_heads(world: ConceptWorld, features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The head with which the strong model answers after each prompt, E[β | prompt]: (..., d)."""
    weights = posterior(world, features, labels)
    heads = weights @ world.concepts
    if world.is_sharp():
        return heads
    features, labels = _prompts(world, features, labels)
    left_over = labels - (features @ heads[..., None])[..., 0]
    pulled = np.linalg.solve(_covariance(world, features), left_over[..., None])
    return heads + world.spread**2 * (np.swapaxes(features, -1, -2) @ pulled)[..., 0]


def simulate_evidence(world: ConceptWorld, sizes: Iterable[int], prompts: int, *, rng: np.random.Generator) -> np.ndarray:
    """log evidence of independent simulated prompts at several lengths: (sizes, prompts, K), relative to the aligned concept.

    The raw mechanism, one example after another: draw x, label it by the weak model, add every concept's log likelihood. The first n
    examples of a prompt are the prompt of length n, so sizes share draws. A Gaussian world is simulated in its at most K + 2 relevant
    features whatever d is (they carry everything); memory beyond the answer does not grow with prompts or n.
    Raises ``ValueError`` for soft concepts, whose evidence is no sum over examples: use ``log_evidence``.
    """
    generator(rng)
    if not world.is_sharp():
        raise ValueError("spread must be 0 for evidence that is a sum over examples; use log_evidence on sampled prompts.")
    sizes = [whole("each size", n, at_least=0) for n in sizes]
    if world.is_gaussian():
        world = world.reduced
    longest = max(sizes, default=0)
    found = np.empty((len(sizes), whole("prompts", prompts), world.count))
    for start in range(0, prompts, CHUNK):
        rows = slice(start, min(start + CHUNK, prompts))
        many = rows.stop - rows.start
        total, product, half = np.zeros((world.count, many)), np.empty((world.count, many)), np.empty((world.count, many))
        for n in range(longest + 1):
            for i in (i for i, size in enumerate(sizes) if size == n):
                found[i, rows] = (total - total[world.aligned]).T
            if n == longest:
                break
            x = world.draw_features((world.d, many), rng=rng)
            label = world.weak @ x
            label += world.weak_noise * rng.standard_normal(many)
            np.matmul(world.concepts, x, out=product)
            np.multiply(product, -0.5, out=half)
            half += label
            half *= product  # y β·x − (β·x)²/2 = [y² − (y − β·x)²]/2
            total += half
    found /= world.belief**2
    return found


def _covariance(world: ConceptWorld, features: np.ndarray) -> np.ndarray:
    """σ² I + ψ² X Xᵀ of the labels of a prompt under one soft concept, (..., n, n)."""
    n = features.shape[-2]
    return world.belief**2 * np.eye(n) + world.spread**2 * features @ np.swapaxes(features, -1, -2)


def _prompts(world: ConceptWorld, features: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    features, labels = np.asarray(features, dtype=float), np.asarray(labels, dtype=float)
    if features.ndim < 2 or features.shape[-1] != world.d or features.shape[:-1] != labels.shape:
        raise ValueError(
            f"features must have shape (..., n, {world.d}) and labels (..., n); they are {features.shape} and {labels.shape}."
        )
    if labels.size:
        finite("features", features)
        finite("labels", labels)
    return features, labels
