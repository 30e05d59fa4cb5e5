"""Classifiers that learn from soft labels: what a weak-to-strong protocol asks of them, and the softmax rule on frozen features.

A ``Classifier`` turns features (n, d) and label probabilities (n, C) into something that predicts probabilities (m, C). Any object
with these two methods will do; nothing needs to be inherited. NumPy float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from .._validation import class_probabilities, finite, generator, positive
from ..problems.classification import stratified, two_columns
from .softmax import SoftmaxHeads, fit_softmax

#: No predicted probability is below this: far under what 64 bits or any label resolves, and its logarithm is finite.
FLOOR = 1e-12

#: Share of the uniform distribution in the labels of reverse_kl, which is infinite where a label is 0.
MIXING = 1e-3

#: Penalties that "holdout" tries, in units of Σ_i ‖x_i − x̄‖², so that the features' scale and the number of rows don't matter.
PENALTIES = np.geomspace(1e-5, 1.0, 9)

#: ‖gradient‖ relative to that at 0: of the head, and of those that a held-out fifth, whose log loss is known to a few percent, compares.
TOLERANCE, HELD_TOLERANCE = 1e-6, 1e-4


class Fitted(Protocol):
    """A trained classifier."""

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Probabilities (m, C) at ``features`` (m, d): strictly positive, rows sum to 1."""
        ...


class Classifier(Protocol):
    """A rule that learns classes from soft labels."""

    def fit(self, features: np.ndarray, probabilities: np.ndarray, *, rng: np.random.Generator) -> Fitted:
        """Train on ``features`` (n, d) with labels ``probabilities`` (n, C), whose rows sum to 1; a hard label is a row of 0 and 1."""
        ...


@dataclass(frozen=True, eq=False)
class SoftmaxFit:
    """A fitted ``SoftmaxRule``: its heads, the penalty λ it ended with, and the residual of the optimality condition."""

    heads: SoftmaxHeads
    penalty: float

    @property
    def residual(self) -> float:
        """‖gradient‖ relative to its size at W = 0 (see ``SoftmaxHeads``)."""
        return float(self.heads.residual[0])

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Probabilities (m, C), none below ``FLOOR``, rows sum to 1. Raises ``ValueError`` for other columns than it was fitted on."""
        return _rows(self.heads.predict(features))[:, 0]


@dataclass(frozen=True)
class SoftmaxRule:
    """Multinomial logistic regression with an intercept on frozen features: ``students.softmax.fit_softmax`` as a ``Classifier``.

    ``loss`` is "forward_kl", KL(label ‖ model), cross-entropy up to a constant, or "reverse_kl", KL(model ‖ label), for which the
    labels get the share ``MIXING`` of the uniform distribution. ``penalty`` is λ of Σ_i loss_i + (λ/2)‖W‖², or "holdout": λ of
    ``PENALTIES`` × Σ_i ‖x_i − x̄‖² that gives the smallest log loss on a held-out fifth of the same labels, weak ones included (a
    fifth of every predicted class, but never all rows that give a class weight), and then a fit on all of them.
    Raises ``ValueError`` for an unknown loss or a penalty that is not > 0.
    """

    loss: Literal["forward_kl", "reverse_kl"] = "forward_kl"
    penalty: float | Literal["holdout"] = "holdout"

    def __post_init__(self) -> None:
        if self.loss not in ("forward_kl", "reverse_kl"):
            raise ValueError(f"loss must be 'forward_kl' or 'reverse_kl'; it is {self.loss!r}.")
        if self.penalty != "holdout":
            positive("penalty", self.penalty)

    def fit(self, features: np.ndarray, probabilities: np.ndarray, *, rng: np.random.Generator) -> SoftmaxFit:
        """The head that fits the labels ``probabilities`` (n, C). ``rng`` draws the held-out fifth.

        Raises ``ValueError`` for NaN, rows that are no probabilities, fewer than five rows for "holdout", or a class without
        weight in the labels that are fitted.
        """
        features, labels = finite("features", features, ndim=2), class_probabilities("probabilities", probabilities)
        if len(features) != len(labels):
            raise ValueError(
                f"probabilities must have one row per row of features; the shapes are {labels.shape} and {features.shape}."
            )
        penalty = self._holdout(features, labels, rng) if self.penalty == "holdout" else float(self.penalty)
        return SoftmaxFit(self._heads(features, labels, np.array([penalty]), TOLERANCE), penalty)

    def _heads(self, features: np.ndarray, labels: np.ndarray, penalties: np.ndarray, tolerance: float) -> SoftmaxHeads:
        """A head per penalty, all in one fit."""
        classes = labels.shape[1]
        if self.loss == "reverse_kl":
            labels = (1.0 - MIXING) * labels + MIXING / classes
        tasks = np.repeat(labels[:, None, :], len(penalties), axis=1)
        if classes == 2:
            tasks = tasks[:, :, 1]
        return fit_softmax(features, tasks, penalty=penalties, loss=self.loss, intercept=True, tolerance=tolerance)

    def _holdout(self, features: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> float:
        """The penalty with the smallest log loss on a held-out fifth."""
        if len(labels) < 5:
            raise ValueError(f"penalty='holdout' needs at least 5 rows; there are {len(labels)}. Pass a number.")
        if not np.any(np.ptp(features, axis=0)):
            raise ValueError(
                "features must vary for penalty='holdout', which scales with them; all rows are the same. Pass a number."
            )
        order = stratified(np.argmax(labels, axis=1), rng=generator(rng))
        # The last row of every class goes to the end, so that each has a row among those that are fitted.
        last = np.unique(len(order) - 1 - np.argmax(labels[order][::-1] > 0.0, axis=0))
        if len(last) > len(order) - len(order) // 5:
            raise ValueError(
                f"penalty='holdout' needs a row of every class beside the held-out fifth; there are {labels.shape[1]} classes and "
                f"{len(order)} rows. Pass a number."
            )
        held, kept = np.split(np.concatenate([np.delete(order, last), order[last]]), [len(order) // 5])
        spread = np.sum((features[kept] - features[kept].mean(axis=0)) ** 2)
        heads = self._heads(features[kept], labels[kept], PENALTIES * spread, HELD_TOLERANCE)
        predicted = _rows(heads.predict(features[held]))
        losses = -np.sum(labels[held][:, None, :] * np.log(predicted), axis=(0, 2))
        everything = np.sum((features - features.mean(axis=0)) ** 2)
        return float(PENALTIES[np.argmin(losses)] * everything)


def _rows(predicted: np.ndarray) -> np.ndarray:
    """Probabilities (m, T, C), at least ``FLOOR``, of what ``SoftmaxHeads.predict`` says, which for two classes is one number."""
    return floored(two_columns(predicted) if predicted.ndim == 2 else predicted)


def floored(p: np.ndarray) -> np.ndarray:
    """Probabilities (..., C) with none below ``FLOOR``, which sum to 1 again."""
    raised = np.maximum(p, FLOOR)
    return raised / raised.sum(axis=-1, keepdims=True)
