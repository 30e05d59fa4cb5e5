"""Averages of simulated trials, with error bars that mean what they say, and what trials are made of: draws, in pieces that fit.

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


#: Numbers that ``in_pieces`` lets one piece hold (32 MiB of float64).
PIECE = 2**22


def in_pieces(draw: Callable[[int], np.ndarray], count: int, *, numbers: int) -> np.ndarray:
    """``draw(m) -> (m, ...)`` for ``count`` trials in all, joined, when each trial holds ``numbers`` numbers while it is drawn.

    No piece holds more than ``PIECE`` of them (but one trial at least), so that memory does not grow with ``count`` ≥ 1.
    """
    step = max(1, PIECE // whole("numbers", numbers))
    return np.concatenate([draw(min(step, count - start)) for start in range(0, whole("count", count), step)])


def categorical(shares: np.ndarray, *, rng: np.random.Generator, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """One index from each distribution in ``shares`` (..., V): whole numbers of the shape in front, or of ``shape``, to which it broadcasts.

    Shares need not sum to one; a share of 0 is never drawn. Raises ``ValueError`` for negative, infinite or NaN shares, and for none positive.
    """
    return inverted(cumulative(shares), rng=rng, shape=shape)


def cumulative(shares: np.ndarray) -> np.ndarray:
    """Cumulative sums of ``shares`` (..., V), which end in exactly one: what ``inverted`` draws from, when it draws from them often.

    Raises ``ValueError`` as ``categorical``.
    """
    shares = finite("shares", shares, min_ndim=1)
    sums = np.cumsum(shares, axis=-1, dtype=np.float64)
    total = sums[..., -1:]
    if not (shares.min() >= 0.0 and total.min() > 0.0):
        raise ValueError(
            f"shares must be non-negative, some of them positive along the last axis; the smallest share is {shares.min():.6g}, the "
            f"smallest sum {total.min():.6g}. Check the weights."
        )
    return sums / total


def inverted(sums: np.ndarray, *, rng: np.random.Generator, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """Draws by inversion of ``cumulative`` sums (..., V): the first index whose sum exceeds a uniform number."""
    uniform = generator(rng).random(sums.shape[:-1] if shape is None else shape)
    return np.sum(sums <= uniform[..., None], axis=-1)
