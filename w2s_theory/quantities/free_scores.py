"""Where a memorising student ends under the window and the product loss, in closed form (two classes).

m is the score of class 1 less that of class 0, p = σ(m), y the weak probability of class 1. Under the flow of the slopes both scores move, so
that m' = 2 (t − p) for a target t. Derived here (after burns2023). NumPy float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import logit

from .._validation import finite


def paired(p: Any, label: Any, *, name: str = "start") -> tuple[np.ndarray, np.ndarray]:
    """A student's ``p`` and weak ``label`` as float64 probabilities; raises ``ValueError`` outside [0, 1] or for two shapes."""
    names = (name, "label")
    pair = [np.asarray(finite(which, value), dtype=np.float64) for which, value in zip(names, (p, label), strict=True)]
    for which, values in zip(names, pair, strict=True):
        if values.min() < 0.0 or values.max() > 1.0:
            raise ValueError(
                f"{which} must hold probabilities of class 1, in [0, 1]; it reaches from {values.min():.6g} to {values.max():.6g}."
            )
    if pair[0].shape != pair[1].shape:
        raise ValueError(
            f"{name} and label must have one shape; they are {pair[0].shape} and {pair[1].shape}. Repeat the shorter."
        )
    return pair[0], pair[1]


def window_end(start: Any, label: Any, radius: float) -> np.ndarray:
    """p at the end of the window loss: clip(y, ½ − radius, ½ + radius) from a start inside the window, the start itself from one outside.

    Inside it is cross-entropy, so p moves monotonically towards y, and stops where it leaves; its border, max(p, 1 − p) = ½ + radius, is
    outside. ``start`` and ``label`` in [0, 1], one shape; raises ``ValueError`` otherwise, or for a radius outside (0, ½].
    """
    start, label = paired(start, label)
    if not 0.0 < radius <= 0.5:
        raise ValueError(f"radius must lie in (0, ½]; it is {radius!r}.")
    return np.where(np.maximum(start, 1.0 - start) < 0.5 + radius, np.clip(label, 0.5 - radius, 0.5 + radius), start)


def product_clock(p: Any, label: Any) -> np.ndarray:
    """F = m + y eᵐ − (1 − y) e⁻ᵐ at p = σ(m), which under the product loss grows at the constant rate 2 (2y − 1).

    The target is t = p y/(p y + (1 − p)(1 − y)), so m' = 2 p (1 − p)(2y − 1)/(p y + (1 − p)(1 − y)), and dF/dm = 1 + y eᵐ + (1 − y) e⁻ᵐ is
    what makes that constant. F increases from −∞ to ∞ with m: whatever the start, p ends at 1 if y > ½, with 1 − p ≈ y/(2 (2y − 1) · time),
    and at 0 if y < ½: at the class of the weak label, not at the weak label. At y = ½ it never moves. So the student keeps no decision
    of its own against any other y. Raises ``ValueError`` unless p lies in (0, 1), y in [0, 1], and both have one shape.
    """
    p, label = paired(p, label, name="p")
    if p.min() == 0.0 or p.max() == 1.0:
        raise ValueError(
            f"p must lie strictly between 0 and 1; it reaches from {p.min():.6g} to {p.max():.6g}. Its score is infinite."
        )
    m = logit(p)
    return m + label * np.exp(m) - (1.0 - label) * np.exp(-m)
