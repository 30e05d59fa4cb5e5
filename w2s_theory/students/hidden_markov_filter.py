"""Exact Bayes for hidden Markov concepts: likelihoods, the posterior over concepts, the law of the next token, many sequences at once.

The forward recursion for concept k, with a_t[h] = P(o_1 … o_t, h_t = h | k),

    a_1 = start[k] · emissions[:, o_1],      a_{t+1} = (a_t transitions[k]) · emissions[:, o_{t+1}],      log-likelihood = log Σ_h a_t[h]

is one matrix product per step for a block of sequences and all concepts. a is rescaled every few steps, as rarely as the smallest positive
probability allows, and the logarithms of the scales are kept, so that long sequences don't underflow.

``InContextRefiner`` answers a prompt by the likeliest next token: exact Bayes in the sense of Xie et al. 2022 (arXiv 2111.02080), for
which in-context learning is the posterior over concepts given the prompt. NumPy float64.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.special import softmax

from .._validation import whole
from ..problems.hidden_markov import HiddenMarkovConcepts

#: Sequences per matrix product: enough for BLAS, few enough for a (K, BLOCK, H) block and its successor to stay in cache.
BLOCK = 256

#: A block is rescaled before its sum can have fallen below this, and after LONGEST steps at most. What is left of the range of
#: float64 is for states that are unlikely beside others of the same concept: they count down to a share of about 1e-200.
SMALLEST, LONGEST = 1e-100, 16


@dataclass(frozen=True, eq=False)
class Filtered:
    """What sequences say under each concept: ``log_likelihoods`` (..., N, K) in nats, and ``states`` (..., N, K, H) = P(h_t | o_1 … o_t, k).

    Where a sequence is impossible under a concept the log-likelihood is −inf and the states are 0.
    """

    world: HiddenMarkovConcepts
    log_likelihoods: np.ndarray
    states: np.ndarray

    @property
    def is_possible(self) -> np.ndarray:
        """(..., N): whether the sequence is possible under a concept of positive prior, so that there is a posterior."""
        assert self.world.prior is not None
        return np.any((self.log_likelihoods > -np.inf) & (self.world.prior > 0), axis=-1)

    @property
    def posterior(self) -> np.ndarray:
        """P(k | o_1 … o_t), (..., N, K). Raises ``ValueError`` where a sequence is impossible under every concept."""
        assert self.world.prior is not None
        possible = self.is_possible
        if not np.all(possible):
            lost = np.argwhere(~possible)
            raise ValueError(
                f"{len(lost)} of {possible.size} sequences are impossible under every concept, the first at index "
                f"{tuple(int(i) for i in lost[0])}: there is no posterior. Filter under world.smoothed(0.02), or "
                "leave them out (is_possible)."
            )
        with np.errstate(divide="ignore"):
            return softmax(self.log_likelihoods + np.log(self.world.prior), axis=-1)

    @property
    def predictive(self) -> np.ndarray:
        """P(o_{t+1} | o_1 … o_t), (..., N, V): the concepts' own predictions, weighted by the posterior. Raises as ``posterior``."""
        weighted = self.posterior[..., None] * self.states
        following = sum(weighted[..., k, :] @ transition for k, transition in enumerate(self.world.transitions))
        return following @ self.world.emissions


def forward_filter(world: HiddenMarkovConcepts, tokens: Any, *, lengths: Sequence[int] | None = None) -> Filtered:
    """Filter ``tokens`` (N, L) under every concept of ``world``.

    With ``lengths``, increasing within 1 … L, the answer is about these prefixes, on a new first axis, at the cost of one pass. Needs
    8·N·K·H bytes per prefix. Raises ``ValueError`` for tokens outside the vocabulary, other lengths, and where a sequence outlives the
    range of float64: one that only states of a share below 1e-200 can explain.
    """
    tokens = world.as_tokens("tokens", tokens)
    count, length = tokens.shape
    ends = [length] if lengths is None else [whole("lengths", end) for end in lengths]
    if not ends or ends[-1] > length or any(b <= a for a, b in pairwise(ends)):
        raise ValueError(f"lengths must increase within 1 … {length}, the number of tokens; they are {ends}. Sort them.")
    log_likelihoods = np.empty((len(ends), count, world.n_concepts))
    states = np.empty((len(ends), count, world.n_concepts, world.n_states))
    for first in range(0, count, BLOCK):
        rows = slice(first, first + BLOCK)
        _filter_block(world, tokens[rows], ends, log_likelihoods[:, rows], states[:, rows])
    _refuse_underflow(world, tokens[:, : ends[-1]], np.isneginf(log_likelihoods[-1]))
    if lengths is None:
        return Filtered(world, log_likelihoods[0], states[0])
    return Filtered(world, log_likelihoods, states)


@dataclass(frozen=True, eq=False)
class InContextRefiner:
    """A strong model that believes ``world`` and answers prompts by its likeliest next token: it reads weakly labelled examples in
    context, and labels anew.

    ``predict`` (N,) raises ``ValueError`` for a prompt that is impossible under every concept.
    """

    world: HiddenMarkovConcepts

    def predict(self, prompts: Any) -> np.ndarray:
        """The likeliest next token (N,) of ``prompts`` (N, L); the first one of several."""
        return np.argmax(forward_filter(self.world, prompts).predictive, axis=-1)


def _filter_block(
    world: HiddenMarkovConcepts, tokens: np.ndarray, ends: list[int], log_likelihoods: np.ndarray, states: np.ndarray
) -> None:
    """Fill ``log_likelihoods`` (M, b, K) and ``states`` (M, b, K, H) for one block of sequences (b, L)."""
    by_token, by_step = np.ascontiguousarray(world.emissions.T), np.ascontiguousarray(tokens.T)
    seen = by_token[by_step[0]]
    weights = world.start[:, None, :] * seen
    following, scales = np.empty_like(weights), np.zeros(weights.shape[:2])
    period, recorded = _steps_between_scalings(world), 0
    for t in range(1, ends[-1] + 1):
        is_end = t == ends[recorded]
        if is_end or (t - 1) % period == 0:
            total = weights.sum(axis=-1)
            with np.errstate(divide="ignore"):
                scales += np.log(total)
            weights /= np.where(total > 0, total, 1.0)[..., None]
        if is_end:
            log_likelihoods[recorded], states[recorded] = scales.T, weights.transpose(1, 0, 2)
            recorded += 1
        if t < ends[-1]:
            np.matmul(weights, world.transitions, out=following)
            np.take(by_token, by_step[t], axis=0, out=seen, mode="clip")  # tokens were checked; this mode writes without a copy
            np.multiply(following, seen, out=following)
            weights, following = following, weights


def _steps_between_scalings(world: HiddenMarkovConcepts) -> int:
    """How many steps keep the weight of any state that has one above ``SMALLEST`` times what it was."""
    smallest = [float(array[array > 0].min()) for array in (world.transitions, world.emissions)]
    per_step = -sum(map(math.log, smallest))
    return LONGEST if per_step <= 0.0 else int(min(LONGEST, max(1.0, -math.log(SMALLEST) / per_step)))


def _refuse_underflow(world: HiddenMarkovConcepts, tokens: np.ndarray, is_lost: np.ndarray) -> None:
    """Raise where a sequence is lost (N, K) although positive probabilities lead all the way through it."""
    by_token = world.emissions.T > 0
    for k in np.flatnonzero(is_lost.any(axis=0)):
        lost = tokens[is_lost[:, k]]
        reached, leads = (world.start[k] > 0) & by_token[lost[:, 0]], (world.transitions[k] > 0).astype(np.float32)
        for step in lost.T[1:]:
            reached = (reached.astype(np.float32) @ leads > 0) & by_token[step]
        count = int(reached.any(axis=-1).sum())
        if count:
            raise ValueError(
                f"tokens must be explained by states of a share above 1e-200; {count} sequences are explained by rarer ones of "
                f"concept {k} only. Make the parts of its chain that don't meet concepts of their own."
            )
