"""Intervals for q_s − q_w, the difference of two shares of one set of points, from m of them: exact ones and a score interval.

Each point is one of three: the student is right (share q_s), the weak model is right (q_w), neither is. With n_s, n_w their
counts among m points, δ = q_s − q_w and r = q_s + q_w, the estimate is D/m, D = n_s − n_w. The m points are drawn uniformly
without replacement from ``among`` points (their δ is the target: hypergeometric laws), or independently from a law (``among``
= None: multinomial laws).

*Two classes* (``decided``): one of the two is always right, r = 1, D = 2n_s − m, and the exact interval is Clopper and
Pearson's of q_s, or its hypergeometric counterpart.

*More classes.* r is a nuisance. The lower end is the smallest δ₀ that the following test of δ ≤ δ₀ does not reject, and the
upper one its mirror image. C is an interval for r at level 1 − β (exact, from n_s + n_w), and

    p = β + max over r in C of P_{δ₀, r}(D ≥ observed D)

is a p value whatever C is (Berger and Boos): P(p ≤ α/2) ≤ P(r not in C) + (α/2 − β) = α/2. *The maximum is not searched, it is
bounded.* Moving a point from "neither" to "student", or from "weak" to "neither", raises D, so the chance grows with q_s and
falls with q_w; on a cell r ∈ [a, b] it is at most its value at q_s = (b + δ₀)/2, q_w = (a − δ₀)/2 (cut at 0). With
short cells this costs next to nothing, and the level is exact, not up to a grid. The bound grows with δ₀, so the end is found
by bisection, and what is returned is on the rejected side.

*Score interval* (approximate): all δ with |D/m − δ| ≤ z·√((r̃ − δ²)/m), r̃ the most likely r for that δ (Tango's interval for
paired proportions; Wilson's for two classes). Without replacement the variance is times (M − m)/(M − 1). NumPy and
scipy.special only.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import special

from ...montecarlo import proportion_estimate

#: Share of one tail's error rate that is spent on the interval of the nuisance.
NUISANCE = 0.02
#: Cells into which that interval is cut, and bisections of an end: 2⁻²⁴ of its range.
CELLS, HALVINGS = 64, 24
#: Sizes n_s + n_w of smaller chance than this, taken together, are counted as exceeding, which can only widen an interval.
NEGLIGIBLE = 1e-10
#: Standard deviations (and points) above the mean beyond which a hypergeometric chance is 0 in double precision.
FAR = 10.0


@lru_cache(maxsize=65_536)
def exact_interval(
    student: int, weak: int, labels: int, *, among: int | None = None, decided: bool = False, level: float = 0.95
) -> tuple[float, float]:
    """Exact interval of q_s − q_w: the student was right at ``student`` of ``labels`` points, the weak model at ``weak``.

    Coverage is at least ``level`` for all shares. ``decided``: one of them is always right (then student + weak = labels).
    """
    lower = _lower_end(student, weak, labels, among, decided, level)
    return lower, -_lower_end(weak, student, labels, among, decided, level)


def _lower_end(more: int, less: int, labels: int, among: int | None, decided: bool, level: float) -> float:
    tail = (1.0 - level) / 2.0
    spent = 0.0 if decided else NUISANCE * tail
    total = 1 if among is None else among
    if decided:
        sums = (float(total), float(total))
    elif among is None:
        found = proportion_estimate(more + less, labels, level=1.0 - spent)
        sums = (found.low, found.high)
    else:
        sums = hypergeometric_range(more + less, labels, among, level=1.0 - spent)
    edges = _edges(*sums, whole=among is not None)

    def rejects(difference: float) -> bool:
        shares = _worst_shares(edges, difference, total, whole=among is not None)
        return shares is None or spent + np.max(chance_at_least(more - less, labels, *shares, among=among)) <= tail

    if among is None:
        low, high = -1.0, (more - less) / labels
        if not rejects(low):
            return low
        for _ in range(HALVINGS):
            middle = (low + high) / 2.0
            low, high = (middle, high) if rejects(middle) else (low, middle)
        return low
    # Whole numbers, looked for around the end of the score interval, which is near; each point without a label may speak for either.
    least, most = more - less - (among - labels), more - less + (among - labels)
    near = float(score_interval(more, less, labels, among=among, level=level)[0])
    inside, step = min(max(round(among * near), least), most), 1 + among // 100
    while inside < most and rejects(inside):
        inside, step = min(inside + step, most), 2 * step
    outside, step = max(inside - step, least - 1), 1 + among // 100
    while outside >= least and not rejects(outside):
        inside, outside, step = outside, max(outside - step, least - 1), 2 * step
    while inside - outside > 1:
        middle = (outside + inside) // 2
        outside, inside = (middle, inside) if rejects(middle) else (outside, middle)
    return inside / among


def _edges(low: float, high: float, *, whole: bool) -> np.ndarray:
    """Cells (K, 2) that cover [low, high]: of a length, or of whole numbers."""
    if whole:
        cuts = np.unique(np.linspace(low, high + 1, CELLS + 1).round().astype(np.int64))
        return np.stack([cuts[:-1], cuts[1:] - 1], axis=1)
    cuts = np.linspace(low, high, CELLS + 1 if high > low else 2)
    return np.stack([cuts[:-1], cuts[1:]], axis=1)


def _worst_shares(edges: np.ndarray, difference: float, total: int, *, whole: bool) -> tuple[np.ndarray, np.ndarray] | None:
    """Largest q_s and smallest q_w in each cell of their sum that the difference allows; None where it allows no cell."""
    edges = edges[edges[:, 1] >= abs(difference)]
    if not edges.size:
        return None
    more, less = (edges[:, 1] + difference) / 2.0, np.maximum(edges[:, 0] - difference, 0.0) / 2.0
    if whole:
        more, less = np.floor(more), np.ceil(less)
    return np.clip(more, 0.0, total), np.clip(less, 0.0, total - np.clip(more, 0.0, total))


def chance_at_least(difference: int, labels: int, more: np.ndarray, less: np.ndarray, *, among: int | None) -> np.ndarray:
    """P(n_s − n_w ≥ difference) for shares (or, ``among`` points, numbers) ``more`` and ``less`` (K,).

    By the number n = n_s + n_w of decided points: given n, n_s ≥ ⌈(n + difference)/2⌉ has a binomial (hypergeometric) chance.
    """
    decided = np.arange(labels + 1)
    needed = -((-(decided + difference)) // 2)
    both = more + less
    if among is None:
        weights = _binomial(decided, labels, both[:, None])
        kept = weights.max(axis=0) > NEGLIGIBLE / (labels + 1)
        share = np.divide(more, both, out=np.zeros(both.shape), where=both > 0)
        n, k = decided[kept], needed[kept]
        tails = special.betainc(np.clip(k, 1, None), np.clip(n - k + 1, 1, None), share[:, None])
        tails = np.where(k <= 0, 1.0, np.where(k > n, 0.0, tails))
    else:
        table = log_factorials(among)
        sums = both.astype(np.int64)[:, None]
        weights = np.exp(_log_hypergeometric(decided, among, sums, labels, table))
        kept = weights.max(axis=0) > NEGLIGIBLE / (labels + 1)
        n, k = decided[kept], needed[kept]
        mean = n * np.divide(more, both, out=np.zeros(both.shape), where=both > 0)[:, None]
        beyond = np.max(mean + FAR * (np.sqrt(mean * (1.0 - mean / np.maximum(n, 1))) + 1.0) - k, initial=0.0)
        right = np.maximum(k, 0)[:, None] + np.arange(min(math.ceil(beyond), labels) + 1)
        logs = _log_hypergeometric(right, sums[..., None], more.astype(np.int64)[:, None, None], n[:, None], table)
        tails = np.exp(logs).sum(axis=2)
    return np.minimum(np.sum(weights[:, kept] * tails, axis=1) + weights[:, ~kept].sum(axis=1), 1.0)


def _binomial(k: np.ndarray, n: int, share: np.ndarray) -> np.ndarray:
    logs = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
    return np.exp(logs + special.xlogy(k, share) + special.xlog1py(n - k, -share))


def _log_hypergeometric(k, total, marked, drawn, table: np.ndarray) -> np.ndarray:
    """log P(k marked) when ``drawn`` of ``total`` points are drawn, ``marked`` of which are marked; −∞ where it can't be.
    ``table``: log n!."""
    parts = np.broadcast_arrays(k, marked - k, drawn - k, total - marked - (drawn - k))
    can_be = np.all([part >= 0 for part in parts], axis=0)
    inside = sum(table[np.clip(part, 0, table.size - 1)] for part in parts)
    ways = [table[np.clip(part, 0, None)] for part in (marked, total - marked, drawn, np.maximum(total - drawn, 0))]
    return np.where(can_be, sum(ways) - table[total] - inside, -np.inf)


def log_factorials(most: int) -> np.ndarray:
    """log n! for n = 0, …, most."""
    return special.gammaln(np.arange(most + 1) + 1.0)


def hypergeometric_range(marked: int, drawn: int, among: int, *, level: float) -> tuple[int, int]:
    """Exact interval of the number of marked points of ``among``, of which ``drawn`` were drawn and ``marked`` found marked."""
    tail = (1.0 - level) / 2.0
    table = log_factorials(among)
    numbers = np.arange(marked, among - (drawn - marked) + 1)
    k = np.arange(drawn + 1)
    chances = np.exp(_log_hypergeometric(k, among, numbers[:, None], drawn, table))
    above, below = chances[:, marked:].sum(axis=1), chances[:, : marked + 1].sum(axis=1)
    kept = numbers[(above > tail) & (below > tail)]
    return int(kept[0]), int(kept[-1])


def score_interval(
    student: np.ndarray | float,
    weak: np.ndarray | float,
    labels: np.ndarray | float,
    *,
    among: int | None = None,
    level: float = 0.95,
) -> tuple[np.ndarray, np.ndarray]:
    """Score interval of q_s − q_w for arrays of counts (whole or not); with two classes student + weak = labels."""
    more, less, labels = (np.asarray(x, dtype=np.float64) for x in np.broadcast_arrays(student, weak, labels))
    low, high = _score_ends(np.stack([more, less]), np.stack([less, more]), labels, among, level)
    return low, -high


def _score_ends(more: np.ndarray, less: np.ndarray, labels: np.ndarray, among: int | None, level: float) -> np.ndarray:
    """Lower ends, by bisection: D/m − δ over its standard error falls in δ."""
    z = float(special.ndtri(0.5 + level / 2.0))
    left = left_over(labels, among)
    found = (more - less) / labels
    low, high = np.full(found.shape, -1.0), found
    for _ in range(HALVINGS):
        middle = (low + high) / 2.0
        both = most_likely_sum(more, less, labels, middle)
        rejected = found - middle > z * np.sqrt(np.maximum(both - middle**2, 0.0) * left / labels)
        low, high = np.where(rejected, middle, low), np.where(rejected, high, middle)
    return low


def most_likely_sum(more: np.ndarray, less: np.ndarray, labels: np.ndarray, difference: np.ndarray) -> np.ndarray:
    """Most likely q_s + q_w given their difference δ: the larger root of m r² − (S + Dδ) r + Dδ − (m − S)δ² = 0, S and D sum
    and difference of counts.

    It is where the derivative of n_s log(r + δ) + n_w log(r − δ) + (m − n_s − n_w) log(1 − r) vanishes.
    """
    both, gap = more + less, (more - less) * difference
    root = np.sqrt(np.maximum((both + gap) ** 2 - 4.0 * labels * (gap - (labels - both) * difference**2), 0.0))
    return np.maximum((both + gap + root) / (2.0 * labels), np.abs(difference))


def left_over(labels: Any, among: int | None) -> Any:
    """What drawing without replacement leaves of a variance: (M − m)/(M − 1)."""
    return 1.0 if among is None else np.maximum(among - labels, 0.0) / max(among - 1.0, 1.0)


def standard_error(student: float, weak: float, labels: float, *, among: int | None = None) -> float:
    """√((r − δ²)/m) at the estimates, times √((M − m)/(M − 1)) without replacement."""
    both, difference = (student + weak) / labels, (student - weak) / labels
    return math.sqrt(max(both - difference**2, 0.0) * float(left_over(labels, among)) / labels)
