"""Confidence sequences for outcomes where weak model and student disagree: right or wrong (two classes), right, wrong or
neither (more).

Two outcomes, x_t = 1 with probability q whatever came before. Let Q be the law of the outcomes under a Beta(½, ½) prior for q.
The likelihood ratio

    M_t(q) = Q(x_1, …, x_t)/P_q(x_1, …, x_t) = B(½ + S, ½ + t − S)/B(½, ½) / (q^S (1 − q)^{t − S}),     S = x_1 + … + x_t

is a martingale under P_q that starts at 1, so it ever reaches 1/α with probability at most α (Ville); {q: M < 1/α at all times
so far} is an interval, because the likelihood has one peak. For draws without replacement from a pool of N outcomes of which A
are 1, P_A(x_1, …, x_t) = C(N − t, A − S)/C(N, A) takes the place of P_q: the same proof, any Q will do, and the interval is
the point A/N once all are drawn. Nothing is split between the two ends here, which makes it narrower than betting on each.

Three outcomes x_t ∈ {1, 0, −1} (the student is right; neither is; the weak model is), mean δ: the gamblers of ``anytime`` with
range [−1, 1], whose wealth depends on the three counts alone. Only points where the two disagree are needed: gain = misfit·δ,
and δ = 2q − 1 for two classes. Draws must be uniform among the points where they disagree. Without replacement and three
outcomes: ``anytime.MeanStream``. NumPy and scipy.special.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.special import betaln, gammaln

from ..._validation import finite, probability, whole
from ...outcomes import Estimate
from .anytime import SHARES, START
from .stream_state import check_plain, finite_number

#: Parameters of the Beta prior, and halvings of [0, 1] that find an end, on its outer side.
PRIOR = 0.5
HALVINGS = 34


def log_likelihood_ratio(
    ones: Any, count: Any, rate: Any, *, pool: int | None = None, prior: tuple[float, float] = (PRIOR, PRIOR)
) -> Any:
    """log M_t at q = ``rate`` after ``ones`` of ``count`` outcomes were 1; with a ``pool`` of N outcomes, at A = N·rate of
    them 1. Broadcasts.

    ``prior``: parameters of the Beta law that Q mixes over. Infinite where ``rate`` is impossible.
    """
    ones, count, rate = (np.asarray(value, dtype=np.float64) for value in (ones, count, rate))
    a, b = prior
    mixed = betaln(a + ones, b + count - ones) - betaln(a, b)
    with np.errstate(divide="ignore", invalid="ignore"):
        if pool is None:
            chance = _times_log(ones, rate) + _times_log(count - ones, 1.0 - rate)
        else:
            total = np.rint(pool * rate)
            possible = (total >= ones) & (pool - total >= count - ones)
            chance = _log_choose(pool - count, np.where(possible, total - ones, 0.0)) - _log_choose(pool, total)
            chance = np.where(possible, chance, -np.inf)
    return mixed - chance


def _times_log(times: np.ndarray, of: np.ndarray) -> np.ndarray:
    return np.where(times > 0, times * np.log(np.where(of > 0.0, of, 0.0)), 0.0)


def _log_choose(n: Any, k: Any) -> Any:
    return gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0)


def two_outcomes(outcomes: Any, *, level: float = 0.95, pool: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Ends (..., n), (..., n) of the interval for q after each of the ``outcomes`` (..., n), 0 or 1: all cover it with
    probability ≥ ``level``.

    ``pool``: how many outcomes there are, for draws without replacement; q is then the share of ones in the pool, and the ends
    multiples of 1/pool. Raises ``ValueError`` for other outcomes, and for more of them than the pool holds.
    """
    outcomes = _among("outcomes", outcomes, (0.0, 1.0))
    count = np.arange(1, outcomes.shape[-1] + 1)
    _fits(count[-1], pool)
    ones = np.cumsum(outcomes, axis=-1)
    low, high = _two_ends(ones, np.broadcast_to(count, ones.shape), level, pool)
    return np.maximum.accumulate(low, axis=-1), np.minimum.accumulate(high, axis=-1)


def three_outcomes(outcomes: Any, *, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """The same for the mean δ of ``outcomes`` (..., n) in {1, 0, −1}, drawn with replacement, or from more points than will
    ever be drawn.
    """
    outcomes = _among("outcomes", outcomes, (-1.0, 0.0, 1.0))
    counts = np.stack([np.cumsum(outcomes == value, axis=-1) for value in (-1.0, 0.0, 1.0)], axis=-1)
    low, high = _three_ends(counts, level)
    return np.maximum.accumulate(low, axis=-1), np.minimum.accumulate(high, axis=-1)


def _two_ends(ones: np.ndarray, count: np.ndarray, level: float, pool: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Ends from the counts as they stand: the outermost rates at which M < 1/α (of a pool: the outermost of those that it can
    have).
    """
    enough = -math.log1p(-probability("level", level))
    scale = 1 if pool is None else pool
    peak = ones / count if pool is None else np.clip(np.rint(pool * ones / count), ones, pool - count + ones)

    def is_out(rate: np.ndarray) -> np.ndarray:
        return log_likelihood_ratio(ones, count, rate / scale, pool=pool) >= enough

    ends = []
    steps = HALVINGS if pool is None else math.ceil(math.log2(pool + 2))
    for outside in (-1.0 / scale, 1.0 + 1.0 / scale):
        out, inside = np.full(ones.shape, outside * scale), np.asarray(peak, dtype=np.float64)
        for _ in range(steps):
            trial = (out + inside) / 2.0
            if pool is not None:  # whole numbers: towards the outer side, and nothing is left between them at the end
                trial = np.floor(trial) if outside < 0 else np.ceil(trial)
            beyond = (trial < 0) | (trial > scale) | is_out(np.clip(trial, 0, scale))
            stuck = (trial == out) | (trial == inside)
            out, inside = np.where(beyond & ~stuck, trial, out), np.where(~beyond & ~stuck, trial, inside)
        ends.append(np.clip((out if pool is None else inside) / scale, 0.0, 1.0))
    return ends[0], ends[1]


def _three_ends(counts: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the interval for the mean from ``counts`` (..., 3) of −1, 0 and 1."""
    enough = math.log(2.0 / (1.0 - probability("level", level)))
    mean = (counts[..., 2] - counts[..., 0]) / counts.sum(axis=-1)
    low = _lower_end(counts, (1.0 + mean) / 2.0, enough)
    high = 1.0 - _lower_end(counts[..., ::-1], (1.0 - mean) / 2.0, enough)
    return 2.0 * low - 1.0, 2.0 * high - 1.0


def _lower_end(counts: np.ndarray, mean: np.ndarray, enough: float) -> np.ndarray:
    """The largest known mean in [0, 1] at which the gamblers on high terms own 2/α, for terms 0, ½ and 1 with ``counts`` (...,
    3).
    """
    out, inside = np.zeros(mean.shape), mean
    lost = np.log(START) + counts[..., :1] * np.log1p(-SHARES)
    for _ in range(HALVINGS):
        trial = (out + inside) / 2.0
        high = 1.0 / np.maximum(trial, np.finfo(float).tiny)[..., None]
        grown = counts[..., 1:2] * np.log1p(SHARES * (high / 2.0 - 1.0)) + counts[..., 2:] * np.log1p(SHARES * (high - 1.0))
        rich = np.logaddexp.reduce(lost + grown, axis=-1) >= enough
        out, inside = np.where(rich, trial, out), np.where(rich, inside, trial)
    return out


class OutcomeStream:
    """A running interval for the mean of outcomes, 0 and 1 (``kinds`` = 2) or −1, 0 and 1 (``kinds`` = 3), fed one at a time
    or in batches.

    ``add(outcomes)`` gives the ends after each; ``interval()`` the Estimate as it stands; ``plain()`` a dictionary for JSON,
    from which ``OutcomeStream.from_plain`` goes on: it holds the counts and the ends alone. ``pool``: for two outcomes only
    (see ``two_outcomes``).
    """

    kind = "mean of outcomes"

    def __init__(self, kinds: int = 2, *, level: float = 0.95, pool: int | None = None) -> None:
        if kinds not in (2, 3):
            raise ValueError(f"kinds must be 2 (right, wrong) or 3 (right, neither, wrong); it is {kinds!r}.")
        if kinds == 3 and pool is not None:
            raise ValueError(
                "a pool of three outcomes is served by MeanStream(pool=...) with range [-1, 1]; leave pool out here."
            )
        self.level, self.kinds = probability("level", level), kinds
        self.pool = None if pool is None else whole("pool", pool)
        self.counts = np.zeros(kinds)
        self.lower, self.upper = float(self._values[0]), 1.0

    @property
    def _values(self) -> np.ndarray:
        return np.array([0.0, 1.0] if self.kinds == 2 else [-1.0, 0.0, 1.0])

    def add(self, outcomes: Any) -> np.ndarray:
        """Ends (k, 2) after each of ``outcomes`` (k,) or one; raises ``ValueError`` and changes nothing when one is
        impossible.
        """
        outcomes = _among("outcomes", np.atleast_1d(outcomes), tuple(self._values))
        counts = self.counts + np.cumsum(outcomes[:, None] == self._values, axis=0)
        count = counts.sum(axis=-1)
        _fits(int(count[-1]), self.pool)
        if self.kinds == 2:
            low, high = _two_ends(counts[:, 1], count, self.level, self.pool)
        else:
            low, high = _three_ends(counts, self.level)
        low, high = np.maximum.accumulate(np.maximum(low, self.lower)), np.minimum.accumulate(np.minimum(high, self.upper))
        high = np.maximum(high, low)  # nothing is left with probability ≤ α: a point then
        self.counts, self.lower, self.upper = counts[-1], float(low[-1]), float(high[-1])
        return np.stack([low, high], axis=-1)

    def interval(self) -> Estimate:
        """The mean so far (moved into the interval) with the interval; the standard error is the usual one, for comparison."""
        n = int(self.counts.sum())
        if not n:
            raise ValueError("a stream needs an outcome before it has an interval; there is none. Add one.")
        mean = float(self.counts @ self._values) / n
        variance = float(self.counts @ (self._values - mean) ** 2) / n
        value = min(max(mean, self.lower), self.upper)
        left = 1.0 if self.pool is None else (self.pool - n) / self.pool
        words = "likelihood ratio" if self.kinds == 2 else "betting"
        return Estimate(
            value,
            math.sqrt(left * variance / n),
            self.lower,
            self.upper,
            self.level,
            f"confidence sequence by {words}, {n} labels",
        )

    def plain(self) -> dict[str, Any]:
        """The state as numbers, lists and words, ready for JSON."""
        state = {"kind": self.kind, "kinds": self.kinds, "level": self.level, "pool": self.pool}
        return state | {"counts": [int(count) for count in self.counts], "lower": self.lower, "upper": self.upper}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> OutcomeStream:
        """The stream whose ``plain()`` this was. Raises ``ValueError`` when it is none, or was damaged."""
        check_plain(plain, cls.kind, ("kinds", "level", "pool", "counts", "lower", "upper"))
        stream = cls(plain["kinds"], level=plain["level"], pool=plain["pool"])
        counts = np.array([whole("counts", count, at_least=0) for count in plain["counts"]], dtype=np.float64)
        lower, upper = (finite_number(name, plain[name]) for name in ("lower", "upper"))
        if counts.shape != stream.counts.shape or not stream.lower <= lower <= upper <= 1.0:
            raise ValueError("the stream's counts and ends do not belong together: the state is damaged. Start a new stream.")
        _fits(int(counts.sum()), stream.pool)
        stream.counts, stream.lower, stream.upper = counts, lower, upper
        return stream


def _among(name: str, outcomes: Any, values: tuple[float, ...]) -> np.ndarray:
    """``outcomes`` as floats, if each is one of ``values``."""
    outcomes = np.asarray(finite(name, outcomes, min_ndim=1), dtype=np.float64)
    wrong = ~np.isin(outcomes, values)
    if wrong.any():
        where = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise ValueError(f"{name} must be among {values}; entry {where} is {outcomes[where]:.6g}. Code right, neither, wrong so.")
    return outcomes


def _fits(count: int, pool: int | None) -> None:
    if pool is not None and count > pool:
        raise ValueError(f"there must be at most pool = {pool} outcomes; there are {count}. Check pool.")
