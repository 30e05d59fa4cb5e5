"""Quantity: one number with two independent routes to it, a closed form and simulated trials, both ending in an Estimate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..montecarlo import simulate_until
from ..outcomes import Estimate


@dataclass(frozen=True)
class Quantity:
    """``closed_form(problem) -> float`` and ``trials(problem, count, rng) -> (count,)`` whose mean it should be."""

    name: str
    closed_form: Callable[[Any], float]
    trials: Callable[[Any, int, np.random.Generator], np.ndarray]

    def exact(self, problem: Any) -> Estimate:
        """The closed form as an Estimate."""
        return Estimate(float(self.closed_form(problem)))

    def simulate(self, problem: Any, *, rng: np.random.Generator, half_width: float, false_alarm: float = 1e-6) -> Estimate:
        """The mean of simulated trials, run until the interval is no wider than ± ``half_width`` (or the trial budget ends)."""
        return simulate_until(
            lambda count, rng: self.trials(problem, count, rng),
            lambda estimate: estimate.high - estimate.low <= 2.0 * half_width,
            rng=rng,
            false_alarm=false_alarm,
        )
