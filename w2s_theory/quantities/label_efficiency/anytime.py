"""Intervals that stay valid when one stops early: confidence sequences for the mean of bounded terms, by betting.

The terms x_1, x_2, … come one at a time; whatever came before, the next has mean μ and lies in [l_t, h_t], a range that is
known before it is seen. No independence, no law, no number of terms is assumed. Against "the mean is m" play gamblers who
start with 1 in all. One puts a fixed share 0 < c < 1 of what it has on the next term being high, at the odds that are fair if
m is the mean, and keeps the rest:

    K_t = K_{t−1} · (1 − c + c·r_t),    r_t = (x_t − l_t)/(m − l_t) ≥ 0

and another does the same with r_t = (h_t − x_t)/(h_t − m), on it being low.

Proof. At m = μ, E[r_t | past] = 1 and so E[K_t | past] = K_{t−1}; K stays ≥ 0. So does an average Σ_j π_j K^{(j)} over shares
c_j. A non-negative martingale that starts at 1 ever reaches 2/α with probability at most α/2 (Ville). The interval at time t
holds the m at which neither the average of the high gamblers nor that of the low ones has ever reached 2/α: it misses μ at any
time at all with probability at most α. K of the high gamblers falls as m grows (each r_t does), so what it leaves is a
half-line, and an end of the interval is one root. The ends only ever move inwards. The average over shares replaces the choice
of one: it costs log(1/π_j) against the best share, at every number of terms.

Drawing without replacement from a pool of N whose mean is μ, the next term has mean (Nμ − Σ_{i<t} x_i)/(N − t + 1): put it in
place of m. What the terms not yet drawn can do is then bounded too, so that the interval is a point once all are drawn.

What may change on the way, as long as it is decided before x_t is seen: the range, and how x_t is made (see ``terms``): a
prediction of the label fitted to earlier points, the probabilities of drawing.

Confidence sequences by betting are Waudby-Smith and Ramdas's; shares in place of their plug-in bets make the answer without a
pool depend on the terms' order through the running ends alone. NumPy and SciPy's brentq.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..._validation import finite, probability, whole
from ...outcomes import Estimate
from .stream_state import check_plain, finite_number

#: Shares of the wealth that gamblers bet, and what they start with: most of it on the large shares, which decide while terms
#: are few.
SHARES = 0.95 * 0.5 ** np.arange(12)
START = (np.arange(12) + 2.0) ** -1.5 / np.sum((np.arange(12) + 2.0) ** -1.5)
#: Ends are found to this part of the range, on the outer side; differences of means below a hundredth of it are rounding.
RESOLUTION = 1e-7
#: Logarithms of wealth are cut here while a root is searched: infinite ones are where a mean is impossible.
HUGE = 50.0


def log_capital(
    terms: Any, mean: Any, *, low: Any, high: Any, pool: int | None = None, shares: Any = SHARES, start: Any = START
) -> np.ndarray:
    """Logarithm of what the gamblers own after each of the terms (..., n) when ``mean`` (...) is tested: (2, ..., n), high and
    low.

    ``low``, ``high``: the range, numbers or one of each per term. ``pool``: the number of terms there are, for draws without
    replacement. ``shares`` (J,) with weights ``start`` (J,): the gamblers. Infinite from where on ``mean`` is impossible. The
    chance that the first (or the second) ever exceeds log b at the true mean is at most 1/b.
    """
    terms = np.asarray(terms, dtype=np.float64)
    at = np.asarray(mean, dtype=np.float64)[..., None]
    if pool is not None:
        seen = np.cumsum(terms, axis=-1) - terms
        at = (pool * at - seen) / (pool - np.arange(terms.shape[-1]))
    slip = 0.01 * RESOLUTION * (high - low)
    returns = (_returns(terms - low, at - low, slip), _returns(high - terms, high - at, slip))
    owned = np.full((2, *np.broadcast_shapes(terms.shape, at.shape)), -np.inf)
    for share, weight in zip(shares, start, strict=True):
        for side, made in enumerate(returns):
            grown = math.log(weight) + np.cumsum(np.log1p(share * (made - 1.0)), axis=-1)
            owned[side] = np.logaddexp(owned[side], grown)
    return owned


def _returns(gained: np.ndarray, expected: np.ndarray, slip: Any) -> np.ndarray:
    """gained/expected; where nothing can be expected 1 if nothing was gained, and infinite for what was impossible."""
    fair = expected > slip
    none = np.where((expected >= -slip) & (gained <= slip), 1.0, np.inf)
    safe = np.where(fair, expected, 1.0)
    return np.where(fair, np.maximum(gained, 0.0) / safe, none)


def sequence(terms: Any, *, low: Any, high: Any, level: float = 0.95, pool: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Ends (n,) and (n,) of the interval for the mean after each of ``terms`` (n,): all of them cover it with probability ≥
    ``level``.

    ``low``, ``high``: the range that terms are known to lie in, numbers, or (n,) where it changes (decided before the term is
    seen); in the terms' units. ``pool``: size of the finite pool that terms are drawn from, uniformly and without replacement;
    their mean is then the pool's. Raises ``ValueError`` for terms outside the range, more terms than the pool holds, NaN.

    >>> import numpy as np
    >>> low, high = sequence(np.tile([1.0, 1.0, 0.0], 40), low=0.0, high=1.0)
    >>> [round(float(end), 2) for end in (low[-1], high[-1])]
    [0.52, 0.8]
    """
    stream = MeanStream(level=level, pool=pool)
    ends = stream.add(terms, low=low, high=high)
    return ends[:, 0], ends[:, 1]


def last_interval(terms: Any, *, low: Any, high: Any, level: float = 0.95, pool: int | None = None) -> tuple[float, float]:
    """The interval after all of ``terms`` (n,) alone, not intersected with the earlier ones: as valid at any time, and the
    work of one look.

    Arguments and errors as ``sequence``.
    """
    stream = MeanStream(level=level, pool=pool)
    stream.keep(terms, low=low, high=high)
    return _Looks(stream.terms, stream.lows, stream.highs, pool).ends_within(-math.inf, math.inf, level)


class MeanStream:
    """A running interval for the mean of bounded terms, fed one term at a time or in batches (the same interval either way).

    ``add(terms, low=, high=)`` takes terms with their range and gives the ends after each; ``interval()`` is the Estimate as
    it stands, and ``plain()`` a dictionary for JSON, from which ``MeanStream.from_plain`` goes on. Cost per term: a handful of
    passes over the terms so far. Terms are in the caller's units, and so are the ends.
    """

    kind = "mean of bounded terms"

    def __init__(self, *, level: float = 0.95, pool: int | None = None) -> None:
        self.level = probability("level", level)
        self.pool = None if pool is None else whole("pool", pool)
        self.terms, self.lows, self.highs = np.empty(0), np.empty(0), np.empty(0)
        self.lower, self.upper = -math.inf, math.inf

    def add(self, terms: Any, *, low: Any, high: Any) -> np.ndarray:
        """Ends (k, 2) after each of ``terms`` (k,) or a number; raises ``ValueError`` and changes nothing when one is not in
        its range.
        """
        first = len(self.terms)
        self.keep(terms, low=low, high=high)
        ends = np.empty((len(self.terms) - first, 2))
        for k in range(len(ends)):
            n = first + k + 1
            looked = _Looks(self.terms[:n], self.lows[:n], self.highs[:n], self.pool)
            ends[k] = self.lower, self.upper = looked.ends_within(self.lower, self.upper, self.level)
        return ends

    def keep(self, terms: Any, *, low: Any, high: Any) -> None:
        """Take ``terms`` as ``add`` does, without looking: the ends stay where they are until the next ``add``."""
        terms = np.atleast_1d(finite("terms", terms))
        lows, highs = (
            np.broadcast_to(finite(name, end), terms.shape).astype(np.float64) for name, end in (("low", low), ("high", high))
        )
        if np.any(lows >= highs):
            raise ValueError(f"low must be below high; they are {low} and {high}. Swap them, or give the range of the terms.")
        slack = RESOLUTION * (highs - lows)
        outside = (terms < lows - slack) | (terms > highs + slack)
        if outside.any():
            bad = int(np.argmax(outside))
            raise ValueError(
                f"terms must lie in their range; number {bad} is {terms[bad]:.6g}, its range [{lows[bad]:.6g}, {highs[bad]:.6g}]. State a range that "
                "holds for every label there could be, not the one that was seen."
            )
        floor, roof = (np.concatenate(ends) for ends in ((self.lows, lows), (self.highs, highs)))
        if floor.max() > roof.min():
            raise ValueError(
                f"ranges must have the mean in common; the largest low is {floor.max():.6g}, the smallest high {roof.min():.6g}. A range was "
                "stated that does not hold for every label, or the mean moves."
            )
        if self.pool is not None and len(self.terms) + len(terms) > self.pool:
            raise ValueError(
                f"there must be at most pool = {self.pool} terms; there are {len(self.terms) + len(terms)}. Check pool."
            )
        self.terms = np.concatenate([self.terms, np.clip(terms, lows, highs)])
        self.lows, self.highs = floor, roof

    def interval(self) -> Estimate:
        """The mean of the terms so far (moved into the interval) with the interval; the standard error is the usual one, for
        comparison.
        """
        n = len(self.terms)
        if not n:
            raise ValueError("a stream needs a term before it has an interval; there is none. Add one.")
        spread = float(np.std(self.terms, ddof=1)) if n > 1 else math.inf
        left = 1.0 if self.pool is None else math.sqrt((self.pool - n) / self.pool)
        value = min(max(float(np.mean(self.terms)), self.lower), self.upper)
        error = 0.0 if left == 0.0 else left * spread / math.sqrt(n)
        return Estimate(value, error, self.lower, self.upper, self.level, f"confidence sequence by betting, {n} terms")

    def plain(self) -> dict[str, Any]:
        """The state as numbers, lists and words, ready for JSON."""
        ends = {"lower": self.lower, "upper": self.upper} if len(self.terms) else {}
        arrays = {name: getattr(self, name).tolist() for name in ("terms", "lows", "highs")}
        return {"kind": self.kind, "level": self.level, "pool": self.pool} | arrays | ends

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> MeanStream:
        """The stream whose ``plain()`` this was. Raises ``ValueError`` when it is none, or was damaged."""
        check_plain(plain, cls.kind, ("level", "pool", "terms", "lows", "highs"))
        stream = cls(level=plain["level"], pool=plain["pool"])
        if plain["terms"]:
            stream.terms, stream.lows, stream.highs = (finite(name, plain[name], ndim=1) for name in ("terms", "lows", "highs"))
            stream.lower, stream.upper = (finite_number(name, plain.get(name)) for name in ("lower", "upper"))
            if not len(stream.terms) == len(stream.lows) == len(stream.highs) or stream.lower > stream.upper:
                raise ValueError(
                    "the stream's terms, lows, highs and ends do not belong together: the state is damaged. Start a new one."
                )
        return stream


class _Looks:
    """What the gamblers own after all terms, as a function of the mean that is tested."""

    def __init__(self, terms: np.ndarray, lows: np.ndarray, highs: np.ndarray, pool: int | None) -> None:
        self.terms, self.lows, self.highs = terms, lows, highs
        self.slip = 0.01 * RESOLUTION * (highs - lows)
        self.pool = pool
        if pool is not None:
            self.seen, self.left = np.cumsum(terms) - terms, pool - np.arange(len(terms))

    def ends_within(self, lower: float, upper: float, level: float) -> tuple[float, float]:
        """The ends that these terms leave between ``lower`` and ``upper``."""
        least, most = float(np.max(self.lows)), float(np.min(self.highs))
        if self.pool is not None:  # what is left in the pool can at most be at its ends all over
            left, total = self.pool - len(self.terms), float(np.sum(self.terms))
            least, most = (total + left * least) / self.pool, (total + left * most) / self.pool
        lower, upper = max(lower, least), min(upper, most)
        if lower > upper:  # what is left in the pool proves the ends wrong (probability ≤ α), or it is empty up to rounding
            lower = upper = min(max((lower + upper) / 2.0, least), most)
        enough = math.log(2.0 / (1.0 - level))
        lower = _move(lower, upper, lambda mean: self._owned(self.terms - self.lows, self._at(mean) - self.lows) - enough)
        return lower, _move(upper, lower, lambda mean: self._owned(self.highs - self.terms, self.highs - self._at(mean)) - enough)

    def _at(self, mean: float) -> Any:
        return mean if self.pool is None else (self.pool * mean - self.seen) / self.left

    def _owned(self, gained: np.ndarray, expected: np.ndarray) -> float:
        made = _returns(gained, expected, self.slip)
        if not np.all(np.isfinite(made)):
            return math.inf
        grown = np.log(START) + np.sum(np.log1p(SHARES[:, None] * (made - 1.0)), axis=1)
        return float(np.logaddexp.reduce(grown))


def _move(end: float, other: float, excess: Callable[[float], float]) -> float:
    """The outer side of where ``excess`` changes sign between ``end`` (moved only if it is ≥ 0 there) and ``other``."""
    from scipy.optimize import brentq

    if end == other or excess(end) < 0.0:
        return end
    if excess(other) >= 0.0:
        return other
    within = RESOLUTION * abs(other - end)
    root: Any = brentq(lambda mean: min(excess(mean), HUGE), end, other, xtol=within)
    return end + math.copysign(max(abs(root - end) - 2.0 * within, 0.0), other - end)
