"""A data set of frozen representations with class labels: several models of growing strength look at the same samples.

The counterpart of ``empirical`` for classes. As there, nature fixes the sample, not a population: an interval over random splits
covers the choice of split, not the choice of data set. NumPy float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .._validation import frozen, generator
from .empirical import Split, cut, leading_components, part_sizes


@dataclass(frozen=True, eq=False)
class ClassificationTask:
    """N samples seen by two or more frozen models, weakest first, each with the index of its class.

    ``representations``: arrays (N, d_j), from the weakest model's to the strongest's; those between are the intermediate models of
    bootstrapping. ``labels`` (N,): whole numbers 0 to C − 1. All are kept as read-only copies. ``name`` for tables and figures;
    ``is_synthetic`` says that features or labels were drawn, not measured.
    Raises ``ValueError`` for NaN, shapes that do not belong together, fewer than two representations or two classes, labels that
    are no whole numbers, or a class of 0 to C − 1 with fewer than three samples: it could not be in every part of a split.
    """

    representations: tuple[np.ndarray, ...]
    labels: np.ndarray
    name: str
    is_synthetic: bool = False

    def __post_init__(self) -> None:
        given = frozen("labels", self.labels, ndim=1)
        if given.min() < 0 or np.any(given != np.round(given)):
            raise ValueError(
                f"labels must be class indices, whole numbers 0, 1, …; they reach from {given.min():.6g} to {given.max():.6g}. "
                "Number the classes first."
            )
        labels = given.astype(np.int64)
        labels.setflags(write=False)
        object.__setattr__(self, "labels", labels)
        if labels.max() > len(labels):
            raise ValueError(
                f"labels must number the classes 0 to C − 1; the largest of {len(labels)} is {labels.max()}. Renumber."
            )
        counts = np.bincount(labels)
        if len(counts) < 2:
            raise ValueError("labels must name at least two classes; all of them are 0. There is nothing to predict.")
        if counts.min() < 3:
            raise ValueError(
                f"every class of 0 to {len(counts) - 1} must have at least 3 samples, one for each part of a split; class "
                f"{int(np.argmin(counts))} has {counts.min()}. Drop or merge the class, and number the classes without gaps."
            )
        if isinstance(self.representations, np.ndarray) or len(self.representations) < 2:
            raise ValueError(
                "representations must be a tuple of at least two arrays (N, d), weakest first: a weak and a strong one. "
                "To compare a model with itself, pass its features twice."
            )
        kept = []
        for j, features in enumerate(self.representations):
            features = frozen(f"representations[{j}]", features, ndim=2)
            if len(features) != len(labels):
                raise ValueError(
                    f"representations[{j}] must have one row per sample, {len(labels)} as labels; its shape is {features.shape}. "
                    "Align the rows."
                )
            kept.append(features)
        object.__setattr__(self, "representations", tuple(kept))

    @property
    def size(self) -> int:
        """Number of samples N."""
        return len(self.labels)

    @property
    def classes(self) -> int:
        """Number of classes C."""
        return int(self.labels.max()) + 1

    def one_hot(self, rows: np.ndarray) -> np.ndarray:
        """The labels of some rows (n,) as certain probabilities (n, C)."""
        return np.eye(self.classes)[self.labels[rows]]

    @property
    def weak_features(self) -> np.ndarray:
        """The weakest model's representation, the first."""
        return self.representations[0]

    @property
    def strong_features(self) -> np.ndarray:
        """The strongest model's representation, the last."""
        return self.representations[-1]

    def split(self, sizes: Sequence[float], *, rng: np.random.Generator) -> Split:
        """Draw disjoint weak, transfer and test rows at random, with every class in its share in each part (see ``stratified``).

        ``sizes`` are three counts, or three fractions of N between 0 and 1 (rounded down). Rows that are left over are not used.
        Raises ``ValueError`` when a part would be empty, when they do not fit, or when a part would lack a class.
        """
        parts = part_sizes(sizes, self.size)
        split = cut(stratified(self.labels, rng=rng), parts)
        for name, rows in split._asdict().items():
            missing = np.setdiff1d(np.arange(self.classes), self.labels[rows])
            if len(missing):
                raise ValueError(
                    f"every part must hold every class; the {name} part of {len(rows)} rows lacks class {missing[0]}, of which there "
                    f"are {np.sum(self.labels == missing[0])} in {self.size} samples. Make the part larger, or merge the class."
                )
        # Within a part the order says nothing about the classes.
        return Split(*(rng.permutation(rows) for rows in split))


def stratified(groups: np.ndarray, *, rng: np.random.Generator) -> np.ndarray:
    """The rows 0 to N − 1 in a random order in which any stretch holds every group in its share, up to one or two rows.

    Each group's rows are shuffled and spread evenly over (0, 1), from a random start; the order is that of their places. Within a
    group every row is as likely as any other to be in a given stretch. ``groups`` (N,) are whole numbers.
    """
    order = generator(rng).permutation(len(groups))
    _, index, counts = np.unique(groups[order], return_inverse=True, return_counts=True)
    within = np.empty(len(order))
    within[np.argsort(index, kind="stable")] = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    places = (within + rng.uniform(size=len(counts))[index]) / counts[index]
    return order[np.argsort(places, kind="stable")]


def two_columns(p: np.ndarray) -> np.ndarray:
    """Probabilities of two classes, 1 − p and p, along a new last axis: (..., 2)."""
    return np.stack([1.0 - p, p], axis=-1)


def with_components(task: ClassificationTask, d: int) -> ClassificationTask:
    """The task with one more intermediate model, below the strongest: the d leading principal components of what that one sees.

    They are fitted on all rows and without labels. This is not a model of middle size: it is the strong model with most of its
    directions taken away. Raises ``ValueError`` unless 1 ≤ d ≤ the rank of the centred strong features.
    """
    return replace(
        task, representations=(*task.representations[:-1], leading_components(task.strong_features, d), task.strong_features)
    )


def same_features(task: ClassificationTask) -> ClassificationTask:
    """Negative control: every model sees what the weakest sees, so there is nothing the student could know better."""
    return replace(task, representations=(task.weak_features,) * len(task.representations), name=f"{task.name}, same features")


def random_teacher(task: ClassificationTask, *, rng: np.random.Generator) -> ClassificationTask:
    """Negative control: the weak features are standard normal noise, independent of the sample, of the shape they had."""
    noise = generator(rng).standard_normal(task.weak_features.shape)
    return replace(
        task, representations=(noise, *task.representations[1:]), name=f"{task.name}, random teacher", is_synthetic=True
    )
