"""Real tasks with a weak and a strong frozen representation: bundled digits, and text embeddings from a folder. Reads files.

Tasks of numbers (``digits_task``, ``embedding_task``): labels are standardised to mean 0 and variance 1 over the samples of a
task, so squared errors are in units of the label's variance: predicting the mean costs 1. A choice among c > 2 classes is c tasks,
one class against the rest each. Tasks of classes (``digits_classes``, ``embedding_classes``): labels are class indices.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from pathlib import Path

import numpy as np

from .._validation import MissingExtra, whole
from ..problems.classification import ClassificationTask
from ..problems.empirical import EmpiricalTask

#: The text tasks that ``embedding_task`` knows.
EMBEDDING_TASKS = ("stsb_en", "emobank", "sst2", "trec", "openai_moderation")
_CLASSIFICATION = ("trec",)
#: The text tasks whose labels are classes: those that ``embedding_classes`` knows.
EMBEDDING_CLASSES = ("sst2", "trec", "openai_moderation")


def digits_task(*, side: int = 2, components: int = 48) -> EmpiricalTask:
    """Handwritten digits 5 to 9, one against the rest (five tasks), from the 8 × 8 images that scikit-learn ships: no download.

    Weak features: the image in ``side`` × ``side`` block means (side 2: 4 numbers). Strong features: the leading ``components``
    kernel principal components of a Gaussian kernel, its width the median distance, fitted without labels to the *other* digits,
    0 to 4: a representation made elsewhere and frozen. Block sizes, kernel, width rule and number of components were fixed before
    any gain was looked at. ``labels`` (5, 896), standardised.

    Raises ``ValueError`` unless ``side`` is 1, 2, 4 or 8 and ``components`` at most 900, one less than the images of the
    other digits (the centred kernel has no more), and ``MissingExtra`` without scikit-learn.
    """
    if side not in (1, 2, 4, 8):
        raise ValueError(f"side must divide the 8 pixels of an image: 1, 2, 4 or 8; it is {side!r}.")
    here, digit, strong = _digits(components)
    return EmpiricalTask(
        weak_features=_blocks(here, side),
        strong_features=strong,
        labels=standardised(digit == np.arange(5, 10)[:, None]),
        name=f"digits ({side}×{side} pixels)",
    )


def digits_classes(*, components: int = 48) -> ClassificationTask:
    """Handwritten digits 5 to 9 as one task of five classes (class 0 is the digit 5), with three representations.

    Weakest first: the image in 2 × 2 block means (4 numbers), in 4 × 4 block means (16 numbers), and the ``components`` kernel
    principal components that were made on the digits 0 to 4, as in ``digits_task``, whose errors this raises. 896 samples.
    """
    here, digit, strong = _digits(components)
    return ClassificationTask((_blocks(here, 2), _blocks(here, 4), strong), digit - 5, "digits")


def _digits(components: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixels (896, 64) and digits (896,) of the images of 5 to 9, and their kernel components made on the images of 0 to 4."""
    whole("components", components)
    try:
        from sklearn.datasets import load_digits
        from sklearn.decomposition import KernelPCA
        from sklearn.metrics.pairwise import euclidean_distances
    except ImportError as error:
        raise MissingExtra("embeddings", "scikit-learn") from error
    pixels, digit = (np.asarray(part) for part in load_digits(return_X_y=True))
    elsewhere, here = pixels[digit < 5], pixels[digit >= 5]
    if components >= len(elsewhere):
        raise ValueError(
            f"components must be at most {len(elsewhere) - 1}, one less than the images of the other digits; it is {components}. "
            "Ask for fewer."
        )
    distances = euclidean_distances(elsewhere)[np.triu_indices(len(elsewhere), k=1)]
    kernel = KernelPCA(n_components=components, kernel="rbf", gamma=1.0 / np.median(distances) ** 2, eigen_solver="dense")
    return here, digit[digit >= 5], kernel.fit(elsewhere).transform(here)


def _blocks(pixels: np.ndarray, side: int) -> np.ndarray:
    """Images of 8 × 8 pixels as the means of ``side`` × ``side`` blocks."""
    return pixels.reshape(-1, side, 8 // side, side, 8 // side).mean(axis=(2, 4)).reshape(len(pixels), side * side)


def embedding_task(name: str, folder: str | Path | None = None) -> EmpiricalTask:
    """A text task: mean-pooled embeddings of one small encoder, weak = layer 0 (token embeddings), strong = its last layer, 6.

    Reads ``<folder>/<name>.npz``; ``folder`` defaults to ``$W2S_DATA/embeddings``. The file holds ``y`` (N,) and ``x0``, ``x6``
    (N, 384), or for pairs of texts ``u0``, ``v0``, ``u6``, ``v6``, of which the features are [|u − v|, u·v] (N, 768).
    ``labels`` is (N,), or (6, N) for "trec", whose six question types are taken one against the rest.

    Raises ``ValueError`` for an unknown name or a file that is damaged or holds other arrays (the message names the file), and
    ``FileNotFoundError`` when the folder is not known or the file is not there. Pickled contents are never loaded.
    """
    if name not in EMBEDDING_TASKS:
        raise ValueError(f"name must be one of {', '.join(EMBEDDING_TASKS)}; it is {name!r}.")
    path, weak, strong, labels = _embeddings(name, folder)
    if name in _CLASSIFICATION:
        labels = labels == np.unique(labels)[:, None]
    try:
        return EmpiricalTask(weak_features=weak, strong_features=strong, labels=standardised(labels), name=name)
    except ValueError as error:
        raise ValueError(f"{path} does not hold a task: {error}") from error


def embedding_classes(name: str, folder: str | Path | None = None) -> ClassificationTask:
    """A text task of ``EMBEDDING_CLASSES`` with class indices as labels; representations: layer 0, layer 6 of the small encoder.

    Reads the file that ``embedding_task`` reads, and raises as it does; ``ValueError`` too when ``y`` does not hold the classes
    0 to C − 1.
    """
    if name not in EMBEDDING_CLASSES:
        raise ValueError(f"name must be one of {', '.join(EMBEDDING_CLASSES)}; it is {name!r}.")
    path, weak, strong, labels = _embeddings(name, folder)
    try:
        return ClassificationTask((weak, strong), labels, name)
    except ValueError as error:
        raise ValueError(f"{path} does not hold a task of classes: {error}") from error


def _embeddings(name: str, folder: str | Path | None) -> tuple[Path, np.ndarray, np.ndarray, np.ndarray]:
    """The path of a task's file, the features of layers 0 and 6, and the labels as they are stored, in double precision."""
    path = (embedding_folder() if folder is None else Path(folder)) / f"{name}.npz"
    arrays = _read(path)
    pairs = "u0" in arrays or "u6" in arrays
    needed = ("y", *("u0", "v0", "u6", "v6") * pairs, *("x0", "x6") * (not pairs))
    for key in needed:
        if key not in arrays:
            raise ValueError(f"{path} must hold the array {key!r}; it holds {sorted(arrays)}. Make the embeddings again.")
        if arrays[key].dtype.kind not in "fiub":
            raise ValueError(
                f"{path}: {key!r} must hold real numbers; its dtype is {arrays[key].dtype}. Make the embeddings again."
            )
    values = {key: arrays[key].astype(np.float64) for key in needed}
    for u, v in (("u0", "v0"), ("u6", "v6")) if pairs else ():
        if values[u].shape != values[v].shape or values[u].ndim != 2:
            raise ValueError(
                f"{path}: {u!r} and {v!r} must be matrices of the same shape; their shapes are {values[u].shape} and "
                f"{values[v].shape}. Make the embeddings again."
            )
    weak, strong = (_pair(values[f"u{k}"], values[f"v{k}"]) if pairs else values[f"x{k}"] for k in (0, 6))
    return path, weak, strong, values["y"]


def _pair(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Features of a pair of texts, the same for either order: [|u − v|, u·v]."""
    return np.concatenate([np.abs(u - v), u * v], axis=1)


def embedding_folder() -> Path:
    """The folder ``$W2S_DATA/embeddings``; raises ``FileNotFoundError``, with the way out, when it is not there."""
    data = os.environ.get("W2S_DATA")
    if not data:
        raise FileNotFoundError(
            "the text embeddings are not part of this package: set the environment variable W2S_DATA to the folder that holds "
            "embeddings/<task>.npz, or pass folder=."
        )
    folder = Path(data) / "embeddings"
    if not folder.is_dir():
        raise FileNotFoundError(f"W2S_DATA is {data!r}, which has no folder 'embeddings'. Point it to the folder that does.")
    return folder


def _read(path: Path) -> dict[str, np.ndarray]:
    """All arrays of an npz file; errors name the file."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there; it should hold the embeddings of the task {path.stem!r}.")
    try:
        with path.open("rb") as file:  # opened here, because NumPy leaves the file open when it is damaged
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise ValueError("it holds a single array")
            return {key: archive[key] for key in archive.files}
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OSError) as error:
        raise ValueError(f"{path} is damaged or not an npz file of plain arrays ({error}). Copy it again.") from error


def standardised(labels: np.ndarray) -> np.ndarray:
    """Labels with mean 0 and variance 1 over the last axis; constant ones stay constant, for the caller to refuse."""
    labels = labels - labels.mean(axis=-1, keepdims=True)
    spread = labels.std(axis=-1, keepdims=True)
    return labels / np.where(spread > 0, spread, 1.0)
