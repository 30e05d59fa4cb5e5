"""The Bregman divergence of a generator that you give, with a check that it is one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .._array import array_namespace, machine_epsilon
from .bregman import Bregman


@dataclass(frozen=True)
class FromGenerator(Bregman):
    """The Bregman divergence of a generator you give: ``generator`` φ(x) → (..., n) and its gradient ∇φ(x), shape of x.

    ``event_ndim`` = 1 when x carries a last axis of c outputs that φ sums over. The three-point identity is algebra and survives a
    gradient that is not the generator's; what breaks is D ≥ 0, so divergences below zero (beyond rounding) are refused with
    ``ValueError``. ``inverse`` θ → ∇φ*(θ) is needed only where points are found from their slopes (mixtures in dual coordinates).
    """

    generator: Callable[[Any], Any]
    slope: Callable[[Any], Any]
    event_ndim: int = 0
    name: str = "user-given Bregman"
    inverse: Callable[[Any], Any] | None = None

    def gradient(self, values: Any) -> Any:
        """∇φ as given."""
        return self.slope(values)

    def inverse_gradient(self, slopes: Any) -> Any:
        """∇φ* as given. Raises ``ValueError`` when it was not."""
        if self.inverse is None:
            raise ValueError(
                f"{self.name} must come with the inverse of its gradient map here; it has none. Pass FromGenerator(…, inverse=…)."
            )
        return self.inverse(slopes)

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
