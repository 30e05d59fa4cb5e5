"""Ranking several weak supervisors by what their students achieve: intervals for all differences at once, and which teachers
may be the best.

Each candidate j (a teacher with its student) has a term at every gold point, x_j (its student's error, or minus its gain: less
is better), all on the same points, so that differences d_jk = x_j − x_k are paired. With d̄ and its standard error e_jk, T_jk
= (d̄_jk − δ_jk)/e_jk.

*All pairs.* d̄_jk ± c·e_jk for every pair, c the 1 − α quantile of max |T_jk|: by Bonferroni, Student's quantile at
α/(2·pairs) (exact for normal terms, never too narrow by a dependence); by "max-t", the quantile of the largest of jointly
t-distributed variables with the estimated correlations, which knows that differences share candidates (approximate: one χ² for
all scales; narrower).

*The best.* A candidate is excluded when some other is surely better. Only differences to the candidate itself count: with
one-sided tests at α/(k − 1), the best one is excluded with probability at most α, whichever it is, because only its own k − 1
comparisons can do it. No pair without it has to be paid for: k − 1 tests instead of k(k − 1)/2, one side instead of two. The
candidates not excluded are a confidence set for the best.

*Without gold labels* no ranking of students by their error is known; what people use instead, and what the theory of Charikar
et al. says, is in ``RULES``. Bounded terms can be compared exactly and at any time, by ``exact=True`` with a stated range:
betting (``anytime``) at Bonferroni's level. NumPy and scipy.special.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy import special

from ..._validation import finite, generator, probability
from ...outcomes import Estimate
from .anytime import last_interval

Method = Literal["bonferroni", "max-t", "exact"]
#: Draws behind the quantile of the largest of many t variables; its standard error is then about 1 % of it.
DRAWS = 10_000
#: Points from which on correlations are known well enough for max-t: with fewer it misses too often (at ten points and eight
#: candidates about twice as often as stated, by simulation).
FEWEST = 20


@dataclass(frozen=True, eq=False)
class Ranking:
    """``means`` (k,); ``differences``, ``low``, ``high`` (k, k): of j less k, simultaneously at ``level``; ``may_be_best``
    (k,) at ``level`` of its own.

    ``order``: candidates from the least mean to the largest; ``labels``: gold points used. Rows and columns are in the order
    that candidates were given in.
    """

    means: np.ndarray
    differences: np.ndarray
    low: np.ndarray
    high: np.ndarray
    may_be_best: np.ndarray
    level: float
    method: str
    labels: int

    @property
    def order(self) -> np.ndarray:
        """Candidates by their mean, the best first."""
        return np.argsort(self.means, kind="stable")

    def difference(self, first: int, second: int) -> Estimate:
        """Mean of ``first`` less that of ``second`` with its simultaneous interval."""
        value, low, high = (float(m[first, second]) for m in (self.differences, self.low, self.high))
        return Estimate(value, math.nan, low, high, self.level, f"{self.method}, simultaneous over all pairs")

    def is_settled(self) -> bool:
        """True when only one candidate may be the best."""
        return bool(self.may_be_best.sum() == 1)


def rank(
    terms: Any,
    *,
    level: float = 0.95,
    method: Method = "max-t",
    bounds: tuple[float, float] | None = None,
    rng: np.random.Generator | None = None,
) -> Ranking:
    """Rank k ≥ 2 candidates by the means of their ``terms`` (k, n), less is better: errors of students at the same n ≥ 2 gold
    points, or minus gains.

    ``method``: "bonferroni", "max-t", or "exact", which needs ``bounds`` (low, high) of a term and covers at every sample
    size, and whenever one stops. Terms must be independent over points. Where two candidates differ by the same at every point
    (by nothing, say) no spread is seen: t tests tell nothing, their interval is infinite and neither excludes the other;
    "exact" gives one. Below FEWEST points "max-t" is done as "bonferroni", and says so in ``method``. ``rng`` draws the quantile
    of max-t. Raises ``ValueError`` for NaN and for bounds that terms exceed.
    """
    terms = np.asarray(finite("terms", terms, ndim=2), dtype=np.float64)
    k, n = terms.shape
    probability("level", level)
    if k < 2 or n < 2:
        raise ValueError(f"terms must hold at least two candidates and two points, (k, n); the shape is {terms.shape}. Add some.")
    if method not in ("bonferroni", "max-t", "exact"):
        raise ValueError(f"method must be 'bonferroni', 'max-t' or 'exact'; it is {method!r}.")
    if method == "exact":
        return _exact(terms, bounds, level)
    means, differences, error = paired_differences(terms)
    if n < FEWEST:
        method = "bonferroni"
    both, one = _quantiles(terms, error, n, level, method, rng)
    half = np.where(error > 0.0, both * error, np.inf)
    np.fill_diagonal(half, 0.0)
    is_worse = (error > 0.0) & (differences > one[:, None] * error)
    return Ranking(means, differences, differences - half, differences + half, ~np.any(is_worse, axis=1), level, method, n)


def paired_differences(terms: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means (..., k) of ``terms`` (..., k, n), their differences d̄ (..., k, k), j less k, and the standard errors e of these
    (0 where two differ by the same at every point).
    """
    n = terms.shape[-1]
    means, k = terms.mean(axis=-1), terms.shape[-2]
    # One candidate against all, not from covariances: those cancel where candidates share a large part of their terms.
    spread = np.stack([np.std(terms[..., [j], :] - terms, axis=-1, ddof=1) for j in range(k)], axis=-2)
    largest = np.max(np.abs(terms), axis=-1)
    rounding = 1e-14 * (largest[..., :, None] + largest[..., None, :])
    error = np.where(spread > rounding, spread, 0.0) / math.sqrt(n)
    return means, means[..., :, None] - means[..., None, :], error


def all_pairs_quantile(k: int, n: int, level: float) -> float:
    """c with P(every |T_jk| ≤ c) ≥ ``level``: Student's quantile at 1 − α/(k(k − 1)), exact for k = 2."""
    return float(special.stdtrit(n - 1, 1.0 - (1.0 - level) / (k * (k - 1))))


def against_others_quantile(k: int, n: int, level: float) -> float:
    """c with P(no T_bk > c for the best b) ≥ ``level``: Student's quantile at 1 − α/(k − 1), exact for k = 2 and equal means."""
    return float(special.stdtrit(n - 1, 1.0 - (1.0 - level) / (k - 1)))


def _quantiles(
    terms: np.ndarray, error: np.ndarray, n: int, level: float, method: str, rng: np.random.Generator | None
) -> tuple[float, np.ndarray]:
    """c for all pairs, and (k,) the one-sided quantiles for each candidate against the others."""
    k = len(terms)
    if method == "bonferroni":
        return all_pairs_quantile(k, n, level), np.full(k, against_others_quantile(k, n, level))
    rng = generator(rng)
    values, vectors = np.linalg.eigh(np.cov(terms))
    noise = rng.standard_normal((DRAWS, k)) * np.sqrt(np.maximum(values, 0.0)) @ vectors.T
    noise /= np.sqrt(rng.chisquare(n - 1, size=(DRAWS, 1)) / (n - 1) * n)
    safe = np.where(error > 0.0, error, np.inf)
    one = np.array([np.quantile(np.max((noise[:, [j]] - noise) / safe[j], axis=1), level) for j in range(k)])
    largest = np.zeros(DRAWS)
    for j in range(k):
        np.maximum(largest, np.max(np.abs(noise[:, [j]] - noise) / safe[j], axis=1), out=largest)
    return float(np.quantile(largest, level)), one


def _exact(terms: np.ndarray, bounds: tuple[float, float] | None, level: float) -> Ranking:
    """Every pair by betting: differences lie within ± the width of ``bounds``."""
    if bounds is None or not bounds[0] < bounds[1]:
        raise ValueError(
            f"bounds must be a range (low, high) of the terms for method='exact'; it is {bounds!r}. State what terms can be."
        )
    if terms.min() < bounds[0] or terms.max() > bounds[1]:
        raise ValueError(
            f"terms must lie in bounds {bounds!r}; they reach from {terms.min():.6g} to {terms.max():.6g}. Widen bounds."
        )
    k, n = terms.shape
    means, width = terms.mean(axis=1), bounds[1] - bounds[0]
    low, high, surely = np.zeros((k, k)), np.zeros((k, k)), np.zeros((k, k), dtype=bool)
    miss = 1.0 - level
    for j in range(k):
        for other in range(j):
            pair = terms[j] - terms[other]
            low[j, other], high[j, other] = last_interval(pair, low=-width, high=width, level=1.0 - miss / (k * (k - 1) / 2))
            one = last_interval(pair, low=-width, high=width, level=max(1.0 - 2.0 * miss / (k - 1), 0.01))
            surely[j, other], surely[other, j] = one[0] > 0.0, one[1] < 0.0
    low, high = low - high.T, high - low.T
    return Ranking(means, means[:, None] - means, low, high, np.logical_not(surely.any(axis=1)), level, "exact, betting", n)


def student_errors(student: Any, gold: Any, *, loss: Literal["squared", "zero-one"] = "squared") -> np.ndarray:
    """Errors (k, n) of k students at n gold points, from ``student`` (k, n) and ``gold`` (n,): squared, or 0 and 1."""
    student, gold = np.asarray(finite("student", student, ndim=2)), np.asarray(finite("gold", gold, ndim=1))
    if student.shape[1:] != gold.shape:
        raise ValueError(
            f"student must have one column per gold point, {len(gold)}; its shape is {student.shape}. Align the points."
        )
    if loss not in ("squared", "zero-one"):
        raise ValueError(f"loss must be 'squared' or 'zero-one'; it is {loss!r}.")
    return (student - gold) ** 2 if loss == "squared" else (student != gold).astype(np.float64)


#: Rules that choose a teacher, and what each looks at.
RULES: dict[str, str] = {
    "student error": "the least student error on the gold points: what is wanted, measured",
    "student error, corrected": "the same, with all that needs no label taken from all points",
    "weak error − misfit": "the least weak error on the gold points less the misfit on all points: Charikar et al.'s bound on student error",
    "weak error": "the least weak error on the gold points",
    "smallest misfit": "the student that agrees most with its teacher, no gold label",
    "consensus": "the student nearest to the others' average, no gold label",
}
LABEL_FREE = ("smallest misfit", "consensus")


def scores(rule: str, weak: Any, student: Any, gold: Any = None, rows: Any = None) -> np.ndarray:
    """What a ``rule`` of ``RULES`` makes of each of k teachers, (k,), for squared loss: it chooses the least.

    ``weak``, ``student`` (k, N): answers of k ≥ 2 teachers and of their students at all N points; ``gold`` (m,) labels at
    ``rows`` (m,), drawn uniformly, which rules of ``LABEL_FREE`` don't take. "student error, corrected": with ŷ the students'
    average, (s − y)² = (s − ŷ)² − 2(s − ŷ)(y − ŷ) + (y − ŷ)², whose first part is known everywhere and whose last is common to
    all: mean over all points of the first plus mean over gold points of the second, unbiased for student error up to a
    constant. Raises ``ValueError`` for another rule and for arrays that don't belong together.
    """
    weak, student = (np.asarray(finite(name, v, ndim=2), dtype=np.float64) for name, v in (("weak", weak), ("student", student)))
    if weak.shape != student.shape or len(weak) < 2:
        raise ValueError(
            f"weak and student must have one shape (k, N), k >= 2; they are {weak.shape} and {student.shape}. Align them."
        )
    if rule not in RULES:
        raise ValueError(f"rule must be one of {', '.join(map(repr, RULES))}; it is {rule!r}.")
    misfit, middle = np.mean((weak - student) ** 2, axis=1), student.mean(axis=0)
    if rule == "smallest misfit":
        return misfit
    if rule == "consensus":
        return np.mean((student - (len(student) * middle - student) / (len(student) - 1)) ** 2, axis=1)
    if gold is None or rows is None:
        raise ValueError(
            f"gold and rows must be given for the rule {rule!r}; without labels there are {', '.join(map(repr, LABEL_FREE))}."
        )
    gold, rows = np.asarray(finite("gold", gold, ndim=1), dtype=np.float64), np.asarray(rows)
    if rows.shape != gold.shape:
        raise ValueError(f"gold must have a label for each of the {rows.size} rows; its shape is {gold.shape}. Align them.")
    if rule == "student error":
        return np.mean((student[:, rows] - gold) ** 2, axis=1)
    if rule == "student error, corrected":
        apart = student - middle
        return np.mean(apart**2, axis=1) - 2.0 * np.mean(apart[:, rows] * (gold - middle[rows]), axis=1)
    weak_error = np.mean((weak[:, rows] - gold) ** 2, axis=1)
    return weak_error - misfit if rule == "weak error − misfit" else weak_error


def choose(rule: str, weak: Any, student: Any, gold: Any = None, rows: Any = None) -> int:
    """The teacher with the least of ``scores``, the first of equals."""
    return int(np.argmin(scores(rule, weak, student, gold, rows)))
