"""Worlds and samples that the tests of PGR share."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
from scipy.stats import norm

from w2s_theory.problems.paired_classifiers import PairedClassifiers
from w2s_theory.quantities.metrics import METRICS

COMFORTABLE = PairedClassifiers.of_accuracies(0.60, 0.75, 0.90)
MARGINAL = PairedClassifiers.of_accuracies(0.70, 0.75, 0.80)
LEVEL = 0.95
#: Errors that are nested (one difficulty for all three): near the ceiling and near the weak model few points or none tell two models apart.
NESTED = {
    f"nested {weak} {student} {ceiling}": PairedClassifiers.of_accuracies(weak, student, ceiling, correlation=1.0)
    for weak, student, ceiling in ((0.6, 0.897, 0.9), (0.6, 0.88, 0.9), (0.6, 0.603, 0.9))
}
SMOOTH = tuple(name for name in METRICS if name != "ece")


def sample(world=COMFORTABLE, n=300, seed=0, runs=None):
    """Predictions of weak model, student and ceiling, and labels: what ``pgr`` takes."""
    (weak, student, ceiling), labels = world.sample(n, rng=np.random.default_rng(seed), runs=runs)
    return weak, student, ceiling, labels


def right_answers(weak, student, ceiling, labels):
    """1 where a model is right, (3, ..., n)."""
    return np.stack([(p.argmax(axis=-1) == labels).astype(float) for p in (weak, student, ceiling)])


def pseudo_variance(points, level=LEVEL):
    """What the rule of three adds to the variance of each performance: by loops, from each model's points (3, n)."""
    pairs = [[a - b for a, b in zip(*pair, strict=True)] for pair in combinations(points, 2)]
    sizes = [sum(d**2 for d in pair) / sum(abs(d) for d in pair) for pair in pairs if any(pair)]
    half = math.log(1.0 / (1.0 - level)) / points.shape[1]
    return max(sizes) ** 2 * (half / norm.ppf(0.5 + level / 2.0)) ** 2 / 2.0
