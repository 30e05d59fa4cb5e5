"""A softmax head on frozen features, trained on weak labels with any loss of the menu: Adam on minibatches, as published runs do it.

Where ``softmax.fit_softmax`` solves a convex problem to its end, this one follows the recipe, whose losses change as training goes on
(warm-up) and whose targets depend on the batch. NumPy only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from .._validation import finite, generator, positive, whole
from .batch_loss import Loss, Moment
from .classifiers import floored
from .loss_menu import as_loss
from .softmax_losses import log_softmax

#: Adam's decay rates and the number that keeps its quotient finite, as everywhere.
FIRST, SECOND, TINY = 0.9, 0.999, 1e-8
#: A column whose spread is below this share of its size is constant up to rounding, and is not used: its scale is infinite.
CONSTANT = 1e-13


@dataclass(frozen=True, eq=False)
class FittedHead:
    """p = softmax(((x − centre)/scale) W + b): ``coefficients`` W (d, C), ``intercept`` b (C,), ``centre`` and ``scale`` (d,)."""

    coefficients: np.ndarray
    intercept: np.ndarray
    centre: np.ndarray
    scale: np.ndarray

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Probabilities (m, C) at ``features`` (m, d), none below ``classifiers.FLOOR``, rows sum to 1.

        Raises ``ValueError`` for other columns or NaN.
        """
        features = np.asarray(finite("features", features, ndim=2), dtype=np.float64)
        if features.shape[1] != self.centre.size:
            raise ValueError(f"features must have the {self.centre.size} columns of the fit; the shape is {features.shape}.")
        scores = (features - self.centre) / self.scale @ self.coefficients + self.intercept
        return floored(log_softmax(scores, axis=-1)[0])


@dataclass(frozen=True)
class TrainedHead:
    """The recipe: ``loss``, a name of ``loss_menu.LOSSES`` or a ``Loss``; ``epochs``, ``batch`` rows a step, Adam's ``learning_rate`` and its
    ``schedule`` ("cosine" to 0, or "constant").

    Every epoch goes through all rows once in a fresh random order; the last batch may be smaller. Heads start at zero. Features are
    standardised by the training rows, and there is an intercept (ours: published heads on language models have none). Two epochs of
    batches of 32 are the published default; its learning rate belongs to whole networks, and the one here is for heads.
    """

    loss: str | Loss = "cross-entropy"
    epochs: int = 2
    batch: int = 32
    learning_rate: float = 0.01
    schedule: Literal["cosine", "constant"] = "cosine"

    def __post_init__(self) -> None:
        as_loss(self.loss)
        whole("epochs", self.epochs)
        whole("batch", self.batch)
        positive("learning_rate", self.learning_rate)
        if self.schedule not in ("cosine", "constant"):
            raise ValueError(f"schedule must be 'cosine' or 'constant'; it is {self.schedule!r}.")

    def fit(self, features: np.ndarray, probabilities: np.ndarray, *, rng: np.random.Generator) -> FittedHead:
        """The head trained on ``features`` (n, d) with soft labels ``probabilities`` (n, C).

        Raises ``ValueError`` for NaN, row counts that differ, labels that are no probabilities, or zeros where the loss needs positive labels.
        """
        rows = np.asarray(finite("features", features, ndim=2), dtype=np.float64)
        loss = as_loss(self.loss)
        labels = loss.accept(probabilities)
        if len(rows) != len(labels):
            raise ValueError(f"probabilities must have one row per row of features, {len(rows)}; it has {len(labels)}.")
        centre, scale = rows.mean(axis=0), rows.std(axis=0)
        scale = np.where(scale > CONSTANT * np.abs(rows).max(axis=0), scale, np.inf)
        inputs = np.column_stack([(rows - centre) / scale, np.ones(len(rows))])
        heads = self._train(loss, inputs, labels, generator(rng))
        return FittedHead(heads[:-1], heads[-1], centre, scale)

    def _train(self, loss: Loss, inputs: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Heads (d + 1, C) after all steps."""
        n, classes = labels.shape
        per_epoch = math.ceil(n / self.batch)
        steps = self.epochs * per_epoch
        heads, mean, square = np.zeros((3, inputs.shape[1], classes))
        past, seen = np.empty((self.epochs * n, classes)), 0
        for step in range(steps):
            if step % per_epoch == 0:
                order = rng.permutation(n)
            chosen = order[step % per_epoch * self.batch :][: self.batch]
            x = inputs[chosen]
            p, logs = log_softmax(x @ heads, axis=-1)
            slopes = loss.evaluate(p, logs, labels[chosen], Moment(step / steps, past[:seen]))[1]
            past[seen : seen + len(chosen)] = p
            seen += len(chosen)
            gradient = x.T @ slopes / len(chosen)
            mean = FIRST * mean + (1.0 - FIRST) * gradient
            square = SECOND * square + (1.0 - SECOND) * gradient**2
            size = np.sqrt(square / (1.0 - SECOND ** (step + 1))) + TINY
            heads -= self._rate(step / steps) / (1.0 - FIRST ** (step + 1)) * mean / size
        return heads

    def _rate(self, progress: float) -> float:
        """The learning rate at a share of training."""
        return self.learning_rate * (0.5 * (1.0 + math.cos(math.pi * progress)) if self.schedule == "cosine" else 1.0)
