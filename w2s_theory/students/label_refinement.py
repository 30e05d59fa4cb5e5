"""Rules that turn weak labels into better ones, or into the prior behind them, when the concepts are known and their prior is not.

* label refinement: for a weak label y', draw a concept k with probability ∝ π_k f_k(y') and answer with a fresh label y ~ f_k;
* iterated with the frozen prior π of the strong model: refine the refined labels again;
* EM: put the mean posterior in place of the prior, and repeat. The first step gives the weights of refined labels, then they part;
* deconvolution: with a known confusion matrix C, whose row j says what refinement makes of concept j, solve Cᵀ q = weights.

After somerstep2025limitations, reconstructed here. Log-likelihoods are arrays (..., K); the same code serves single labels, prompts of
several (add their log-likelihoods) and the nodes of a quadrature. NumPy float64.
"""

from __future__ import annotations

import numpy as np

from .._validation import finite, generator, sample_weights, shares, whole
from ..problems.mixtures import FiniteMixture, categorical

#: A confusion matrix whose condition number exceeds this is singular for the purpose: deconvolution would return rounding errors.
MOST_CONDITION = 1e12


def posterior(log_likelihoods: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """P(k | label) ∝ prior_k exp(log_likelihoods_k), along the last axis (K).

    Raises ``ValueError`` where every concept is impossible, or for NaN.
    """
    with np.errstate(divide="ignore"):
        joint = np.asarray(log_likelihoods, dtype=np.float64) + np.log(prior)
    top = joint.max(axis=-1, keepdims=True)
    if not np.all(np.isfinite(top)):
        raise ValueError(
            "log_likelihoods must leave at least one concept of positive prior possible everywhere; somewhere none is."
        )
    weights = np.exp(joint - top)
    return weights / weights.sum(axis=-1, keepdims=True)


def refine(
    mixture: FiniteMixture, labels: np.ndarray, *, rng: np.random.Generator, rounds: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Refine prompts of labels (count, n) ``rounds`` times with the frozen prior: concepts (count,) and refined labels (count, n).

    The labels of a prompt share a concept, so one concept is drawn for each prompt and all of its labels are drawn anew from it.
    Raises ``ValueError`` for labels of another shape or with NaN.
    """
    generator(rng)
    labels = np.asarray(labels)
    finite("labels", labels, ndim=2)
    concepts = np.zeros(len(labels), dtype=np.int64)
    for _ in range(whole("rounds", rounds)):
        evidence = mixture.log_densities(labels).sum(axis=1)
        concepts = categorical(posterior(evidence, mixture.source), rng)
        labels = mixture.draw(np.broadcast_to(concepts[:, None], labels.shape), rng=rng)
    return concepts, labels


def expectation_maximisation(
    log_likelihoods: np.ndarray, prior: np.ndarray, *, rounds: int, weights: np.ndarray | None = None
) -> np.ndarray:
    """EM for the prior from ``log_likelihoods`` (n, K) of labels with ``weights`` (n,): the path (rounds + 1, K), which starts at ``prior``.

    The prior is replaced by the mean posterior in each round; the likelihood never falls, and the path tends to the maximum-likelihood prior.
    """
    log_likelihoods = np.asarray(log_likelihoods, dtype=np.float64)
    share = np.asarray(sample_weights(weights, log_likelihoods, log_likelihoods.shape[:1]))
    top = log_likelihoods.max(axis=1, keepdims=True)
    if not np.all(np.isfinite(top)):
        raise ValueError("log_likelihoods must leave at least one concept possible for every label; somewhere none is.")
    likelihoods = np.exp(log_likelihoods - top)
    path = [shares("prior", prior)]
    for _ in range(whole("rounds", rounds, at_least=0)):
        path.append(path[-1] * (share @ (likelihoods / (likelihoods @ path[-1])[:, None])))
    return np.stack(path)


def deconvolve(weights: np.ndarray, confusion: np.ndarray) -> np.ndarray:
    """q with Cᵀ q = ``weights`` (..., K), for the ``confusion`` matrix C (K, K), rows summing to one.

    Linear, hence unbiased when ``weights`` are; the answer sums to one but sampling noise can make entries negative. Raises
    ``ValueError`` when C is singular: concepts that weak labels can't tell apart can't be separated afterwards.
    """
    condition = float(np.linalg.cond(confusion))
    if not condition < MOST_CONDITION:
        raise ValueError(
            f"confusion must be invertible; its condition number is {condition:.3g}. Some mix of concepts looks like another in the weak "
            "labels: merge those concepts."
        )
    return np.linalg.solve(confusion.T, np.asarray(weights)[..., None])[..., 0]


def plurality(votes: np.ndarray, *, rng: np.random.Generator) -> np.ndarray:
    """The index with most ``votes`` along the last axis; ties are broken at random, all alike."""
    tied = np.asarray(votes) == np.max(votes, axis=-1, keepdims=True)
    return categorical(tied.astype(np.float64), generator(rng))
