"""Shrinkage towards the source: a strong model tuned on weak labels, and held near the head that it starts from.

    minimise over β:   Σ_i (x_iᵀβ − y_i)² + n η ‖β − β_P‖²

With δ = β − β_P this is ridge regression of y − Xβ_P, so every η comes from one factorisation (see ``design``). Where features are
orthogonal, XᵀX = n I, the head is s times the least-squares head plus 1 − s times β_P, with s = 1/(1 + η).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from .._array import array_namespace
from .._validation import finite
from ..design import Design
from ..design.heads import Heads


def shrink_to_source(features: Any, labels: Any, source: Any, *, etas: Any) -> Heads:
    """Heads (L, d, T) for every pull η ≥ 0 towards ``source`` and every task; ``path`` are the η. No intercept: append a column of ones.

    ``features`` (n, d); ``labels`` (n,) or (n, T); ``source`` β_P (d,), one for all tasks; ``etas``: a number or (L,). η = 0 is the
    least-squares head, the one nearest to β_P where there are many. Raises ``ValueError`` for a source of another shape, for
    η < 0, and what ``Design.solve`` raises.

    >>> shrink_to_source([[1.0, 0.0], [0.0, 1.0]], [2.0, 0.0], [0.0, 4.0], etas=[0.0, 0.5]).coefficients.tolist()
    [[2.0, 0.0], [1.0, 2.0]]
    """
    features = finite("features", features, ndim=2)
    xp = array_namespace(features)
    n, d = features.shape
    labels, source = (
        xp.asarray(finite(name, given, min_ndim=1), dtype=features.dtype, device=features.device)
        for name, given in (("labels", labels), ("source", source))
    )
    if source.shape != (d,):
        raise ValueError(f"source must have one coefficient for each of {d} features; its shape is {tuple(source.shape)}.")
    if labels.shape[0] != n:
        raise ValueError(f"labels must have one row for each of {n} points; its shape is {tuple(labels.shape)}.")
    etas = np.atleast_1d(np.asarray(finite("etas", etas), dtype=float))
    if etas.ndim != 1 or etas.min() < 0:
        raise ValueError(f"etas must be numbers >= 0 of shape (L,); they are {etas}.")
    known = features @ source
    single = labels.ndim == 1
    moved = Design(features).solve(labels - (known if single else known[:, None]), penalties=n * etas)
    start = source[None, :] if single else source[None, :, None]
    return replace(moved, coefficients=moved.coefficients + start, path=etas)
