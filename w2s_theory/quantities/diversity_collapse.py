"""A target that mixes concepts, read by a model that infers a single one: its answers lose their diversity.

Concept k loses Σ_j q_j ‖β^w_j − β_k‖²/2σ² + const per example, which is ‖β̄ − β_k‖²/2σ² + another const, β̄ = Σ q_j β^w_j: a long prompt
is answered with the concept nearest to the mean labelling head, and the target's variance between concepts is gone. With right labels
(β^w = β) and orthogonal concepts of equal length that is the mode of q; in general it need not be.

    limit error to the mixture's mean head     ‖β_k̂ − β_q‖²     right labels, orthonormal concepts: ‖e_mode − q‖²
    naive fine-tuning on the same labels       ‖β̄ − β_q‖²       zero for right labels
    variance of answers between concepts       0, while the target's is Σ q_k ‖β_k − β_q‖²

Derived here (after somerstep2025). NumPy float64.
"""

from __future__ import annotations

import numpy as np

from ..problems.mixture_prompt import MixturePrompt
from ..students.refiner import posterior
from .phase_boundaries import nearest, wrong_weight_bound

#: Numbers held at once while simulating prompts (16 MiB of float64).
CHUNK = 2**21


def collapsed_error(prompt: MixturePrompt) -> float:
    """‖β_k̂ − β_q‖²: limit error of refinement as prompts grow.

    Raises ``ValueError`` when several concepts are nearest: which of them a prompt ends on is then left to chance.
    """
    winners = nearest(prompt.reader)
    if winners.size > 1:
        raise ValueError(
            f"target must have one concept nearest to its mean labelling head; {winners.tolist()} tie. Change a share."
        )
    return float(prompt.reader.error(prompt.world.concepts[winners[0]]))


def collapse_bound(prompt: MixturePrompt) -> float:
    """A bound on E[1 − w_k̂] after the prompt's n examples, exponentially small in n; inf when nearest concepts tie."""
    return wrong_weight_bound(prompt.reader, prompt.examples, prompt.world.weak, prompt.world.target)


def collapsing_weights(prompt: MixturePrompt, prompts: int, *, rng: np.random.Generator) -> np.ndarray:
    """Posteriors (prompts, K) of the strong model after sampled prompts."""
    step = max(1, CHUNK // (prompt.examples * (prompt.world.d + 2)))
    sizes = [min(step, prompts - start) for start in range(0, prompts, step)]
    return np.concatenate([posterior(prompt.reader, *prompt.sample(size, rng=rng)) for size in sizes])


def remaining_diversity(prompt: MixturePrompt, weights: np.ndarray) -> np.ndarray:
    """Σ w_k ‖β_k − B w‖² of posteriors (..., K): variance between concepts that answers to one prompt keep, (...)."""
    centre = weights @ prompt.world.concepts
    return weights @ np.sum(np.square(prompt.world.concepts), axis=-1) - np.sum(np.square(centre), axis=-1)
