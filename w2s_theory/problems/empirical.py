"""A data set of frozen representations as a Problem: weak features, strong features and labels of the same samples.

What nature fixes here is the sample, not a population. No statement is about an ``EmpiricalTask`` itself: ``pipelines.run`` makes
Triples of it, and its transfer rows make a ``Population`` or a ``LinearSample``; what is checked on these is about these rows. An
interval over random splits covers the choice of split, not the choice of data set. NumPy float64.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from .._validation import frozen, generator, whole


class Split(NamedTuple):
    """Disjoint sets of row numbers: gold labels for the ``weak`` head, the ``transfer`` rows it labels, and the ``test`` rows."""

    weak: np.ndarray
    transfer: np.ndarray
    test: np.ndarray


def part_sizes(sizes: Sequence[float], total: int) -> list[int]:
    """The numbers of weak, transfer and test rows: ``sizes`` as counts, or as three fractions of ``total`` (rounded down).

    Raises ``ValueError`` when a part would be empty or when they do not fit into ``total``.
    """
    if len(sizes) != 3:
        raise ValueError(f"sizes must name three parts (weak, transfer, test); it is {tuple(sizes)!r}.")
    are_fractions = all(0.0 < size < 1.0 for size in sizes)
    counts = [math.floor(size * total) for size in sizes] if are_fractions else sizes
    parts = [whole("each part of sizes", count) for count in counts]  # type: ignore[arg-type]
    # Three fractions such as 0.2, 0.5, 0.3 may exceed 1 by rounding; rounding down still makes them fit.
    if sum(parts) > total or (are_fractions and sum(sizes) > 1.0 + 1e-9):
        raise ValueError(f"sizes must fit into the {total} samples; they are {tuple(sizes)!r}. Make a part smaller.")
    return parts


def cut(rows: np.ndarray, parts: Sequence[int]) -> Split:
    """The first ``parts[0]`` of ``rows``, the next ``parts[1]``, the next ``parts[2]``; what is left over is not used."""
    weak, transfer, test, _ = np.split(rows, np.cumsum(parts))
    return Split(weak, transfer, test)


def leading_components(features: np.ndarray, d: int) -> np.ndarray:
    """The d leading principal components (N, d) of ``features``, centred, fitted on all rows and without labels.

    Raises ``ValueError`` unless 1 ≤ d ≤ the rank of the centred features.
    """
    centred = features - features.mean(axis=0)
    left, values, _ = np.linalg.svd(centred, full_matrices=False)
    rank = int(np.sum(values > max(centred.shape) * np.finfo(np.float64).eps * values[0]))
    if not 1 <= whole("d", d) <= rank:
        raise ValueError(f"d must lie between 1 and the rank {rank} of the centred strong features; it is {d}.")
    return left[:, :d] * values[:d]


@dataclass(frozen=True, eq=False)
class EmpiricalTask:
    """N samples seen by a weak and by a strong frozen model, with the labels of one task or of several.

    ``weak_features`` (N, d_weak); ``strong_features`` (N, d_strong); ``labels`` (N,) or (tasks..., N), for classes one-vs-rest
    numbers; all three are kept as read-only copies. ``name`` for tables and figures; ``is_synthetic`` says that the features or
    labels were drawn, not measured.
    Raises ``ValueError`` for NaN, shapes that do not belong together, fewer than 3 samples, or labels that are all the same.
    """

    weak_features: np.ndarray
    strong_features: np.ndarray
    labels: np.ndarray
    name: str
    is_synthetic: bool = False

    def __post_init__(self) -> None:
        labels = frozen("labels", self.labels, min_ndim=1)
        object.__setattr__(self, "labels", labels)
        whole("the number of samples", self.size, at_least=3)
        for field in ("weak_features", "strong_features"):
            features = frozen(field, getattr(self, field), ndim=2)
            if features.shape[0] != self.size:
                raise ValueError(
                    f"{field} must have one row per sample, {self.size} as labels; its shape is {features.shape}. "
                    "Align the rows, and put tasks in front in labels: (tasks, N)."
                )
            object.__setattr__(self, field, features)
        constant = np.argwhere(np.ptp(labels, axis=-1) == 0)
        if len(constant):
            which = f"those of task {tuple(constant[0].tolist())}" if labels.ndim > 1 else "they"
            raise ValueError(f"labels must not be constant; {which} are. Drop the task: there is nothing to predict.")

    @property
    def size(self) -> int:
        """Number of samples N."""
        return int(self.labels.shape[-1])

    def is_realizable(self) -> bool:
        """True when a linear head with an intercept on the strong features reproduces the labels of all N rows up to rounding.

        Realizability in the population can't be known from data; this predicate is about the sample only (and says True of any
        labels once d_strong ≥ N − 1). Tolerance: 1e-8 of the labels' standard deviation.
        """
        design = np.column_stack([np.ones(self.size), self.strong_features])
        targets = self.labels.reshape(-1, self.size).T
        residual = targets - design @ np.linalg.lstsq(design, targets, rcond=None)[0]
        return bool(np.all(np.max(np.abs(residual), axis=0) <= 1e-8 * np.std(targets, axis=0)))

    def split(self, sizes: Sequence[float], *, rng: np.random.Generator) -> Split:
        """Draw disjoint weak, transfer and test rows at random.

        ``sizes`` are three counts, or three fractions of N between 0 and 1 (rounded down). Rows that are left over are not used.
        Raises ``ValueError`` when a part would be empty or when they do not fit.
        """
        parts = part_sizes(sizes, self.size)
        return cut(generator(rng).permutation(self.size), parts)

    def sample(self, n: int, *, rng: np.random.Generator) -> EmpiricalTask:
        """n of the N rows at random, without replacement: a row drawn twice would be in training and test at once."""
        if whole("n", n) > self.size:
            raise ValueError(f"n must not exceed the {self.size} samples there are; it is {n}.")
        rows = generator(rng).choice(self.size, size=n, replace=False)
        return replace(
            self,
            weak_features=self.weak_features[rows],
            strong_features=self.strong_features[rows],
            labels=self.labels[..., rows],
        )

    def reduce_strong(self, d: int) -> EmpiricalTask:
        """The task with the d leading principal components of the strong features, fitted on all rows and without labels.

        Why: a student fitted by least squares to n pseudo-labels of d features loses the fraction r = d/(n − d − 1) of the
        misfit it could have gained, E gain = M∞ (1 − r) for Gaussian features and a realizable target (statement derived here
        after charikar2024): nothing is left at n = 2d + 1, and below it the gain is negative. ``reduced_dimension(n)`` = n // 8
        keeps r near one seventh. Labels must not choose the directions: a reduction fitted to them has seen the answer.

        Raises ``ValueError`` unless 1 ≤ d ≤ the rank of the centred features.
        """
        return replace(self, strong_features=leading_components(self.strong_features, d))


def reduced_dimension(n_transfer: int) -> int:
    """How many label-free components least squares may use with n_transfer pseudo-labels: n // 8 (see ``reduce_strong``)."""
    return whole("n_transfer // 8", whole("n_transfer", n_transfer) // 8)


def same_features(task: EmpiricalTask) -> EmpiricalTask:
    """Negative control: the strong model sees what the weak model sees, so there is nothing the student could know better."""
    return replace(task, strong_features=task.weak_features, name=f"{task.name}, same features")


def random_teacher(task: EmpiricalTask, *, rng: np.random.Generator) -> EmpiricalTask:
    """Negative control: the weak features are standard normal noise, independent of the sample, of the shape they had."""
    noise = generator(rng).standard_normal(task.weak_features.shape)
    return replace(task, weak_features=noise, name=f"{task.name}, random teacher", is_synthetic=True)
