"""What choosing does to PGR measured with noise: the best of several runs, and pairs kept for their measured gap."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from .._validation import whole
from ..problems.noisy_runs import NoisyRuns

#: Range and points of the trapezoidal rule for the mean of a maximum: its integrand ends below 1e-20 of its peak.
REACH, POINTS = 12.0, 2401


def expected_maximum(count: int) -> float:
    """Mean of the largest of ``count`` independent standard normal numbers: ∫ x m φ(x) Φ(x)^(m−1) dx; 0, 1/√π, 3/(2√π), ...

    >>> round(expected_maximum(2) ** -2 / math.pi, 9)
    1.0
    """
    count = whole("count", count)
    x = np.linspace(-REACH, REACH, POINTS)
    density = np.exp(-0.5 * x**2) / math.sqrt(2.0 * math.pi)
    return float(np.sum(x * count * density * special.ndtr(x) ** (count - 1)) * (x[1] - x[0]))


def best_of_runs(world: NoisyRuns) -> float:
    """Mean of (best measured student − measured weak)/gap: PGR + noise · ``expected_maximum(runs)``/gap."""
    return world.pgr + world.noise * expected_maximum(world.runs) / world.gap


def kept_gap(world: NoisyRuns) -> float:
    """Mean measured gap of the pairs whose measured gap is positive: g + s φ(g/s)/Φ(g/s), with s = noise · √2 its standard deviation."""
    spread = world.noise * math.sqrt(2.0)
    z = world.gap / spread
    return world.gap + spread * math.exp(-0.5 * z**2 - float(special.log_ndtr(z))) / math.sqrt(2.0 * math.pi)


def kept_share(world: NoisyRuns) -> float:
    """Share of pairs whose measured gap is positive: Φ(g/s)."""
    return float(special.ndtr(world.gap / (world.noise * math.sqrt(2.0))))
