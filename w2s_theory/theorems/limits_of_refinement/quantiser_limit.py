"""After n examples the heaviest concept is the one nearest to the weak vector, but for an exponentially small probability.

P(another concept is at least as heavy) ≤ δ(n) = Σ_j γ_j min_λ (α_j/α_k)^λ E[exp λ(log-likelihood ratio)]ⁿ, λ ≥ 0, k the nearest one: the
event has (w_j/w_k)^λ ≥ 1 for some j; γ_j = ½ for priors not against k, else 1 (``quantities.identification.chernoff_bound``). So
refinement quantises the weak vector: the error is that of the nearest concept, be it the one meant or not, and be the target a concept or
not. It beats naive fine-tuning in the limit if and only if that error is below ε_w².
"""

from __future__ import annotations

import numpy as np

from ...problems.concepts import ConceptWorld, orthonormal_world
from ...problems.prompting import Prompting
from ...quantities.identification import chernoff_bound
from ...quantities.phase_boundaries import nearest, settled
from ...statements import Assumption, Sides, Statement, WithProbability
from ...students.refiner import log_weights, simulate_evidence
from .._limits import SOURCE, Reach
from .._prompting import GAUSSIAN, SHARP


def _sides(prompting: Prompting, count: int, rng: np.random.Generator) -> Sides:
    world = prompting.world
    weights = log_weights(world, simulate_evidence(world, [prompting.examples], count, rng=rng)[0])
    return Sides(world.error(world.concepts[np.argmax(weights, axis=-1)]), world.error(world.concepts[nearest(world)[0]]))


def _delta(prompting: Prompting) -> float:
    return float(np.sum(chernoff_bound(settled(prompting.world), prompting.examples)))


def _is_decided(prompting: Prompting) -> bool:
    world = prompting.world
    is_covered = GAUSSIAN.is_met(prompting) and SHARP.is_met(prompting) and prompting.examples >= 1
    return is_covered and world.count > 1 and nearest(world).size == 1 and _delta(prompting) < 1.0


def _examples(rng: np.random.Generator) -> tuple[Prompting, ...]:
    """The concept meant wins; the target is no concept; the bias leads to a wrong concept."""
    concepts = np.eye(3, 4) + 0.1 * rng.standard_normal((3, 4))
    worlds = (
        orthonormal_world(3, alignment=0.8, length=0.9, weak_noise=0.5, belief=0.7),
        ConceptWorld(concepts, concepts[1], 0.8, 1.0, np.array([0.5, 0.2, 0.3]), target=concepts[0] + 0.3),
        ConceptWorld(np.eye(3), np.array([0.1, 0.8, 0.1]), 0.4, 0.6),
    )
    reach = Reach(lambda world, n: _delta(Prompting(world, n)), (0.3,), 64)
    return tuple(Prompting(world, reach.sizes(world)[0]) for world in worlds)


QUANTISER_LIMIT = Statement(
    name="limits_of_refinement.quantiser_limit",
    says="error of the heaviest concept = ‖β_nearest − β_*‖², nearest to β_w, with probability 1 − δ(n), δ exponentially small",
    relation="==",
    sides=_sides,
    about=Prompting,
    kind=WithProbability(delta=_delta),
    assumptions=(
        GAUSSIAN,
        SHARP,
        Assumption("the bound δ(n) is below one (two concepts or more, no tie, enough examples)", _is_decided),
    ),
    source=SOURCE,
    tightness="the exponent of δ is that of the probability; its size is loose by a factor of order √n",
    examples=_examples,
)
