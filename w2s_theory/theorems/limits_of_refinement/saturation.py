"""Evidence between soft concepts saturates: w_k → α_k exp(−‖β_w − β_k‖²/2ψ²)/Σ, which stays below one whatever n is.

A concept that bends by ψ explains β_w by bending, so more examples only sharpen what β_w is. The log-odds of k over k* are (2u_k·β̂ −
‖β_k‖² + ‖β_{k*}‖²)/2v, v = ψ² + σ²/n, off from their limit L_k by at most ‖u_k‖ τ|z|/(v√n) + |L_k|(1 − ψ²/v), z standard normal; a weight
moves by at most a quarter of the largest shift. Orthogonal prompts. A check computes the left side from the posterior on raw examples.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...problems.concepts import ConceptWorld, orthonormal_world
from ...problems.prompting import Prompting
from ...quantities.soft_concepts import copied_share, saturated_weights, simulated_weights
from ...statements import InLimit, Sides, Statement
from .._limits import MOST_ORTHOGONAL, ORTHOGONAL, SOFT, SOURCE, Reach


def _sides(prompting: Prompting, count: int, rng: np.random.Generator) -> Sides:
    world = prompting.world
    weights = simulated_weights(world, prompting.examples, count, rng=rng)
    return Sides(weights[:, world.aligned], saturated_weights(world)[world.aligned])


def _envelope(prompting: Prompting, n: int) -> float:
    world = prompting.world
    if n < world.d:
        return np.inf
    s = copied_share(world, n)  # ψ²/v
    away = np.sum(np.square(world.weak - world.concepts), axis=-1)
    limits = np.abs(away - away[world.aligned]) / (2.0 * world.spread**2)
    arms = np.linalg.norm(world.concepts - world.concepts[world.aligned], axis=-1)
    shifts = arms * world.weak_noise * np.sqrt(2.0 / (np.pi * n)) * s / world.spread**2 + limits * (1.0 - s)
    weight = saturated_weights(world)[world.aligned]
    return float(0.25 * np.sum(shifts) / weight) if weight > 1e-3 else np.inf  # a lost concept has nothing to compare


REACH = Reach(_envelope, (0.2, 0.04), MOST_ORTHOGONAL)


def _examples(rng: np.random.Generator) -> tuple[Prompting, ...]:
    concepts = np.eye(3) + 0.1 * rng.standard_normal((3, 3))
    general = ConceptWorld(concepts, concepts[0] + 0.3, 0.1, 0.2, np.array([0.2, 0.3, 0.5]), spread=0.8)
    return Prompting(general, 4), Prompting(
        replace(orthonormal_world(2, alignment=0.6, weak_noise=0.1, belief=0.2), spread=0.8), 4
    )


SATURATION = Statement(
    name="limits_of_refinement.saturation",
    says="soft concepts, orthogonal prompts: E w_* → softmax(log α_k − ‖β_w − β_k‖²/2ψ²), below one",
    relation="==",
    sides=_sides,
    about=Prompting,
    kind=InLimit(at=lambda prompting, n: replace(prompting, examples=n), sizes=REACH.sizes, envelope=_envelope),
    assumptions=(SOFT, ORTHOGONAL, REACH.within(SOFT.is_met)),
    source=SOURCE,
    tightness="exact in the limit",
    examples=_examples,
)
