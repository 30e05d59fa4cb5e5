"""Variances of estimates of a gain on a pool whose law is known, the draws that make them least, and the bias of a wrong weighting.

Per label, drawn independently (divide by the number of labels). Squared loss, draws with probabilities p, guess ŷ:

    Var = (1/N²) Σ_i E[t_i²]/p_i − E[T²],   t_i = −2(w_i − s_i)(y_i − ŷ_i),   T = (1/N) Σ_i t_i,

labels being drawn once for the pool, whose own gain is estimated. By Cauchy and Schwarz Σ a_i²/p_i ≥ (Σ a_i)², a_i = rms t_i,
with equality for p_i ∝ a_i = 2|w_i − s_i|·rms(y_i − ŷ_i): no other draw has a smaller variance. Derived here (Neyman's
allocation, point by point). NumPy.
"""

from __future__ import annotations

import numpy as np

from ...problems.labelled_pool import LabelledPool


def misses(pool: LabelledPool, guess: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and mean square of t_i, (N,) each."""
    lever = -2.0 * (pool.weak - pool.student)
    return lever * (pool.means - guess), lever**2 * pool.mean_square_about(guess)


def _mean_square_of_mean(pool: LabelledPool, guess: np.ndarray) -> float:
    mean, square = misses(pool, guess)
    return float(np.mean(mean) ** 2 + np.sum(square - mean**2) / pool.size**2)


def difference_variance(pool: LabelledPool, guess: np.ndarray) -> float:
    """Variance of the difference estimate with one draw by the pool's probabilities."""
    return float(np.sum(misses(pool, guess)[1] / pool.probabilities)) / pool.size**2 - _mean_square_of_mean(pool, guess)


def best_difference_variance(pool: LabelledPool, guess: np.ndarray) -> float:
    """The least variance that any draw gives it: that of ``best_probabilities``."""
    return float(np.mean(np.sqrt(misses(pool, guess)[1]))) ** 2 - _mean_square_of_mean(pool, guess)


def best_probabilities(pool: LabelledPool, guess: np.ndarray) -> np.ndarray:
    """p_i ∝ |w_i − s_i|·rms(y_i − ŷ_i)."""
    size = np.sqrt(misses(pool, guess)[1])
    return size / size.sum()


def right_shares(pool: LabelledPool) -> tuple[float, float]:
    """q_s and q_w: chances that student and weak model are right, where they differ."""
    where = pool.differs
    return float(np.mean(pool.chance_right(pool.student)[where])), float(np.mean(pool.chance_right(pool.weak)[where]))


def paired_accuracy_variance(pool: LabelledPool) -> float:
    """Of one point drawn uniformly from all: misfit·r − (misfit·δ)², r = q_s + q_w, δ = q_s − q_w."""
    by_student, by_weak = right_shares(pool)
    return pool.misfit * (by_student + by_weak) - (pool.misfit * (by_student - by_weak)) ** 2


def disagreement_variance(pool: LabelledPool) -> float:
    """Of one point drawn uniformly from those on which they differ, times the misfit: misfit²(r − δ²)."""
    by_student, by_weak = right_shares(pool)
    return pool.misfit**2 * (by_student + by_weak - (by_student - by_weak) ** 2)


#: Nodes of the integral over the clock, and the power of its variable as which the integrand begins at 0, at least: smooth
#: enough for them.
NODES, BEGINS = 200, 4.0


def successive_inclusion(probabilities: np.ndarray, count: int) -> np.ndarray:
    """π_i of drawing ``count`` points one after the other without replacement, each time ∝ ``probabilities`` (N,) of those
    left.

    The order is that of independent exponential clocks of these rates, so π_i = ∫ p_i e^(−p_i u) P(fewer than ``count`` others
    rang before u) du. With x = e^(−u c) that is an integral over (0, 1), done by Gauss and Legendre, of a function that begins
    as x^(p_i/c − 1), which c makes smooth; the number that rang is counted point by point.
    """
    rates = BEGINS * probabilities / np.min(probabilities)
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    x, weights = (nodes + 1.0) / 2.0, weights / 2.0
    silent = x ** rates[:, None]
    chances = np.empty(rates.size)
    for i, rate in enumerate(rates):
        rang = np.zeros((count + 1, NODES))  # rang[k]: chance that k others rang; more than count - 1 is not kept
        rang[0] = 1.0
        for j in range(rates.size):
            if j != i:
                rang[1:] = silent[j] * rang[1:] + (1.0 - silent[j]) * rang[:-1]
                rang[0] = silent[j] * rang[0]
        chances[i] = np.sum(weights * rate * x ** (rate - 1.0) * rang[:count].sum(axis=0))
    return chances


def successive_mean(pool: LabelledPool, guess: np.ndarray) -> float:
    """What successive draws, weighted by 1/(count·N·p_i) as if with replacement, say of T on average: (1/N) Σ E[t_i]
    π_i/(count·p_i), and not (1/N) Σ E[t_i]."""
    share = successive_inclusion(pool.probabilities, pool.count) / (pool.count * pool.probabilities)
    return float(np.mean(misses(pool, guess)[0] * share))
