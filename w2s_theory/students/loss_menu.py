"""The losses with which a student has been trained on weak labels, row by row: values, and slopes in the student's scores.

Rows are examples: scores z and weak soft labels y are (n, C), p = softmax(z); two classes are C = 2. Most of the menu is cross-entropy
against a modified target t that is held fixed, value −Σ t log p, slope (Σt) p − t:

    CrossEntropy       t = y; ``ForwardKL`` takes the entropy of y off the value and has the same slope
    Confidence         t = (1 − a) y + a·hard(p), hard labels by a threshold (see ``confidence``); ``soft``: a·p in its place
    Window             t = y where max p < ½ + radius, nothing elsewhere
    Product            t ∝ p^β y^α

and four have slopes of their own: ``ReverseKL`` KL(p‖y), ``ReverseCrossEntropy`` −Σ p log y, ``Symmetric`` a mixture of the two
cross-entropies, and ``Adaptive``, cross-entropy where the weak label is confident and the reverse where it is not. What a loss needs beside
the batch is a ``Moment``. NumPy only. Sources: burns2023 and its released code; window, entropy and threshold by history: the public
follow-up of EleutherAI; reverse KL: yao2025kl; reverse cross-entropy, symmetric and adaptive: xu2026 and its code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .._validation import positive, probability
from .batch_loss import Loss, Moment, Rows, TargetLoss
from .confidence import Confidence

#: Confidences this far below a threshold are at it: 0.6 − 0.5 is less than 0.1 in double precision.
TIE = 1e-12


@dataclass(frozen=True)
class CrossEntropy(TargetLoss):
    """−Σ y log p. Free scores end at p = y."""

    def target(self, p: np.ndarray, logs: np.ndarray, labels: np.ndarray, moment: Moment) -> np.ndarray:
        """The weak labels."""
        return labels


@dataclass(frozen=True)
class ForwardKL(CrossEntropy):
    """KL(y‖p) = cross-entropy less the entropy of y, which no score changes: the same slope."""

    def evaluate(self, p: np.ndarray, logs: np.ndarray, labels: np.ndarray, moment: Moment) -> Rows:
        """Σ y log(y/p), and p − y."""
        safe = np.where(labels > 0.0, labels, 1.0)
        return (labels * (np.log(safe) - logs)).sum(axis=1), p - labels


@dataclass(frozen=True)
class Window(TargetLoss):
    """Cross-entropy where the student is unsure, max p < ½ + ``radius``, and nothing elsewhere; still averaged over the whole batch."""

    radius: float = 0.15

    def __post_init__(self) -> None:
        if not 0.0 < self.radius <= 0.5:
            raise ValueError(f"radius must lie in (0, ½]; it is {self.radius!r}. Beyond ½ it is CrossEntropy.")

    @property
    def edge(self) -> float:
        """½ + radius: the confidence at which the student is left alone."""
        return 0.5 + self.radius

    def target(self, p: np.ndarray, logs: np.ndarray, labels: np.ndarray, moment: Moment) -> np.ndarray:
        """The weak labels, or a row of zeros."""
        return np.where(p.max(axis=1, keepdims=True) < self.edge, labels, 0.0)


@dataclass(frozen=True)
class Product(TargetLoss):
    """t ∝ p^``own`` y^``weak``: the student's prediction, updated by the weak label as if by evidence."""

    own: float = 1.0
    weak: float = 1.0

    def __post_init__(self) -> None:
        positive("own", self.own, strict=False)
        positive("weak", self.weak)

    def target(self, p: np.ndarray, logs: np.ndarray, labels: np.ndarray, moment: Moment) -> np.ndarray:
        """The normalised product; a class of weak label 0 has none."""
        with np.errstate(divide="ignore"):
            powers = self.own * logs + self.weak * np.log(labels)
        shares = np.exp(powers - powers.max(axis=1, keepdims=True))
        return shares / shares.sum(axis=1, keepdims=True)


@dataclass(frozen=True)
class ReverseKL(Loss):
    """KL(p‖y). Free scores end at p = y, and shun classes with small y on the way."""

    needs_positive_labels: ClassVar[bool] = True

    def evaluate(self, p: np.ndarray, logs: np.ndarray, labels: np.ndarray, moment: Moment) -> Rows:
        """Σ p log(p/y), and p (log(p/y) − Σ p log(p/y))."""
        apart = logs - np.log(labels)
        values = (p * apart).sum(axis=1)
        return values, p * (apart - values[:, None])


@dataclass(frozen=True)
class ReverseCrossEntropy(Loss):
    """−Σ p log y, linear in p: free scores end at the class of the largest weak label."""

    needs_positive_labels: ClassVar[bool] = True

    def evaluate(self, p: np.ndarray, logs: np.ndarray, labels: np.ndarray, moment: Moment) -> Rows:
        """−Σ p log y, and −p (log y − Σ p log y)."""
        logs = np.log(labels)
        values = -(p * logs).sum(axis=1)
        return values, -p * (logs + values[:, None])


@dataclass(frozen=True)
class Symmetric(Loss):
    """``forward``·cross-entropy + ``reverse``·reverse cross-entropy."""

    forward: float = 1.0
    reverse: float = 0.1
    needs_positive_labels: ClassVar[bool] = True

    def __post_init__(self) -> None:
        positive("forward", self.forward, strict=False)
        positive("reverse", self.reverse, strict=False)

    def evaluate(self, p: np.ndarray, logs: np.ndarray, labels: np.ndarray, moment: Moment) -> Rows:
        """The sum of both, values and slopes."""
        forward = CrossEntropy().evaluate(p, logs, labels, moment)
        reverse = ReverseCrossEntropy().evaluate(p, logs, labels, moment)
        values, slopes = (self.forward * f + self.reverse * r for f, r in zip(forward, reverse, strict=True))
        return values, slopes


@dataclass(frozen=True)
class Adaptive(Loss):
    """Cross-entropy on rows whose weak label is confident, max y − ½ ≥ ``confidence``, reverse cross-entropy on the others.

    With two classes max y − ½ = |y − ½|; for more, max y in its place is ours. So is the default threshold: as far as is known to us, the
    released code has a far lower one. A supervisor whose labels are all on one side of the threshold makes this one of the two losses.
    With ``quantile`` the threshold is that quantile of max y − ½ in the batch, which leaves rows on both sides unless they tie.
    """

    confidence: float = 0.25
    quantile: float | None = None
    needs_positive_labels: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not 0.0 <= self.confidence <= 0.5:
            raise ValueError(f"confidence must lie in [0, ½], as max y − ½ does; it is {self.confidence!r}.")
        if self.quantile is not None:
            probability("quantile", self.quantile)

    def evaluate(self, p: np.ndarray, logs: np.ndarray, labels: np.ndarray, moment: Moment) -> Rows:
        """Row by row, one or the other."""
        margin = labels.max(axis=1) - 0.5
        sure = margin >= (self.confidence if self.quantile is None else np.quantile(margin, self.quantile)) - TIE
        forward = CrossEntropy().evaluate(p, logs, labels, moment)
        reverse = ReverseCrossEntropy().evaluate(p, logs, labels, moment)
        return np.where(sure, forward[0], reverse[0]), np.where(sure[:, None], forward[1], reverse[1])


#: The menu by name. The paper takes a fifth of training as warm-up and the batch's median as threshold; its released code and the
#: correction of it take a tenth, and the class balance of the weak labels.
LOSSES: dict[str, Loss] = {
    "cross-entropy": CrossEntropy(),
    "forward KL": ForwardKL(),
    "reverse KL": ReverseKL(),
    "confidence, paper": Confidence(warmup=0.2, threshold="median"),
    "confidence, released code": Confidence(jumps=True),
    "confidence, corrected code": Confidence(),
    "confidence, history": Confidence(threshold="history"),
    "entropy": Confidence(soft=True),
    "window": Window(),
    "product": Product(),
    "reverse cross-entropy": ReverseCrossEntropy(),
    "symmetric": Symmetric(),
    "adaptive": Adaptive(),
}


def as_loss(loss: str | Loss) -> Loss:
    """The loss of this name on the menu, or the object itself; raises ``ValueError`` listing the names when unknown."""
    if isinstance(loss, Loss):
        return loss
    if loss not in LOSSES:
        raise ValueError(f"loss must be a loss_menu.Loss or one of {', '.join(map(repr, LOSSES))}; it is {loss!r}.")
    return LOSSES[loss]
