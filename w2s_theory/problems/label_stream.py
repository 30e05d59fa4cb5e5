"""Labels that come one at a time, watched by somebody who may stop at any of them; small enough for every order of events to
be listed.

Terms take finitely many values. Either each is drawn afresh, or they are drawn without replacement from a finite pool until it is
empty. ``paths`` lists all sequences with their chances, so that the chance of anything at all is a finite sum. NumPy float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations, product

import numpy as np

from .._validation import frozen, positive, probability, shares, whole

#: Sequences that are listed, at most.
MOST_PATHS = 200_000


@dataclass(frozen=True, eq=False)
class LabelStream:
    """``values`` (V,), V ≥ 2, of a term, with ``chances`` (V,) of each when terms are drawn afresh, ``count`` of them.

    ``chances=None``: ``values`` are a pool, drawn without replacement, all of it. Terms lie in [``low``, ``high``], as values
    must. ``level``: of the intervals. ``shares``: what gamblers bet, equal numbers of them; ``prior``: parameters of the Beta
    law that two outcomes are mixed over. Both ``None`` for the library's own. Raises ``ValueError`` for values outside the
    range and for more sequences than MOST_PATHS.
    """

    values: np.ndarray
    chances: np.ndarray | None = None
    count: int = 8
    low: float = 0.0
    high: float = 1.0
    level: float = 0.95
    shares: np.ndarray | None = None
    prior: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        values = frozen("values", self.values, ndim=1)
        object.__setattr__(self, "values", values)
        if len(values) < 2 or not self.low <= values.min() or not values.max() <= self.high or not self.low < self.high:
            raise ValueError(
                f"values must be two or more within [low, high] = [{self.low}, {self.high}]; they reach from {values.min():.6g} to "
                f"{values.max():.6g}. Widen the range."
            )
        if self.chances is not None:
            object.__setattr__(self, "chances", shares("chances", self.chances))
            if self.chances.shape != values.shape:
                raise ValueError(f"chances must have one entry per value, {len(values)}; they have {len(self.chances)}.")
        if self.shares is not None:
            object.__setattr__(self, "shares", frozen("shares", self.shares, ndim=1))
            if self.shares.min() <= 0.0 or self.shares.max() >= 1.0:
                raise ValueError(f"shares must lie in (0, 1), or wealth could fall below 0; they are {self.shares}. Bet less.")
        for parameter in self.prior or ():
            positive("prior", parameter)
        probability("level", self.level)
        whole("count", self.count)
        paths = float(len(values)) ** self.count if self.pool is None else float(np.prod(np.arange(1.0, len(values) + 1)))
        if paths > MOST_PATHS:
            raise ValueError(
                f"count must leave at most {MOST_PATHS} sequences to be listed; there are {paths:.3g}. Make it smaller."
            )

    @property
    def pool(self) -> int | None:
        """Size of the pool, ``None`` for terms drawn afresh."""
        return len(self.values) if self.chances is None else None

    @property
    def mean(self) -> float:
        """What the intervals are for."""
        return float(np.mean(self.values) if self.chances is None else self.chances @ self.values)

    def has_two_outcomes(self) -> bool:
        """Terms are 0 or 1."""
        return bool(np.all(np.isin(self.values, (0.0, 1.0))))

    def paths(self) -> tuple[np.ndarray, np.ndarray]:
        """All sequences of terms (P, count), and the chance (P,) of each."""
        if self.chances is None:
            orders = np.array(list(permutations(range(len(self.values)))))
            return self.values[orders], np.full(len(orders), 1.0 / len(orders))
        index = np.array(list(product(range(len(self.values)), repeat=self.count)))
        return self.values[index], np.prod(self.chances[index], axis=1)
