"""Losses that come from a convex generator, and the 0–1 loss; each knows the exact residual that separates gain from misfit.

A Bregman divergence is D(p, q) = φ(p) − φ(q) − ⟨∇φ(q), p − q⟩ for a convex φ. For any three points

    D(f, w) − D(f, s) = D(s, w) + ⟨f − s, ∇φ(s) − ∇φ(w)⟩        (three-point identity)

so gain = misfit + residual. The reverse order, ``Dual``, is D*(p, q) = D(q, p): the Bregman divergence of the conjugate φ* between the
dual coordinates ∇φ(p), so that everything said of D is said of D* too. Divergences here are per sample; averaging over samples is done
by ``quantities.gain``. Generic in the array library.
"""

from __future__ import annotations

from .bregman import Bregman, Divergence, log_ratio
from .dual import Dual, ReverseKL
from .from_generator import FromGenerator
from .generators import KL, ItakuraSaito, Mahalanobis, Squared
from .zero_one import ZeroOne

__all__ = [
    "DIVERGENCES",
    "KL",
    "Bregman",
    "Divergence",
    "Dual",
    "FromGenerator",
    "ItakuraSaito",
    "Mahalanobis",
    "ReverseKL",
    "Squared",
    "ZeroOne",
    "as_divergence",
    "log_ratio",
]

#: Divergences that can be named by a string.
DIVERGENCES: dict[str, Divergence] = {d.name: d for d in (Squared(), KL(), ReverseKL(), ItakuraSaito(), ZeroOne())}


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
