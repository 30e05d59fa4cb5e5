"""Weak labels have one law whatever the target is, so no student is better than its teacher on a target and on its mirror image.

The mirror image of β_* in β_w is 2β_w − β_*, as far from β_w. Proof: for every head ½(‖β − β_*‖² + ‖β − (2β_w − β_*)‖²) = ‖β − β_w‖² +
ε_w², so any student, whatever n is and whatever it computes, has error at least ε_w² on one of the two. What refinement wins is bought by
structure: targets that are concepts, and biases shorter than half their distance. Naive fine-tuning (β = β_w) is minimax without it. A
check computes the left side from sampled students of prompts, averaged over both targets.
"""

from __future__ import annotations

import numpy as np

from ...montecarlo import in_pieces
from ...problems.concepts import ConceptWorld, orthonormal_world
from ...problems.prompting import Prompting
from ...statements import Assumption, InExpectation, Sides, Statement
from ...students.refiner import refined_heads
from .._limits import SOURCE


def _sides(prompting: Prompting, count: int, rng: np.random.Generator) -> Sides:
    world, n = prompting.world, prompting.examples
    numbers = n * (2 * world.d + 2 * world.count + (0 if world.is_sharp() else 4 * n))
    heads = in_pieces(lambda size: refined_heads(world, *world.sample(size, n, rng=rng)), count, numbers=numbers)
    mirrored = np.sum(np.square(heads - (2.0 * world.weak - world.truth)), axis=-1)
    return Sides(0.5 * (world.error(heads) + mirrored), world.weak_error)


def _examples(rng: np.random.Generator) -> tuple[Prompting, ...]:
    """Refinement that identifies the concept, and a strong model whose one concept is close to the weak vector: the bound is nearly attained."""
    only = rng.standard_normal((1, 3))
    return (
        Prompting(orthonormal_world(3, alignment=0.7, length=0.8, weak_noise=0.5), 8),
        Prompting(ConceptWorld(only, only[0] + 0.1, target=only[0] + np.array([1.0, -1.0, 0.0])), 5),
    )


NO_FREE_LUNCH = Statement(
    name="limits_of_refinement.no_free_lunch",
    says="mean error over a target and its mirror image in β_w ≥ ε_w², for the refiner as for any student",
    relation=">=",
    sides=_sides,
    about=Prompting,
    kind=InExpectation(),
    assumptions=(Assumption("prompts hold examples (n ≥ 1)", lambda prompting: prompting.examples >= 1),),
    source=SOURCE,
    tightness="attained by β_w itself, so by naive fine-tuning with unlimited labels",
    examples=_examples,
)
