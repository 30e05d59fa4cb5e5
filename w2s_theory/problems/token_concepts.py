"""Concepts over tokens: maps from inputs to labels, a strong model that knows them all, and a weak model that errs on the right one.

A concept is a map c from M inputs to V tokens; concept 0 is the target. The strong model believes that a label of concept k is c_k(x) with
some probability above 1/V, and another token otherwise; it does not know which concept is meant. A weak label at x is drawn from the
weak model's law there. Random errors leave the right token the most likely one everywhere; systematic ones don't. The discrete version of
the setting of somerstep2025. NumPy float64.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._validation import generator, probability, shares, whole
from ..montecarlo import categorical, cumulative, inverted


@dataclass(frozen=True, eq=False)
class TokenConcepts:
    """A finite world of inputs, concepts and weak labels.

    ``concepts``: (K, M) whole numbers, the token that each concept gives at each input, the target first; ``weak_law``: (M, V), P(weak
    label = v | input); ``inputs``: (M,), shares of the inputs; ``examples``: n, weakly labelled examples in a prompt (and weak labels per
    input for the naive student); ``prompts``: how many fresh prompts vote on each label of the student, 1 for none.
    Raises ``ValueError`` otherwise.
    """

    concepts: np.ndarray
    weak_law: np.ndarray
    inputs: np.ndarray
    examples: int = 1
    prompts: int = 1

    def __post_init__(self) -> None:
        concepts = np.array(self.concepts)
        weak_law, inputs = shares("weak_law", self.weak_law, ndim=2), shares("inputs", self.inputs)
        if concepts.ndim != 2 or len(concepts) < 2 or concepts.dtype.kind not in "iu":
            raise ValueError(
                f"concepts must be whole numbers of shape (K, M) with K >= 2; they are {concepts.dtype} of shape {concepts.shape}."
            )
        if not len(weak_law) == inputs.size == concepts.shape[1]:
            raise ValueError(
                f"concepts, weak_law and inputs must agree on the number of inputs; they have {concepts.shape[1]}, {len(weak_law)} and {inputs.size}."
            )
        if concepts.min() < 0 or concepts.max() >= weak_law.shape[1]:
            raise ValueError(
                f"concepts must be tokens from 0 to {weak_law.shape[1] - 1}; they run from {concepts.min()} to {concepts.max()}."
            )
        concepts.setflags(write=False)
        for name, value in (("concepts", concepts), ("weak_law", weak_law), ("inputs", inputs)):
            object.__setattr__(self, name, value)
        whole("examples", self.examples)
        whole("prompts", self.prompts)

    @property
    def truth(self) -> np.ndarray:
        """The target's token at every input, (M,)."""
        return self.concepts[0]

    @property
    def competitors(self) -> range:
        """The indices of the other concepts."""
        return range(1, len(self.concepts))

    def disagreement(self, competitor: int = 1) -> float:
        """δ: the share of inputs where ``competitor``, one of 1 … K − 1, and the target give different tokens."""
        return float(self.inputs[self._other(competitor) != self.truth].sum())

    def support(self, competitor: int = 1) -> tuple[float, float]:
        """(a, b): where the two disagree, how often the weak label is the target's token, and how often it is the competitor's.

        (0, 0) when they agree everywhere.
        """
        other = self._other(competitor)
        differ = other != self.truth
        mass = self.inputs * differ
        if not np.any(mass):
            return 0.0, 0.0
        at = np.arange(mass.size)
        right, wrong = self.weak_law[at, self.truth], self.weak_law[at, other]
        return float(mass @ right / mass.sum()), float(mass @ wrong / mass.sum())

    def has_one_competitor(self) -> bool:
        """True for K = 2."""
        return len(self.concepts) == 2

    def is_deterministic(self) -> bool:
        """True when the weak label is a function of the input: every error is systematic."""
        return bool(np.all(np.isin(self.weak_law, (0.0, 1.0))))

    def errs_towards_competitor_only(self) -> bool:
        """True when every weak label is the target's token or the first competitor's."""
        at = np.arange(self.inputs.size)
        named = self.weak_law[at, self.truth] + self.weak_law[at, self.concepts[1]] * (self.concepts[1] != self.truth)
        return bool(np.all(named[self.inputs > 0] > 1.0 - 1e-9))

    def is_right_most_often(self) -> bool:
        """True when no token is more likely than the right one, at any input that occurs."""
        at = np.arange(self.inputs.size)
        return bool(np.all((self.weak_law.max(axis=1) <= self.weak_law[at, self.truth])[self.inputs > 0]))

    def sample(self, count: int, *, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """``count`` prompts of independent examples: inputs and weak labels, both (count, examples)."""
        generator(rng)
        shape = (whole("count", count), self.examples)
        inputs = categorical(self.inputs, rng=rng, shape=shape)
        return inputs, inverted(cumulative(self.weak_law)[inputs], rng=rng)

    def _other(self, competitor: int) -> np.ndarray:
        """The tokens of a competitor (M,). Raises ``ValueError`` for an index that is not one's."""
        if whole("competitor", competitor) >= len(self.concepts):
            raise ValueError(f"competitor must be one of 1 … {len(self.concepts) - 1}; it is {competitor!r}.")
        return self.concepts[competitor]


def systematic_errors(*, share: float, disagreement: float, examples: int, prompts: int = 1) -> TokenConcepts:
    """Two concepts that differ on ``disagreement`` δ of the inputs; on ``share`` e of those the weak model always answers as the wrong one.

    Raises ``ValueError`` unless both numbers lie in [0, 1].
    """
    probability("share", share, strict=False)
    probability("disagreement", disagreement, strict=False)
    right = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    mass = [1.0 - disagreement, disagreement * (1.0 - share), disagreement * share]
    return TokenConcepts(np.array([[0, 0, 0], [0, 1, 1]]), right, np.array(mass), examples, prompts)


def random_errors(*, right: float, wrong: float, disagreement: float, examples: int, prompts: int = 1) -> TokenConcepts:
    """Two concepts that differ on ``disagreement`` δ of the inputs; at every input the weak label is the target's token with probability
    ``right`` a, another one with probability ``wrong`` b (the competitor's, where it differs), and a third one otherwise.

    Raises ``ValueError`` unless all three lie in [0, 1], and a + b ≤ 1.
    """
    for name, value in (("right", right), ("wrong", wrong), ("disagreement", disagreement)):
        probability(name, value, strict=False)
    if right + wrong > 1.0 + 1e-12:
        raise ValueError(f"right + wrong must be at most 1; they are {right!r} and {wrong!r}. Lower one of them.")
    law = np.array([[right, wrong, max(1.0 - right - wrong, 0.0)]] * 2)
    return TokenConcepts(np.array([[0, 0], [0, 1]]), law, np.array([1.0 - disagreement, disagreement]), examples, prompts)
