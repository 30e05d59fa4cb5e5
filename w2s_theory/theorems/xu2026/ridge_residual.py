"""E gain − E misfit of a ridge student of a Gaussian teacher, in closed form: with a teacher of mean zero it has the sign of λ −
σ²/τ².

The sum of 2 Σ v_i g_i (λ(τ² + μ_i²) − σ²)/(g_i + λ)² and −2 Σ v_i β_i μ_i λ/(g_i + λ). On new points of any covariance that
shares the axes of the training points. Too small a penalty copies the teacher's noise and gain falls short of misfit. Derived
here.
"""

from __future__ import annotations

import numpy as np

from ...problems.gaussian_teachers import GaussianTeacher
from ...quantities.expected_misfit import ridge_residual
from ...statements import InExpectation, Sides, Source, Statement
from .._xu import gaussian_world


def _sides(world: GaussianTeacher, count: int, rng: np.random.Generator) -> Sides:
    gain, misfit = world.simulate(count, rng)
    return Sides(gain - misfit, np.full(count, ridge_residual(world).total))


def _examples(rng: np.random.Generator) -> tuple[GaussianTeacher, ...]:
    return (
        gaussian_world(rng, penalty=0.05),
        gaussian_world(rng, penalty=12.0),
        gaussian_world(rng, penalty=0.3, mean=1.0, spread=0.5),
    )


RIDGE_RESIDUAL = Statement(
    name="xu2026.ridge_residual",
    says="ridge student of a Gaussian teacher: E gain − E misfit in closed form, of the sign of λ − σ²/τ² for mean zero",
    relation="==",
    sides=_sides,
    about=GaussianTeacher,
    kind=InExpectation(),
    source=Source("xu2026", "ridge away from the posterior mean", derived=True),
    tightness="an equality",
    examples=_examples,
)
