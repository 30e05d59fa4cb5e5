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
from scipy.special import softmax

from .._validation import as_float, finite, generator, sample_weights, shares, whole
from ..montecarlo import categorical
from ..problems.mixtures import FiniteMixture

#: A confusion matrix whose condition number exceeds this is singular for the purpose: deconvolution would return rounding errors.
MOST_CONDITION = 1e12


def concept_posterior(log_likelihoods: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """P(k | label) ∝ prior_k exp(log_likelihoods_k), along the last axis (K); ``prior`` (K,).

    Raises ``ValueError`` where every concept of positive prior is impossible, for NaN, and for a prior that is none over these concepts.
    """
    prior = shares("prior", prior)
    log_likelihoods, _ = _possible(log_likelihoods, prior)
    with np.errstate(divide="ignore"):
        return softmax(log_likelihoods + np.log(prior), axis=-1)


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
        concepts = categorical(concept_posterior(evidence, mixture.source), rng=rng)
        labels = mixture.draw(np.broadcast_to(concepts[:, None], labels.shape), rng=rng)
    return concepts, labels


def expectation_maximisation(
    log_likelihoods: np.ndarray, prior: np.ndarray, *, rounds: int, weights: np.ndarray | None = None
) -> np.ndarray:
    """EM for the prior from ``log_likelihoods`` (n, K) of labels with ``weights`` (n,): the path (rounds + 1, K), which starts at ``prior``.

    The prior is replaced by the mean posterior in each round; the likelihood never falls, and the path tends to the maximum-likelihood prior.
    A concept of prior 0 keeps it. Raises ``ValueError`` where every concept of positive prior is impossible (labels of weight 0 aside),
    for NaN, and for shapes that don't belong together.
    """
    log_likelihoods, path = np.asarray(as_float("log_likelihoods", log_likelihoods), dtype=np.float64), [shares("prior", prior)]
    if log_likelihoods.ndim != 2:
        raise ValueError(f"log_likelihoods must have shape (n, K), one label in a row; it is {log_likelihoods.shape}.")
    share = np.asarray(sample_weights(weights, log_likelihoods, log_likelihoods.shape[:1]))
    log_likelihoods, reach = _possible(log_likelihoods[share > 0], path[0])
    likelihoods, share = np.exp(np.where(path[0] > 0, log_likelihoods, -np.inf) - reach), share[share > 0]
    for _ in range(whole("rounds", rounds, at_least=0)):
        path.append(path[-1] * (share @ (likelihoods / (likelihoods @ path[-1])[:, None])))
    return np.stack(path)


def deconvolve(weights: np.ndarray, confusion: np.ndarray) -> np.ndarray:
    """q with Cᵀ q = ``weights`` (..., K), for the ``confusion`` matrix C (K, K), rows summing to one.

    Linear, hence unbiased when ``weights`` are; the answer sums to one but sampling noise can make entries negative. Raises
    ``ValueError`` when C is singular (concepts that weak labels can't tell apart can't be separated afterwards), for NaN and other shapes.
    """
    confusion, weights = finite("confusion", confusion, ndim=2), finite("weights", weights, min_ndim=1)
    if confusion.shape[0] != confusion.shape[1] or weights.shape[-1] != len(confusion):
        raise ValueError(
            f"confusion must have shape (K, K) and weights (..., K) for the same concepts; they are {confusion.shape} and {weights.shape}."
        )
    condition = float(np.linalg.cond(confusion))
    if not condition < MOST_CONDITION:
        raise ValueError(
            f"confusion must be invertible; its condition number is {condition:.3g}. Some mix of concepts looks like another in the weak "
            "labels: merge those concepts."
        )
    return np.linalg.solve(confusion.T, weights[..., None])[..., 0]


def plurality(votes: np.ndarray, *, rng: np.random.Generator) -> np.ndarray:
    """The index with most ``votes`` along the last axis; ties are broken at random, all alike."""
    tied = np.asarray(votes) == np.max(votes, axis=-1, keepdims=True)
    return categorical(tied, rng=rng)


def _possible(log_likelihoods: np.ndarray, prior: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log-likelihoods (..., K) as float64, and the largest of a concept of positive prior (..., 1), or raise where there is none."""
    values = np.asarray(as_float("log_likelihoods", log_likelihoods), dtype=np.float64)
    if values.ndim < 1 or values.shape[-1] != prior.size or values.size == 0:
        raise ValueError(
            f"log_likelihoods must have shape (..., K), one entry for each of the {prior.size} concepts of the prior; it is {values.shape}."
        )
    reach = np.where(prior > 0, values, -np.inf).max(axis=-1, keepdims=True)
    if not (np.all(np.isfinite(reach)) and np.all(values < np.inf)):
        raise ValueError(
            "log_likelihoods must not be NaN or +inf, and must leave at least one concept of positive prior possible everywhere; somewhere none "
            "is. Drop those labels."
        )
    return values, reach
