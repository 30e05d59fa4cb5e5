"""Spectral filters: what a linear learner keeps of each eigendirection of the features.

A head learnt from labels y is w = V diag(g(s²)) Vᵀ XᵀY with s², V the eigenvalues and eigenvectors of XᵀX. Its fitted values keep
the fraction φ = s² g of a label's component along a direction.

* ridge, ‖Xw − y‖² + λ‖w‖²:  g = 1/(s² + λ);
* gradient flow from 0 on ½‖Xw − y‖², stopped at time t:  g = (1 − exp(−t s²))/s², and t where s = 0.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .._array import array_namespace, to_numpy
from .._validation import finite


class Filter(NamedTuple):
    """``inverse`` g and ``kept`` φ = s² g on a spectrum, each (L, r)."""

    inverse: Any
    kept: Any


class Path(NamedTuple):
    """L learners along a regularisation path: ridge ``penalties`` λ ≥ 0, or stopping ``times`` t ≥ 0 of the gradient flow."""

    kind: str
    values: np.ndarray

    @np.errstate(over="ignore")  # a huge time leaves nothing: exp(−∞) = 0
    def on(self, squares: Any) -> Filter:
        """The filters on eigenvalues ``squares`` s² ≥ 0 (r,), in their library and on their device."""
        xp = array_namespace(squares)
        values = xp.asarray(self.values, dtype=squares.dtype, device=squares.device)[:, None]
        if self.kind == "penalties":
            total = squares + values
            safe = xp.where(total > 0, total, 1.0)
            # A direction without features and without penalty has no head: the one of least norm is 0.
            inverse = xp.where(total > 0, 1.0 / safe, 0.0)
            return Filter(inverse, squares * inverse)
        exponent = values * squares
        kept = -xp.expm1(-exponent)
        safe = xp.where(squares > 0, squares, 1.0)
        inverse = xp.where(squares > 0, kept / safe, values)
        return Filter(inverse, kept)

    def amplification(self, squares: np.ndarray) -> np.ndarray:
        """s_1 · max_k s_k g(s_k²), shape (L,): how far rounding of the features is magnified; the condition number where λ = 0."""
        if not len(squares):
            return np.zeros(len(self.values))
        return float(squares.max()) ** 0.5 * np.max(np.sqrt(squares) * self.on(squares).inverse, axis=1)


def path(penalties: Any, times: Any) -> Path:
    """Check the arguments ``penalties`` and ``times`` of a solve, of which exactly one must be given: a number or shape (L,)."""
    if (penalties is None) == (times is None):
        raise TypeError(
            "pass either penalties (ridge) or times (gradient flow), exactly one of them; "
            f"got penalties={penalties!r}, times={times!r}. penalties=0 is the least-squares head of least norm."
        )
    name, given = ("penalties", penalties) if times is None else ("times", times)
    values = np.atleast_1d(np.array(to_numpy(finite(name, given)), dtype=np.float64))
    if values.ndim != 1:
        raise ValueError(f"{name} must be a number or have shape (L,); its shape is {values.shape}. Flatten it.")
    if values.min() < 0:
        raise ValueError(f"{name} must be >= 0; the smallest is {values.min():.6g}. Drop the negative ones.")
    return Path(name, values)
