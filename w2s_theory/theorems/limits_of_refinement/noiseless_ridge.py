"""In-context ridge regression without noise walks in a straight line from the prior's mean to the weak model: (1 − n/d) ε_P² + (n/d) ε_w².

One concept that bends freely and noiseless labels: the answer is β_1 + P(β_w − β_1), P the projection on the span of n Gaussian feature
vectors, of uniform direction. Proof: with q = β_1 − β_* the error is ‖P(β_w − β_*)‖² + ‖(I − P) q‖² (orthogonal parts), and E P = (n/d) I.
For n ≥ d the answer is β_w itself. Right labels and β_1 = 0 give the known ‖β_*‖²(1 − n/d)₊. A check computes the left side from
pseudo-inverses of sampled features.
"""

from __future__ import annotations

import numpy as np

from ...problems.concepts import ConceptWorld
from ...problems.prompting import Prompting
from ...quantities.soft_concepts import NOISELESS_RIDGE
from ...statements import Assumption, InExpectation, Sides, Source, Statement
from .._prompting import GAUSSIAN


def _sides(prompting: Prompting, count: int, rng: np.random.Generator) -> Sides:
    return Sides(NOISELESS_RIDGE.trials(prompting, count, rng), NOISELESS_RIDGE.exact(prompting).value)


def _examples(rng: np.random.Generator) -> tuple[Prompting, ...]:
    """A biased teacher, whose labels' limit is worse than the prior or better, and right labels with a prior around zero."""
    target, bias = rng.standard_normal((2, 6))
    biased = ConceptWorld(np.zeros((1, 6)), target + 0.5 * bias, target=target)
    right = ConceptWorld(np.zeros((1, 6)), target, target=target)
    worse = ConceptWorld(target[None], target + bias, target=target)
    return Prompting(biased, 4), Prompting(worse, 2), Prompting(right, 3)


NOISELESS_RIDGE_LAW = Statement(
    name="limits_of_refinement.noiseless_ridge",
    says="one freely bending concept, n < d noiseless examples: E error = (1 − n/d) ‖β_1 − β_*‖² + (n/d) ε_w²",
    relation="==",
    sides=_sides,
    about=Prompting,
    kind=InExpectation(),
    assumptions=(
        GAUSSIAN,
        Assumption("the strong model has one concept", lambda prompting: prompting.world.count == 1),
        Assumption("labels are noiseless", lambda prompting: prompting.world.weak_noise == 0.0),
        Assumption("1 ≤ n < d examples", lambda prompting: 1 <= prompting.examples < prompting.world.d),
    ),
    source=Source("garg2022", "linear regression in context, with a biased teacher", derived=True),
    tightness="exact",
    examples=_examples,
)
