"""However little a concept bends (ψ > 0), refinement with long prompts has the weak model's error: discreteness is what corrects a bias.

Proof: the answer is β_w + s(β̂ − β_w) + (1 − s)(B w − β_w), so |R(n) − ε_w²| ≤ 2 ε_w (1 − s) ρ + [s τ√(d/n) + (1 − s) ρ]², with ρ the
largest distance of a concept to β_w, and 1 − s = σ²/(σ² + nψ²). The envelope is twice that, because simulation can't settle a ratio at its
very edge. A Gaussian prior (one concept, ridge regression in context) is the special case. Orthogonal prompts. A check computes the left
side from the posterior on raw examples.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...problems.concepts import ConceptWorld, orthonormal_world
from ...problems.prompting import Prompting
from ...quantities.soft_concepts import copied_share, simulated_answers
from ...statements import Assumption, InLimit, Sides, Statement
from .._limits import MOST_ORTHOGONAL, ORTHOGONAL, SOFT, SOURCE, Reach


def _sides(prompting: Prompting, count: int, rng: np.random.Generator) -> Sides:
    world = prompting.world
    return Sides(world.error(simulated_answers(world, prompting.examples, count, rng=rng)), world.weak_error)


def _envelope(prompting: Prompting, n: int) -> float:
    world = prompting.world
    if n < world.d:
        return np.inf
    kept = (1.0 - copied_share(world, n)) * float(np.max(np.linalg.norm(world.concepts - world.weak, axis=-1)))
    moved = copied_share(world, n) * world.weak_noise * np.sqrt(world.d / n) + kept
    return float(2.0 * (2.0 * np.sqrt(world.weak_error) * kept + moved**2) / world.weak_error)


def _is_biased(prompting: Prompting) -> bool:
    return prompting.world.weak_error > 1e-9


REACH = Reach(_envelope, (0.4, 0.06), MOST_ORTHOGONAL)


def _examples(rng: np.random.Generator) -> tuple[Prompting, ...]:
    """One concept, and three of which the right one is identified on the way."""
    only = rng.standard_normal((1, 3))
    ridge = ConceptWorld(only, only[0] + np.array([1.0, 0.5, 0.0]), 0.2, 0.3, spread=1.0)
    plain = replace(orthonormal_world(3, alignment=0.6, length=0.9, weak_noise=0.2, belief=0.25), spread=0.6)
    return Prompting(ridge, 4), Prompting(plain, 4)


NO_ASYMPTOTIC_GAIN = Statement(
    name="limits_of_refinement.no_asymptotic_gain",
    says="soft concepts (ψ > 0), orthogonal prompts: the refiner's error → ε_w²; the bias is copied",
    relation="==",
    sides=_sides,
    about=Prompting,
    kind=InLimit(at=lambda prompting, n: replace(prompting, examples=n), sizes=REACH.sizes, envelope=_envelope),
    assumptions=(
        SOFT,
        ORTHOGONAL,
        Assumption("the weak model has a bias", _is_biased),
        REACH.within(lambda prompting: SOFT.is_met(prompting) and _is_biased(prompting)),
    ),
    source=SOURCE,
    tightness="exact in the limit; sharp concepts (ψ = 0) escape it",
    examples=_examples,
)
