"""Tests of "the mean is zero" for bounded numbers, at a level that holds for every sample size and every law: betting on the points.

Null hypothesis: z_1, ..., z_n are independent with one law, mean zero and |z| ≤ M. A gambler with wealth K_0 = 1 bets before seeing z_i:
K_i = K_{i−1}(1 + λ_i z_i), with λ_i a function of z_1, ..., z_{i−1} and |λ_i| ≤ 1/M. Then K ≥ 0 and E[K_i | past] = K_{i−1}, whatever the
law, so P(K ever reaches 1/α) ≤ α (Ville). Rejecting then is a test of level α: that is the whole proof, and no choice of λ can spoil it.
Tests of means by betting are Waudby-Smith and Ramdas's; the choice of λ below is derived here.

The choice decides the power. Betting so as to end with 1/α or nothing is replicating a digital option: for a Brownian motion, wealth
Φ(d)/α with Φ(d) = αK and the bet λ = φ(d)/(Φ(d) σ √remaining) reach 1/α exactly when the z test rejects, so nothing is
lost against the normal quantile in the limit (a constant λ needs √(2 log 1/α) in its place: 2.7 where the quantile is 1.96). Here σ² is the
mean of the squares so far, the wealth that is there is what is bet with, and the aim is a little above 1/α, because a real walk is
not continuous. Two-sided tests are two gamblers with α/2 each.

Points must come in random order: sorted by class they are not independent with one law. After n/STEPS points bets are placed anew.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import special

#: Times that the bets are placed anew, at most: what bounds the time for many points.
STEPS = 400
#: What is aimed at, in multiples of 1/α.
AIM = 1.2
#: Points that the first guess of the squares, a quarter of the largest, counts for.
PRIOR_POINTS = 2.0
#: Logarithms of what is aimed at beside the wealth, kept where its normal quantile is finite; and the share of the largest bet that may be bet.
LOG_SHARES = (-600.0, -1e-9)
ALMOST = 1.0 - 1e-9


def bets_reject(
    scores: np.ndarray, directions: np.ndarray, *, offsets: np.ndarray | float = 0.0, limits: np.ndarray, level: float
) -> np.ndarray:
    """True (G,) where the mean of z = ``scores`` (n, k) @ ``directions`` (G, k) − ``offsets`` (G,) is not zero, at confidence ``level``.

    ``limits`` (G,) > 0 bound |z|. Under the null hypothesis of any one g, the chance of True is at most 1 − level.
    """
    n = len(scores)
    target = 2.0 / (1.0 - level)
    limits = np.broadcast_to(limits, len(directions)).astype(np.float64)
    sides = np.array([[1.0], [-1.0]])
    log_wealth = np.zeros((2, len(directions)))
    squares, seen = PRIOR_POINTS * limits**2 / 4.0, PRIOR_POINTS
    step = max(1, math.ceil(n / STEPS))
    for start in range(0, n, step):
        z = scores[start : start + step] @ directions.T - offsets
        share = np.exp(np.clip(log_wealth - math.log(AIM * target), *LOG_SHARES))
        quantile = special.ndtri(share)
        bet = np.exp(-0.5 * quantile**2) / (math.sqrt(2.0 * math.pi) * share * np.sqrt(squares / seen * (n - start)))
        bet = np.where(log_wealth >= math.log(target), 0.0, np.minimum(bet, ALMOST / limits))
        log_wealth += np.sum(np.log1p(sides[:, :, None] * bet[:, :, None] * z.T), axis=-1)
        squares, seen = squares + np.sum(z**2, axis=0), seen + len(z)
    return np.any(log_wealth >= math.log(target), axis=0)
