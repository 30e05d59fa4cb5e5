"""Few draws, a few of which say much: the skewness that weak and student predict, and an interval that allows for it.

Where labels are classes and a rare one changes the gain by much, most small draws hold no such label: their mean and their
standard error are both too small, and Student's interval misses on one side. The labels drawn can't show what they don't hold,
but without any label weak and student say how likely each class is at each point, so the skewness of the estimate can be
predicted: under the law of classes Y of ``Affine.chances``, whose mean is the guess, a draw of point i says t = h_Y − E h_Y, and

    draws with replacement:       γ = Σ E[t³]/rate² / (Σ E[t²]/rate)^(3/2),
    points drawn or not, chance π:  γ = Σ E[t³](1 − π)(1 − 2π)/π² / (Σ E[t²](1 − π)/π)^(3/2):

the third and second cumulants of a sum of independent terms, over the points i (1/√n falls with more draws). Given γ, Hall's cubic

    g(T) = T + γT²/3 + γ²T³/27 + γ/6,     T = (estimate − gain)/standard error,

is closer to normal than T, and its inverse, with Student's quantiles, gives the interval: to first order its ends move by γ(2q² +
1)/6 standard errors, so a prediction that is off costs little. It is cut at MOST: at about −2, where 95 % intervals end, the
cubic is flat for γ ≈ ½, and its inverse leaps. Of more skewness the user is told. Numbers have no law that is known without
labels: γ = 0, Student's interval. Method: Hall (1992); the prediction is derived here. NumPy only.
"""

from __future__ import annotations

import numpy as np

from .blend import Affine

#: Skewness of the estimate that is corrected for, at most.
MOST = 0.4


def predicted_skewness(affine: Affine, rates: np.ndarray, *, repeats: bool) -> float:
    """Skewness of the estimate for draws with these ``rates`` (N,), if classes fall as weak and student say; 0 for numbers.

    ``repeats``: draws with replacement, else points are included with chances ``rates``, taken as independent.
    """
    if not affine.has_classes:
        return 0.0
    can = rates > 0.0
    rate, chances, slopes = rates[can], affine.chances[can], affine.slopes[can]
    off = slopes - np.sum(chances * slopes, axis=1, keepdims=True)
    left, twice = (1.0, 1.0) if repeats else (1.0 - rate, 1.0 - 2.0 * rate)
    square = np.sum(np.sum(chances * off**2, axis=1) * left / rate)
    cube = np.sum(np.sum(chances * off**3, axis=1) * left * twice / rate**2)
    return float(cube / square**1.5) if square > 0.0 else 0.0


def hall_deviate(quantile: float, skewness: float) -> float:
    """The T at which Hall's cubic is ``quantile``: 3((1 + γ(q − γ/6))^(1/3) − 1)/γ, and q for γ = 0."""
    if abs(skewness) < 1e-6:
        return quantile - skewness * (2.0 * quantile**2 + 1.0) / 6.0
    return 3.0 * (float(np.cbrt(1.0 + skewness * (quantile - skewness / 6.0))) - 1.0) / skewness
