"""Noise within the hull, at every n: E risk ≤ δ_K τ²/n on orthogonal points, δ_K the statistical dimension of the tangent cone.

Orthonormal concepts, noisy labels without bias. The hull lies in the cone, and a projection on it is never longer. Proof in
``quantities.hull_training``, with a counterexample on random points. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.concepts import orthonormal_world
from ...problems.finetuning import FineTuning
from ...quantities.hull_training import hull_students, statistical_dimension
from ...statements import InExpectation, Sides, Source, Statement
from .._finetuning import CORNER, NOISY, ORTHOGONAL, UNBIASED


def _sides(tuning: FineTuning, count: int, rng: np.random.Generator) -> Sides:
    bound = statistical_dimension(tuning.world.count) * tuning.world.weak_noise**2 / tuning.labels
    return Sides(tuning.world.error(hull_students(tuning, count, rng)), bound)


def _examples(rng: np.random.Generator) -> tuple[FineTuning, ...]:
    sizes = ((4, 3.0, 6), (3, 4.0, 10), (6, 0.5, 20))
    return tuple(FineTuning(orthonormal_world(count, weak_noise=noise), labels) for count, noise, labels in sizes)


HULL_NOISE_BOUND = Statement(
    name="finetuning.hull_noise_bound",
    says="weak training within the hull, unbiased noisy labels, orthogonal design: E risk ≤ δ_K τ²/n for every n",
    relation="<=",
    sides=_sides,
    about=FineTuning,
    kind=InExpectation(),
    assumptions=(CORNER, UNBIASED, ORTHOGONAL, NOISY),
    source=Source("somerstep2025", "its bound by a statistical dimension", derived=True),
    tightness="attained as τ²/n → 0",
    examples=_examples,
)
