"""The three losses of softmax heads, row by row: values, slopes in the scores, and how curved they are.

Scores and labels are (q, N) for N rows and tasks: q = 1 score, of class 1 against class 0, or q = C of them. Classes are the first axis, so
that sums over a few of them run along the many rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from .._array import array_namespace

Loss = Literal["forward_kl", "reverse_kl", "squared"]


@dataclass(frozen=True)
class Terms:
    """A loss of scores (q, N) and labels: its values (1, N), slopes (q, N) and mean curvatures (1, N).

    ``prepare`` turns probabilities into what ``evaluate`` wants to know of them.
    """

    prepare: Callable[[Any], Any]
    evaluate: Callable[[Any, Any], tuple[Any, Any, Any]]


def _logistic(scores: Any) -> tuple[Any, Any, Any]:
    """p − ½, log(1 + eᵐ) − m/2 and p(1 − p) of p = σ(m), from one exponential of −|m|, which can't overflow.

    In place where it can be: these passes over the scores cost a third of what the matrix products cost.
    """
    xp = array_namespace(scores)
    size = xp.abs(scores)
    small = xp.exp(-size)
    share = 1.0 / (1.0 + small)
    size *= 0.5
    size -= xp.log(share)
    small *= share
    small *= share
    share -= 0.5
    return xp.copysign(share, scores), size, small


def sigmoid(scores: Any) -> Any:
    """1/(1 + e⁻ᵐ), to full relative precision also where it is tiny."""
    xp = array_namespace(scores)
    return xp.exp(xp.clip(scores, max=0.0)) / (1.0 + xp.exp(-xp.abs(scores)))


def _forward_binary(scores: Any, labels: Any) -> tuple[Any, Any, Any]:
    half, softplus, variance = _logistic(scores)
    half -= labels
    softplus -= labels * scores
    return softplus, half, variance


def _reverse_binary(scores: Any, log_odds: Any) -> tuple[Any, Any, Any]:
    """KL = p (m − ℓ) − log(1 + eᵐ) + log(1 + eˡ) for the labels' log-odds ℓ; the last term, a constant, is left out."""
    half, softplus, variance = _logistic(scores)
    apart = scores - log_odds
    return half * apart - softplus - 0.5 * log_odds, variance * apart, variance


def _squared_binary(scores: Any, labels: Any) -> tuple[Any, Any, Any]:
    half, _, variance = _logistic(scores)
    half -= labels
    return 2.0 * half**2, 4.0 * half * variance, 4.0 * variance**2


def log_softmax(scores: Any, axis: int = 0) -> tuple[Any, Any]:
    """Probabilities and their logarithms over ``axis``."""
    xp = array_namespace(scores)
    scores = scores - xp.max(scores, axis=axis, keepdims=True)
    powers = xp.exp(scores)
    total = xp.sum(powers, axis=axis, keepdims=True)
    return powers / total, scores - xp.log(total)


def _spread(p: Any) -> Any:
    """Mean eigenvalue of diag(p) − ppᵀ on vectors of sum 0: (1 − Σp²)/(C − 1)."""
    return (1.0 - array_namespace(p).sum(p * p, axis=0, keepdims=True)) / (p.shape[0] - 1)


def _forward(scores: Any, labels: Any) -> tuple[Any, Any, Any]:
    p, logs = log_softmax(scores)
    return -array_namespace(p).sum(labels * logs, axis=0, keepdims=True), p - labels, _spread(p)


def _reverse(scores: Any, log_labels: Any) -> tuple[Any, Any, Any]:
    p, logs = log_softmax(scores)
    apart = logs - log_labels
    value = array_namespace(p).sum(p * apart, axis=0, keepdims=True)
    return value, p * (apart - value), _spread(p)


def _squared(scores: Any, labels: Any) -> tuple[Any, Any, Any]:
    p, _ = log_softmax(scores)
    xp = array_namespace(p)
    apart = p - labels
    slope = 2.0 * p * (apart - xp.sum(p * apart, axis=0, keepdims=True))
    squares = xp.sum(p * p, axis=0, keepdims=True)
    trace = squares - 2.0 * xp.sum(p**3, axis=0, keepdims=True) + squares**2  # of (diag(p) − ppᵀ)²
    return xp.sum(apart**2, axis=0, keepdims=True), slope, 2.0 * trace / (p.shape[0] - 1)


def _same(labels: Any) -> Any:
    return labels


def _less_half(labels: Any) -> Any:
    """y − ½, beside which ``_logistic`` puts p − ½."""
    return labels - 0.5


def _log_odds(labels: Any) -> Any:
    xp = array_namespace(labels)
    return xp.log(labels) - xp.log1p(-labels)


def _log(labels: Any) -> Any:
    return array_namespace(labels).log(labels)


_BINARY = {
    "forward_kl": Terms(_less_half, _forward_binary),
    "reverse_kl": Terms(_log_odds, _reverse_binary),
    "squared": Terms(_less_half, _squared_binary),
}
_MULTINOMIAL = {"forward_kl": Terms(_same, _forward), "reverse_kl": Terms(_log, _reverse), "squared": Terms(_same, _squared)}


def terms_of(loss: str, scores: int) -> Terms:
    """The loss of this name for one score per task (two classes) or several; raises ``ValueError`` for other names."""
    if loss not in _BINARY:
        raise ValueError(f"loss must be one of {', '.join(_BINARY)}; it is {loss!r}.")
    return (_BINARY if scores == 1 else _MULTINOMIAL)[loss]
