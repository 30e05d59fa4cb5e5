"""The factorisation of a Design: eigenvalues s² and eigenvectors V of the Gram matrix, by one of two routes.

* "gram": the eigendecomposition of XᵀX. One symmetric product and d³ work; rounding is magnified by the square of the condition
  number, so it is used only where that costs at most ``GRAM_LIMIT`` times the error of an orthogonal method.
* "svd": QR of the rows, then the singular values of R (of the whole, when n < d). Several times the work; rounding is magnified
  by the condition number only, and it alone decides numerical ranks. Rows that can be read again, but are not kept, go
  through the QR block by block.

Generic in the array library; factorised in float64.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._array import array_namespace, machine_epsilon, to_numpy
from ..linalg import rank_tolerance
from .filters import Path
from .moments import FeatureMoments, weighted
from .rows import Batch

#: Largest magnification of rounding, s_1 · max s/(s² + λ), at which the Gram matrix is used. The error of its predictions is that many
#: times the error of an orthogonal method, times a constant that is 1 for most spectra and labels and was 4 for the worst found (all
#: singular values equal but one, labels along that one). So they stay within ten times LAPACK's.
GRAM_LIMIT = 3.0

#: Singular values outside (this, 1/this) have no square in float64.
SMALLEST = 1e-150


@dataclass(frozen=True, eq=False)
class Spectrum:
    """``squares`` s² (r,), largest first; ``basis`` V (d, r); ``left`` U (n, r), ``None`` by the Gram route.

    ``noise`` is the rounding error of the factorised matrix relative to its norm, ``offset`` the size of the features' mean relative to
    s_1, ``route`` "gram" or "svd". Of rows that were streamed, U is that of the triangle R, and ``reduced`` is Qᵀ of the
    labels, (d, K T).
    """

    squares: Any
    basis: Any
    left: Any
    noise: float
    offset: float
    route: str
    reduced: Any = None

    @property
    def rank(self) -> int:
        """Number of directions used: the numerical rank by the SVD, d by the Gram matrix."""
        return int(self.squares.shape[0])

    def amplification(self, path: Path) -> np.ndarray:
        """``Path.amplification`` on these eigenvalues, shape (L,). One below the rounding of the Gram matrix can be anything up to it."""
        squares = to_numpy(self.squares)
        if self.route == "gram" and len(squares):
            squares = np.maximum(squares, min(self.noise, 1.0) * squares[0])
        return path.amplification(squares)

    def error(self, path: Path, dtype: Any, label_noise: float) -> np.ndarray:
        """Relative rounding error of fitted values by heads of ``dtype``, in units of the labels' size, shape (L,); at most 1.

        ``label_noise`` is that of the labels' products. What directions cut at the numerical rank would have fitted is not in it.
        """
        size = self.amplification(path)
        magnified = self.noise * (1.0 + (size**2 if self.route == "gram" else size))
        epsilon = float(array_namespace(self.squares).finfo(dtype).eps)
        total = magnified + (machine_epsilon(self.squares) * self.offset + label_noise) * size
        total = total + (epsilon * (1.0 + self.offset) * size if epsilon > machine_epsilon(self.squares) else 0.0)
        return np.minimum(np.nan_to_num(total, nan=1.0), 1.0)


def _offset(moments: FeatureMoments, largest: float) -> float:
    """How far the mean exceeds what is left when it is taken out: that many digits go when it is put back."""
    mean = moments.mass**0.5 * float(array_namespace(moments.mean).linalg.vector_norm(moments.mean))
    return mean / largest if largest > 0 else 0.0


def gram_spectrum(moments: FeatureMoments) -> Spectrum:
    """Eigendecomposition of the Gram matrix. Eigenvalues below zero are rounding and count as zero.

    Raises ``ValueError`` where they are more than that: of what was taken away, not all was there.
    """
    xp = array_namespace(moments.gram)
    values, vectors = xp.linalg.eigh(moments.gram)
    smallest, largest = float(values[0]), float(values[-1])
    if smallest < -100.0 * max(moments.noise, machine_epsilon(values) * abs(largest)):
        raise ValueError(
            f"the Gram matrix must have no negative eigenvalue; it has {smallest:.3g}. Subtract only designs that are a part of the whole."
        )
    noise = min(moments.noise / largest, 1.0) if largest > 0 else float(moments.noise > 0)
    squares = xp.flip(xp.clip(values, min=0.0))
    return Spectrum(squares, xp.flip(vectors, axis=1), None, noise, _offset(moments, max(largest, 0.0) ** 0.5), "gram")


def svd_spectrum(batch: Batch, moments: FeatureMoments) -> Spectrum:
    """QR and SVD of the weighted, centred rows, which are kept in memory; U has a row for each of them."""
    rows = batch.features
    xp = array_namespace(rows)
    rows = weighted(xp.astype(rows, xp.float64), batch.weights, moments.mean if moments.centred else None)
    n, d = rows.shape
    if n <= d:
        return _cut(*xp.linalg.svd(rows, full_matrices=False), rows=n, moments=moments)
    orthogonal, triangle = xp.linalg.qr(rows)
    left, values, right = xp.linalg.svd(triangle, full_matrices=False)
    return _cut(orthogonal @ left, values, right, rows=n, moments=moments)


def triangle_spectrum(batches: Iterable[Batch], moments: FeatureMoments) -> Spectrum:
    """The same from rows that pass by once: R and QᵀY are updated block by block, and U belongs to R.

    An intercept is a first column √v; what the QR leaves below it is centred.
    """
    top, xp = None, array_namespace(moments.gram)
    for batch in batches:
        weights = batch.weights
        rows = weighted(xp.astype(batch.features, xp.float64), weights)
        values = [weighted(xp.astype(array, xp.float64), weights) for array in batch.labels()]
        if moments.centred:
            ones = xp.ones(rows.shape[0], dtype=xp.float64, device=rows.device) if weights is None else xp.sqrt(weights)
            rows = xp.concat([ones[:, None], rows], axis=1)
        stacked = xp.concat(values, axis=1) if values else rows[:, :0]
        if top is not None:
            rows, stacked = xp.concat([top[0], rows]), xp.concat([top[1], stacked])
        orthogonal, triangle = xp.linalg.qr(rows)
        top = triangle, orthogonal.T @ stacked
    assert top is not None  # reading again refuses batches that have become fewer
    first = int(moments.centred)
    again, before = xp.sum(top[0][first:, first:] ** 2), float(xp.sum(xp.linalg.diagonal(moments.gram)))
    if abs(float(again) - before) > 1e-6 * before + 100.0 * moments.noise:
        raise ValueError("batches must hold the same rows when they are read again, and these differ. Pass a list or RowBlocks.")
    left, values, right = xp.linalg.svd(top[0][first:, first:], full_matrices=False)
    return _cut(left, values, right, rows=moments.rows, moments=moments, reduced=top[1][first:, :])


def _cut(left: Any, values: Any, right: Any, *, rows: int, moments: FeatureMoments, reduced: Any = None) -> Spectrum:
    """The directions that stand above rounding. Rounding in the centring is proportional to the features before it."""
    xp = array_namespace(values)
    largest = float(values[0])
    offset = _offset(moments, largest)
    if largest > 0 and not SMALLEST < largest < 1.0 / SMALLEST:
        raise ValueError(
            f"features must have squares that can be summed; their largest singular value is {largest:.3g}. Rescale to order one."
        )
    rounding = rank_tolerance(rows, right.shape[1], machine_epsilon(values))
    rank = int(xp.sum(xp.astype(values > rounding * largest * (1.0 + offset), xp.int64)))
    # The backward error of an SVD is a few times less than what rounding gives a matrix of that size at worst.
    return Spectrum(values[:rank] ** 2, right[:rank, :].T, left[:, :rank], rounding / 4.0, offset, "svd", reduced)
