"""How far a student's risk and calibration can be from its weak model's, given how far their predictions are apart.

Misfit bounds what can change, upwards and downwards. Here are the bounds with their best constants, per unit of √misfit:

    cross-entropy, probabilities ≥ γ    |CE(f, s) − CE(f, w)| ≤ √(2(1 − γ)/γ) · √misfit       misfit KL(w‖s) or KL(s‖w)
    by Pinsker's inequality             |CE(f, s) − CE(f, w)| ≤ 1/(γ√2) · √misfit             never smaller than that
    squared loss, range of width R      |L(s) − L(w)| ≤ 2R√misfit − misfit
    marginal calibration error          |MCE(s) − MCE(w)| ≤ min(√(2 KL), 2√(1 − exp(−KL)))

and no bound of the kind for the conditional calibration error (ECE): see ``theorems/yao2025``. Predictions are read in float64 and
divided by their sums, once for all: of distributions whose sums are off by 1e-6 the bounds are not true. Derived here.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._array import array_namespace, is_array, to_numpy
from .._validation import finite, positive, probability, sample_weights
from ..divergences import KL, log_ratio
from ..triple import Triple


def sharp_constant(floor: float) -> float:
    """√(2(1 − γ)/γ): the smallest C with max_k |log s_k/w_k| ≤ C √KL whenever all probabilities are at least ``floor`` γ.

    Proof. Merge the classes other than k: KL does not grow, so let it be that of (p, 1 − p) against (q, 1 − q), and u =
    |log(p/q)|. As a function of u with the smaller of p, q fixed at a ≥ γ, the derivative of either order is at least a u/(1 −
    a): a(eᵘ − 1)/(1 − aeᵘ), since eᵘ − 1 ≥ u; and a eᵘ(u + log((1 − a)/(1 − aeᵘ))), since the logarithm is convex in u with slope
    a/(1 − a) at 0. So KL ≥ a u²/(2(1 − a)) ≥ γu²/(2(1 − γ)). Attained as s → w where w_k = γ and the other classes keep their
    proportions. Raises ``ValueError`` unless 0 < γ ≤ ½: no two classes have more each.
    """
    floor = _floor(floor)
    return math.sqrt(2.0 * (1.0 - floor) / floor)


def pinsker_constant(floor: float) -> float:
    """1/(γ√2): |log s_k/w_k| ≤ |s_k − w_k|/γ and |s_k − w_k| ≤ √(KL/2). It is ``sharp_constant`` times 1/(2√(γ(1 − γ))) ≥ 1.

    Raises as that.
    """
    return 1.0 / (_floor(floor) * math.sqrt(2.0))


def probabilities(values: Any) -> Any:
    """``values`` (..., c) as float64 distributions, in their own array library: divided by their sums over the last axis."""
    values = values if is_array(values) else np.asarray(values)
    xp = array_namespace(values)
    values = xp.astype(values, xp.float64)
    return values / xp.sum(values, axis=-1, keepdims=True)


def smallest_probability(triple: Triple) -> float:
    """γ: the smallest entry of the weak model's and the student's probabilities."""
    return min(float(array_namespace(values).min(probabilities(values))) for values in (triple.weak, triple.student))


def cross_entropy_change(triple: Triple) -> Any:
    """CE(f, w) − CE(f, s) = E Σ_k f_k log(s_k/w_k), (tasks...): the gain in cross-entropy, and in KL."""
    weak, student, target = (probabilities(values) for values in (triple.weak, triple.student, triple.target))
    return _mean(array_namespace(target).sum(target * log_ratio(student, weak), axis=-1), triple)


def forward_misfit(triple: Triple) -> Any:
    """E KL(w‖s), (tasks...): the loss of a student trained by cross-entropy, up to the entropy of its labels."""
    return _kl(triple.weak, triple.student, triple)


def reverse_misfit(triple: Triple) -> Any:
    """E KL(s‖w), (tasks...)."""
    return _kl(triple.student, triple.weak, triple)


def squared_bound(misfit: Any, *, width: float) -> Any:
    """2R√M − M: the most by which squared errors E(s − f)², E(w − f)² can differ when E(s − w)² = M and all values lie in a range
    of ``width`` R.

    At a point they differ by d|s + w − 2f| ≤ d(2R − d) with d = |s − w|: concave in d², so on average at most its value at M ≤
    R². Attained: f at one end, w at the other, s at a constant distance √M from w. Raises ``ValueError`` for M < 0 or M > R².
    """
    misfit, width = finite("misfit", misfit), positive("width", width)
    xp = array_namespace(misfit)
    least, most = float(xp.min(misfit)), float(xp.max(misfit))
    if least < 0.0 or most > width**2 * (1.0 + 1e-12):
        raise ValueError(f"misfit must lie between 0 and width² = {width**2:.6g}; it reaches {most:.6g}. Check width.")
    return 2.0 * width * xp.sqrt(misfit) - misfit


def calibration_bound(misfit: Any) -> Any:
    """min(√(2 KL), 2√(1 − exp(−KL))): the most by which E‖s − w‖₁, so marginal calibration, can differ at misfit KL in either
    order.

    Pinsker's inequality, and Bretagnolle and Huber's, both concave in KL, so that they hold of averages; the first is the smaller
    one up to KL = 1.59. The second never exceeds 2, the most there is. Raises ``ValueError`` for misfit < 0.
    """
    misfit = finite("misfit", misfit)
    xp = array_namespace(misfit)
    if float(xp.min(misfit)) < 0.0:
        raise ValueError(f"misfit must be >= 0; the smallest is {float(xp.min(misfit)):.6g}. Pass a KL divergence.")
    return xp.minimum(xp.sqrt(2.0 * misfit), 2.0 * xp.sqrt(-xp.expm1(-misfit)))


def marginal_calibration_error(triple: Triple, which: str) -> Any:
    """Σ_k |E p_k − E f_k|, (tasks...), of the "weak" model or the "student": how far its average prediction is from the classes'
    shares. Raises ``ValueError`` for another name."""
    if which not in ("weak", "student"):
        raise ValueError(f"which must be 'weak' or 'student'; it is {which!r}.")
    predictions, target = probabilities(getattr(triple, which)), probabilities(triple.target)
    xp = array_namespace(target)
    weights = sample_weights(triple.weights, target, tuple(target.shape[:-1]))
    return xp.sum(xp.abs(xp.sum(weights[..., None] * (predictions - target), axis=-2)), axis=-1)


def conditional_calibration_error(predictions: Any, target: Any, weights: Any = None) -> float:
    """E|P(class 1 | p) − p| (ECE) for two classes and finitely many points, exactly: the points with one prediction are one bin.

    ``predictions`` (n,) of class 1; ``target`` (n,) its probability at the point, or its label. In units of probability, between
    0 and 1. Raises ``ValueError`` for other shapes and for numbers that are no probabilities.
    """
    predictions, target = (to_numpy(finite(n, v, ndim=1)) for n, v in (("predictions", predictions), ("target", target)))
    if predictions.shape != target.shape:
        raise ValueError(f"target must have the shape of predictions; they are {target.shape} and {predictions.shape}.")
    for name, values in (("predictions", predictions), ("target", target)):
        if values.min() < 0.0 or values.max() > 1.0:
            raise ValueError(f"{name} must lie in [0, 1]; it reaches from {values.min():.6g} to {values.max():.6g}. Rescale it.")
    weights = np.asarray(sample_weights(weights, predictions, predictions.shape))
    _, group = np.unique(predictions, return_inverse=True)
    return float(np.sum(np.abs(np.bincount(group, weights * (target - predictions)))))


def _kl(first: Any, second: Any, triple: Triple) -> Any:
    return _mean(KL().between(probabilities(first), probabilities(second)), triple)


def _floor(floor: float) -> float:
    if probability("floor", floor) > 0.5:
        raise ValueError(f"floor must be at most 1/2, as the smaller of two probabilities; it is {floor!r}.")
    return float(floor)


def _mean(values: Any, triple: Triple) -> Any:
    return array_namespace(values).sum(values * sample_weights(triple.weights, values, tuple(values.shape)), axis=-1)
