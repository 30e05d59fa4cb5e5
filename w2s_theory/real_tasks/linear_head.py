"""Ridge heads on one set of rows, and how much what is measured elsewhere depends on each of these rows. Generic in the array library.

    minimise over b, c:   Σ_j (x_jᵀ b + c − y_j)² + λ‖b‖²        λ by exact leave-one-out, for every output on its own;
                                                                 by five folds of whole groups where rows come in groups

Let q be a number that is made of predictions at other points i, with derivatives g_i. Predictions are linear in the labels, so

    ∂q/∂y_j = z_jᵀ A⁻¹ Σ_i g_i z_i + Σ_i g_i / n,        A = Σ_j z_j z_jᵀ + λ,   z = x − x̄

(``sensitivity``), and taking row j away, at the same λ, changes the head as replacing y_j by its leave-one-out prediction does:
q changes by −∂q/∂y_j · (y_j − ŷ_j)/(1 − h_j), to first order in the predictions at i.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .._array import array_namespace, to_numpy
from ..design import Design
from ..design.filters import path
from ..design.folds import LeftOut
from ..students.linear import LOO_DECADES, LOO_GRID_SIZE


@dataclass(frozen=True, eq=False)
class LinearHead:
    """A fitted head for q outputs: ``coefficients`` (d, q), ``offset`` (q,), ``penalty`` (q,) λ, in the units of ‖X b − y‖² + λ‖b‖².

    ``left_out`` (n, q): what each row's label differs from its leave-one-out prediction by.
    """

    space: LinearSpace
    coefficients: Any
    offset: Any
    penalty: np.ndarray
    left_out: Any

    def predict(self, features: Any) -> Any:
        """Predictions (m, q) at ``features`` (m, d)."""
        return features @ self.coefficients + self.offset

    def sensitivity(self, features: Any, gradient: Any) -> Any:
        """∂/∂labels (n, q, k) of k numbers whose derivatives by the predictions at ``features`` (m, d) are ``gradient`` (m, q, k)."""
        space = self.space
        xp = array_namespace(gradient)
        m, q, k = gradient.shape
        spectrum = space.spectrum
        image = spectrum.basis.T @ ((features - space.design.mean).T @ xp.reshape(gradient, (m, q * k)))
        inverse = path(self.penalty, None).on(spectrum.squares).inverse  # (q, r)
        heads = spectrum.basis @ xp.reshape(xp.reshape(image, (-1, q, k)) * inverse.T[:, :, None], (-1, q * k))
        rows = xp.reshape(space.centred @ heads, (-1, q, k))
        return rows + xp.sum(gradient, axis=0)[None, :, :] / space.centred.shape[0]


class LinearSpace:
    """Features (n, d) of the rows that heads are fitted to, factorised once. ``groups`` (n,) numbers rows that say the same."""

    def __init__(self, features: Any, groups: np.ndarray | None = None) -> None:
        self.features = features
        self.design = Design(features, intercept=True)
        self.left_out = LeftOut(self.design, features, groups)

    @cached_property
    def unit(self) -> float:
        """Mean eigenvalue of the centred features, tr(XᵀX)/d: the unit of penalties. ``ValueError`` where features don't vary."""
        squares = float(to_numpy((self.centred**2).sum()))
        if squares == 0.0:
            raise ValueError(
                f"features must vary among the rows that a head is fitted to; all {self.centred.shape[0]} are the same. Look at how they "
                "were made, or make the part larger."
            )
        return squares / self.centred.shape[1]

    @cached_property
    def centred(self) -> Any:
        """x − x̄, (n, d)."""
        return self.features - self.design.mean

    @property
    def grid(self) -> np.ndarray:
        """The penalties that are tried: from 10⁻⁶ (the floor: nearly least squares) to 10⁶ units, two per decade."""
        return np.logspace(*LOO_DECADES, LOO_GRID_SIZE) * self.unit

    @cached_property
    def spectrum(self) -> Any:
        """Eigenvalues and eigenvectors of the centred features, good for every penalty of the grid."""
        return self.design.spectrum(path(self.grid, None))

    def fit(self, labels: Any) -> LinearHead:
        """Heads for ``labels`` (n, q), each with the penalty of the grid whose error on rows left out is smallest."""
        xp = array_namespace(labels)
        errors = to_numpy(self.left_out.errors(labels, self.grid))
        penalty = self.grid[np.argmin(errors, axis=0)]
        heads = self.design.solve(labels, penalties=penalty)
        own = range(labels.shape[1])
        coefficients = xp.stack([heads.coefficients[k, :, k] for k in own], axis=1)
        offset = xp.stack([heads.intercept[k, k] for k in own])
        inverse = path(penalty, None).on(self.spectrum.squares).inverse  # (q, r)
        leverage = (self.centred @ self.spectrum.basis) ** 2 @ inverse.T + 1.0 / self.centred.shape[0]
        left_out = (labels - (self.features @ coefficients + offset)) / (1.0 - leverage)
        return LinearHead(self, coefficients, offset, penalty, left_out)
