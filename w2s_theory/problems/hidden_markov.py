"""Concepts as hidden Markov models that share their emissions: what a model pretrained on a mixture of them believes of sequences.

    k ~ prior,    h_1 ~ start[k],    h_{t+1} ~ transitions[k, h_t],    o_t ~ emissions[h_t]

After Xie et al. 2022 (arXiv 2111.02080), whose pretraining distribution is such a mixture. NumPy float64.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from .._validation import frozen, generator, probability, shares, whole
from ..montecarlo import categorical, cumulative, inverted


class Sequences(NamedTuple):
    """Tokens and hidden states (count, length), and the concept (count,) of each sequence."""

    tokens: np.ndarray
    states: np.ndarray
    concepts: np.ndarray


@dataclass(frozen=True, eq=False)
class HiddenMarkovConcepts:
    """K concepts over H hidden states and V tokens.

    ``start`` (K, H), ``transitions`` (K, H, H) and ``emissions`` (H, V) hold distributions on the last axis; ``prior`` (K,) over concepts is
    uniform when ``None``. Raises ``ValueError`` for other shapes, negative entries, and distributions that don't sum to one.

    >>> coin = HiddenMarkovConcepts([[1.0, 0.0]], [[[0.5, 0.5], [0.5, 0.5]]], [[1.0, 0.0], [0.0, 1.0]])
    >>> coin.sample(2, 3, rng=np.random.default_rng(0)).tokens.shape
    (2, 3)
    """

    start: np.ndarray
    transitions: np.ndarray
    emissions: np.ndarray
    prior: np.ndarray | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "transitions", _rescaled("transitions", self.transitions, 3))
        object.__setattr__(self, "emissions", _rescaled("emissions", self.emissions, 2))
        object.__setattr__(self, "start", _rescaled("start", self.start, 2))
        count, states = self.transitions.shape[:2]
        prior = np.full(count, 1.0 / count) if self.prior is None else self.prior
        object.__setattr__(self, "prior", _rescaled("prior", prior, 1))
        wanted = {"start": (count, states), "transitions": (count, states, states), "prior": (count,)}
        wanted["emissions"] = (states, self.emissions.shape[1])
        for name, shape in wanted.items():
            if getattr(self, name).shape != shape:
                raise ValueError(
                    f"{name} must have shape {shape} for {count} concepts over {states} states; its shape is "
                    f"{getattr(self, name).shape}. Put concepts first, distributions on the last axis."
                )

    @property
    def n_concepts(self) -> int:
        """K."""
        return self.transitions.shape[0]

    @property
    def n_states(self) -> int:
        """H."""
        return self.transitions.shape[1]

    @property
    def vocabulary(self) -> int:
        """V: tokens are 0 … V − 1."""
        return self.emissions.shape[1]

    def smoothed(self, slips: float) -> HiddenMarkovConcepts:
        """The same, but a token is a uniformly random one with probability ``slips``; with slips > 0 no sequence is impossible."""
        probability("slips", slips, strict=False)
        return replace(self, emissions=(1.0 - slips) * self.emissions + slips / self.vocabulary)

    def as_tokens(self, name: str, value: Any) -> np.ndarray:
        """``value`` as whole numbers (N, L) within the vocabulary; raises ``ValueError`` otherwise."""
        tokens = np.asarray(value)
        if tokens.ndim != 2 or tokens.size == 0 or tokens.dtype.kind not in "iu":
            raise ValueError(
                f"{name} must be whole numbers of shape (sequences, length), not empty; shape {tokens.shape}, dtype "
                f"{tokens.dtype}. Sequences of other lengths go in calls of their own."
            )
        if tokens.min() < 0 or tokens.max() >= self.vocabulary:
            raise ValueError(
                f"{name} must lie in 0 … {self.vocabulary - 1}; they go from {tokens.min()} to {tokens.max()}. Map them first."
            )
        return tokens

    def sample(self, count: int, length: int, *, rng: np.random.Generator) -> Sequences:
        """``count`` sequences of ``length`` tokens, each of a concept drawn from the prior."""
        generator(rng)
        assert self.prior is not None
        concepts = categorical(self.prior, rng=rng, shape=(whole("count", count),))
        starts = inverted(cumulative(self.start)[concepts], rng=rng)
        states = self.chains(concepts, starts, length, rng=rng)
        tokens = inverted(cumulative(self.emissions)[states], rng=rng)
        return Sequences(tokens, states, concepts)

    def chains(self, concepts: np.ndarray, starts: np.ndarray, length: int, *, rng: np.random.Generator) -> np.ndarray:
        """Hidden states (count, length) from given first states (count,), each under its concept (count,)."""
        states = np.empty((len(concepts), whole("length", length)), dtype=np.intp)
        states[:, 0] = starts
        for t in range(1, length):
            states[:, t] = inverted(self._cumulative_transitions[concepts, states[:, t - 1]], rng=rng)
        return states

    @cached_property
    def _cumulative_transitions(self) -> np.ndarray:
        return cumulative(self.transitions)


def _rescaled(name: str, value: Any, ndim: int) -> np.ndarray:
    """Probabilities whose last axis sums to one exactly: over thousands of tokens the digits lost in printing them would add up."""
    array = shares(name, value, ndim=ndim)
    return frozen(name, array / array.sum(axis=-1, keepdims=True))
