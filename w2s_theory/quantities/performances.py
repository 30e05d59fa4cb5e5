"""Performances of weak model, student and ceiling on shared test points: their values, how they vary together, and their resamples.

Variances made of the points that were seen are too small where few of them tell two models apart: where none does they are zero, though a
share of log(1/α)/n of all points may do so and leave no trace in n of them with chance α (the rule of three, for α = 0.05). So half-widths count
pseudo points on top of those that were seen: on (log(1/α)/z)²/2 of them one model alone is better, for each of the three models, with z the
normal quantile of the level 1 − α. They move no contrast's value, and where the points that were seen do not tell two models apart
the half-width of their difference is the rule's log(1/α)/n (t/z times it). On a pseudo point models are ``size`` apart: Σd²/Σ|d| for the
differences d of the pair for which that is largest, their mean over points as they weigh in the sum of differences. For accuracy it is 1; for
an area or a log loss it grows with the tails of the differences, which say what one more point can do. NumPy and scipy.special only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from ..montecarlo import in_pieces
from .metrics import Evaluation

#: Contrasts of the performances of (weak, student, ceiling).
GAIN = np.array([-1.0, 1.0, 0.0])
GAP = np.array([-1.0, 0.0, 1.0])

#: Different scores (of the three models together) up to which resamples are drawn by kind of point.
KINDS = 64


@dataclass(frozen=True)
class Performances:
    """Performances of weak, student and ceiling on n shared points and S seeds (higher is better), and how they vary together.

    ``values`` (3,) are means over seeds. The covariance of the values is points + seeds − both: ``points`` (3, 3) is that of the
    seed-averaged influences over n, ``seeds`` that of the seeds' values over S, and ``both`` that of what is left over n·S, which the other two
    each contain (random points crossed with random seeds). For one seed the last two are zero. ``freedom`` is
    that of ``points``: n − 1, or one less than the points of the rarest class for a metric of ratios within classes. ``size`` is how far
    apart models are on a pseudo point (see the module).
    """

    evaluations: tuple[Evaluation, ...]
    sign: float
    points: np.ndarray
    seeds: np.ndarray
    both: np.ndarray
    n: int
    runs: int
    freedom: int
    size: float = 1.0

    @classmethod
    def of(cls, evaluations: Sequence[Evaluation], *, sign: float, n: int, freedom: int | None = None) -> Performances:
        """From evaluations whose values have shape () or (S,), all three alike; ``freedom`` is n − 1 unless given."""
        known = n - 1 if freedom is None else freedom
        values = np.stack([e.value for e in evaluations]).reshape(3, -1)
        runs = values.shape[1]
        nothing = np.zeros((3, 3))
        if any(e.influence is None for e in evaluations):
            return cls(tuple(evaluations), sign, nothing, nothing, nothing, n, runs, known)
        influences = np.stack([e.influence for e in evaluations if e.influence is not None]).reshape(3, runs, n)
        mean = influences.mean(axis=1)
        size = pseudo_size(mean + values.mean(axis=1)[:, None])
        points = mean @ mean.T / ((n - 1) * n)
        if runs == 1:
            return cls(tuple(evaluations), sign, points, nothing, nothing, n, runs, known, size)
        rest = (influences - mean[:, None, :]).reshape(3, -1)
        both = rest @ rest.T / ((runs - 1) * (n - 1) * n * runs)
        return cls(tuple(evaluations), sign, points, np.cov(values) / runs, both, n, runs, known, size)

    @property
    def values(self) -> np.ndarray:
        """Performances of (weak, student, ceiling), averaged over seeds."""
        return self.sign * np.array([np.mean(e.value) for e in self.evaluations])

    def pseudo_variance(self, level: float) -> float:
        """What pseudo points add to the variance of each performance at ``level``: (log(1/α)/z)²/2 · (size/n)², α = 1 − level."""
        return 0.5 * (math.log1p(-level) / float(special.ndtri(0.5 + level / 2.0)) * self.size / self.n) ** 2

    def contrast(self, directions: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Value, standard error and half-width at ``level`` of the contrasts ``directions`` (G, 3), each (G,).

        The half-width is Student's t times the root of the squared error and the pseudo points' variance. With seeds, t is Cochran's: the
        quantiles for S − 1 and ``freedom`` degrees of freedom, weighted by the two variances. (Satterthwaite's degrees of freedom miss too often
        with three seeds.) What points and seeds share is subtracted once, but never so that the variance undercuts that of the points alone.
        """
        points, seeds, both = (np.sum(directions @ part * directions, axis=1) for part in (self.points, self.seeds, self.both))
        rest = np.maximum(points - np.minimum(both, seeds), 0.0)
        error = np.sqrt(seeds + rest)
        total = seeds + rest + self.pseudo_variance(level) * np.sum(directions**2, axis=1)
        t = special.stdtrit(self.freedom, 0.5 + level / 2.0)
        if self.runs > 1:
            of_seeds = special.stdtrit(self.runs - 1, 0.5 + level / 2.0)
            t = t + (of_seeds - t) * np.divide(seeds, total, out=np.ones_like(seeds), where=total > 0.0)
        return directions @ self.values, error, t * np.sqrt(total)

    def resampled(self, count: int, *, rng: np.random.Generator) -> np.ndarray:
        """Performances (count, 3) on bootstrap samples of points, and of seeds independently (each seed keeps its points).

        S − 1 of the S seeds are drawn, which makes the variance between seeds right on average (S of them make it (S − 1)/S of that).
        Where points have few different scores, as with accuracy, how many of each kind were drawn is drawn at once.
        """
        scores = [np.ravel(e.scores) for e in self.evaluations if e.scores is not None]
        if self.runs == 1 and scores:
            kinds, many = np.unique(self.sign * np.stack(scores, axis=1), axis=0, return_counts=True)
            if len(kinds) <= KINDS:
                return rng.multinomial(self.n, many / self.n, size=count) @ kinds / self.n

        def draw(size: int) -> np.ndarray:
            chosen = rng.integers(self.n, size=(size, self.n))
            chosen += self.n * np.arange(size)[:, None]
            weights = np.bincount(chosen.ravel(), minlength=size * self.n).reshape(size, self.n).astype(np.float64)
            values = np.stack([e.at(weights).reshape(self.runs, size) for e in self.evaluations])
            if self.runs == 1:
                return values[:, 0].T
            share = rng.multinomial(self.runs - 1, np.full(self.runs, 1.0 / self.runs), size=size) / (self.runs - 1)
            return np.einsum("ksb,bs->bk", values, share)

        return self.sign * in_pieces(draw, count, numbers=16 * self.n)


def pseudo_size(points: np.ndarray) -> float:
    """The largest Σd²/Σ|d| of the differences d between two models' points (3, n), whose means are the values; 0 where none differ."""
    apart = np.abs(points - points[[2, 0, 1]])
    sums = np.sum(apart, axis=1)
    return float(np.max(np.divide(np.sum(apart**2, axis=1), sums, out=np.zeros(3), where=sums > 0.0)))


def directions(angles: np.ndarray) -> np.ndarray:
    """Contrasts cos φ·gain − sin φ·gap (G, 3), which are zero when the ratio is tan φ."""
    return np.cos(angles)[:, None] * GAIN - np.sin(angles)[:, None] * GAP
