"""GINC, a small language of entities and their properties whose topics are hidden Markov models, and its in-context prompts.

A hidden state is an (entity, property) pair, and ``memory[entity, property]`` is the token it emits; property 0 is the delimiter, token 0, for
every entity. Entity and property move independently; concepts differ in how properties move, and in where documents start:

    transitions[k] = entity_transitions ⊗ property_transitions[k]

A prompt has n examples of k tokens, a delimiter after each, then k − 1 tokens x of one more. All start at one property, each at an
entity of its own; the right answer (the label) is the likeliest token after x under the prompt's concept and start. The last token of
an example is its output; weak labels are outputs of which a share is replaced by random tokens.

Written after the text of Xie et al. 2022 (arXiv 2111.02080), Section 4. Its released code mixes 10 permutations where the text says 100;
transitions then have zeros, and prompts, whose delimiters come where no chain puts them, are impossible under every concept.
``released_ginc`` is the language of that code. NumPy only.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.special import softmax

from .._validation import frozen, generator, probability, whole
from .hidden_markov import HiddenMarkovConcepts

#: The published constants: temperatures of the softmax that draws transitions and starts, and the share of staying with an entity.
TRANSITION_TEMPERATURE, START_TEMPERATURE, STAYING = 0.1, 10.0, 0.9

#: States weighed at once while labelling (32 MiB of float64).
CHUNK = 2**22


class Prompts(NamedTuple):
    """``count`` prompts with all their shorter versions: the first ``ends[j]`` tokens are the prompt with j examples.

    ``tokens`` (count, L); ``labels`` (count, n + 1), the right answer to every example and to the last x; ``weak`` (count, n), the outputs as
    the prompt shows them; ``concepts`` (count,); ``ends`` (n + 1,).
    """

    tokens: np.ndarray
    labels: np.ndarray
    weak: np.ndarray
    concepts: np.ndarray
    ends: np.ndarray


@dataclass(frozen=True, eq=False)
class Ginc:
    """A language with K concepts, the first ``pretrained`` of which (all when ``None``) a model is pretrained on.

    ``memory`` (E, P): whole numbers, 0 in column 0 and nowhere else, below ``vocabulary``. ``entity_transitions`` (E, E),
    ``property_transitions`` (K, P, P) and ``start`` (K, E·P) hold distributions on the last axis; the state of (entity, property) is
    entity·P + property. Raises ``ValueError`` otherwise.
    """

    memory: np.ndarray
    entity_transitions: np.ndarray
    property_transitions: np.ndarray
    start: np.ndarray
    vocabulary: int
    pretrained: int | None = None

    def __post_init__(self) -> None:
        memory = frozen("memory", self.memory, ndim=2).astype(np.intp)
        memory.setflags(write=False)
        if np.any(memory != self.memory) or np.any(memory[:, 0] != 0) or np.any(memory[:, 1:] <= 0):
            raise ValueError(
                "memory must hold whole numbers, 0 (the delimiter) in column 0 and nowhere else. Renumber the tokens."
            )
        if memory.shape[1] < 2 or memory.max() >= whole("vocabulary", self.vocabulary):
            raise ValueError(
                f"memory must have two properties at least and tokens below vocabulary = {self.vocabulary}; its shape is "
                f"{memory.shape}, its largest token {memory.max()}."
            )
        object.__setattr__(self, "memory", memory)
        for name, ndim in (("entity_transitions", 2), ("property_transitions", 3), ("start", 2)):
            object.__setattr__(self, name, frozen(name, getattr(self, name), ndim=ndim))
        count, (entities, properties) = len(self.property_transitions), memory.shape
        wanted = {"entity_transitions": (entities, entities), "property_transitions": (count, properties, properties)}
        for name, shape in wanted.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} must have shape {shape}; its shape is {getattr(self, name).shape}. See memory.")
        object.__setattr__(self, "pretrained", count if self.pretrained is None else whole("pretrained", self.pretrained))
        if self.pretrained is not None and self.pretrained > count:
            raise ValueError(f"pretrained must be at most {count}, the number of concepts; it is {self.pretrained}.")
        _ = self.concepts  # checks the distributions

    @cached_property
    def concepts(self) -> HiddenMarkovConcepts:
        """All concepts, under a uniform prior."""
        transitions = np.array([np.kron(self.entity_transitions, each) for each in self.property_transitions])
        return HiddenMarkovConcepts(self.start, transitions, np.eye(self.vocabulary)[self.memory.ravel()])

    @property
    def pretraining(self) -> HiddenMarkovConcepts:
        """What a model pretrained on this language believes: the pretrained concepts under a uniform prior."""
        world, known = self.concepts, self.pretrained
        return HiddenMarkovConcepts(world.start[:known], world.transitions[:known], world.emissions)

    def prompts(
        self, count: int, *, examples: int, length: int, flip: float = 0.0, unseen: bool = False, rng: np.random.Generator
    ) -> Prompts:
        """``count`` prompts of ``examples`` n examples of ``length`` k ≥ 2 tokens; concepts uniform over the pretrained or the unseen ones.

        Each output is replaced, with probability ``flip``, by a token drawn uniformly from the whole vocabulary. The draws of everything
        else don't depend on ``flip``.
        """
        generator(rng)
        whole("count", count)
        whole("examples", examples, at_least=0)
        whole("length", length, at_least=2)
        probability("flip", flip, strict=False)
        assert self.pretrained is not None
        among = (self.pretrained, self.concepts.n_concepts) if unseen else (0, self.pretrained)
        if among[0] == among[1]:
            raise ValueError("unseen prompts need concepts that are not pretrained on; there are none. Lower pretrained.")
        entities, properties = self.memory.shape
        concepts = rng.integers(*among, count)
        first = rng.integers(1, properties, count)
        starts = rng.integers(0, entities, (count, examples + 1)) * properties + first[:, None]
        each = np.repeat(concepts, examples + 1)
        states = self.concepts.chains(each, starts.ravel(), length, rng=rng)
        tokens = self.memory.ravel()[states]
        labels = self._labels(each, np.repeat(first, examples + 1), tokens[:, :-1]).reshape(count, examples + 1)
        tokens = tokens.reshape(count, examples + 1, length)
        is_flipped = rng.random((count, examples)) < flip
        weak = np.where(is_flipped, rng.integers(0, self.vocabulary, (count, examples)), tokens[:, :-1, -1])
        tokens[:, :-1, -1] = weak
        delimited = np.concatenate([tokens, np.zeros_like(tokens[:, :, :1])], axis=2).reshape(count, -1)
        return Prompts(delimited[:, :-2], labels, weak, concepts, np.arange(examples + 1) * (length + 1) + length - 1)

    def _labels(self, concepts: np.ndarray, first: np.ndarray, inputs: np.ndarray) -> np.ndarray:
        """The likeliest token after ``inputs`` (m, k − 1) under each one's concept, started at property ``first`` and any entity."""
        world, labels = self.concepts, np.empty(len(inputs), dtype=np.intp)
        by_token = np.ascontiguousarray(world.emissions.T)
        at_property = np.tile(np.eye(self.memory.shape[1]), self.memory.shape[0])
        size = max(1, CHUNK // (4 * world.n_states))
        for k in np.unique(concepts):
            chosen = np.flatnonzero(concepts == k)
            for rows in (chosen[i : i + size] for i in range(0, len(chosen), size)):
                weights = at_property[first[rows]] * by_token[inputs[rows, 0]]
                for t in range(1, inputs.shape[1]):
                    weights = (weights / weights.sum(axis=-1, keepdims=True)) @ world.transitions[k]
                    weights *= by_token[inputs[rows, t]]
                labels[rows] = np.argmax(weights @ world.transitions[k] @ world.emissions, axis=-1)
        return labels


def random_ginc(
    vocabulary: int = 50,
    *,
    concepts: int = 5,
    unseen: int = 0,
    entities: int = 10,
    properties: int = 10,
    permutations: int = 100,
    rng: np.random.Generator,
) -> Ginc:
    """A language drawn as published: ``concepts`` to pretrain on and ``unseen`` others, vocabularies of 50, 100 or 150 tokens.

    A matrix of transitions is a convex combination of ``permutations`` random permutation matrices, with weights softmax(u/0.1), u uniform
    on (0, 1); entities stay with probability 0.9 on top of it; starts are softmax(u/10). Tokens of the memory are uniform over 1 … vocabulary − 1.
    """
    generator(rng)
    whole("vocabulary", vocabulary, at_least=2)
    count = whole("concepts", concepts) + whole("unseen", unseen, at_least=0)
    whole("entities", entities)
    whole("properties", properties, at_least=2)
    whole("permutations", permutations)
    memory = rng.integers(1, vocabulary, (entities, properties))
    memory[:, 0] = 0
    moving = _mixed_permutations(1, entities, permutations, rng)[0]
    start = softmax(rng.random((count, entities * properties)) / START_TEMPERATURE, axis=-1)
    return Ginc(
        memory,
        (1.0 - STAYING) * moving + STAYING * np.eye(entities),
        _mixed_permutations(count, properties, permutations, rng),
        start,
        vocabulary,
        concepts,
    )


def released_ginc(vocabulary: int = 50) -> Ginc:
    """The very language that the released code (github.com/p-lambda/incontext-learning) draws: 5 concepts, 5 unseen, 10 permutations.

    Its draws are those of NumPy's legacy generator, seeded with 1111, and with 1114 for the entities.
    """
    whole("vocabulary", vocabulary, at_least=2)
    draws = np.random.RandomState(1111)
    memory = draws.randint(1, vocabulary, size=(10, 10))
    memory[:, 0] = 0
    start, properties = [], []
    for _ in range(10):
        start.append(softmax(draws.random_sample(100) / START_TEMPERATURE))
        properties.append(_legacy_mixture(draws))
    moving = _legacy_mixture(np.random.RandomState(1114))
    entities = (1.0 - STAYING) * moving + STAYING * np.eye(10)
    return Ginc(memory, entities, np.array(properties), np.array(start), vocabulary, 5)


def _legacy_mixture(draws: np.random.RandomState) -> np.ndarray:
    """Ten permutation matrices of ten things, mixed."""
    weights = softmax(draws.random_sample(10) / TRANSITION_TEMPERATURE)
    return np.tensordot(weights, np.eye(10)[[draws.permutation(10) for _ in range(10)]], axes=1)


def _mixed_permutations(count: int, size: int, permutations: int, rng: np.random.Generator) -> np.ndarray:
    """``count`` doubly stochastic matrices (count, size, size)."""
    weights = softmax(rng.random((count, permutations)) / TRANSITION_TEMPERATURE, axis=-1)
    orders = rng.permuted(np.broadcast_to(np.arange(size), (count, permutations, size)), axis=-1)
    return np.einsum("cm,cmij->cij", weights, np.eye(size)[orders])
