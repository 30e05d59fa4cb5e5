"""E gain = E misfit on new points when the ridge penalty is σ²/τ², the student being the posterior mean of a Gaussian teacher.

Teacher xᵀθ with θ ~ N(0, τ² I), seen with noise σ; target any xᵀβ. With features of any kind and number: a kernel ridge student
of a Gaussian process is the limit of ridge on ever more random features, which is the case that Xu et al. treat. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.gaussian_teachers import GaussianTeacher
from ...statements import Assumption, InExpectation, Sides, Source, Statement
from .._xu import gaussian_world


def _sides(world: GaussianTeacher, count: int, rng: np.random.Generator) -> Sides:
    gain, misfit = world.simulate(count, rng)
    return Sides(gain, misfit)


RIDGE_POSTERIOR_MEAN = Statement(
    name="xu2026.ridge_posterior_mean",
    says="ridge student with penalty σ²/τ² of a Gaussian teacher of mean zero: E gain = E misfit on new points",
    relation="==",
    sides=_sides,
    about=GaussianTeacher,
    kind=InExpectation(),
    assumptions=(Assumption("the penalty is σ²/τ² and the teacher's mean is zero", GaussianTeacher.is_posterior_mean),),
    source=Source("xu2026", "random features and ridge, infinitely wide", derived=True),
    tightness="an equality",
    examples=lambda rng: (gaussian_world(rng, penalty=1.0),),
)
