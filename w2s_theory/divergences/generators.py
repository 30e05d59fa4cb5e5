"""Bregman divergences by their generators: squares, negative entropy, −log and a quadratic form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._array import array_namespace, machine_epsilon, to_numpy
from .._validation import finite
from .bregman import Bregman, log_ratio


@dataclass(frozen=True)
class Squared(Bregman):
    """D(p, q) = ‖p − q‖² (not halved). Scalars per sample by default; ``vector=True`` sums over a last axis of c outputs."""

    vector: bool = False
    name = "squared"

    @property
    def event_ndim(self) -> int:  # type: ignore[override]
        """0 for scalar outputs, 1 for vector outputs."""
        return int(self.vector)

    def gradient(self, values: Any) -> Any:
        """2·values."""
        return 2.0 * values

    def inverse_gradient(self, slopes: Any) -> Any:
        """slopes / 2."""
        return slopes / 2.0

    def slope_between(self, first: Any, second: Any) -> Any:
        """2·(first − second)."""
        return self.gradient(first - second)

    def between(self, first: Any, second: Any) -> Any:
        """‖first − second‖²."""
        return self.inner(first - second, first - second)


@dataclass(frozen=True)
class KL(Bregman):
    """D(p, q) = Σ_k p_k log(p_k / q_k) in nats, for probability vectors on the last axis; φ = negative entropy.

    Zeros are allowed in the first argument only (0·log 0 = 0), so weak and student must be strictly positive.
    Note the order: ``weak_error`` is KL(target ‖ weak) and ``misfit`` is KL(student ‖ weak), the reverse-KL training loss.
    """

    event_ndim = 1
    name = "kl"

    def validate(self, name: str, values: Any) -> None:
        """Require probabilities; strictly positive ones for weak, student and ceiling."""
        self._require(
            name, values, "non-negative" if name == "target" else "strictly positive", "Floor them (for example at 1e-6)"
        )

    def validate_inside(self, name: str, values: Any) -> None:
        """Require strictly positive probabilities: the logarithm of each is needed."""
        way_out = (
            "Where they are one-hot labels, smooth them (mix in 1e-3 of the uniform distribution) or use the order 'kl', whose target "
            "may be one-hot; otherwise floor them"
        )
        self._require(name, values, "strictly positive", way_out)

    def _require(self, name: str, values: Any, sign: str, way_out: str) -> None:
        xp = array_namespace(values)
        smallest = float(xp.min(values))
        if smallest < 0 or (smallest == 0 and sign == "strictly positive"):
            raise ValueError(
                f"{name} must hold {sign} probabilities for KL; the smallest is {smallest:.6g}. {way_out} and renormalise."
            )
        worst = float(xp.max(xp.abs(xp.sum(values, axis=-1) - 1.0)))
        slack = 8.0 * values.shape[-1] * machine_epsilon(values)
        if worst > max(slack, 1e-6):
            raise ValueError(
                f"{name} must sum to 1 over the last axis for KL; the worst sum is off by {worst:.3g}. Renormalise it."
            )

    def gradient(self, values: Any) -> Any:
        """1 + log(values)."""
        return 1.0 + array_namespace(values).log(values)

    def inverse_gradient(self, slopes: Any) -> Any:
        """softmax(slopes): on the simplex slopes matter up to a constant per sample only."""
        xp = array_namespace(slopes)
        powers = xp.exp(slopes - xp.max(slopes, axis=-1, keepdims=True))
        return powers / xp.sum(powers, axis=-1, keepdims=True)

    def slope_between(self, first: Any, second: Any) -> Any:
        """log(first/second)."""
        return log_ratio(first, second)

    def between(self, first: Any, second: Any) -> Any:
        """Σ first·log(first/second) − Σ first + Σ second: the generalised form, exact also when sums are 1 only up to rounding."""
        xp = array_namespace(first, second)
        return xp.sum(first * self._log_ratio(first, second) - (first - second), axis=-1)

    def rounding_size(self, first: Any, second: Any) -> Any:
        """Σ |first·log(first/second)| + |first − second|."""
        xp = array_namespace(first, second)
        return xp.sum(xp.abs(first * self._log_ratio(first, second)) + xp.abs(first - second), axis=-1)

    def _log_ratio(self, first: Any, second: Any) -> Any:
        """log(first/second), and 0 where first is 0 (0·log 0 = 0)."""
        xp = array_namespace(first, second)
        return self.slope_between(xp.where(first > 0, first, second), second)


@dataclass(frozen=True)
class ItakuraSaito(Bregman):
    """D(p, q) = p/q − log(p/q) − 1 for positive numbers; φ = −log. Scale-free: D(cp, cq) = D(p, q)."""

    name = "itakura-saito"

    def validate(self, name: str, values: Any) -> None:
        """Require strictly positive values."""
        smallest = float(array_namespace(values).min(values))
        if smallest <= 0:
            raise ValueError(
                f"{name} must be > 0 for the Itakura–Saito divergence; the smallest is {smallest:.6g}. Floor it first."
            )

    def gradient(self, values: Any) -> Any:
        """−1/values."""
        return -1.0 / values

    def inverse_gradient(self, slopes: Any) -> Any:
        """−1/slopes, for slopes < 0."""
        largest = float(array_namespace(slopes).max(slopes))
        if largest >= 0:
            raise ValueError(
                f"slopes must be < 0 for the Itakura–Saito divergence; the largest is {largest:.6g}. Pass gradients, −1/values."
            )
        return -1.0 / slopes

    def slope_between(self, first: Any, second: Any) -> Any:
        """1/second − 1/first."""
        return (first - second) / (first * second)

    def between(self, first: Any, second: Any) -> Any:
        """first/second − log(first/second) − 1."""
        return (first - second) / second - log_ratio(first, second)

    def rounding_size(self, first: Any, second: Any) -> Any:
        """|first/second − 1| + |log(first/second)|."""
        xp = array_namespace(first, second)
        return xp.abs((first - second) / second) + xp.abs(log_ratio(first, second))


@dataclass(frozen=True, eq=False)
class Mahalanobis(Bregman):
    """D(p, q) = (p − q)ᵀ A (p − q) for vectors on the last axis; ``matrix`` A is symmetric positive semi-definite, shape (c, c)."""

    matrix: Any
    event_ndim = 1
    name = "mahalanobis"

    def __post_init__(self) -> None:
        matrix = finite("matrix", self.matrix, ndim=2)
        xp = array_namespace(matrix)
        if matrix.shape[0] != matrix.shape[1] or float(xp.max(xp.abs(matrix - matrix.T))) > 1e-10 * float(xp.max(xp.abs(matrix))):
            raise ValueError(f"matrix must be square and symmetric; its shape is {tuple(matrix.shape)}. Pass (A + A.T) / 2.")
        smallest = float(xp.min(xp.linalg.eigvalsh(matrix)))
        if smallest < -1e-10 * float(xp.max(xp.abs(matrix))):
            raise ValueError(
                f"matrix must be positive semi-definite; its smallest eigenvalue is {smallest:.6g}. Clip its eigenvalues at 0."
            )
        object.__setattr__(self, "matrix", (matrix + matrix.T) / 2.0)

    def validate(self, name: str, values: Any) -> None:
        """Require vectors of the matrix's size."""
        if values.shape[-1] != self.matrix.shape[0]:
            raise ValueError(
                f"{name} must hold vectors of length {self.matrix.shape[0]}, as the matrix; its shape is {tuple(values.shape)}."
            )

    def gradient(self, values: Any) -> Any:
        """2 A values."""
        return 2.0 * (values @ self._matrix_beside(values))

    def inverse_gradient(self, slopes: Any) -> Any:
        """½ A⁻¹ slopes. Raises ``ValueError`` when A is singular."""
        smallest, largest = (float(end) for end in np.linalg.eigvalsh(to_numpy(self.matrix))[[0, -1]])
        if smallest <= 1e-10 * largest:
            raise ValueError(
                f"matrix must be positive definite for the inverse of its gradient map; its eigenvalues reach from {smallest:.3g} to "
                f"{largest:.3g}. Add a small multiple of the identity."
            )
        xp = array_namespace(slopes)
        columns = xp.reshape(slopes, (-1, slopes.shape[-1])).T
        return xp.reshape(0.5 * xp.linalg.solve(self._matrix_beside(slopes), columns).T, slopes.shape)

    def _matrix_beside(self, values: Any) -> Any:
        return array_namespace(values).asarray(to_numpy(self.matrix), dtype=values.dtype, device=values.device)

    def slope_between(self, first: Any, second: Any) -> Any:
        """2 A (first − second)."""
        return self.gradient(first - second)

    def rounding_size(self, first: Any, second: Any) -> Any:
        """‖A‖ ‖first − second‖², with the largest entry sum of A as its norm."""
        xp = array_namespace(first, second)
        norm = float(
            xp.max(xp.sum(xp.abs(self.gradient(xp.eye(first.shape[-1], dtype=first.dtype, device=first.device))), axis=-1))
        )
        return norm * self.inner(first - second, first - second)

    def between(self, first: Any, second: Any) -> Any:
        """(first − second)ᵀ A (first − second)."""
        return 0.5 * self.inner(first - second, self.gradient(first - second))
