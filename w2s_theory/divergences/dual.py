"""The reverse order of a Bregman divergence: that of its conjugate generator, in the coordinates of slopes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .bregman import Bregman
from .generators import KL


@dataclass(frozen=True)
class Dual(Bregman):
    """The reverse order D*(p, q) = D(q, p) of a Bregman divergence D, the ``base``; a Bregman divergence in the coordinates ∇φ(p).

    Its three-point identity: D(w, f) − D(s, f) = D(w, s) + ⟨∇φ(f) − ∇φ(s), s − w⟩. The two maps change places; ``Dual(Dual(D))`` returns D.
    """

    base: Bregman

    def __new__(cls, base: Any = None) -> Any:
        """The base of a ``Dual``, unwrapped; without a base, what copies and pickles start from."""
        return base.base if isinstance(base, Dual) else super().__new__(cls)

    def __post_init__(self) -> None:
        if not isinstance(self.base, Bregman):
            raise TypeError(f"base must be a Bregman divergence object such as KL(); it is {self.base!r}.")

    @property
    def name(self) -> str:  # type: ignore[override]
        """The name of the base with "dual" in front."""
        return f"dual {self.base.name}"

    @property
    def event_ndim(self) -> int:  # type: ignore[override]
        """As the base."""
        return self.base.event_ndim

    def validate(self, name: str, values: Any) -> None:
        """Require that ∇φ exists at ``values``."""
        self.base.validate_inside(name, values)

    def coordinates(self, values: Any) -> Any:
        """∇φ of the base."""
        return self.base.gradient(values)

    def at(self, coordinates: Any) -> Any:
        """∇φ* of the base."""
        return self.base.inverse_gradient(coordinates)

    def displacement(self, first: Any, second: Any) -> Any:
        """∇φ(first) − ∇φ(second)."""
        return self.base.slope_between(first, second)

    def gradient(self, values: Any) -> Any:
        """∇φ* at the coordinates of ``values``: the values themselves."""
        return self.base.coordinates(values)

    def inverse_gradient(self, slopes: Any) -> Any:
        """The slopes themselves."""
        return self.base.at(slopes)

    def slope_between(self, first: Any, second: Any) -> Any:
        """first − second."""
        return self.base.displacement(first, second)

    def between(self, first: Any, second: Any) -> Any:
        """D(second, first) of the base."""
        return self.base.between(second, first)

    def rounding_size(self, first: Any, second: Any) -> Any:
        """As the base in that order."""
        return self.base.rounding_size(second, first)


@dataclass(frozen=True)
class ReverseKL(Dual):
    """D*(p, q) = KL(q ‖ p) in nats: ``weak_error`` is KL(weak ‖ target), ``misfit`` KL(weak ‖ student), the cross-entropy training loss.

    gain* = KL(weak ‖ target) − KL(student ‖ target). Every argument must be strictly positive.
    """

    base: Bregman = KL()

    @property
    def name(self) -> str:  # type: ignore[override]
        """reverse-kl"""
        return "reverse-kl"
