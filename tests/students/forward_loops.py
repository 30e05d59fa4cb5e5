"""The forward recursion twice more, for tests: in logarithms, one sequence at a time, and as a sum over all paths of hidden states."""

from __future__ import annotations

from itertools import product

import numpy as np
from scipy.special import logsumexp


def log_space(world, tokens) -> tuple[np.ndarray, np.ndarray]:
    """Log-likelihoods (N, K) and log P(tokens, h_t | k) (N, K, H), without scaling."""
    with np.errstate(divide="ignore"):
        start, transitions, emissions = (np.log(array) for array in (world.start, world.transitions, world.emissions))
    ends = np.empty((len(tokens), world.n_concepts, world.n_states))
    for i, sequence in enumerate(tokens):
        for k in range(world.n_concepts):
            log_weights = start[k] + emissions[:, sequence[0]]
            for token in sequence[1:]:
                log_weights = logsumexp(log_weights[:, None] + transitions[k], axis=0) + emissions[:, token]
            ends[i, k] = log_weights
    return logsumexp(ends, axis=2), ends


def by_paths(world, sequence, start=None) -> tuple[np.ndarray, np.ndarray]:
    """Likelihoods (K,) and joint probabilities (K, V) of one sequence and the next token: H^L terms each, one per path."""
    likelihood, following = np.zeros(world.n_concepts), np.zeros((world.n_concepts, world.vocabulary))
    start = world.start if start is None else start
    for k in range(world.n_concepts):
        for path in product(range(world.n_states), repeat=len(sequence)):
            p = start[k, path[0]] * world.emissions[path[0], sequence[0]]
            for before, state, token in zip(path, path[1:], sequence[1:], strict=False):
                p *= world.transitions[k, before, state] * world.emissions[state, token]
            likelihood[k] += p
            following[k] += p * (world.transitions[k, path[-1]] @ world.emissions)
    return likelihood, following
