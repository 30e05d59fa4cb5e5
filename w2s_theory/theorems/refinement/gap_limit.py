"""The gap G(n) = ε_w² − R(n) tends to ε_w² − ‖β_nearest − β_*‖², off by an explicit, exponentially small envelope.

With W̄ = E[1 − w_nearest] and D the largest distance of another concept to the nearest one, |R(n) − R(∞)| ≤ 2 √R(∞) D W̄ + D² W̄², and W̄
is bounded by ``quantities.evidence_mgf.weight_bound`` with the nearest concept as k*. A check computes the left side from pairs of sampled
prompts (their product of errors is unbiased for R(n)). Derived here.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...problems.concepts import ConceptWorld, orthonormal_world
from ...problems.prompting import Prompting
from ...quantities.evidence_mgf import weight_bound
from ...quantities.phase_boundaries import nearest, settled
from ...quantities.refined_risk import limit_gap, limit_risk
from ...statements import Assumption, InLimit, Sides, Source, Statement
from ...students.refiner import simulate_evidence, weights_of
from .._limits import MOST_EXAMPLES, Reach
from .._prompting import GAUSSIAN, SHARP


def _sides(prompting: Prompting, count: int, rng: np.random.Generator) -> Sides:
    world = prompting.world
    weights = weights_of(world, simulate_evidence(world, [prompting.examples], 2 * count, rng=rng)[0])
    errors = (weights @ world.concepts - world.truth).reshape(2, count, -1)
    return Sides(world.weak_error - np.sum(errors[0] * errors[1], axis=-1), limit_gap(world))


def _envelope(prompting: Prompting, n: int) -> float:
    """What the bound on the weights allows |G(n)/G(∞) − 1| to be."""
    world = prompting.world
    near = settled(world)
    moved = np.sqrt(np.max(np.sum((near.concepts - near.concepts[near.aligned]) ** 2, axis=-1))) * weight_bound(near, n)
    return float((2.0 * np.sqrt(limit_risk(world)) * moved + moved**2) / abs(limit_gap(world)))


def _is_separated(prompting: Prompting) -> bool:
    world = prompting.world
    return world.is_sharp() and nearest(world).size == 1 and abs(limit_gap(world)) > 1e-9 * (1.0 + world.weak_error)


def _is_covered(prompting: Prompting) -> bool:
    return GAUSSIAN.is_met(prompting) and _is_separated(prompting)


REACH = Reach(_envelope, (0.3, 0.03), MOST_EXAMPLES)


def _examples(rng: np.random.Generator) -> tuple[Prompting, ...]:
    """The gap grows to ε_w²; it falls to a loss; and the strong model's own concepts are imperfect."""
    off = ConceptWorld(np.eye(2, 3), np.array([0.9, 0.1, 0.9]), 0.5, 0.7, target=np.array([1.0, 0.1, 0.2]))
    worlds = (
        orthonormal_world(4, alignment=0.8, length=1.2, weak_noise=0.5, belief=0.6),
        ConceptWorld(np.eye(2), np.array([0.3, 0.7]), 0.4, 0.6),
        off,
    )
    return tuple(Prompting(world, 1) for world in worlds)


GAP_LIMIT = Statement(
    name="refinement.gap_limit",
    says="G(n) → ε_w² − ‖β_nearest − β_*‖² exponentially fast in n",
    relation="==",
    sides=_sides,
    about=Prompting,
    kind=InLimit(at=lambda prompting, n: replace(prompting, examples=n), sizes=REACH.sizes, envelope=_envelope),
    assumptions=(
        GAUSSIAN,
        SHARP,
        Assumption("one concept is nearest to the weak vector, and the limit is not zero", _is_separated),
        REACH.within(_is_covered),
    ),
    source=Source("somerstep2025", "refinement against naive fine-tuning", derived=True),
    tightness="the envelope has the gap's exponent where the limit is exact, or the slowest competitor moves it to first order",
    examples=_examples,
)
