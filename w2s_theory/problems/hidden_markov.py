"""Concepts as hidden Markov models that share their emissions: what a model pretrained on a mixture of them believes of sequences.

    k ~ prior,    h_1 ~ start[k],    h_{t+1} ~ transitions[k, h_t],    o_t ~ emissions[h_t]

After Xie et al. 2022 (arXiv 2111.02080), whose pretraining distribution is such a mixture. NumPy float64.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from .._validation import frozen, generator, positive, whole

#: How far a distribution may sum from one before it is refused rather than rescaled: digits lost in printing it, not a mistake.
SUM_SLACK = 1e-8


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
        object.__setattr__(self, "transitions", _distributions("transitions", self.transitions, 3))
        object.__setattr__(self, "emissions", _distributions("emissions", self.emissions, 2))
        object.__setattr__(self, "start", _distributions("start", self.start, 2))
        count, states = self.transitions.shape[:2]
        prior = np.full(count, 1.0 / count) if self.prior is None else self.prior
        object.__setattr__(self, "prior", _distributions("prior", prior, 1))
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
        if positive("slips", slips, strict=False) > 1.0:
            raise ValueError(f"slips must lie in [0, 1]; it is {slips!r}.")
        return replace(self, emissions=(1.0 - slips) * self.emissions + slips / self.vocabulary)

    def allows_every_sequence(self) -> bool:
        """True when no sequence of tokens is impossible under any concept. Sufficient, not necessary.

        Either every state may emit every token, or every state may come first and follow every other, and every token has a state.
        """
        is_mixing = bool(np.all(self.start > 0) and np.all(self.transitions > 0))
        return bool(np.all(self.emissions > 0)) or (is_mixing and bool(np.all(np.any(self.emissions > 0, axis=0))))

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
        concepts = _draw(_cumulative(self.prior), rng.random(whole("count", count)))
        starts = _draw(_cumulative(self.start)[concepts], rng.random(count))
        states = self.chains(concepts, starts, length, rng=rng)
        tokens = _draw(_cumulative(self.emissions)[states], rng.random(states.shape))
        return Sequences(tokens, states, concepts)

    def chains(self, concepts: np.ndarray, starts: np.ndarray, length: int, *, rng: np.random.Generator) -> np.ndarray:
        """Hidden states (count, length) from given first states (count,), each under its concept (count,)."""
        states = np.empty((len(concepts), whole("length", length)), dtype=np.intp)
        states[:, 0] = starts
        for t in range(1, length):
            states[:, t] = _draw(self._cumulative_transitions[concepts, states[:, t - 1]], rng.random(len(concepts)))
        return states

    @cached_property
    def _cumulative_transitions(self) -> np.ndarray:
        return _cumulative(self.transitions)


def _distributions(name: str, value: Any, ndim: int) -> np.ndarray:
    """``value`` with its last axis rescaled to sum to one, read-only."""
    array = frozen(name, value, ndim=ndim)
    if array.min() < 0:
        raise ValueError(f"{name} must be non-negative; the smallest entry is {array.min():.6g}. They are probabilities.")
    sums = array.sum(axis=-1, keepdims=True)
    worst = float(np.abs(sums - 1.0).max())
    if worst > SUM_SLACK:
        raise ValueError(f"{name} must sum to one over the last axis; a sum is off by {worst:.3g}. Divide by the sums.")
    return frozen(name, array / sums)


def _cumulative(distributions: np.ndarray | None) -> np.ndarray:
    """Cumulative sums that end in exactly one, so that a uniform draw below one always finds an outcome of positive probability."""
    assert distributions is not None
    sums = np.cumsum(distributions, axis=-1)
    return sums / sums[..., -1:]


def _draw(cumulative: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """Outcomes by inversion: the first whose cumulative sum exceeds ``uniform``."""
    return np.sum(cumulative <= uniform[..., None], axis=-1)
