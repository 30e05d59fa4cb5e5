"""Intervals for a mean over random splits of one data set: over test points, over splits, and for a new data set.

A split s gives X_s, a mean over its test rows; what is reported is X̄, the mean over S splits. All splits cut the same rows, so the X_s
are correlated, and three intervals answer three questions:

    "test points"   other test rows, these models: one number per row, its mean over the splits in which it is a test row; the variance
                    of the mean of these numbers. (Within a row the splits are averaged, so rows are counted once.)
    "splits"        other splits of the same rows: the variance of the X_s over S. It says nothing about other rows.
    "new data"      the headline: another data set of this size from the same source, so other training rows, test rows and splits.

For the last one, let σ² be the variance of X_s and c the covariance of two of them, over data sets. Then Var X̄ = (σ² − c)/S + c, and
the sample variance of the X_s has mean σ² − c (Nadeau and Bengio 2003, who set c by the share of test rows, which is right when a split's
number depends on its test rows only, and too wide for gains). c is estimated: to first order X_s − E X_s is a sum over rows, Σ_j φ_sj,
with φ_sj the influence of row j in the part it has in split s, so c is the mean over pairs of *different* splits of Σ_j φ_sj φ_s'j. The
quantile is Student's with S − 1 degrees of freedom. How often each kind covers, where the truth is known, is measured by
``experiments/real_gain_misfit``.

It is blind to one thing: that another data set would make the heads choose another penalty, in all splits alike, a jump that has no
influence function. Gains hardly feel it, as each error is flat around its best penalty; the misfit is not, so for it c is at least Nadeau and
Bengio's (σ² − c)·m/(N − m), m test rows of N. NumPy and scipy.special only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from .._validation import probability, whole

NEW_DATA, TEST_POINTS, SPLITS = "new data", "test points", "splits"
#: In reading order, the headline first.
KINDS = (NEW_DATA, TEST_POINTS, SPLITS)


@dataclass(frozen=True, eq=False)
class Averages:
    """``mean`` (k,) of k numbers over S splits, ``by_split`` (S, k); for each kind of interval the covariance of these means (k, k) and the
    degrees of freedom; ``test_share`` is m/(N − m), m test rows of N.
    """

    mean: np.ndarray
    by_split: np.ndarray
    covariance: dict[str, np.ndarray]
    freedom: dict[str, float]
    test_share: float

    def of(self, coefficients: np.ndarray, kind: str, *, jumps: bool = False, level: float = 0.95) -> tuple[float, float, float]:
        """Value, low and high of a linear combination of the numbers; NaN where it uses one that is not defined.

        ``jumps``: it depends on penalties as the misfit does.
        """
        used = np.flatnonzero(coefficients)
        a = np.asarray(coefficients, dtype=np.float64)[used]
        value = float(a @ self.mean[used])
        variance = max(float(a @ self.covariance[kind][np.ix_(used, used)] @ a), 0.0)
        if jumps and kind == NEW_DATA:
            between = float(a @ self.covariance[SPLITS][np.ix_(used, used)] @ a)
            variance = max(variance, between * (1.0 + len(self.by_split) * self.test_share))
        half = self.quantile(kind, level) * math.sqrt(variance)
        return value, value - half, value + half

    def ratio(self, top: np.ndarray, bottom: np.ndarray, kind: str, level: float = 0.95) -> tuple[float, float, float] | None:
        """Value, low and high of a ratio by Fieller's theorem; ``None`` where the denominator is not told from zero, or not above it.

        All ρ for which top − ρ·bottom is not told from zero: (t² − q²T) − 2ρ(tb − q²C) + ρ²(b² − q²B) ≤ 0, with variances T, B,
        covariance C and the quantile q.
        """
        pair = np.stack([top, bottom]).astype(np.float64)
        used = np.flatnonzero(np.any(pair, axis=0))
        t, b = pair[:, used] @ self.mean[used]
        v = self.quantile(kind, level) ** 2 * (pair[:, used] @ self.covariance[kind][np.ix_(used, used)] @ pair[:, used].T)
        square = b**2 - v[1, 1]
        if not (b > 0.0 and square > 0.0):
            return None
        middle = (t * b - v[0, 1]) / square
        half = math.sqrt(max(middle**2 - (t**2 - v[0, 0]) / square, 0.0))
        return t / b, middle - half, middle + half

    def quantile(self, kind: str, level: float) -> float:
        """Of the t distribution."""
        return float(stdtrit(self.freedom[kind], 0.5 + probability("level", level) / 2.0))


def averages(values: list[np.ndarray], tests: list[np.ndarray], influence: np.ndarray, groups: np.ndarray) -> Averages:
    """``values``: for each of S ≥ 2 splits (k, m_s), at its ``tests`` rows (m_s,); ``influence`` (S, k, N); ``groups`` (N,) of rows that
    are not independent: they are taken together.
    """
    splits = whole("the number of splits", len(values), at_least=2)
    by_split = np.stack([part.mean(axis=1) for part in values])
    centred = by_split - by_split.mean(axis=0)
    between = centred.T @ centred / (splits - 1)
    joined = _by_group(influence, groups)
    together = joined.sum(axis=0)
    own = np.einsum("skg,slg->kl", joined, joined)
    shared = _positive((together @ together.T - own) / (splits * (splits - 1)))
    tested, total = float(np.mean([len(rows) for rows in tests])), influence.shape[2]
    points, count = _over_points(values, tests, total, groups)
    return Averages(
        by_split.mean(axis=0),
        by_split,
        {NEW_DATA: between / splits + shared, TEST_POINTS: points, SPLITS: between / splits},
        {NEW_DATA: splits - 1.0, TEST_POINTS: count - 1.0, SPLITS: splits - 1.0},
        tested / max(total - tested, 1.0),
    )


def _by_group(array: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Sums over the rows of each group, on the last axis."""
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order], prepend=np.nan))
    return np.add.reduceat(array[..., order], starts, axis=-1)


def _positive(covariance: np.ndarray) -> np.ndarray:
    """The nearest matrix without negative eigenvalues, where numbers are defined: an estimate of a covariance may have some."""
    known = np.flatnonzero(np.isfinite(np.diag(covariance)))
    block = covariance[np.ix_(known, known)]
    scale = np.sqrt(np.maximum(np.diag(block), 0.0))
    scale[scale == 0.0] = 1.0
    values, vectors = np.linalg.eigh(block / np.outer(scale, scale))
    result = np.full_like(covariance, np.nan)
    result[np.ix_(known, known)] = (vectors * np.maximum(values, 0.0)) @ vectors.T * np.outer(scale, scale)
    return result


def _over_points(values: list[np.ndarray], tests: list[np.ndarray], total: int, groups: np.ndarray) -> tuple[np.ndarray, int]:
    """Covariance (k, k) of the mean over rows of each row's average, and the number of independent groups among these rows."""
    sums, times = np.zeros((len(values[0]), total)), np.zeros(total)
    for part, rows in zip(values, tests, strict=True):
        sums[:, rows] += part
        times[rows] += 1.0
    seen = np.flatnonzero(times)
    average = sums[:, seen] / times[seen]
    centred = _by_group(average - average.mean(axis=1, keepdims=True), groups[seen])
    count = centred.shape[1]
    return centred @ centred.T * (count / (count - 1.0)) / len(seen) ** 2, count
