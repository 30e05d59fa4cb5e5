"""A prompt whose examples have a concept each, read by a strong model that believes that all share one.

    k_i ~ q,   y_i = β^w_{k_i}·x_i + τ ξ_i,   x_i ~ N(0, I_d)         the strong model: one k ~ π for the prompt, y_i ~ N(β_k·x_i, σ²)

What should be learned is the mixture: its regression function is that of the mean head β_q = Σ q_k β_k, and its answers to one x differ by
more than noise, by Σ q_k ‖β_k − β_q‖² on average over x. NumPy float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .._validation import generator, whole
from .concepts import ConceptWorld
from .regression_mixture import RegressionMixture


@dataclass(frozen=True, eq=False)
class MixturePrompt:
    """``world``: the mixture that labels; ``examples`` n ≥ 1 of them in each prompt. Raises ``ValueError`` for fewer."""

    world: RegressionMixture
    examples: int

    def __post_init__(self) -> None:
        whole("examples", self.examples)

    @cached_property
    def reader(self) -> ConceptWorld:
        """The strong model that reads the prompts: its weak vector is the mean Σ q_k β^w_k of the labelling heads, its target β_q."""
        world = self.world
        return ConceptWorld(
            world.concepts,
            world.target @ world.weak,
            weak_noise=world.weak_scale,
            belief=world.noise,
            prior=world.source,
            target=world.target_head,
        )

    @property
    def diversity(self) -> float:
        """Σ q_k ‖β_k − β_q‖²: variance of the target's answers beyond noise, averaged over x."""
        away = self.world.concepts - self.world.target_head
        return float(self.world.target @ np.sum(np.square(away), axis=-1))

    def sample(self, prompts: int, *, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """``prompts`` independent prompts: features (prompts, n, d) and labels (prompts, n), a concept for each example."""
        generator(rng)
        features = rng.standard_normal((whole("prompts", prompts), self.examples, self.world.d))
        return features, self.world.weak_labels(features, rng=rng)
