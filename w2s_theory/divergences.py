"""Losses that come from a convex generator, and the 0–1 loss; each knows the exact residual that separates gain from misfit.

A Bregman divergence is D(p, q) = φ(p) − φ(q) − ⟨∇φ(q), p − q⟩ for a convex φ. For any three points

    D(f, w) − D(f, s) = D(s, w) + ⟨f − s, ∇φ(s) − ∇φ(w)⟩        (three-point identity)

so gain = misfit + residual. Divergences here are per sample; averaging over samples is done by ``quantities.gain``.
Generic in the array library.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from ._array import array_namespace, machine_epsilon, to_numpy
from ._validation import finite


class Divergence(Protocol):
    """What ``gain_report`` needs of a loss. ``event_ndim`` is 0 for one number per sample (..., n), 1 for a vector (..., n, c)."""

    name: str

    @property
    def event_ndim(self) -> int:
        """Number of axes behind the samples: 0 or 1."""
        ...

    def validate(self, name: str, values: Any) -> None:
        """Raise ``ValueError`` when ``values`` leave the domain of the divergence."""
        ...

    def between(self, first: Any, second: Any) -> Any:
        """D(first, second) per sample, shape (..., n)."""
        ...

    def residual(self, target: Any, student: Any, weak: Any) -> Any:
        """Per-sample residual of the three-point identity, by its own formula (never as gain − misfit)."""
        ...

    def rounding_size(self, first: Any, second: Any) -> Any:
        """Size of the numbers that ``between`` adds and subtracts per sample: its rounding error is a few units of that."""
        ...


class Bregman:
    """Base of the Bregman divergences: a subclass gives the ``gradient`` of its generator φ and the divergence itself."""

    event_ndim = 0
    name = "bregman"

    def validate(self, name: str, values: Any) -> None:
        """Accept every real number; subclasses narrow the domain."""

    def gradient(self, values: Any) -> Any:
        """∇φ at ``values``, same shape."""
        raise NotImplementedError

    def between(self, first: Any, second: Any) -> Any:
        """D(first, second) per sample."""
        raise NotImplementedError

    def inner(self, first: Any, second: Any) -> Any:
        """Inner product per sample: a plain product for scalars, a sum over the last axis for vectors."""
        product = first * second
        if self.event_ndim == 0:
            return product
        return array_namespace(product).sum(product, axis=-1)

    def slope_between(self, first: Any, second: Any) -> Any:
        """∇φ(first) − ∇φ(second); subclasses write it so that it stays accurate for points close together."""
        return self.gradient(first) - self.gradient(second)

    def residual(self, target: Any, student: Any, weak: Any) -> Any:
        """⟨target − student, ∇φ(student) − ∇φ(weak)⟩ per sample. Source: three-point identity, derived in the module docstring."""
        return self.inner(target - student, self.slope_between(student, weak))

    def rounding_size(self, first: Any, second: Any) -> Any:
        """The divergence itself: a sum of terms of one sign is rounded relative to its value."""
        return self.between(first, second)


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
        xp = array_namespace(values)
        smallest = float(xp.min(values))
        if smallest < 0 or (smallest == 0 and name != "target"):
            raise ValueError(
                f"{name} must hold {'non-negative' if name == 'target' else 'strictly positive'} probabilities for KL; "
                f"the smallest is {smallest:.6g}. Floor them (for example at 1e-6) and renormalise."
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

    def slope_between(self, first: Any, second: Any) -> Any:
        """log(first/second)."""
        return array_namespace(first, second).log1p((first - second) / second)

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

    def slope_between(self, first: Any, second: Any) -> Any:
        """1/second − 1/first."""
        return (first - second) / (first * second)

    def between(self, first: Any, second: Any) -> Any:
        """first/second − log(first/second) − 1."""
        excess = (first - second) / second
        return excess - array_namespace(excess).log1p(excess)

    def rounding_size(self, first: Any, second: Any) -> Any:
        """|first/second − 1| + |log(first/second)|."""
        excess = (first - second) / second
        xp = array_namespace(excess)
        return xp.abs(excess) + xp.abs(xp.log1p(excess))


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
        xp = array_namespace(values)
        matrix = xp.asarray(to_numpy(self.matrix), dtype=values.dtype, device=values.device)
        return 2.0 * (values @ matrix)

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


@dataclass(frozen=True)
class FromGenerator(Bregman):
    """The Bregman divergence of a generator you give: ``generator`` φ(x) → (..., n) and its gradient ∇φ(x), shape of x.

    ``event_ndim`` = 1 when x carries a last axis of c outputs that φ sums over. The three-point identity is algebra and survives a
    gradient that is not the generator's; what breaks is D ≥ 0, so divergences below zero (beyond rounding) are refused with
    ``ValueError``.
    """

    generator: Callable[[Any], Any]
    slope: Callable[[Any], Any]
    event_ndim: int = 0
    name: str = "user-given Bregman"

    def gradient(self, values: Any) -> Any:
        """∇φ as given."""
        return self.slope(values)

    def between(self, first: Any, second: Any) -> Any:
        """φ(first) − φ(second) − ⟨∇φ(second), first − second⟩; raises ``ValueError`` when it is negative."""
        value = self.generator(first) - self.generator(second) - self.inner(self.slope(second), first - second)
        smallest = float(array_namespace(value).min(value + 16.0 * machine_epsilon(value) * self.rounding_size(first, second)))
        if smallest < 0:
            raise ValueError(
                f"generator must be convex and slope its gradient; a divergence of {smallest:.3g} < 0 was met. "
                "Check slope against finite differences of generator."
            )
        return value

    def rounding_size(self, first: Any, second: Any) -> Any:
        """|φ(first)| + |φ(second)| + |⟨∇φ(second), first − second⟩|, and the slopes that the residual subtracts."""
        xp = array_namespace(first, second)
        slopes = xp.abs(self.slope(first)) + 2.0 * xp.abs(self.slope(second))
        return xp.abs(self.generator(first)) + xp.abs(self.generator(second)) + self.inner(slopes, xp.abs(first - second))


@dataclass(frozen=True)
class ZeroOne:
    """0–1 loss on class labels, D(p, q) = 1[p ≠ q] (any number of classes; labels are compared exactly). Not a Bregman divergence.

    Per sample: 1[w≠f] − 1[s≠f] = 1[s≠w] − 1[s≠w]·(1[s≠f] + 1[w=f]), hence gain = misfit·(q_s − q_w) with
    q_s = P(student right | they disagree) and q_w = P(weak right | they disagree). Derived here.
    """

    event_ndim = 0
    name = "zero-one"

    def validate(self, name: str, values: Any) -> None:
        """Require whole numbers: class labels, not scores."""
        xp = array_namespace(values)
        if not bool(xp.all(values == xp.round(values))):
            raise ValueError(
                f"{name} must hold class labels (whole numbers) for the 0–1 loss. Take an argmax or a threshold first."
            )

    def between(self, first: Any, second: Any) -> Any:
        """1[first ≠ second]."""
        xp = array_namespace(first, second)
        return xp.astype(first != second, xp.float64)

    def rounding_size(self, first: Any, second: Any) -> Any:
        """1: averages of zeros and ones."""
        return array_namespace(first, second).ones_like(self.between(first, second))

    def residual(self, target: Any, student: Any, weak: Any) -> Any:
        """−1[s≠w]·(1[s≠f] + 1[w=f]): minus the disagreements that the student gets wrong, minus those that the weak gets right."""
        xp = array_namespace(target, student, weak)
        return -self.between(student, weak) * (self.between(student, target) + xp.astype(weak == target, xp.float64))


#: Divergences that can be named by a string.
DIVERGENCES: dict[str, Divergence] = {d.name: d for d in (Squared(), KL(), ItakuraSaito(), ZeroOne())}


def as_divergence(divergence: str | Divergence) -> Divergence:
    """Return the divergence named by a string (or the object itself); raise ``ValueError`` listing the names when unknown."""
    if not isinstance(divergence, str):
        if isinstance(divergence, type) or not hasattr(divergence, "rounding_size"):
            raise TypeError(f"divergence must be a name or a divergences.Divergence object such as KL(); it is {divergence!r}.")
        return divergence
    if divergence not in DIVERGENCES:
        names = ", ".join(sorted(DIVERGENCES))
        raise ValueError(f"divergence must be one of {names}, or a divergences.Divergence object; it is {divergence!r}.")
    return DIVERGENCES[divergence]
