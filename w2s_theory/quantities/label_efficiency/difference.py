"""Gain in squared loss, cross-entropy or another Bregman loss from few gold labels: a known mean over all points, corrected at drawn ones.

At every point the gain is a + t (``blend``): a is known when a guess ŷ of the truth is put in, t = ⟨y − ŷ, h⟩ is what the
guess misses, and

    estimate = mean of a over all N points + (1/N) Σ over the draws of t/rate,    rate = expected number of draws of the point.

For squared loss: E[w² − s²] − 2E[(w − s)ŷ] − 2·mean of (w − s)(y − ŷ)/(N p) over the draws. *Unbiased* for any ŷ that was not
fitted on the point it is used on, however wrong (statement ``label_efficiency.difference_estimator``): E of the second sum is
the mean of t.

*Cross-fitting.* The draws are put into FOLDS folds; ŷ of a fold is fitted on the others. With replacement folds go by the
order of the draws, which are independent: each draw, with the mean of a of its fold's ŷ, is unbiased given the other folds.
Otherwise folds go by row number, which does not depend on what was drawn: for Poisson draws points are independent, so this
too is exactly unbiased; for systematic ones up to the weak dependence between folds.

*Variance*, given the pool. With replacement: the sample variance of the draws' terms over n, with a t interval of n − 1
degrees (terms z = mean a + t/(N p)). Poisson: Σ (1 − π)(t/π)²/N², unbiased. Systematic: Hájek's approximation for a draw of
fixed size in random order, n/(n − 1) Σ (1 − π)(t/π − A)²/N², A the mean of t/π weighted by 1 − π, n the points drawn that were
not certain (of a single one A is not known, and the Poisson formula stands in). Both with t quantiles of n − 1 degrees, an
approximation. Where labels are classes, the t interval is corrected for the skewness that weak and student predict
(``skewness``).

*Target "population".* If the pool is a sample of N, Var = E[variance given the pool] + Var(a + t)/N. Var(a) is known from all
points; the rest of Var(a + t) = Var(a) + 2 Cov(a, t) + Var(t) is estimated with the draws' weights, so the dependence of the
two sums is accounted for.

The gold labels must have trained neither the weak model nor the student nor a penalty. NumPy and scipy.special only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from ..._validation import finite, probability
from ...divergences import Divergence
from ...outcomes import Estimate
from .blend import Affine, fitted_coefficients
from .draws import Draw
from .outcome import LabelledGain, Target
from .skewness import MOST, hall_deviate, predicted_skewness

#: Folds of the cross-fit (fewer draws with replacement: as many as draws).
FOLDS = 5
#: A point with at least this chance of being included is certain, up to rounding.
CERTAIN = 1.0 - 1e-9


def difference_gain(
    weak: Any,
    student: Any,
    draw: Draw,
    gold: Any,
    *,
    divergence: str | Divergence = "squared",
    target: Target = "pool",
    level: float = 0.95,
) -> LabelledGain:
    """Error of the weak model less that of the student, from the gold labels of drawn points.

    ``weak``, ``student``: answers at all points, (N,), or (N, C) for a divergence on vectors ("kl", ``Squared(vector=True)``).
    ``draw``: from ``draw_points``, best with ``spread_of(weak, student, divergence)``. ``gold``: the truth at ``draw.rows``, in
    that order, (n,) or (n, C); (n,) whole numbers where the answers are probabilities of classes. None of these labels may have
    trained the weak model, the student or a penalty. ``divergence``: any Bregman divergence with the truth first, D(y, ·). In
    cross-entropy and KL the gain is the same number for one-hot labels.

    The classical interval is Student's for as many labels as were bought, drawn uniformly without replacement; its variance is
    estimated from these draws. Raises ``ValueError`` for labels that do not belong to the draw, fewer than two draws, a point
    that could not be drawn although its label matters, a divergence with the truth second (not affine in it), and values
    outside the divergence's domain.
    """
    return gain_of(Affine.of(weak, student, divergence), draw, gold, target=target, level=level)


def gain_of(affine: Affine, draw: Draw, gold: Any, *, target: Target = "pool", level: float = 0.95) -> LabelledGain:
    """``difference_gain`` of answers that were prepared once, for many draws."""
    probability("level", level)
    if target not in ("pool", "population"):
        raise ValueError(f"target must be 'pool' or 'population'; it is {target!r}.")
    truth = _truth(affine, draw, gold)
    terms = _terms(affine, draw, truth)
    variance = terms.variance(draw)
    size, drawn, labels = affine.size, len(draw.rows), draw.points.size
    spread = terms.pool_variance(variance) * size / max(size - 1, 1)
    total = variance + (spread / size if target == "population" else 0.0)
    t = float(special.stdtrit(terms.degrees(draw), 0.5 + level / 2.0))
    value, error = terms.value, math.sqrt(total)
    # What the pool itself varies is a mean of N terms, and as good as not skew.
    skewness = predicted_skewness(affine, draw.rates, repeats=draw.how == "replacement")
    skewness *= (variance / total) ** 1.5 if total > 0.0 else 0.0
    cut = min(max(skewness, -MOST), MOST)
    low, high = value - error * hall_deviate(t, cut), value - error * hall_deviate(-t, cut)
    methods = {
        "replacement": "draws with replacement",
        "poisson": "Poisson draws",
        "systematic": "systematic draws, Hájek's variance",
    }
    gain = Estimate(value, error, low, high, level, f"{'skewed ' if cut else ''}Student t, {drawn} {methods[draw.how]}")
    left = 1.0 - labels / size if target == "pool" else 1.0
    uniform = math.sqrt(spread * left / labels)
    half = float(special.stdtrit(max(labels - 1, 1), 0.5 + level / 2.0)) * uniform
    classical = Estimate(value, uniform, value - half, value + half, level, f"paired Student t, {labels} uniform labels")
    notes = [f"the blend of weak and student was fitted in {terms.folds} folds, never on the point it is used on"]
    if drawn > labels:
        notes.append(f"{drawn} draws with replacement met {labels} different points")
    if abs(skewness) > MOST:
        notes.append(
            f"by what weak and student say, a few rare labels carry much of what is open (skewness {skewness:.2g}, corrected as {cut:.2g}): the "
            "interval may cover less often than its level; buy more labels"
        )
    return LabelledGain(gain, classical, terms.known, labels, size, target, affine.loss.name, tuple(notes))


@dataclass(frozen=True)
class Terms:
    """What the draws say: ``known`` mean of a and of a² over the pool; at each draw ``guessed`` a, ``missed`` t, ``rate``, and
    ``offset``, its fold's mean of a."""

    known: float
    known_square: float
    guessed: np.ndarray
    missed: np.ndarray
    rate: np.ndarray
    offset: np.ndarray
    size: int
    folds: int

    def mean(self, values: np.ndarray) -> float:
        """Unbiased mean over the pool of what is seen at the draws."""
        return float(np.sum(values / self.rate) / self.size)

    @property
    def value(self) -> float:
        """The estimate."""
        return self.known + self.mean(self.missed)

    def variance(self, draw: Draw) -> float:
        """Variance of the estimate given the pool."""
        n = len(self.missed)
        if draw.how == "replacement":
            return float(np.var(self.offset + self.missed / (self.rate / n * self.size), ddof=1) / n)
        left, ratio = np.maximum(1.0 - self.rate, 0.0), self.missed / self.rate
        chosen = self.by_chance(draw)
        if draw.how == "systematic" and chosen > 1:
            ratio = ratio - np.sum(left * ratio) / left.sum()
            left = left * chosen / (chosen - 1)
        return float(np.sum(left * ratio**2)) / self.size**2

    def by_chance(self, draw: Draw) -> int:
        """Draws that might have been others: all with replacement, else those of points that were not certain."""
        return len(self.rate) if draw.how == "replacement" else int(np.sum(self.rate < CERTAIN))

    def degrees(self, draw: Draw) -> int:
        """Degrees of freedom of the variance."""
        return max(self.by_chance(draw) - 1, 1)

    def pool_variance(self, variance: float) -> float:
        """Variance of the gain over the pool's points: mean square (that of a is known) less the square of the mean, without
        its error."""
        mean_square = self.known_square + self.mean(self.missed**2 + 2.0 * self.guessed * self.missed)
        return max(mean_square - (self.value**2 - variance), 0.0)


def _terms(affine: Affine, draw: Draw, truth: np.ndarray) -> Terms:
    rows, rate = draw.rows, draw.rates[draw.rows]
    middle, directions = affine.basis
    residual = affine.loss.inner(truth, affine.slopes[rows]) - middle[rows]
    start = affine.misfit - affine.loss.inner(affine.student, affine.slopes) + middle
    # How many folds there are must not depend on what was drawn: with replacement the number of draws is fixed, else folds may be empty.
    folds = min(FOLDS, len(rows) if draw.how == "replacement" else affine.size)
    of_point = np.arange(affine.size) % folds
    of_draw = np.arange(len(rows)) % folds if draw.how == "replacement" else of_point[rows]
    scaled, misses = directions[rows] / rate[:, None], residual / rate
    can = draw.rates > 0.0
    size = np.sqrt(np.sum(directions[can] ** 2 / draw.rates[can, None], axis=0) / draw.rates.sum())
    known = known_square = 0.0
    guessed, missed, offset = np.empty(len(rows)), np.empty(len(rows)), np.empty(len(rows))
    for fold in range(folds):
        here = of_draw == fold
        moved = directions @ fitted_coefficients(scaled[~here], misses[~here], size)
        a = start + moved
        mine = a if draw.how == "replacement" else a[of_point == fold]
        share = float(np.mean(here)) if draw.how == "replacement" else mine.size / affine.size
        known, known_square = known + share * float(np.mean(mine)), known_square + share * float(np.mean(mine**2))
        guessed[here], missed[here], offset[here] = a[rows[here]], residual[here] - moved[rows[here]], np.mean(a)
    return Terms(known, known_square, guessed, missed, rate, offset, affine.size, folds)


def _truth(affine: Affine, draw: Draw, gold: Any) -> np.ndarray:
    """The gold labels at the draws, in the shape of the answers."""
    if draw.probabilities.size != affine.size:
        raise ValueError(
            f"draw must be of the {affine.size} points of weak and student; it is of {draw.probabilities.size}. Use the draw's own points."
        )
    if len(draw.rows) < 2:
        raise ValueError(f"draw must hold at least 2 points, or the error can't be told; it holds {len(draw.rows)}. Draw more.")
    open_ = (draw.rates > 0.0) & (draw.rates < CERTAIN)
    if draw.how == "poisson" and open_.any() and not open_[draw.rows].any():
        raise ValueError(
            f"draw must hold a point that might have been left out, or the error can't be told; all {len(draw.rows)} were certain. Draw more."
        )
    missing = int(np.sum((affine.spread > 0.0) & (draw.probabilities == 0.0)))
    if missing:
        raise ValueError(
            f"draw must be able to draw every point on which weak and student differ; {missing} "
            "have probability 0, and what a label would say there would be missing. Draw with spread_of(weak, student, divergence)."
        )
    truth = np.asarray(finite("gold", gold), dtype=np.float64)
    classes = affine.weak.shape[1] if affine.weak.ndim == 2 else 0
    if affine.has_classes and truth.ndim == 1:
        if np.any((truth != np.round(truth)) | (truth < 0) | (truth >= classes)):
            raise ValueError(
                f"gold must hold classes 0 to {classes - 1}; it does not. Number them as the columns of weak and student."
            )
        truth = np.eye(classes)[truth.astype(np.int64)]
    if truth.shape != (len(draw.rows), *affine.weak.shape[1:]):
        raise ValueError(
            f"gold must have an entry for each of the {len(draw.rows)} rows drawn, in their order; its shape is {truth.shape}. "
            "Pass all_gold[draw.rows]."
        )
    affine.loss.validate("target", truth)
    return truth
