"""Intervals for a ratio of two differences that share their points: delta, Fieller, bootstrap, and exact by betting.

With performances w, s, c (higher is better), gain = s − w and gap = c − w, the ratio gain/gap is ρ exactly when the contrast
gain − ρ·gap is zero. All intervals here invert a test of that contrast, over angles: ρ = tan φ, contrast cos φ·gain − sin φ·gap, and
φ = ±π/2 tests gap = 0. So the set is bounded exactly when the gap is told from zero at the same level; otherwise no ratio can be
excluded for being large, and the interval is the whole line.

    delta       ρ̂ ± t·SE(gain − ρ̂·gap)/gap; the gradient of ρ by (w, s, c) is (−(1 − ρ), 1, −ρ)/gap
    fieller     all ρ with |gain − ρ·gap| ≤ t·SE(gain − ρ·gap)
    bootstrap   all ρ for which the resamples of gain − ρ·gap are not nearly all on one side of zero: the percentile interval of the ratio
    exact       all ρ that a betting test does not reject (``betting``)

Standard errors and resamples count pseudo points on top of those that were seen (``performances``). NumPy and scipy.special only.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ..outcomes import Estimate
from .betting import bets_reject
from .performances import GAIN, GAP, Performances, directions

Interval = tuple[float, float]
EVERYTHING: Interval = (-math.inf, math.inf)


def by_t(performances: Performances, direction: np.ndarray, level: float) -> Estimate:
    """One contrast with its Student interval."""
    value, error, half = (float(x[0]) for x in performances.contrast(direction[None], level))
    return Estimate(value, error, value - half, value + half, level, "Student t")


def delta(performances: Performances, level: float) -> Interval:
    """Delta interval of the ratio; the gap must not be zero."""
    gain, gap = (float(x @ performances.values) for x in (GAIN, GAP))
    half = float(performances.contrast((GAIN - gain / gap * GAP)[None], level)[2][0]) / abs(gap)
    return gain / gap - half, gain / gap + half


def fieller(performances: Performances, level: float) -> Interval:
    """Fieller's interval of the ratio, everything when the set is unbounded."""

    def rejects(angles: np.ndarray) -> np.ndarray:
        value, _, half = performances.contrast(directions(angles), level)
        return np.abs(value) > half

    return accepted_ratios(rejects, performances)


def exact(performances: Performances, scores: np.ndarray, bounds: Interval, level: float) -> Interval:
    """Betting interval of the ratio from the points' ``scores`` (n, 3) in random order, which lie within ``bounds``.

    Points on which the three agree are left out: given which they are, the rest are still independent with one law and mean zero.
    """
    differing = scores[np.any(scores != scores[:, :1], axis=1)]

    def rejects(angles: np.ndarray) -> np.ndarray:
        contrasts = directions(angles)
        return bets_reject(
            differing, contrasts, limits=np.maximum(contrasts, 0.0).sum(axis=1) * (bounds[1] - bounds[0]), level=level
        )

    return accepted_ratios(rejects, performances)


def percentiles(resampled: np.ndarray, level: float) -> Interval:
    """Percentile interval of gain/gap from resampled performances (B, 3): one with gap ≤ 0 counts as −∞ below and as +∞ above."""
    gain, gap = resampled @ GAIN, resampled @ GAP
    good = gap > 0.0
    ratio = np.divide(gain, gap, out=np.full_like(gain, math.inf), where=good)
    tail = (1.0 - level) / 2.0
    low = np.quantile(np.where(good, ratio, -math.inf), tail, method="lower")
    return float(low), float(np.quantile(ratio, 1.0 - tail, method="higher"))


def by_percentiles(resampled: np.ndarray, value: float, level: float) -> Estimate:
    """One contrast, of this value, with the percentile interval of its resamples (B,), widened to contain the value."""
    low, high = np.quantile(resampled, [0.5 - level / 2.0, 0.5 + level / 2.0])
    return Estimate(
        value, float(np.std(resampled)), float(min(low, value)), float(max(high, value)), level, "bootstrap percentiles"
    )


def by_betting(values: np.ndarray, span: float, level: float) -> Estimate:
    """The mean of ``values`` (n,) in random order, within ±span, with the means that betting does not reject."""
    value, error = float(values.mean()), float(values.std(ddof=1) / math.sqrt(len(values)))
    inside, outside = np.full(2, value), np.array([-span, span])
    for _ in range(3):
        grid = np.linspace(outside, inside, 65)
        offsets = grid.ravel()
        refused = bets_reject(
            values[:, None], np.ones((offsets.size, 1)), offsets=offsets, limits=span + np.abs(offsets), level=level
        )
        refused = refused.reshape(grid.shape)
        refused[0], refused[-1] = True, False
        first = np.argmin(refused, axis=0)
        outside, inside = grid[first - 1, [0, 1]], grid[first, [0, 1]]
    return Estimate(value, error, float(outside[0]), float(outside[1]), level, "betting")


#: Angles of the first grid; rounds in which each end is looked for between neighbours, and points between them. Ends are known to 1e-7.
GRID, ROUNDS, POINTS = 129, 5, 17


def accepted_ratios(rejects: Callable[[np.ndarray], np.ndarray], performances: Performances) -> Interval:
    """Smallest interval around the ratios tan φ that ``rejects(angles (G,)) -> (G,)`` accepts; everything when it accepts φ = π/2.

    The outermost accepted angles are found on a grid with the estimate added, and refined between neighbours; ends lie on the rejected side.
    Accepted ratios that lie apart from the rest, between two rejected of the grid's 129 angles, would be missed: a Fieller set is an
    interval, and the guarantee of a betting set holds up to that.
    """
    gain, gap = (float(x @ performances.values) for x in (GAIN, GAP))
    estimate = math.atan2(gain * np.sign(gap), abs(gap))
    grid = np.sort(np.append(np.linspace(-math.pi / 2.0, math.pi / 2.0, GRID), estimate))
    kept = np.flatnonzero(~rejects(grid) | (grid == estimate))
    if kept[0] == 0 or kept[-1] == grid.size - 1:
        return EVERYTHING
    outside, inside = grid[[kept[0] - 1, kept[-1] + 1]], grid[[kept[0], kept[-1]]]
    for _ in range(ROUNDS):
        finer = np.linspace(outside, inside, POINTS)
        refused = rejects(finer.ravel()).reshape(finer.shape)
        refused[0], refused[-1] = True, False
        first = np.argmin(refused, axis=0)
        outside, inside = finer[first - 1, [0, 1]], finer[first, [0, 1]]
    return math.tan(outside[0]), math.tan(outside[1])
