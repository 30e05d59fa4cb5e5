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
from scipy.special import xlogy

from ..montecarlo import in_pieces
from ..problems.mixture_prompt import MixturePrompt
from ..problems.regression_mixture import RegressionMixture
from ..students.refiner import posterior
from .phase_boundaries import nearest

#: Steps of a bisection of (0, 1): the last one is beyond rounding of all but the smallest λ.
BISECTIONS = 60


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
    """A bound on E[1 − w_k̂] after the prompt's n examples, at most 1, exponentially small in n; 1 when nearest concepts tie.

    Σ_j min_λ λ^λ (1−λ)^(1−λ) (π_j/π_k̂)^λ M_j(λ)ⁿ over 0 < λ < 1, M_j(λ) = Σ_i q_i Δ_ij(λ)^(−1/2) the moment generating function of one
    example's log-odds of j over k̂, and Δ_ij as in quantities.evidence_mgf for labels of the head β^w_i. The logarithm is convex in λ: bisection.
    """
    reader, world = prompt.reader, prompt.world
    winners = nearest(reader)
    if winners.size > 1:
        return 1.0
    rivals = np.delete(np.arange(reader.count), winners[0])
    shares = world.target[world.target > 0.0]
    away = world.weak[world.target > 0.0] - world.concepts[winners[0]]
    steps = world.concepts[rivals] - world.concepts[winners[0]]
    separation, overlap = np.sum(np.square(steps), axis=-1), away @ steps.T  # (K − 1,) and (heads, K − 1)
    noise = np.sum(np.square(away), axis=-1)[:, None] + reader.weak_noise**2
    slope = (separation - 2.0 * overlap) / reader.belief**2
    curve = (separation * noise - np.square(overlap)) / reader.belief**4
    log_odds = np.log(reader.alpha[rivals] / reader.alpha[winners[0]])
    low, high = np.zeros(rivals.size), np.ones(rivals.size)
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        base = 1.0 + middle * slope - np.square(middle) * curve
        with np.errstate(divide="ignore", invalid="ignore"):
            powers = shares[:, None] * base**-0.5
            change = np.sum(powers * (middle * curve - 0.5 * slope) / base, axis=0) / np.sum(powers, axis=0)
            gradient = log_odds + prompt.examples * change + np.log(middle) - np.log1p(-middle)
        falls = gradient < 0.0  # not beyond the end, where some Δ ≤ 0 makes it NaN
        low, high = np.where(falls, middle, low), np.where(falls, high, middle)
    moments = shares @ np.expm1(-0.5 * np.log1p(low * slope - np.square(low) * curve))
    logs = low * log_odds + prompt.examples * np.log1p(moments) + xlogy(low, low) + xlogy(1.0 - low, 1.0 - low)
    return float(min(1.0, np.sum(np.exp(np.minimum(logs, 0.0)))))


def collapsing_weights(prompt: MixturePrompt, prompts: int, *, rng: np.random.Generator) -> np.ndarray:
    """Posteriors (prompts, K) of the strong model after sampled prompts."""
    return in_pieces(
        lambda count: posterior(prompt.reader, *prompt.sample(count, rng=rng)),
        prompts,
        numbers=prompt.examples * (2 * prompt.world.d + 3 * len(prompt.world.concepts)),
    )


def remaining_diversity(world: RegressionMixture, weights: np.ndarray) -> np.ndarray:
    """Σ w_k ‖β_k − B w‖² of posteriors (..., K): variance between concepts that answers to one prompt keep, (...)."""
    centre = weights @ world.concepts
    return weights @ np.sum(np.square(world.concepts), axis=-1) - np.sum(np.square(centre), axis=-1)
