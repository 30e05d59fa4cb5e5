"""How many seeds and test points it takes to see a gain of g, at level α with power β; and the interval that counts both.

Gains of S seeds (runs) on the same n test points: g + A_i + B_j + E_ij, crossed. The variance of the mean is σ_A²/S + σ_B²/n +
σ_E²/(Sn): more points don't help against the seeds' part, nor more seeds against the points'. NumPy and scipy.special.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy import special

from ..._validation import finite, probability
from ...outcomes import Estimate
from .planner import MOST

#: Numbers of points that are tried, each this many times the last, before the first that is enough is searched for.
STEP = 1.1


class VarianceComponents(NamedTuple):
    """Variances of gains by ``seeds`` (runs), by ``points``, and of the rest, as estimated (a negative estimate is 0)."""

    seeds: float
    points: float
    rest: float


def variance_components(gains: Any) -> VarianceComponents:
    """From the pointwise gains (S, n) of S ≥ 2 seeds on the same n ≥ 2 test points: the two-way analysis of variance, unbiased
    but for cutting at 0.
    """
    gains = np.asarray(finite("gains", gains, ndim=2), dtype=np.float64)
    seeds, points = gains.shape
    if seeds < 2 or points < 2:
        raise ValueError(f"gains must hold at least 2 seeds and 2 points, (S, n); its shape is {gains.shape}. Run another seed.")
    by_seed, by_point = gains.mean(axis=1), gains.mean(axis=0)
    rest = gains - by_seed[:, None] - by_point + gains.mean()
    noise = float(np.sum(rest**2)) / ((seeds - 1) * (points - 1))
    return VarianceComponents(
        max(float(np.var(by_seed, ddof=1)) - noise / points, 0.0),
        max(float(np.var(by_point, ddof=1)) - noise / seeds, 0.0),
        noise,
    )


def crossed_mean(gains: Any, *, level: float = 0.95) -> Estimate:
    """The mean gain over seeds *and* points drawn afresh, from (S, n) gains: both sources of variance, t quantile with
    Satterthwaite's degrees of freedom.

    Its squared error is var(seed means)/S + var(point means)/n − σ_E²/(Sn), with the rest's estimate for σ_E²: unbiased. At
    least the larger of the first two is used, so that it is never below zero. Exact where one variance is all there is; with two
    or three seeds, and their variance about as large as the points' part, it covers less than stated (the degrees of freedom
    are guessed from the same few numbers): run five or more.
    """
    gains = np.asarray(finite("gains", gains, ndim=2), dtype=np.float64)
    parts = variance_components(gains)
    seeds, points = gains.shape
    by_seed, by_point = float(np.var(gains.mean(axis=1), ddof=1)) / seeds, float(np.var(gains.mean(axis=0), ddof=1)) / points
    both = parts.rest / (seeds * points)
    squared = max(by_seed + by_point - both, by_seed, by_point)
    degrees = (seeds - 1) * (points - 1)
    uncertain = by_seed**2 / (seeds - 1) + by_point**2 / (points - 1) + both**2 / degrees
    freedom = squared**2 / uncertain if uncertain > 0.0 else float(degrees)
    half = float(special.stdtrit(freedom, 0.5 + probability("level", level) / 2.0)) * math.sqrt(squared)
    mean = float(gains.mean())
    return Estimate(mean, math.sqrt(squared), mean - half, mean + half, level, f"crossed, {seeds} seeds on {points} points")


def plan_seeds(gain: float, parts: VarianceComponents, seeds: Any, *, power: float = 0.8, level: float = 0.95) -> np.ndarray:
    """Test points (...) needed with each number of ``seeds`` (...) ≥ 2 to see ``gain``; inf where no number of points is enough.

    The t test of ``crossed_mean`` with its degrees of freedom at the true variances, power by the noncentral t law: an
    approximation. The power need not grow with the points: once the seeds' part is what is left, there are few degrees of
    freedom. The least number that is enough is given; with two seeds it may be enough in a range only.
    """
    probability("power", power)
    seeds = np.asarray(seeds)
    if np.any(seeds < 2):
        raise ValueError(f"seeds must be at least 2, or their variance can't be seen; the smallest is {seeds.min()}.")

    def needed(count: int) -> float:
        return _fewest(lambda points: crossed_power(gain, parts, count, points, level=level) >= power)

    return np.vectorize(needed, otypes=[np.float64])(seeds)


def seeds_for_points(
    gain: float, parts: VarianceComponents, points: Any, *, power: float = 0.8, level: float = 0.95
) -> np.ndarray:
    """Seeds (...) needed with each number of test ``points`` (...) ≥ 2 to see ``gain``; inf where no number of seeds is enough.

    The other way round of ``plan_seeds``, with the same approximation.
    """
    probability("power", power)
    points = np.asarray(points)
    if np.any(points < 2):
        raise ValueError(f"points must be at least 2, or their variance can't be seen; the smallest is {points.min()}.")

    def needed(count: int) -> float:
        return _fewest(lambda seeds: crossed_power(gain, parts, seeds, count, level=level) >= power)

    return np.vectorize(needed, otypes=[np.float64])(points)


def _fewest(is_enough: Callable[[int], bool]) -> float:
    """The first number from 2 to ``MOST`` that is enough, on a geometric grid and then by bisection; inf where none is."""
    tried = np.unique(np.append(np.geomspace(1, MOST, math.ceil(math.log(MOST) / math.log(STEP))), 2.0).astype(int)).tolist()
    place = next((place for place in range(1, len(tried)) if is_enough(tried[place])), None)
    if place is None:
        return math.inf
    low, high = tried[place - 1], tried[place]
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return float(high)


def crossed_power(gain: float, parts: VarianceComponents, seeds: int, points: int, *, level: float = 0.95) -> float:
    """Power of the test by ``crossed_mean`` with S seeds and n points, degrees of freedom by Satterthwaite at the true
    variances.
    """
    by_seed, by_point = parts.seeds / seeds, parts.points / points
    both = parts.rest / (seeds * points)
    squared = by_seed + by_point + both
    if squared <= 0.0:
        return 1.0
    uncertain = (
        (by_seed + both) ** 2 / (seeds - 1) + (by_point + both) ** 2 / (points - 1) + both**2 / ((seeds - 1) * (points - 1))
    )
    freedom = squared**2 / uncertain
    critical = float(special.stdtrit(freedom, 0.5 + probability("level", level) / 2.0))
    return 1.0 - float(special.nctdtr(freedom, abs(gain) / math.sqrt(squared), critical))
