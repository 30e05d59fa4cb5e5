"""A target that mixes concepts is refined to a single one, and naive fine-tuning on the same right labels has no error at all.

The strong model believes that a prompt's examples share a concept. Each has its own, drawn from q, and the posterior tends to the concept
nearest to the mean head Σ q_k β^w_k: the error to the mixture's mean β_q tends to ‖β_k̂ − β_q‖², for right labels and orthonormal concepts
‖e_mode − q‖². With W̄ a bound on E[1 − w_k̂] and D the largest distance to k̂, the error is off by at most 2√R D W̄ + D² W̄². A check
computes the left side from pairs of sampled prompts (their product is unbiased for the error of a student of fresh prompts).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...problems.mixture_prompt import MixturePrompt
from ...problems.regression_mixture import RegressionMixture
from ...quantities.diversity_collapse import collapse_bound, collapsed_error, collapsing_weights
from ...quantities.phase_boundaries import nearest
from ...statements import Assumption, InLimit, Sides, Statement
from .._limits import MOST_EXAMPLES, SOURCE, Reach


def _sides(prompt: MixturePrompt, count: int, rng: np.random.Generator) -> Sides:
    heads = collapsing_weights(prompt, 2 * count, rng=rng) @ prompt.world.concepts
    first, second = (heads - prompt.world.target_head).reshape(2, count, -1)
    return Sides(np.sum(first * second, axis=-1), collapsed_error(prompt))


def _envelope(prompt: MixturePrompt, n: int) -> float:
    limit, concepts = collapsed_error(prompt), prompt.world.concepts
    radius = np.sqrt(np.max(np.sum(np.square(concepts - concepts[nearest(prompt.reader)[0]]), axis=-1)))
    moved = radius * collapse_bound(replace(prompt, examples=n))
    return float((2.0 * np.sqrt(limit) * moved + moved**2) / limit)


def _has_one_nearest(prompt: MixturePrompt) -> bool:
    return nearest(prompt.reader).size == 1


def _is_wrong(prompt: MixturePrompt) -> bool:
    return not _has_one_nearest(prompt) or collapsed_error(prompt) > 1e-9


def _is_covered(prompt: MixturePrompt) -> bool:
    return _has_one_nearest(prompt) and _is_wrong(prompt)


REACH = Reach(_envelope, (0.2, 0.05), MOST_EXAMPLES)


def _examples(rng: np.random.Generator) -> tuple[MixturePrompt, ...]:
    """Concepts in general position with biased weak labels, and orthonormal ones with right labels."""
    concepts = 2.0 * np.eye(3, 4) + 0.3 * rng.standard_normal((3, 4))
    weak = concepts + 0.1 * rng.standard_normal((3, 4))
    general = RegressionMixture(concepts, np.array([0.3, 0.4, 0.3]), np.array([0.1, 0.2, 0.7]), 1.0, weak, 0.3)
    plain = RegressionMixture(np.eye(3), np.full(3, 1.0 / 3.0), np.array([0.75, 0.15, 0.1]), 0.5, weak_noise=0.3)
    return MixturePrompt(general, 1), MixturePrompt(plain, 1)


DIVERSITY_COLLAPSE = Statement(
    name="limits_of_refinement.diversity_collapse",
    says="examples with a concept each: the refined student's error to the mixture's mean → ‖β_k̂ − β_q‖², k̂ nearest to Σ q_k β^w_k",
    relation="==",
    sides=_sides,
    about=MixturePrompt,
    kind=InLimit(at=lambda prompt, n: replace(prompt, examples=n), sizes=REACH.sizes, envelope=_envelope),
    assumptions=(
        Assumption("one concept is nearest to the mean labelling head", _has_one_nearest),
        Assumption("the target is no single concept", _is_wrong),
        REACH.within(_is_covered),
    ),
    source=SOURCE,
    tightness="exact in the limit",
    examples=_examples,
)
