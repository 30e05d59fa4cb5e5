"""Averages of simulated trials, with error bars that mean what they say.

Intervals are Student-t for means and Clopper–Pearson for proportions. ``simulate_until`` doubles the number of trials until the
interval is narrow enough to see the declared resolution, and pays for looking several times by splitting the false-alarm rate
among the looks (a union bound), so that the stated level holds for the whole procedure.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy import special

from ._validation import finite, generator, positive, probability, whole
from .outcomes import Estimate


def mean_estimate(samples: np.ndarray, *, level: float = 0.95, method: str = "Monte Carlo") -> Estimate:
    """Mean of independent ``samples`` (n,) with its Student-t interval at confidence ``level``.

    Raises ``ValueError`` for fewer than two samples, NaN or infinity.
    """
    samples = finite("samples", samples, ndim=1)
    n = whole("the number of samples", samples.shape[0], at_least=2)
    mean = float(np.mean(samples))
    stderr = float(np.std(samples, ddof=1) / math.sqrt(n))
    half = stderr * float(special.stdtrit(n - 1, 0.5 + probability("level", level) / 2.0))
    return Estimate(mean, stderr, mean - half, mean + half, level, f"{method}, {n} trials")


def proportion_estimate(successes: int, trials: int, *, level: float = 0.95) -> Estimate:
    """Success probability with its exact (Clopper–Pearson) interval: coverage is at least ``level`` for every true value."""
    trials = whole("trials", trials)
    successes = whole("successes", successes, at_least=0)
    if successes > trials:
        raise ValueError(f"successes must not exceed trials; they are {successes} and {trials}.")
    tail = (1.0 - probability("level", level)) / 2.0
    low = float(special.betaincinv(successes, trials - successes + 1, tail)) if successes else 0.0
    high = float(special.betaincinv(successes + 1, trials - successes, 1.0 - tail)) if successes < trials else 1.0
    rate = successes / trials
    return Estimate(rate, math.sqrt(rate * (1 - rate) / trials), low, high, level, f"Clopper–Pearson, {trials} trials")


def simulate_until(
    draw: Callable[[int, np.random.Generator], np.ndarray],
    enough: Callable[[Estimate], bool],
    *,
    rng: np.random.Generator,
    first: int = 512,
    most: int = 131_072,
    false_alarm: float = 1e-6,
) -> Estimate:
    """Average trials of ``draw(count, rng) -> (count,)`` until ``enough(estimate)`` or ``most`` trials were made.

    The number of trials doubles from ``first``; each of the at most log2(most/first)+1 looks uses an interval at level
    1 − ``false_alarm``/looks, so the returned interval covers the mean with probability at least 1 − ``false_alarm`` whichever look
    stopped the run (up to the normality of a mean of ``first`` or more trials, which heavy tails can spoil: callers say where).
    """
    generator(rng)
    whole("first", first, at_least=2)
    looks = max(1, math.ceil(math.log2(max(most / first, 1.0))) + 1)
    level = 1.0 - positive("false_alarm", false_alarm) / looks
    samples = np.empty(0)
    target = first
    while True:
        samples = np.concatenate([samples, np.asarray(draw(target - samples.shape[0], rng), dtype=np.float64)])
        estimate = mean_estimate(samples, level=level)
        if enough(estimate) or target >= most:
            return estimate
        target = min(2 * target, most)
