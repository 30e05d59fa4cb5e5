"""Asymptotic confidence sequences: for terms without a known range, valid at all times up to an error that vanishes as the
first look comes later.

For Gaussian terms with variance σ² a normal prior of variance ρ²σ² on what is added to the mean gives the likelihood ratio, t
terms with mean x̄,

    M_t(m) = (1 + tρ²)^{-1/2} exp(ρ² t² (x̄ − m)² / (2σ²(1 + tρ²)))

a martingale under m that starts at 1, so that M < 1/α at all times with probability ≥ 1 − α (Ville). Solved for m:

    x̄_t ± σ √( 2 (tρ² + 1)/(t²ρ²) · log(√(tρ² + 1)/α) ).

Terms with more than two moments follow a Gaussian walk so closely (strong approximation) that the same ends with the variance
so far in place of σ² miss at any time after the first look with a probability that tends to ≤ α as that first look moves out.
This is Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas's result; before ``first`` terms no interval is given. ρ makes the
interval narrowest, nearly, at ``tight_at`` terms. The ends are not intersected over time: an asymptotic interval that was
wrong early would never be put right. Terms that are all equal say nothing of a spread: no interval either. Where what decides
the mean is rare (large weights, one point in a hundred), many such terms must have come before the ends mean anything: choose
``first`` so, or state a range and use ``anytime``. NumPy only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..._validation import finite, probability, whole
from ...outcomes import Estimate
from .stream_state import check_plain

#: Terms before the first interval, and where it is narrowest: the size of a budget of labels.
FIRST, TIGHT_AT = 50, 300


def boundary(count: Any, *, level: float = 0.95, tight_at: int = TIGHT_AT) -> np.ndarray:
    """Half-width in standard deviations after ``count`` terms: √(2(tρ² + 1)/(t²ρ²) · log(√(tρ² + 1)/α)); narrowest, nearly, at
    ``tight_at``.

    ρ² = (2 log 1/α + log(1 + 2 log 1/α))/tight_at.
    """
    count = np.asarray(count, dtype=np.float64)
    miss = 1.0 - probability("level", level)
    twice = -2.0 * math.log(miss)
    grown = count * (twice + math.log1p(twice)) / whole("tight_at", tight_at)
    return np.sqrt(2.0 * (grown + 1.0) / grown * np.log(np.sqrt(grown + 1.0) / miss) / count)


def asymptotic_sequence(
    terms: Any, *, level: float = 0.95, first: int = FIRST, tight_at: int = TIGHT_AT
) -> tuple[np.ndarray, np.ndarray]:
    """Ends (..., n), (..., n) of the asymptotic interval for the mean after each of ``terms`` (..., n); infinite before
    ``first`` of them, and while all are equal.

    Terms must share their mean given what came before, and have more than two moments. Raises ``ValueError`` for NaN and for
    first < 2.
    """
    terms = np.asarray(finite("terms", terms, min_ndim=1), dtype=np.float64)
    count = np.arange(1, terms.shape[-1] + 1)
    shift = terms[..., :1]  # sums of squares about a term: those about zero cancel where the mean is large
    sums, squares = np.cumsum(terms - shift, axis=-1), np.cumsum((terms - shift) ** 2, axis=-1)
    return _ends(count, sums / count, squares, shift, level, whole("first", first, at_least=2), tight_at)


def _ends(count: Any, mean: Any, squares: Any, shift: Any, level: float, first: int, tight_at: int) -> tuple[Any, Any]:
    variance = np.maximum(squares / count - mean**2, 0.0) * count / np.maximum(count - 1, 1)
    is_known = (count >= first) & (variance > 0.0)
    half = np.where(is_known, np.sqrt(variance) * boundary(count, level=level, tight_at=tight_at), np.inf)
    return mean + shift - half, mean + shift + half


class AsymptoticStream:
    """A running asymptotic interval for a mean, fed one term at a time or in batches; its state is four numbers.

    ``add``, ``interval``, ``plain`` and ``from_plain`` as in ``anytime.MeanStream``; the interval is that of the terms so far,
    not an intersection.
    """

    kind = "mean of terms without a range"

    def __init__(self, *, level: float = 0.95, first: int = FIRST, tight_at: int = TIGHT_AT) -> None:
        self.level, self.first = probability("level", level), whole("first", first, at_least=2)
        self.tight_at = whole("tight_at", tight_at)
        self.count, self.shift, self.sum, self.squares = 0, 0.0, 0.0, 0.0

    def add(self, terms: Any) -> np.ndarray:
        """Ends (k, 2) after each of ``terms`` (k,) or a number; raises ``ValueError`` for NaN and infinity."""
        terms = np.atleast_1d(finite("terms", terms)).astype(np.float64)
        if not self.count:
            self.shift = float(terms[0])
        count = self.count + np.arange(1, len(terms) + 1)
        sums, squares = self.sum + np.cumsum(terms - self.shift), self.squares + np.cumsum((terms - self.shift) ** 2)
        self.count, self.sum, self.squares = int(count[-1]), float(sums[-1]), float(squares[-1])
        return np.stack(_ends(count, sums / count, squares, self.shift, self.level, self.first, self.tight_at), axis=-1)

    def interval(self) -> Estimate:
        """The mean of the terms so far with its interval; infinite before ``first`` terms."""
        if not self.count:
            raise ValueError("a stream needs a term before it has an interval; there is none. Add one.")
        mean = self.sum / self.count
        low, high = _ends(self.count, mean, self.squares, self.shift, self.level, self.first, self.tight_at)
        error = (float(high) - float(low)) / 2.0 / float(boundary(self.count, level=self.level, tight_at=self.tight_at))
        return Estimate(
            mean + self.shift,
            error / math.sqrt(self.count),
            float(low),
            float(high),
            self.level,
            f"asymptotic confidence sequence, {self.count} terms",
        )

    def plain(self) -> dict[str, Any]:
        """The state as numbers and words, ready for JSON."""
        names = ("level", "first", "tight_at", "count", "shift", "sum", "squares")
        return {"kind": self.kind} | {name: getattr(self, name) for name in names}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> AsymptoticStream:
        """The stream whose ``plain()`` this was. Raises ``ValueError`` when it is none, or was damaged."""
        check_plain(plain, cls.kind, ("level", "first", "tight_at", "count", "shift", "sum", "squares"))
        stream = cls(level=plain["level"], first=plain["first"], tight_at=plain["tight_at"])
        stream.count = whole("count", plain["count"], at_least=0)
        numbers = np.asarray(finite("the state", [plain[name] for name in ("shift", "sum", "squares")]), dtype=np.float64)
        if numbers[2] < 0.0:
            raise ValueError(f"squares must be >= 0; it is {numbers[2]:.6g}. The state is damaged: start a new stream.")
        stream.shift, stream.sum, stream.squares = (float(number) for number in numbers)
        return stream
