"""How far the average of k drawn members is from the mixture it was drawn from, in KL: closed bounds and the limit law. Derived here.

g = Σ_j a_j m_j, J_1 … J_k independent from a, ḡ = (m_{J_1} + … + m_{J_k})/k. Write ḡ = g(1 + V): V is the mean of k independent copies
of U = m_J/g − 1, whose mean is 0. E is over samples, draws, or both; S_r = E Σ_y g E U^r, Q = E Σ_y g (E U²)², χ² = S_2.

1.  E KL(ḡ ‖ w) − KL(g ‖ w) = E KL(ḡ ‖ g) for every w: the linear term of the three-point identity has mean 0, whether g is optimal or not.
2.  E KL(ḡ ‖ g) ≤ log(1 + χ²/k) ≤ χ²/k ≤ (c − 1)/k with c classes, because KL ≤ log(1 + chi-squared), log is concave, and m² ≤ m.
3.  (1 + v) log(1 + v) − v lies between v²/2 − v³/6 and v²/2 − v³/6 + v⁴/3 for all v ≥ −1 (its second derivative 1/(1 + v) is
    1 − v + v²/(1 + v); the last term integrates to at most v⁴/12 for v > 0, v⁴/3 for v < 0). With E V³ = E U³/k² and
    E V⁴ = (E U⁴ + 3(k − 1)(E U²)²)/k³,

        χ²/2k − S_3/6k²  ≤  E KL(ḡ ‖ g)  ≤  χ²/2k − S_3/6k² + (S_4 + 3(k − 1)Q)/3k³.

4.  −log(1 + v) ≤ −v + v²/2 − v³/3 + v⁴/(4r) for v ≥ r − 1, with r the smallest member over g. It bounds E KL(f ‖ ḡ) − KL(f ‖ g), in
    the same way, for a target f. When f is in the hull and γ is the certificate of g as the student of w (``students.bregman_hull``),
    Pythagoras at g bounds what the student ḡ gains less than its misfit by γ plus both: of order 1/k.
5.  The shape of Mulgund & Pabbaraju's theorem, √(c/k), with constants: E KL(f ‖ ḡ) − KL(f ‖ g) ≤ E log Σ_y f g/ḡ ≤ log(1 + E B·TV(g, ḡ))
    with B = max_y f/ḡ, and E B·TV ≤ √(E B²) √(E KL(ḡ ‖ g)/2) (Cauchy & Schwarz, Pinsker), E B² ≤ E Σ_j a_j max_y (f/m_j)² (convexity).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ..problems.hull_population import mixture_of
from ..problems.k_average import HullStudent, KAverage
from ..students.bregman_hull import hull_gap


class Spread(NamedTuple):
    """Moments E U², E U³, E U⁴ of the members around their mixture, and the smallest member over the mixture, all (n, c)."""

    second: np.ndarray
    third: np.ndarray
    fourth: np.ndarray
    smallest: np.ndarray


def spread(world: KAverage) -> Spread:
    """The moments at every sample and class; members without weight do not count. Raises ``ValueError`` for another divergence than KL."""
    if not world.is_kl():
        raise ValueError(f"the divergence must be 'kl' for k-averages' bounds; it is {world.population.loss.name!r}.")
    drawn = world.mixture > 0
    relative = world.population.members[drawn] / world.centre
    second, third, fourth = (np.tensordot(world.mixture[drawn], (relative - 1.0) ** power, axes=1) for power in (2, 3, 4))
    return Spread(second, third, fourth, relative.min(axis=0))


def mean_over_classes(world: KAverage, weights: np.ndarray, values: np.ndarray) -> float:
    """E Σ_y weights·values over samples, for arrays (n, c)."""
    return float(np.sum(weights * values, axis=-1) @ world.population.weights)


def chi_squared(world: KAverage) -> float:
    """χ² = E Σ_y Var_J m_J(y)/g(y): the chi-squared distance of one drawn member from the mixture, averaged over samples."""
    return mean_over_classes(world, world.centre, spread(world).second)


def class_bound(world: KAverage) -> float:
    """c − 1, at least χ² whatever the members; attained when every member is certain of one class at every sample."""
    return world.population.members.shape[-1] - 1.0


def excess_bound(world: KAverage) -> float:
    """log(1 + χ²/k), at least E KL(ḡ ‖ g)."""
    return math.log1p(chi_squared(world) / world.size)


def excess_limit(world: KAverage) -> float:
    """χ²/2k, to which E KL(ḡ ‖ g) tends."""
    return chi_squared(world) / (2.0 * world.size)


def excess_range(world: KAverage) -> tuple[float, float]:
    """Lower and upper bound of E KL(ḡ ‖ g) that differ by a multiple of 1/k² (item 3 of the module)."""
    moments, k = spread(world), world.size
    skew = mean_over_classes(world, world.centre, moments.third) / (6.0 * k**2)
    rest = mean_over_classes(world, world.centre, _fourth_of_mean(moments, k)) / 3.0
    low = excess_limit(world) - skew
    return low, low + rest


def excess_envelope(world: KAverage) -> float:
    """The largest E KL(ḡ ‖ g)/low − 1 that item 3 allows, low being its lower bound: of order 1/k. Infinite where low ≤ 0 (small k)."""
    low, high = excess_range(world)
    return high / low - 1.0 if low > 0.0 else math.inf


def target_bound(world: KAverage) -> float:
    """Upper bound of E KL(f ‖ ḡ) − KL(f ‖ g), of order 1/k (item 4 of the module)."""
    moments, k = spread(world), world.size
    terms = moments.second / (2.0 * k) - moments.third / (3.0 * k**2) + _fourth_of_mean(moments, k) / (4.0 * moments.smallest)
    return mean_over_classes(world, world.population.target, terms)


def certificate(world: KAverage) -> float:
    """γ ≥ 0: how far the mixture is from being the best student of the weak labels, as ``students.bregman_hull`` certifies it."""
    population = world.population
    gap = hull_gap(
        population.members, world.mixture, population.weak, divergence=population.divergence, weights=population.weights
    )
    return float(gap)


def shortfall_bound(world: KAverage) -> float:
    """γ + (item 3) + (item 4), at least E[misfit − gain] of the k-average; of order 1/k when the mixture is the best student (γ = 0)."""
    return certificate(world) + excess_range(world)[1] + target_bound(world)


def target_ratio(world: KAverage) -> float:
    """B̄ = √(E Σ_j a_j max_y (f/m_j)²): how much more likely than the members the target finds a class."""
    ratio = np.max(world.population.target / world.population.members, axis=-1)
    return math.sqrt(float(world.mixture @ ratio**2 @ world.population.weights))


def root_bound(world: KAverage) -> float:
    """γ + (c − 1)/k + B̄ √((c − 1)/2k), at least E[misfit − gain]: the published shape O(√(c/k)) with constants (item 5 of the module)."""
    share = class_bound(world) / world.size
    return certificate(world) + share + target_ratio(world) * math.sqrt(share / 2.0)


def member_bound(world: HullStudent) -> np.ndarray:
    """E + log(1 + B̄√(E/2)), (...): at least misfit − gain of a student g of the hull, KL.

    E = E KL(g ‖ w) − E KL(r ‖ w) + γ bounds how far g is from the best member, from any reference r with its certificate γ;
    B̄² = E max_y (f/g)². Pythagoras at r turns misfit − gain into at most E plus KL(f ‖ g) − KL(f ‖ r) ≤ log Σ_y f r/g ≤ log(1 + B TV(r, g)),
    and E TV² ≤ E KL(g ‖ r)/2 ≤ E/2.
    """
    if not world.is_kl():
        raise ValueError(f"the divergence must be 'kl' for this bound; it is {world.population.loss.name!r}.")
    population, p = world.population, world.population.weights
    student = mixture_of(population.members, world.student, population.loss)
    ratio = np.sqrt(np.max(population.target / student, axis=-1) ** 2 @ p)
    excess = member_excess(world)
    return excess + np.log1p(ratio * np.sqrt(excess / 2.0))


def member_excess(world: HullStudent) -> np.ndarray:
    """E KL(g ‖ w) − min over the hull of E KL(· ‖ w), at most: the difference to the reference plus the reference's certificate, (...)."""
    population, loss = world.population, world.population.loss
    student, reference = (mixture_of(population.members, a, loss) for a in (world.student, world.reference))
    difference = loss.between(student, population.weak) - loss.between(reference, population.weak)
    gap = hull_gap(
        population.members, world.reference, population.weak, divergence=population.divergence, weights=population.weights
    )
    return np.maximum(difference @ population.weights + gap, 0.0)


def _fourth_of_mean(moments: Spread, k: int) -> np.ndarray:
    """E V⁴ of a mean of k independent copies of U."""
    return (moments.fourth + 3.0 * (k - 1.0) * moments.second**2) / k**3
