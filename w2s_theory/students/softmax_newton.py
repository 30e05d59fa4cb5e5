"""Softmax-linear heads by Newton's method, to rounding, with any penalty λ ≥ 0: small problems, every task at once. NumPy float64.

    minimise over W:   Σ_i v_i KL(y_i ‖ softmax(x_iᵀW)) + (λ/2)‖W‖²

``softmax.fit_softmax`` is for large problems and needs λ > 0. Here the Hessian of all d·C numbers of a head is written down; a step is
halved until the loss falls. Of the heads with the same probabilities (a vector added to every class) the one that sums to zero over
the classes is returned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._validation import frozen, positive, sample_weights, whole
from ..divergences import KL


@dataclass(frozen=True, eq=False)
class NewtonHeads:
    """``coefficients`` W (..., d, C); ``values`` softmax(X W) (..., n, C); ``gradient`` (..., d, C) of the objective there."""

    coefficients: np.ndarray
    values: np.ndarray
    gradient: np.ndarray


def softmax_newton(features: Any, labels: Any, *, penalty: float = 0.0, weights: Any = None, limit: int = 60) -> NewtonHeads:
    """The heads that minimise the objective of the module for every task, from W = 0, until no step lowers the gradient any more.

    ``features`` (n, d); ``labels`` (..., n, C) strictly positive probabilities, so that the minimum exists without a penalty too;
    ``weights`` v (n,), scaled to sum to n, one each when ``None``. Raises ``ValueError`` for NaN, shapes that do not belong together or
    labels that touch 0. A fit that has not converged is not an error: its ``gradient`` says so.

    >>> fit = softmax_newton([[-1.0], [1.0]], [[0.75, 0.25], [0.25, 0.75]])
    >>> (fit.coefficients[0, 1] - fit.coefficients[0, 0]).round(6), float(abs(fit.gradient).max()) < 1e-12
    (np.float64(1.098612), True)
    """
    features, labels = frozen("features", features, ndim=2), frozen("labels", labels, min_ndim=2)
    (n, d), (rows, c) = features.shape, labels.shape[-2:]
    if rows != n:
        raise ValueError(f"labels must be (..., {n}, C), one row per row of features; the shape is {labels.shape}.")
    KL().validate("labels", labels)
    positive("penalty", penalty, strict=False)
    v = n * sample_weights(weights, features, (n,))
    y = labels.reshape(-1, n, c)

    def at(w: np.ndarray, tasks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Probabilities, gradient and loss."""
        p = KL().inverse_gradient(features @ w)
        gradient = features.T @ (v[:, None] * (p - y[tasks])) + penalty * w
        loss = KL().between(y[tasks], np.maximum(p, np.finfo(np.float64).tiny)) @ v + penalty / 2.0 * np.sum(w**2, axis=(1, 2))
        return p, gradient, loss

    everything = np.arange(len(y))
    w = np.zeros((len(y), d, c))
    p, gradient, loss = at(w, everything)
    active = everything
    for _ in range(whole("limit", limit)):
        step = newton_direction(features, v, p[active], gradient[active], penalty)
        size = np.ones((active.size, 1, 1))
        waiting = np.arange(active.size)
        moved = np.zeros(active.size, dtype=bool)
        for _ in range(40):
            tasks = active[waiting]
            trial = w[tasks] - size[waiting] * step[waiting]
            new_p, new_gradient, new_loss = at(trial, tasks)
            slack = 1e-15 * (1.0 + np.abs(loss[tasks]))
            shorter = np.linalg.norm(new_gradient, axis=(1, 2)) < np.linalg.norm(gradient[tasks], axis=(1, 2))
            good = (new_loss < loss[tasks] - slack) | ((new_loss <= loss[tasks] + slack) & shorter)
            done = tasks[good]
            w[done], p[done], gradient[done], loss[done] = trial[good], new_p[good], new_gradient[good], new_loss[good]
            moved[waiting[good]] = True
            waiting = waiting[~good]
            if waiting.size == 0:
                break
            size[waiting] /= 2.0
        active = active[moved]
        if active.size == 0:
            break
    front = labels.shape[:-2]
    return NewtonHeads(w.reshape(*front, d, c), p.reshape(labels.shape), gradient.reshape(*front, d, c))


def newton_direction(features: np.ndarray, v: np.ndarray, p: np.ndarray, gradient: np.ndarray, penalty: float) -> np.ndarray:
    """H⁻¹ gradient, (t, d, C), with H the Hessian plus a multiple of the projection on heads that are the same for every class."""
    (t, _, c), d = p.shape, features.shape[1]
    bend = -np.einsum("tia,tib->tiab", p, p)
    bend[..., np.arange(c), np.arange(c)] += p
    bend += 1.0 / c  # blind directions, in which the gradient vanishes
    hessian = np.einsum("i,id,ie,tiab->tdaeb", v, features, features, bend, optimize=True).reshape(t, d * c, d * c)
    size = np.trace(hessian, axis1=1, axis2=2) / (d * c)
    # A trace of rounding keeps features that are combinations of others solvable; it does not move the solution.
    hessian += (penalty + 1e-13 * size)[:, None, None] * np.eye(d * c)
    return np.linalg.solve(hessian, gradient.reshape(t, d * c, 1)).reshape(t, d, c)
