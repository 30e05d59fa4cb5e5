"""Orthonormal concepts, weak vector at an obtuse angle to the concept meant: the K − 1 wrong ones tie, and the student has error K/(K − 1).

One prompt ends on one of the tied concepts, with error 2 (slowly: for two tied concepts it is 2 − 2E[w_1 w_2], and E[w_1 w_2] falls like
1/√n). Another prompt ends on another, so the student of fresh prompts learns their even mixture: by symmetry w̄_k = (1 − w̄_*)/(K − 1) for
every n, and its error is (1 − w̄_*)² K/(K − 1), where w̄_* falls exponentially. A check computes the left side from pairs of sampled
prompts (their product is unbiased).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...problems.concepts import ConceptWorld, orthonormal_world
from ...problems.prompting import Prompting
from ...quantities.evidence_mgf import weight_bound
from ...quantities.phase_boundaries import limit_weights
from ...statements import Assumption, InLimit, Sides, Statement
from ...students.refiner import simulate_evidence, weights_of
from .._limits import MOST_EXAMPLES, SOURCE, Reach
from .._prompting import GAUSSIAN, SHARP


def _sides(prompting: Prompting, count: int, rng: np.random.Generator) -> Sides:
    world = prompting.world
    weights = weights_of(world, simulate_evidence(world, [prompting.examples], 2 * count, rng=rng)[0])
    first, second = (weights @ world.concepts - world.truth).reshape(2, count, -1)
    return Sides(np.sum(first * second, axis=-1), world.error(limit_weights(world) @ world.concepts))


def _envelope(prompting: Prompting, n: int) -> float:
    """2 w̄_*: the concept meant has at most the weight that it would have against one of its rivals alone."""
    world = prompting.world
    pair = [int(world.competitors[0]), world.aligned]
    duel = ConceptWorld(
        world.concepts[pair], world.weak, world.weak_noise, world.belief, world.alpha[pair] / world.alpha[pair].sum()
    )
    return 2.0 * weight_bound(duel, n)


def _is_obtuse(prompting: Prompting) -> bool:
    world = prompting.world
    return world.count > 1 and world.is_paper_geometry() and float(world.weak @ world.truth) < 0.0


def _is_even(prompting: Prompting) -> bool:
    rivals = prompting.world.alpha[prompting.world.competitors]
    return rivals.size > 0 and bool(np.ptp(rivals) <= 1e-12)


def _is_covered(prompting: Prompting) -> bool:
    return all(assumption.is_met(prompting) for assumption in (GAUSSIAN, SHARP, OBTUSE, EVEN))


OBTUSE = Assumption("orthonormal concepts, β_w orthogonal to the wrong ones and β_w·β_* < 0", _is_obtuse)
EVEN = Assumption("the wrong concepts have equal priors", _is_even)
REACH = Reach(_envelope, (0.2, 0.03), MOST_EXAMPLES)


def _examples(rng: np.random.Generator) -> tuple[Prompting, ...]:
    """Four concepts with a preferred truth, and three."""
    prior = np.array([0.4, 0.2, 0.2, 0.2])
    return (
        Prompting(orthonormal_world(4, alignment=-0.6, length=0.6, weak_noise=0.4, belief=0.6, prior=prior), 1),
        Prompting(orthonormal_world(3, alignment=-0.5, length=0.5, weak_noise=0.5, belief=0.7), 1),
    )


TIES = Statement(
    name="limits_of_refinement.ties",
    says="β_w·β_* < 0: the error of a student of fresh prompts tends to K/(K − 1)",
    relation="==",
    sides=_sides,
    about=Prompting,
    kind=InLimit(at=lambda prompting, n: replace(prompting, examples=n), sizes=REACH.sizes, envelope=_envelope),
    assumptions=(GAUSSIAN, SHARP, OBTUSE, EVEN, REACH.within(_is_covered)),
    source=SOURCE,
    tightness="exact in the limit",
    examples=_examples,
)
