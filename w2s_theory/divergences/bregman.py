"""What a loss must offer, and the base of the Bregman divergences: the three-point identity, written once for all of them."""

from __future__ import annotations

from typing import Any, Protocol

from .._array import array_namespace


class Divergence(Protocol):
    """What ``gain_report`` needs of a loss. ``event_ndim`` is 0 for one number per sample (..., n), 1 for a vector (..., n, c)."""

    @property
    def name(self) -> str:
        """What reports and messages call it."""
        ...

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
    """Base of the Bregman divergences: a subclass gives the ``gradient`` of its generator φ, its inverse and the divergence itself."""

    event_ndim = 0
    name = "bregman"

    def validate(self, name: str, values: Any) -> None:
        """Accept every real number; subclasses narrow the domain."""

    def validate_inside(self, name: str, values: Any) -> None:
        """Raise ``ValueError`` where ∇φ does not exist either; a subclass overrides it whose domain has a boundary of that kind."""
        self.validate(name, values)

    def gradient(self, values: Any) -> Any:
        """∇φ at ``values``, same shape."""
        raise NotImplementedError

    def inverse_gradient(self, slopes: Any) -> Any:
        """∇φ*, the point whose gradient is ``slopes``. Raises ``ValueError`` where there is none, or none is known."""
        raise NotImplementedError

    def coordinates(self, values: Any) -> Any:
        """The coordinates in which the divergence is convex in its first argument: the values themselves, ∇φ for a ``Dual``."""
        return values

    def at(self, coordinates: Any) -> Any:
        """The point at ``coordinates``: the inverse of that map."""
        return coordinates

    def displacement(self, first: Any, second: Any) -> Any:
        """Difference of the coordinates of two points."""
        return first - second

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
        return self.inner(self.displacement(target, student), self.slope_between(student, weak))

    def rounding_size(self, first: Any, second: Any) -> Any:
        """The divergence itself: a sum of terms of one sign is rounded relative to its value."""
        return self.between(first, second)


#: Relative difference below which a logarithm is taken of it, not of its ends; neither way loses digits there.
CLOSE = 0.5


def log_ratio(first: Any, second: Any) -> Any:
    """log(first/second) of positive numbers, accurate where they are close together and where they are far apart."""
    xp = array_namespace(first, second)
    excess = first - second
    is_close = xp.abs(excess) < CLOSE * second  # the quotient may overflow elsewhere
    near = xp.log1p(xp.where(is_close, excess, xp.zeros_like(excess)) / xp.where(is_close, second, xp.ones_like(second)))
    return xp.where(is_close, near, xp.log(first) - xp.log(second))
