"""Students of weak labels and of refined labels, by the raw mechanism: sample prompts, read them, sample answers, fit least squares.

Four students of one concept world (``problems.concepts``), each as (students, d) heads of independent repetitions:

* ``naive_students``: least squares on weak labels (naive fine-tuning);
* ``refined_students``: least squares on the refiner's answers, a fresh prompt of n weakly labelled examples for every query;
* ``intent_students``: the concept that a batch of n examples makes most likely is read off once, and answers everything: what a
  strong model does that is asked what the examples have in common and is then told so in its system prompt;
* ``repeated_heads``: refinement repeated, the student of one round labelling the next.

NumPy float64.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .._validation import whole
from ..linalg import least_squares
from ..montecarlo import categorical, in_pieces
from ..problems.concepts import ConceptWorld
from .refiner import log_weights, simulate_evidence, weights_of


def naive_students(world: ConceptWorld, labels: int, students: int, *, rng: np.random.Generator) -> np.ndarray:
    """Least-squares heads (students, d), each on ``labels`` ≥ d weak labels."""
    _enough(labels, world)
    return in_pieces(lambda many: _fit(*world.sample(many, labels, rng=rng)), students, numbers=4 * labels * world.d)


def refined_students(world: ConceptWorld, n: int, labels: int, students: int, *, rng: np.random.Generator) -> np.ndarray:
    """Least-squares heads (students, d), each on ``labels`` ≥ d sampled answers, every one from a fresh prompt of n examples."""
    _enough(labels, world)

    def train(many: int) -> np.ndarray:
        weights = weights_of(world, simulate_evidence(world, [n], many * labels, rng=rng)[0])
        features = world.draw_features((many, labels, world.d), rng=rng)
        return _fit(features, answers(world, weights.reshape(many, labels, -1), features, rng=rng))

    return in_pieces(train, students, numbers=4 * labels * (world.d + world.count))


def intent_students(world: ConceptWorld, n: int, students: int, *, rng: np.random.Generator) -> np.ndarray:
    """Heads (students, d): each the concept that its own batch of n weakly labelled examples makes most likely."""
    return world.concepts[read_intent(world, [n], students, rng=rng)[0]]


def read_intent(world: ConceptWorld, sizes: list[int], batches: int, *, rng: np.random.Generator) -> np.ndarray:
    """Index of the most likely concept for simulated batches of several sizes: (sizes, batches). Ties go to the lowest index."""
    return np.argmax(log_weights(world, simulate_evidence(world, sizes, batches, rng=rng)), axis=-1)


def answers(world: ConceptWorld, weights: np.ndarray, features: np.ndarray, *, rng: np.random.Generator) -> np.ndarray:
    """Labels sampled from the refiner's predictive mixture Σ_k w_k N(β_k·x, σ²) at features (..., d), weights (..., K): (...)."""
    concept = world.concepts[categorical(weights, rng=rng)]
    return np.sum(features * concept, axis=-1) + world.belief * rng.standard_normal(concept.shape[:-1])


def repeated_heads(world: ConceptWorld, n: int, rounds: int, *, prompts: int, rng: np.random.Generator) -> np.ndarray:
    """Heads (rounds + 1, d) of refinement repeated: β_w, then students of unlimited answers to fresh prompts.

    The student of each round labels the next round's prompts with its head and the strong model's own noise σ. The mean weights of
    a round are those of ``prompts`` simulated prompts.
    """
    heads = [world.weak]
    for _ in range(whole("rounds", rounds)):
        weights = weights_of(world, simulate_evidence(world, [n], prompts, rng=rng)[0])
        heads.append(weights.mean(axis=0) @ world.concepts)
        world = replace(world, weak=heads[-1], weak_noise=world.belief)
    return np.stack(heads)


def _fit(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return least_squares(features, labels).coefficients


def _enough(labels: int, world: ConceptWorld) -> None:
    if whole("labels", labels) < world.d:
        raise ValueError(
            f"labels must be at least d = {world.d} for a unique least-squares head; it is {labels}. Use more labels."
        )
