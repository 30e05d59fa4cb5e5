"""Simulated weak supervisors of a classification task: errors drawn point by point, by class, or for whole regions at once.

    random             every label is wrong with one probability, whatever the input: no student can copy that
    class-conditional  the wrong class depends on the true one only, by a confusion matrix
    systematic         whole regions of inputs are wrong, each in one way: a student that sees the regions can copy it

Burns et al. (2023) compare the first with errors that a student can simulate. Labels are whole numbers 0 … C − 1. NumPy only.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._validation import generator, probability, shares, whole
from ..montecarlo import cumulative, inverted


def random_errors(labels: Any, *, share: float, classes: int, rng: np.random.Generator) -> np.ndarray:
    """Labels (n,) of which each is wrong with probability ``share``, independently, any of the C − 1 other classes being as likely.

    Raises ``ValueError`` for labels that are no whole numbers 0 … C − 1, a share outside [0, 1] or fewer than two classes.
    """
    labels = class_labels("labels", labels, classes)
    is_wrong = generator(rng).random(labels.size) < probability("share", share, strict=False)
    return (labels + is_wrong * rng.integers(1, classes, labels.size)) % classes


def class_conditional_errors(labels: Any, confusion: Any, *, rng: np.random.Generator) -> np.ndarray:
    """Labels (n,) drawn independently from the row of ``confusion`` (C, C) that the true class names: P(weak label j | true class i).

    Raises ``ValueError`` for a matrix that is not square or whose rows are not probabilities, and for labels outside 0 … C − 1.
    """
    confusion = shares("confusion", confusion, ndim=2)
    if confusion.shape[0] != confusion.shape[1]:
        raise ValueError(f"confusion must be square, one row and one column per class; its shape is {confusion.shape}.")
    labels = class_labels("labels", labels, len(confusion))
    return inverted(cumulative(confusion)[labels], rng=rng)


def systematic_errors(labels: Any, regions: Any, *, share: float, classes: int, rng: np.random.Generator) -> np.ndarray:
    """Labels (n,) that are wrong on every point of some ``regions`` (n,) and right elsewhere.

    Regions are named by whole numbers. They are taken in random order, as many as bring the share of wrong points nearest to
    ``share``: whole regions need not reach it exactly. In each one a number s from 1 … C − 1 is drawn and class i is called i + s modulo
    C, so that a region of one class gets one wrong class. Raises ``ValueError`` as ``random_errors``, and for regions of another length.
    """
    labels = class_labels("labels", labels, classes)
    probability("share", share, strict=False)
    regions = np.asarray(regions)
    if regions.shape != labels.shape or regions.dtype.kind not in "iu":
        raise ValueError(
            f"regions must be whole numbers of shape {labels.shape}, one per label; they are {regions.dtype} of shape {regions.shape}."
        )
    _, region, sizes = np.unique(regions, return_inverse=True, return_counts=True)
    order = generator(rng).permutation(sizes.size)
    reached = np.concatenate([[0.0], np.cumsum(sizes[order]) / labels.size])
    shift = np.zeros(sizes.size, dtype=np.int64)
    chosen = order[: int(np.argmin(np.abs(reached - share)))]
    shift[chosen] = rng.integers(1, classes, chosen.size)
    return (labels + shift[region]) % classes


def soft_labels(labels: Any, *, classes: int, confidence: float) -> np.ndarray:
    """Probabilities (n, C): ``confidence`` on the label's class, the rest in equal parts on the others; all strictly positive.

    Raises ``ValueError`` unless 0 < confidence < 1 and labels are whole numbers 0 … C − 1.

    >>> soft_labels([0, 2], classes=3, confidence=0.8).round(2).tolist()
    [[0.8, 0.1, 0.1], [0.1, 0.1, 0.8]]
    """
    labels = class_labels("labels", labels, classes)
    probability("confidence", confidence)
    return np.where(labels[:, None] == np.arange(classes), confidence, (1.0 - confidence) / (classes - 1))


def class_labels(name: str, labels: Any, classes: int) -> np.ndarray:
    """Labels (n,) as int64 if they are whole numbers 0 … C − 1 with C ≥ 2; raises ``ValueError`` otherwise."""
    whole("classes", classes, at_least=2)
    array = np.asarray(labels)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name} must have shape (n,) with n >= 1; the shape is {array.shape}. Pass one class per point.")
    if array.dtype.kind not in "iufb" or not np.all(np.isin(array, np.arange(classes))):
        raise ValueError(
            f"{name} must be whole numbers 0 to {classes - 1}, the classes; they hold others. Number the classes from 0."
        )
    return array.astype(np.int64)
