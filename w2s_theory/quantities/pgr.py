"""Performance gap recovered, with an interval, or the reason why there is none: PGR = (student − weak)/(ceiling − weak).

Weak model, student and ceiling answer the same test points, so their errors are correlated and the interval takes them together. Where the
ceiling is not told from the weak model, the ratio of two noises can be anything and is refused. NumPy and
scipy.special only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from .._validation import generator, probability, whole
from ..outcomes import Estimate, Verdict
from .metrics import Metric, as_metric, whole_labels
from .performances import GAIN, GAP, Performances
from .pgr_intervals import EVERYTHING, by_betting, by_percentiles, by_t, delta, exact, fieller, percentiles

Method = Literal["fieller", "delta", "bootstrap", "exact"]
#: With fewer test points in a class, metrics that are ratios within classes have no interval that can be trusted.
FEWEST_IN_CLASS = 10
#: Fewer seeds than this, drawn with replacement, say too little about how seeds vary.
FEWEST_SEEDS = 5


@dataclass(frozen=True)
class PGR:
    """Performance gap recovered and how well it is known.

    ``value`` is gain/gap (NaN when the gap is not positive), ``low`` and ``high`` bound it at confidence ``level`` (−∞ and ∞ when refused),
    ``method`` says how. ``verdict`` is HOLDS when the ceiling is told from the weak model, at that level, and INCONCLUSIVE otherwise, with the
    reason in ``why``: then the value means nothing. So it is, for metrics that are ratios within classes (balanced accuracy, F1, AUC), where a
    class has fewer than 10 points. ``gain`` = student − weak and ``gap`` = ceiling − weak are performances: of a metric
    where lower is better, the metric's fall. ``weak``, ``student`` and ``ceiling`` are the metric's own values, averaged over seeds.
    ``points_needed`` is the number of test points with which the gap, were it what it seems, would just be told from zero (NaN where none would do,
    and where a betting interval is so wide that it does not say).
    """

    value: float
    low: float
    high: float
    level: float
    method: str
    verdict: Verdict
    why: str
    gain: Estimate
    gap: Estimate
    weak: float
    student: float
    ceiling: float
    metric: str
    points_needed: float

    @property
    def is_refused(self) -> bool:
        """True when the ratio means nothing."""
        return self.verdict is not Verdict.HOLDS

    def covers(self, truth: float) -> bool:
        """True when the interval contains ``truth``; a refused one contains everything."""
        return self.low <= truth <= self.high

    def __str__(self) -> str:
        if self.is_refused:
            return f"PGR ({self.metric}) refused: {self.why}"
        return f"PGR ({self.metric}) {self.value:.3g} [{self.low:.3g}, {self.high:.3g}] at {_digits(self.level)} ({self.method})"


def pgr(
    weak: Any,
    student: Any,
    ceiling: Any,
    labels: Any,
    *,
    metric: str | Metric = "accuracy",
    interval: Method = "fieller",
    level: float = 0.95,
    rng: np.random.Generator | None = None,
    resamples: int = 2000,
) -> PGR:
    """PGR of a student between weak model and ceiling on shared test points, with an interval at confidence ``level``.

    ``weak``, ``student``, ``ceiling``: predictions as ``metrics`` takes them, probabilities (n, C) or hard labels (n,), or with seeds in front
    (S, n, C), all three alike: seed k of each is one run. ``labels`` (n,) are the truth. ``metric``: "accuracy", "balanced_accuracy",
    "f1", "auc", "cross_entropy", "brier" or "ece". With seeds the value is the ratio of the mean gain
    and the mean gap, and the interval covers both the choice of points and of seeds; one seed covers the points only.

    ``interval``:

    * "fieller": inverts the t test of gain − ρ·gap, with pseudo points for differences too rare to be seen (``performances``). In simulation
      95 % intervals cover in 93 to 97 % down to 200 points, for every smooth metric, and in more than that where few points tell two of the models
      apart, a class is rare, or the gap is only just told. With few seeds it is wide rather than wrong where the seeds differ no more than
      their points explain.
    * "delta": symmetric around the value and narrower than Fieller's: it misses too often when the PGR lies outside [0, 1] and the gap is only
      just told.
    * "bootstrap": percentiles of ``resamples`` samples of points, with noise for the pseudo points (and of seeds, from 5 on, drawn
      independently of the points); the only one for "ece", whose upward bias makes it cover more than it says.
    * "exact": covers with at least ``level`` for every sample size and law (up to a grid of 129 angles), for means of bounded scores (accuracy,
      brier) of one seed; points are independent draws, and their order is shuffled by ``rng``. Another order moves the ends by up to a quarter of
      the width at a few hundred points, and now and then the verdict: fix ``rng`` before looking, for the best of several has no guarantee.

    Fieller, bootstrap and exact are unconditional statements: of all comparisons, refused ones included, the truth is outside what is said in at
    most 1 − level of them (about, or exactly). Where most comparisons would be refused, those that are not have a gap that came out large, and
    cover less.

    A metric of ratios within classes is refused where a class has fewer than 10 points (see ``PGR``).

    Raises ``ValueError`` for bad predictions or labels, unequal numbers of seeds, fewer than two points, an interval that the metric does not
    have, and fewer ``resamples`` than the level needs to leave one in each tail; ``TypeError`` when "bootstrap" or "exact" gets no generator.
    """
    metric = as_metric(metric)
    level = probability("level", level)
    truth = whole_labels(labels)
    n = whole("the number of test points", truth.size, at_least=2)
    evaluations = tuple(metric.evaluate(predictions, truth) for predictions in (weak, student, ceiling))
    shapes = {e.value.shape for e in evaluations}
    if len(shapes) > 1 or len(evaluations[0].value.shape) > 1:
        raise ValueError(
            f"weak, student and ceiling must have the same seeds in front, one axis or none; they are {[e.value.shape for e in evaluations]}."
        )
    rarest = int(np.min(np.unique(truth, return_counts=True)[1]))
    lowest = -math.inf
    performances = Performances.of(evaluations, sign=metric.sign, n=n, freedom=max(1, rarest - 1) if metric.by_class else None)
    if interval in ("fieller", "delta"):
        if evaluations[0].influence is None:
            raise ValueError(f"interval must be 'bootstrap' for {metric.name}, which is not smooth; it is {interval!r}.")
        gain, gap = (by_t(performances, x, level) for x in (GAIN, GAP))
        low, high = fieller(performances, level) if interval == "fieller" or gap.covers(0.0) else delta(performances, level)
    elif interval == "bootstrap":
        drawn = _resampled(performances, resamples, level, rng)
        gain, gap = (by_percentiles(drawn @ x, float(performances.values @ x), level) for x in (GAIN, GAP))
        low, high = percentiles(drawn, level)
    elif interval == "exact":
        scores, bounds = _bounded_scores(metric, evaluations)
        scores = generator(rng).permutation(metric.sign * scores)
        gain, gap = (by_betting(scores @ x, bounds[1] - bounds[0], level) for x in (GAIN, GAP))
        low, high = exact(performances, scores, bounds, level)
        lowest = bounds[0] - bounds[1]
    else:
        raise ValueError(f"interval must be 'fieller', 'delta', 'bootstrap' or 'exact'; it is {interval!r}.")
    is_class_short = metric.by_class and rarest < FEWEST_IN_CLASS
    if not (math.isfinite(low) and math.isfinite(high)):
        gap = replace(gap, low=min(gap.low, 0.0))  # the test of the ratio did not tell it from zero either
    told = gap.low > 0.0 and not is_class_short
    if not told:
        low, high = EVERYTHING
    runs = performances.runs
    over = f"{n} points" + (f" and {runs} seeds" if runs > 1 else ", one seed: how runs differ is not in it")
    needed = _points_needed(performances, gap, is_exact=interval == "exact") if gap.low > lowest else math.nan
    return PGR(
        value=gain.value / gap.value if gap.value > 0.0 else math.nan,
        low=low,
        high=high,
        level=level,
        method=f"{interval}, {over}",
        verdict=Verdict.HOLDS if told else Verdict.INCONCLUSIVE,
        why="" if told else _short(metric, rarest) if is_class_short else _reason(gap, n, needed, is_wide=gap.low <= lowest),
        gain=gain,
        gap=gap,
        **{name: float(np.mean(e.value)) for name, e in zip(("weak", "student", "ceiling"), evaluations, strict=True)},
        metric=metric.name,
        points_needed=needed,
    )


def _resampled(performances: Performances, resamples: int, level: float, rng: np.random.Generator | None) -> np.ndarray:
    if 1 < performances.runs < FEWEST_SEEDS:
        raise ValueError(
            f"interval 'bootstrap' needs at least {FEWEST_SEEDS} seeds, or one; there are {performances.runs}. Use 'fieller'."
        )
    least = math.ceil(2.0 / (1.0 - level) * (1.0 - 1e-9))
    if whole("resamples", resamples, at_least=100) < least:
        raise ValueError(
            f"resamples must be at least {least} to leave one in each tail at level {_digits(level)}; it is {resamples}."
        )
    drawn = performances.resampled(resamples, rng=generator(rng))
    drawn = drawn + math.sqrt(performances.pseudo_variance(level)) * generator(rng).standard_normal(drawn.shape)
    return drawn[np.all(np.isfinite(drawn), axis=1)]  # a resample that lost a whole class has no value


def _bounded_scores(metric: Metric, evaluations: Any) -> tuple[np.ndarray, tuple[float, float]]:
    first = evaluations[0]
    if first.scores is None or first.bounds is None:
        raise ValueError(f"interval 'exact' is for means of bounded scores (accuracy, brier), not {metric.name}. Use 'fieller'.")
    if first.scores.ndim > 1:
        raise ValueError("interval 'exact' covers the points of one seed; there is an axis of seeds. Use 'fieller'.")
    return np.stack([e.scores for e in evaluations], axis=1), first.bounds


def _points_needed(performances: Performances, gap: Estimate, *, is_exact: bool) -> float:
    """Test points m at which the half-width of the gap's interval would be the gap.

    Of its square, the points' share falls as n/m, that of the pseudo points as (n/m)², and that of the seeds stays; a betting interval, and a metric
    without influences, is taken to be all points.
    """
    if gap.value <= 0.0:
        return math.nan
    points, pseudo = 1.0, 0.0
    if not is_exact and performances.evaluations[0].influence is not None:
        _, error, _ = performances.contrast(GAP[None], gap.level)
        variance, pseudo = float(error[0] ** 2), float(performances.pseudo_variance(gap.level) * (GAP @ GAP))
        points = min(variance, float(GAP @ performances.points @ GAP)) / (variance + pseudo)
        pseudo /= variance + pseudo
    room = (gap.value / (gap.value - gap.low)) ** 2 - (1.0 - points - pseudo)
    if room <= 0.0:
        return math.nan
    return math.ceil(performances.n * (points + math.sqrt(points**2 + 4.0 * pseudo * room)) / (2.0 * room))


def _digits(level: float) -> str:
    """The level with four digits, or as many as tell it from 1."""
    return f"{level:.{max(4, math.ceil(-math.log10(1.0 - level)) + 1)}g}"


def _short(metric: Metric, rarest: int) -> str:
    return f"a class has {rarest} test points; {metric.name} is given an interval from {FEWEST_IN_CLASS} in each"


def _reason(gap: Estimate, n: int, needed: float, *, is_wide: bool) -> str:
    interval = f"[{gap.low:.3g}, {gap.high:.3g}] at {_digits(gap.level)}"
    if gap.value <= 0.0:
        return f"the ceiling is not above the weak model: gap {gap.value:.3g}, interval {interval}, {n} points"
    inside = f"the gap between ceiling and weak model is inside its noise: {gap.value:.3g}, interval {interval}, {n} points"
    if is_wide:
        return f"{inside}, too few to say how many would tell it"
    way = (
        f"about {needed:.0f} points would tell it" if needed > 0.0 else "no number of points would tell it, for these few seeds,"
    )
    return f"{inside}; were it that large, {way} from zero"
