"""Softmax-linear heads by Newton's method, to rounding, with any penalty λ ≥ 0: small problems, every task at once. float64 of
any array library.

    minimise over W:   Σ_i v_i KL(y_i ‖ softmax(x_iᵀW)) + (λ/2)‖W‖²

``softmax.fit_softmax`` is for large problems and needs λ > 0. Here the Hessian of all d·C numbers of a head is written down; a step is
halved until the loss falls. Of the heads with the same probabilities (a vector added to every class) the one that sums to zero over
the classes is returned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._array import array_namespace
from .._validation import kept, positive, sample_weights, whole
from ..divergences import KL


@dataclass(frozen=True, eq=False)
class NewtonHeads:
    """``coefficients`` W (..., d, C); ``values`` softmax(X W) (..., n, C); ``gradient`` (..., d, C) of the objective there."""

    coefficients: Any
    values: Any
    gradient: Any


def softmax_newton(features: Any, labels: Any, *, penalty: float = 0.0, weights: Any = None, limit: int = 60) -> NewtonHeads:
    """The heads that minimise the objective of the module for every task, from W = 0, until no step lowers the gradient any more.

    ``features`` (n, d); ``labels`` (..., n, C) strictly positive probabilities, so that the minimum exists without a penalty too;
    ``weights`` v (n,), scaled to sum to n, one each when ``None``. Raises ``ValueError`` for NaN, shapes that do not belong together or
    labels that touch 0. A fit that has not converged is not an error: its ``gradient`` says so.

    >>> fit = softmax_newton([[-1.0], [1.0]], [[0.75, 0.25], [0.25, 0.75]])
    >>> (fit.coefficients[0, 1] - fit.coefficients[0, 0]).round(6), float(abs(fit.gradient).max()) < 1e-12
    (np.float64(1.098612), True)
    """
    features, labels = kept("features", features, ndim=2), kept("labels", labels, min_ndim=2)
    (n, d), (rows, c) = features.shape, labels.shape[-2:]
    if rows != n:
        raise ValueError(f"labels must be (..., {n}, C), one row per row of features; the shape is {tuple(labels.shape)}.")
    KL().validate("labels", labels)
    positive("penalty", penalty, strict=False)
    v = n * sample_weights(weights, features, (n,))
    xp, beside = array_namespace(features, labels), {"device": features.device}
    y = xp.reshape(labels, (-1, n, c))

    def at(w: Any, tasks: Any) -> tuple[Any, Any, Any]:
        """Probabilities, gradient and loss."""
        p = KL().inverse_gradient(features @ w)
        gradient = features.T @ (v[:, None] * (p - y[tasks])) + penalty * w
        loss = KL().between(y[tasks], xp.clip(p, min=float(np.finfo(np.float64).tiny))) @ v + penalty / 2.0 * xp.sum(
            w**2, axis=(1, 2)
        )
        return p, gradient, loss

    everything = xp.arange(y.shape[0], **beside)
    w = xp.zeros((y.shape[0], d, c), dtype=xp.float64, **beside)
    p, gradient, loss = at(w, everything)
    active = everything
    for _ in range(whole("limit", limit)):
        step = newton_direction(features, v, p[active], gradient[active], penalty)
        count = active.shape[0]
        size = xp.ones((count, 1, 1), dtype=xp.float64, **beside)
        waiting = xp.arange(count, **beside)
        moved = xp.zeros(count, dtype=xp.bool, **beside)
        for _ in range(40):
            tasks = active[waiting]
            trial = w[tasks] - size[waiting] * step[waiting]
            new_p, new_gradient, new_loss = at(trial, tasks)
            slack = 1e-15 * (1.0 + xp.abs(loss[tasks]))
            shorter = xp.linalg.matrix_norm(new_gradient) < xp.linalg.matrix_norm(gradient[tasks])
            good = (new_loss < loss[tasks] - slack) | ((new_loss <= loss[tasks] + slack) & shorter)
            done = tasks[good]
            w[done], p[done], gradient[done], loss[done] = trial[good], new_p[good], new_gradient[good], new_loss[good]
            moved[waiting[good]] = True
            waiting = waiting[~good]
            if waiting.shape[0] == 0:
                break
            size[waiting] /= 2.0
        active = active[moved]
        if active.shape[0] == 0:
            break
    front = tuple(labels.shape[:-2])
    return NewtonHeads(xp.reshape(w, (*front, d, c)), xp.reshape(p, tuple(labels.shape)), xp.reshape(gradient, (*front, d, c)))


def newton_direction(features: Any, v: Any, p: Any, gradient: Any, penalty: float) -> Any:
    """H⁻¹ gradient, (t, d, C), with H the Hessian plus a multiple of the projection on heads that are the same for every class."""
    (t, _, c), d = p.shape, features.shape[1]
    xp = array_namespace(features)
    bend = -xp.einsum("tia,tib->tiab", p, p)
    classes = xp.arange(c, device=features.device)
    bend[..., classes, classes] += p
    bend += 1.0 / c  # blind directions, in which the gradient vanishes
    cheapest = {"optimize": True} if isinstance(features, np.ndarray) else {}  # torch looks for the best order by itself
    hessian = xp.einsum("i,id,ie,tiab->tdaeb", v, features, features, bend, **cheapest)
    hessian = xp.reshape(hessian, (t, d * c, d * c))
    size = xp.linalg.trace(hessian) / (d * c)
    # A trace of rounding keeps features that are combinations of others solvable; it does not move the solution.
    hessian += (penalty + 1e-13 * size)[:, None, None] * xp.eye(d * c, dtype=xp.float64, device=features.device)
    return xp.reshape(xp.linalg.solve(hessian, xp.reshape(gradient, (t, d * c, 1))), (t, d, c))
