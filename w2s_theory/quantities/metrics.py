"""How good class probabilities are: accuracy, balanced accuracy, F1, AUC, cross-entropy, Brier and calibration error, and how each varies.

Every metric is evaluated from predictions and labels on n points. Predictions are class probabilities (..., n, C), whose rows sum to one;
where only the predicted class counts (accuracy, balanced accuracy, F1) they may also be hard labels (..., n) of an integer dtype. Labels are whole
numbers (n,). The predicted class is the first of the largest probabilities. NumPy only.

There are as many classes as columns of probabilities; hard labels have no columns, and are of two classes when ``labels`` are 0 and 1.

An ``Evaluation`` has the value, the points' influences (value of a sample ≈ value of the population + mean influence, which is what
variances are made of), and the value of the same predictions when the points are weighted: a bootstrap is one call with its
multiplicities (B, n), and no loop over resamples. All but AUC and calibration error are averages over classes c of ratios Σ N_ic / Σ D_ic.

    accuracy            share of points whose predicted class is right
    balanced_accuracy   mean over the classes that occur in labels of the share of their points that is right
    f1                  2·TP/(2·TP + FP + FN) of class 1 when there are two classes; else its mean over the classes that occur in labels
    auc                 P(score of a positive > score of a negative), ties half; class 1 of two, else the mean of one against rest
    cross_entropy       mean of −log p(label), in nats; lower is better
    brier               mean of Σ_c (p_c − 1[label = c])², from 0 to 2; lower is better
    ece                 Σ_b |Σ_{i in b} (right_i − p_max,i)|/n over 15 equal bins (l, r] of the largest probability; lower is better. The sum of
                        absolute values is biased upwards: a perfectly calibrated model has an ece of order √(bins/n).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._array import to_numpy
from .._validation import finite
from .ranking import area_under_curve

#: Bins of the calibration error.
BINS = 15
#: What the sums of probabilities may be off by: rows of a softmax in float32.
SUM_ERROR = 1e-5


@dataclass(frozen=True)
class Evaluation:
    """A metric of predictions on n points; leading axes (...) are those of the predictions.

    ``value`` (...); ``influence`` (..., n) has mean zero, and the variance of the value is about that of ``influence`` over n (``None``: the
    metric is not smooth); ``at(weights (B, n)) -> (..., B)`` is the value with weighted points, NaN where a class has no weight;
    ``scores`` (..., n) are the points' own scores when the metric is their mean, ``bounds`` what they lie between (``None``: unbounded).
    """

    value: np.ndarray
    influence: np.ndarray | None
    at: Callable[[np.ndarray], np.ndarray]
    scores: np.ndarray | None = None
    bounds: tuple[float, float] | None = None


@dataclass(frozen=True)
class Metric:
    """A metric: calling it with (predictions, labels) gives its value (...). ``sign`` · value is the performance: higher is better.

    ``by_class``: it is made of ratios within classes, so it is known as well as the rarest class lets it be.
    """

    name: str
    higher_is_better: bool
    evaluate: Callable[[Any, Any], Evaluation]
    by_class: bool = False

    @property
    def sign(self) -> float:
        """+1 when higher is better, −1 otherwise."""
        return 1.0 if self.higher_is_better else -1.0

    def __call__(self, predictions: Any, labels: Any) -> np.ndarray:
        return self.evaluate(predictions, labels).value


def as_metric(metric: str | Metric) -> Metric:
    """The metric of that name, or the metric itself; raises ``ValueError`` for an unknown name.

    >>> float(as_metric("accuracy")([[0.9, 0.1], [0.4, 0.6]], [0, 0]))
    0.5
    """
    if isinstance(metric, Metric):
        return metric
    if metric not in METRICS:
        raise ValueError(f"metric must be one of {', '.join(METRICS)}; it is {metric!r}.")
    return METRICS[metric]


def whole_labels(labels: Any) -> np.ndarray:
    """Labels (n,) as whole numbers from 0; raises ``ValueError`` for anything else."""
    array = to_numpy(finite("labels", labels, ndim=1))
    if array.min() < 0 or np.any(array != np.floor(array)):
        raise ValueError(
            f"labels must be whole numbers >= 0; one of them is {array[(array < 0) | (array % 1 != 0)][0]}. Encode them."
        )
    return array.astype(np.int64)


def predicted_probabilities(predictions: Any, labels: np.ndarray) -> np.ndarray:
    """Predictions as float64 probabilities (..., n, C) of the classes of ``labels``; raises ``ValueError`` for anything else."""
    array = to_numpy(finite("predictions", predictions, min_ndim=2)).astype(np.float64)
    n, classes = array.shape[-2:]
    if n != labels.size:
        raise ValueError(f"predictions must have shape (..., {labels.size}, C), one row per label; their shape is {array.shape}.")
    if classes < 2 or classes <= labels.max():
        raise ValueError(f"predictions must have a column for each class; there are {classes}, and a label {labels.max()}.")
    worst = float(np.max(np.abs(array.sum(axis=-1) - 1.0)))
    if array.min() < 0.0 or worst > SUM_ERROR:
        raise ValueError(
            f"predictions must be probabilities; the smallest is {array.min():.6g}, and a row sums to {worst:.3g} away from 1. "
            "Pass the softmax of logits, or hard labels of an integer dtype."
        )
    return array


def predicted_classes(predictions: Any, labels: np.ndarray) -> np.ndarray:
    """Predicted classes (..., n): of an integer dtype as they are, of probabilities the first of the largest."""
    array = predictions if isinstance(predictions, np.ndarray) else to_numpy(predictions)
    if array.dtype.kind not in "iub":
        return predicted_probabilities(predictions, labels).argmax(axis=-1)
    if array.ndim < 1 or array.shape[-1] != labels.size or array.min() < 0:
        raise ValueError(
            f"hard predictions must be whole numbers >= 0 of shape (..., {labels.size}); their shape is {array.shape}. "
            "Probabilities need a float dtype."
        )
    return array.astype(np.int64)


def _occurring(labels: np.ndarray) -> np.ndarray:
    classes = np.unique(labels)
    if classes.size < 2:
        raise ValueError(
            f"labels must have at least two classes; all of them are {classes[0]}. The metric is not defined for one."
        )
    return classes


def _judged(labels: np.ndarray, columns: int) -> np.ndarray:
    """Classes that F1 and AUC look at: 1 of two, else all that occur."""
    classes = _occurring(labels)
    return classes[1:] if columns == 2 else classes


def _mean_of_scores(scores: np.ndarray, bounds: tuple[float, float] | None) -> Evaluation:
    value = scores.mean(axis=-1)

    def at(weights: np.ndarray) -> np.ndarray:
        return scores @ weights.T / weights.sum(axis=-1)

    return Evaluation(value, scores - value[..., None], at, scores, bounds)


def _mean_of_ratios(numerator: np.ndarray, denominator: np.ndarray) -> Evaluation:
    """The mean over classes (last axis) of Σ_i N_ic / Σ_i D_ic; arrays (..., n, k)."""
    size = denominator.mean(axis=-2, keepdims=True)
    ratio = numerator.mean(axis=-2, keepdims=True) / size

    def at(weights: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            return np.mean((weights @ numerator) / (weights @ denominator), axis=-1)

    return Evaluation(ratio[..., 0, :].mean(axis=-1), np.mean((numerator - ratio * denominator) / size, axis=-1), at)


def _accuracy(predictions: Any, labels: Any) -> Evaluation:
    labels = whole_labels(labels)
    return _mean_of_scores((predicted_classes(predictions, labels) == labels).astype(np.float64), (0.0, 1.0))


def _balanced_accuracy(predictions: Any, labels: Any) -> Evaluation:
    labels = whole_labels(labels)
    members = (labels[:, None] == _occurring(labels)).astype(np.float64)
    right = predicted_classes(predictions, labels) == labels
    return _mean_of_ratios(members * right[..., None], members)


def _f1(predictions: Any, labels: Any) -> Evaluation:
    labels = whole_labels(labels)
    chosen = predicted_classes(predictions, labels)
    is_hard = to_numpy(predictions).dtype.kind in "iub"
    classes = _judged(labels, labels.max() + 1 if is_hard else np.shape(predictions)[-1])
    members = (labels[:, None] == classes).astype(np.float64)
    named = (chosen[..., None] == classes).astype(np.float64)
    return _mean_of_ratios(2.0 * members * named, members + named)


def _auc(predictions: Any, labels: Any) -> Evaluation:
    labels = whole_labels(labels)
    probabilities = predicted_probabilities(predictions, labels)
    classes = _judged(labels, probabilities.shape[-1])
    return Evaluation(*area_under_curve(np.moveaxis(probabilities[..., classes], -1, -2), labels == classes[:, None]))


def _cross_entropy(predictions: Any, labels: Any) -> Evaluation:
    labels = whole_labels(labels)
    probabilities = predicted_probabilities(predictions, labels)
    own = probabilities[..., np.arange(labels.size), labels]
    if own.min() <= 0.0:
        raise ValueError(
            f"predictions must give every label a positive probability for the cross-entropy; {np.sum(own <= 0.0)} are 0. Clip them."
        )
    return _mean_of_scores(-np.log(own), None)


def _brier(predictions: Any, labels: Any) -> Evaluation:
    labels = whole_labels(labels)
    probabilities = predicted_probabilities(predictions, labels)
    is_class = labels[:, None] == np.arange(probabilities.shape[-1])
    return _mean_of_scores(np.sum((probabilities - is_class) ** 2, axis=-1), (0.0, 2.0))


def _ece(predictions: Any, labels: Any) -> Evaluation:
    labels = whole_labels(labels)
    probabilities = predicted_probabilities(predictions, labels)
    confidence = probabilities.max(axis=-1)
    surplus = (probabilities.argmax(axis=-1) == labels) - confidence
    bins = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
    surplus = np.where(bins[..., None] == np.arange(BINS), surplus[..., None], 0.0)

    def at(weights: np.ndarray) -> np.ndarray:
        return np.sum(np.abs(weights @ surplus), axis=-1) / weights.sum(axis=-1)

    return Evaluation(np.sum(np.abs(surplus.mean(axis=-2)), axis=-1), None, at)


#: Every metric by name.
METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("accuracy", True, _accuracy),
        Metric("balanced_accuracy", True, _balanced_accuracy, by_class=True),
        Metric("f1", True, _f1, by_class=True),
        Metric("auc", True, _auc, by_class=True),
        Metric("cross_entropy", False, _cross_entropy),
        Metric("brier", False, _brier),
        Metric("ece", False, _ece),
    )
}
