"""Which points to label: draws with known chances, proportional to what a label is worth.

A draw is unbiased to use when its chances are known exactly. Three designs offer that:

    replacement   ``count`` independent draws, point i with probability p_i each time; one that comes twice is labelled once
    poisson       every point for itself, with probability π_i; the number of points is random, ``count`` on average
    systematic    exactly ``count`` different points, with inclusion probabilities π_i: the points stand in random order along a
                  line, each on a stretch of length π_i, and those are taken on which u, u + 1, u + 2, … fall, u uniform on (0, 1)

What is *not* known exactly is the inclusion probability of drawing one after the other without replacement with probabilities
∝ p_i: weighting these by 1/(count·p_i) is biased (statement ``label_efficiency.successive_draws``).

For the gain in squared error a label at i moves the estimate by 2(w_i − s_i)(y_i − ŷ_i)/(N p_i), so its variance is least for
p_i ∝ |w_i − s_i|·rms(y_i − ŷ_i) (statement ``label_efficiency.optimal_draws``); without knowledge of the second factor, p_i ∝
|w_i − s_i|.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..._validation import finite, frozen, generator, positive, whole

How = Literal["replacement", "poisson", "systematic"]
DESIGNS = ("replacement", "poisson", "systematic")
#: Spreads below this share of the mean positive spread count as that much: a small spread is never so sure as not to be looked
#: at.
FLOOR = 0.05


@dataclass(frozen=True, eq=False)
class Draw:
    """Points to label, and all that is needed to use the labels: save the four fields (``numpy`` arrays, a word and a number)
    with them.

    ``rows``: the points drawn, in the order in which they were drawn (random order for Poisson and systematic draws); repeats
    only with replacement. ``probabilities`` (N,): of each point in one draw (with replacement; they sum to 1), or of being
    included (else). A point of probability 0 needs no label: weak and student agree there. ``count``: the number of draws
    asked for. ``how``: the design.

    Raises ``ValueError`` for rows that are not points of positive probability, probabilities outside [0, 1] or that do not sum
    to 1 (``count`` where points are included), repeats without replacement, or another number of rows than the design has.
    """

    rows: np.ndarray
    probabilities: np.ndarray
    how: How
    count: int

    def __post_init__(self) -> None:
        if self.how not in DESIGNS:
            raise ValueError(f"how must be one of {', '.join(DESIGNS)}; it is {self.how!r}.")
        probabilities, count = frozen("probabilities", self.probabilities, ndim=1), whole("count", self.count)
        total = 1.0 if self.how == "replacement" else float(count)
        if probabilities.min() < 0.0 or probabilities.max() > 1.0 + 1e-9 or abs(probabilities.sum() - total) > 1e-6 * total:
            raise ValueError(
                f"probabilities must lie in [0, 1] and sum to {total:g} for {self.how!r} draws; they reach from {probabilities.min():.6g} to "
                f"{probabilities.max():.6g} and sum to {probabilities.sum():.9g}. Pass those that draw_points returned."
            )
        rows = np.array(self.rows)
        if rows.ndim != 1 or (rows.size and (rows.dtype.kind not in "iu" or rows.min() < 0 or rows.max() >= probabilities.size)):
            raise ValueError(f"rows must be a vector of row numbers from 0 to {probabilities.size - 1}; it is {self.rows!r}.")
        rows = rows.astype(np.int64)
        if np.any(probabilities[rows] <= 0.0):
            raise ValueError(
                "rows must be points of positive probability; one of them could not have been drawn. Check the order."
            )
        if self.how != "replacement" and np.unique(rows).size < rows.size:
            raise ValueError(f"rows must be different points for {self.how!r} draws; some come twice. Only replacement repeats.")
        if self.how != "poisson" and rows.size != count:
            raise ValueError(
                f"rows must be the {count} points drawn; there are {rows.size}. Leaving out points without a label would bias the estimate."
            )
        rows.setflags(write=False)
        object.__setattr__(self, "rows", rows)
        object.__setattr__(self, "probabilities", probabilities)

    @property
    def rates(self) -> np.ndarray:
        """Expected number of times that each point is drawn, (N,)."""
        return self.probabilities * (self.count if self.how == "replacement" else 1.0)

    @property
    def points(self) -> np.ndarray:
        """The different points drawn, in increasing order: those that need a label."""
        return np.unique(self.rows)


def draw_points(
    spread: np.ndarray, count: int, *, rng: np.random.Generator, how: How = "replacement", floor: float = FLOOR
) -> Draw:
    """Draw about ``count`` points to label with probabilities ∝ ``spread`` (N,) ≥ 0, floored where it is positive.

    ``spread``: what a label at the point is worth, up to a factor: ``spread_of(weak, student)``, or that times a guess of
    rms(y − ŷ). Points of spread 0 are never drawn. ``floor``: spreads below this share of the mean positive spread are raised
    to it. ``count``: draws with replacement, or (expected) number of points; inclusion probabilities that would exceed 1 are
    1, and the rest is shared out. The draw is a function of the arguments and of the state of ``rng``.

    Raises ``ValueError`` for negative or infinite spreads, none that is positive, a design that is not known, or more points
    than have positive spread.
    """
    spread = finite("spread", spread, ndim=1).astype(np.float64)
    count, floor = whole("count", count), positive("floor", floor, strict=False)
    generator(rng)
    candidates = np.flatnonzero(spread)
    if spread.min() < 0.0 or not candidates.size:
        raise ValueError(
            f"spread must be non-negative and positive somewhere; it reaches from {spread.min():.6g} to {spread.max():.6g}. Where weak and "
            "student agree everywhere the gain is 0 and needs no label."
        )
    size = spread[candidates] / spread.max()  # so that neither sums nor shares leave the range of floats
    size = np.maximum(size, floor * size.mean())
    probabilities = np.zeros(spread.size)
    if how == "replacement":
        probabilities[candidates] = size / size.sum()
        rows = rng.choice(spread.size, size=count, p=probabilities)
        return Draw(rows, probabilities, how, count)
    if count > candidates.size:
        raise ValueError(
            f"count must not exceed the {candidates.size} points of positive spread without replacement; it is {count}. Label them all."
        )
    chances = inclusion_probabilities(size, count)
    probabilities[candidates] = chances
    taken = rng.random(chances.size) < chances if how == "poisson" else systematic(chances, rng=rng)
    return Draw(rng.permutation(candidates[taken]), probabilities, how, count)


def inclusion_probabilities(size: np.ndarray, count: int) -> np.ndarray:
    """π_i = min(1, c·size_i) with c such that they sum to ``count``, for positive sizes (N,), count ≤ N.

    Sorted from the largest: when the k largest are certain, c = (count − k)/(sum of the others), and k is the smallest for
    which no other exceeds 1.
    """
    order = np.argsort(-size, kind="stable")
    ordered = size[order]
    rest = np.cumsum(ordered[::-1])[::-1]  # rest[k]: sum without the k largest
    k = np.arange(size.size)
    fits = (count - k) * ordered <= rest
    certain = int(np.argmax(fits)) if fits.any() else size.size
    chances = np.ones(size.size)
    chances[certain:] = (count - certain) * ordered[certain:] / rest[certain] if certain < size.size else 1.0
    found = np.empty(size.size)
    found[order] = np.minimum(chances, 1.0)
    return found


def systematic(chances: np.ndarray, *, rng: np.random.Generator) -> np.ndarray:
    """A systematic draw (N,) of bool: the certain points, and of the others in random order those on whose stretch start,
    start + 1, … fall."""
    taken = chances >= 1.0
    order = rng.permutation(np.flatnonzero(~taken))
    if order.size:
        ends = np.cumsum(chances[order])
        count = round(float(ends[-1]))
        ends[-1] = count
        taken[order[np.searchsorted(ends, rng.random() + np.arange(count), side="right")]] = True
    return taken
