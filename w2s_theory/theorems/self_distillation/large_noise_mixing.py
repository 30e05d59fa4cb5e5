"""Under heavy label noise the best mixing tends to Σ s²/(s² + λ)³ / (λ Σ s²/(s² + λ)⁴) > 1: trust the teacher, and distrust the labels.

The limit is 1 + a weighted mean of s²/λ (weights s²/(s² + λ)⁴), whatever target and bias. The left side is the vertex of refitted risks.
The distance is bounded by an explicit constant over σ² (``large_noise_distance``). Das and Sanghavi found that ξ* exceeds 1 in this regime;
limit and rate are derived here.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...problems.fixed_design import FixedDesign
from ...quantities.self_distillation import large_noise_distance, large_noise_mixing
from ...statements import Assumption, InLimit, Sides, Source, Statement
from .._fixed_design import NOISY, PENALISED, fixed_designs, refitted_parabola


def _at(world: FixedDesign, size: int) -> FixedDesign:
    return replace(world, noise=size * world.noise)


def _sides(world: FixedDesign, count: int, rng: np.random.Generator) -> Sides:
    _, slope, curvature = refitted_parabola(world)
    return Sides(np.full(count, -slope / (2.0 * curvature)), large_noise_mixing(world))


def _leaves_a_distance(world: FixedDesign) -> bool:
    return PENALISED.is_met(world) and NOISY.is_met(world) and large_noise_distance(_at(world, 64)) > 1e-9


LARGE_NOISE_MIXING = Statement(
    name="self_distillation.large_noise_mixing",
    says="as the label noise grows, ξ* → Σ s²/(s² + λ)³ / (λ Σ s²/(s² + λ)⁴), which exceeds 1",
    relation="==",
    sides=_sides,
    about=FixedDesign,
    kind=InLimit(_at, lambda world: (4, 16, 64), lambda world, size: large_noise_distance(_at(world, size))),
    assumptions=(
        PENALISED,
        NOISY,
        Assumption("rounding doesn't hide the distance that is left at 64 times the noise", _leaves_a_distance),
    ),
    source=Source("das2023", "limit and rate", derived=True),
    tightness="the limit is exact; the distance falls like 1/σ², as the bound does",
    examples=fixed_designs,
)
