"""Noise costs little within the hull: (n/τ²) E risk → δ_K, the statistical dimension of its tangent cone, against d for least squares.

Orthonormal concepts, noisy labels without bias, points with XᵀX = n I. The limit is approached from below (``hull_noise_bound``), and no
further from it than (K−1) P(χ²_{K+1} > nK/((K−1)τ²)): the envelope. The left side fits students within the hull by
constrained least squares. Derivation in ``quantities.hull_training``. Derived here.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.special import chdtri

from ...problems.concepts import orthonormal_world
from ...problems.finetuning import FineTuning
from ...quantities.hull_training import hull_students, noise_deficit, statistical_dimension
from ...statements import InLimit, Sides, Source, Statement
from .._finetuning import CORNER, NOISY, ORTHOGONAL, UNBIASED


def _sides(tuning: FineTuning, count: int, rng: np.random.Generator) -> Sides:
    scaled = tuning.labels / tuning.world.weak_noise**2
    return Sides(scaled * tuning.world.error(hull_students(tuning, count, rng)), statistical_dimension(tuning.world.count))


def _envelope(tuning: FineTuning, labels: int) -> float:
    count = tuning.world.count
    return noise_deficit(count, 2.0 * labels / tuning.world.weak_noise**2) / statistical_dimension(count)


def _sizes(tuning: FineTuning) -> tuple[int, ...]:
    """Where the envelope has fallen to these shares; below them simulation would see nothing."""
    count, least = tuning.world.count, tuning.world.d
    shares = np.array([0.3, 0.05])
    ratios = chdtri(count + 1.0, shares * statistical_dimension(count) / (count - 1.0)) * (count - 1.0) / count
    return tuple(dict.fromkeys(max(least, int(tuning.world.weak_noise**2 * ratio)) for ratio in ratios))


def _examples(rng: np.random.Generator) -> tuple[FineTuning, ...]:
    return tuple(FineTuning(orthonormal_world(count, weak_noise=2.5), 60) for count in (2, 5))


HULL_NOISE = Statement(
    name="finetuning.hull_noise",
    says="weak training within the hull, unbiased noisy labels, orthogonal design: (n/τ²) E risk → δ_K, exponentially fast in n",
    relation="==",
    sides=_sides,
    about=FineTuning,
    kind=InLimit(at=lambda tuning, n: replace(tuning, labels=n), sizes=_sizes, envelope=_envelope),
    assumptions=(CORNER, UNBIASED, ORTHOGONAL, NOISY),
    source=Source("somerstep2025", "its bound by a statistical dimension", derived=True),
    tightness="the ratio tends to 1; the envelope is several times too wide",
    examples=_examples,
)
