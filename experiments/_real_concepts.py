"""Real tasks with several concepts on one frozen representation: ten digits, and three emotions of a sentence."""

from __future__ import annotations

import csv
import functools
import gzip
import zlib
from pathlib import Path

import numpy as np

from w2s_theory._validation import MissingExtra
from w2s_theory.embeddings.tasks import embedding_folder, embedding_task
from w2s_theory.problems.empirical import EmpiricalTask

CONCEPTS = {"digits": tuple("0123456789"), "emobank": ("valence", "arousal", "dominance")}
#: Rows: gold labels of every concept for the strong model, of one for the weak one, the transfer rows, the test rows.
SIZES = {"digits": (600, 60, 600, 500), "emobank": (500, 200, 500, 300)}
COMPONENTS = 96


def unavailable(scale: str) -> str:
    """Why the tasks can't be made here, "" when they can; every scale has both."""
    try:
        import sklearn  # noqa: F401
    except ImportError as error:
        return str(MissingExtra("embeddings", f"scikit-learn ({error.name})"))
    try:
        folder = embedding_folder()
    except FileNotFoundError as error:
        return str(error)
    paths = (folder / "emobank.npz", _table(folder))
    missing = [str(path) for path in paths if not path.is_file()]
    return f"{' and '.join(missing)} not there: W2S_DATA lacks the three emotions of emobank" if missing else ""


@functools.cache
def concept_task(name: str) -> EmpiricalTask:
    """The task ``name`` with ``labels`` (K, N), a row per concept of ``CONCEPTS``, standardised. Raises as ``embedding_task`` does."""
    return _digits() if name == "digits" else _emobank(embedding_folder())


def _digits() -> EmpiricalTask:
    """Digits 0 to 9, one against the rest. Weak: 4 × 4 block means of the 8 × 8 image. Strong: kernel components made without labels."""
    from sklearn.datasets import load_digits
    from sklearn.decomposition import KernelPCA
    from sklearn.metrics.pairwise import euclidean_distances

    pixels, digit = (np.asarray(part) for part in load_digits(return_X_y=True))
    width = np.median(euclidean_distances(pixels)[np.triu_indices(len(pixels), k=1)])
    kernel = KernelPCA(n_components=COMPONENTS, kernel="rbf", gamma=1.0 / width**2, eigen_solver="arpack", random_state=0)
    return EmpiricalTask(
        weak_features=pixels.reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4)).reshape(len(pixels), 16),
        strong_features=kernel.fit_transform(pixels),
        labels=_standardised(digit == np.arange(10)[:, None]),
        name="digits",
    )


def _emobank(folder: Path) -> EmpiricalTask:
    """Valence, arousal and dominance of a sentence. Weak: layer 0 of a small encoder. Strong: its last layer, 6.

    Raises ``ValueError`` when the table does not belong to the embeddings.
    """
    task, path = embedding_task("emobank", folder), _table(folder)
    with np.load(folder / "emobank.npz") as arrays:
        rows, valence = arrays["row"], arrays["y"]
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            table = [[float(line[name]) for name in ("label", "arousal", "dominance")] for line in csv.DictReader(file)]
        labels = np.array(table)[rows].T
    except (OSError, EOFError, zlib.error, KeyError, ValueError, TypeError, IndexError) as error:
        raise ValueError(
            f"{path} does not hold the labels of emobank ({type(error).__name__}: {error}). Copy it again."
        ) from error
    if not np.allclose(labels[0], valence, atol=1e-5):
        raise ValueError(f"{path} is not the table that emobank.npz was made from: its column 'label' differs. Copy both again.")
    return EmpiricalTask(task.weak_features, task.strong_features, _standardised(labels), "emobank")


def _table(folder: Path) -> Path:
    return folder.parent / "text" / "emobank.csv.gz"


def _standardised(labels: np.ndarray) -> np.ndarray:
    labels = labels - labels.mean(axis=-1, keepdims=True)
    return labels / labels.std(axis=-1, keepdims=True)
