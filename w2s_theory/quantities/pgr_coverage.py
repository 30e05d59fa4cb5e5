"""How often the intervals of PGR contain the truth, by simulation on worlds where it is known.

Two questions, with two answers. *Unconditional*: of all comparisons, how often is the truth in what was said? A refusal says that any ratio
is possible, and is never wrong. *Reported*: of the comparisons that were not refused, how often does the interval contain the truth? Refusing
selects the samples whose gap came out large, so the second can lie below the level where refusals are common, for any method.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .._validation import generator, whole
from ..montecarlo import proportion_estimate
from ..outcomes import Estimate
from ..problems.paired_classifiers import PairedClassifiers
from .binormal import population_pgr
from .pgr import Method, pgr


@dataclass(frozen=True)
class Coverage:
    """What ``trials`` comparisons said.

    The two coverages have Clopper–Pearson intervals (``reported`` is ``None`` when all were refused). ``refused`` is the share of refusals,
    ``below`` and ``above`` the shares of all in which the interval lay on that side of the truth, ``width`` the median width of those reported.
    """

    unconditional: Estimate
    reported: Estimate | None
    refused: float
    below: float
    above: float
    width: float
    trials: int


def coverage(
    world: PairedClassifiers,
    n: int,
    *,
    metric: str = "accuracy",
    interval: Method = "fieller",
    level: float = 0.95,
    trials: int = 1000,
    rng: np.random.Generator,
    runs: int | None = None,
    resamples: int = 999,
) -> Coverage:
    """Coverage of ``pgr`` on ``trials`` test sets of ``n`` points (and ``runs`` seeds) of a world; one call of ``pgr`` each."""
    generator(rng)
    truth = population_pgr(world, metric)
    ends = np.empty((whole("trials", trials), 2))
    for trial in range(trials):
        (weak, student, ceiling), labels = world.sample(n, rng=rng, runs=runs)
        outcome = pgr(weak, student, ceiling, labels, metric=metric, interval=interval, level=level, rng=rng, resamples=resamples)
        ends[trial] = outcome.low, outcome.high
    refused = np.isinf(ends).any(axis=1)
    below, above = ends[:, 1] < truth, ends[:, 0] > truth
    kept, missed = int(np.sum(~refused)), int(np.sum(below | above))
    return Coverage(
        unconditional=proportion_estimate(trials - missed, trials),
        reported=proportion_estimate(kept - missed, kept) if kept else None,
        refused=float(np.mean(refused)),
        below=float(np.mean(below)),
        above=float(np.mean(above)),
        width=float(np.median(np.diff(ends[~refused], axis=1))) if kept else math.nan,
        trials=trials,
    )
