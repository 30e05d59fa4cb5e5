"""Minimum-norm least squares, batched over problems: one call fits every task on features of its own.

Generic in the array library (NumPy, torch, any array-API library); the arithmetic has the dtype of the features.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._array import array_namespace, machine_epsilon
from ._validation import finite, sample_weights, squarable


def rank_tolerance(n: int, d: int, epsilon: float) -> float:
    """Singular values that rounding alone gives to an (n, d) matrix, relative to its largest: 4 eps sqrt(n + d).

    The one rule for a numerical rank: rank deficiency is seen, and a condition number of 1e12 is not mistaken for it.
    """
    return 4.0 * epsilon * math.sqrt(n + d)


@dataclass(frozen=True, eq=False)
class LeastSquares:
    """The minimum-norm minimisers of ‖A x − b‖, and how far the arithmetic can be trusted; (...) are the problems in front.

    coefficients
        x, shape (..., d).
    rank
        Numerical rank r of A, shape (...), whole numbers. Singular values up to 4 eps sqrt(n + d) σ_1 count as zero: the size
        that rounding alone gives them, so that rank deficiency is seen and a condition number of 1e12 is not mistaken for it.
    condition
        κ = σ_1/σ_r, shape (...), over the singular values that were kept; 1 where A = 0.
    error
        Estimate of the relative rounding error of x, shape (...): eps · κ · (1 + κ ‖A x − b‖/(σ_1 ‖x‖)), up to a modest
        constant; at most 1, where no digit is left. The predictions A x on the same sample are known far better than x is.
        Source: first-order perturbation theory of least squares (Wedin 1973).
    """

    coefficients: Any
    rank: Any
    condition: Any
    error: Any


def least_squares(features: Any, labels: Any, weights: Any = None) -> LeastSquares:
    """For every problem, the x of least norm among the minimisers of Σ_i v_i (a_i · x − b_i)².

    ``features`` A (..., n, d), ``labels`` b (..., n), ``weights`` v >= 0 (n,) or broadcastable to (..., n), ``None`` for equal
    ones; the axes in front broadcast, so features (n, d) with labels (tasks, n) are decomposed once for all tasks. Any n and d,
    any rank: the solution comes from the singular value decomposition of sqrt(v) A, never from a Gram matrix. Columns of very
    different size lower the numerical rank: scale them first.

    Raises ``ValueError`` for NaN, empty input, negative weights or shapes that do not belong together, ``TypeError`` for arrays
    of different libraries.

    >>> fit = least_squares([[1.0, 1.0], [1.0, 1.0], [2.0, 2.0]], [1.0, 1.0, 2.0])
    >>> fit.coefficients.round(12).tolist(), int(fit.rank)
    ([0.5, 0.5], 1)
    """
    features = finite("features", features, min_ndim=2)
    labels = finite("labels", labels, min_ndim=1)
    xp = array_namespace(features, labels)
    labels = squarable("labels", xp.astype(labels, squarable("features", features).dtype))
    n, d = features.shape[-2:]
    if labels.shape[-1] != n:
        raise ValueError(
            f"labels must have one entry per row of features on the last axis; the shapes are {tuple(labels.shape)} and "
            f"{tuple(features.shape)}. Put tasks in front: labels (tasks, n), features (n, d) or (tasks, n, d)."
        )
    try:
        shape = np.broadcast_shapes(tuple(features.shape[:-1]), tuple(labels.shape))
    except ValueError:
        raise ValueError(
            f"the axes in front of features and labels must broadcast; the shapes are {tuple(features.shape)} and "
            f"{tuple(labels.shape)}. Give both the same tasks in front, or features none."
        ) from None
    if weights is not None:
        # Times n, so that equal weights leave every number as it was.
        root = xp.astype(xp.sqrt(sample_weights(weights, labels, shape) * n), features.dtype)
        features, labels = features * root[..., None], labels * root

    epsilon = machine_epsilon(features)
    left, values, right = xp.linalg.svd(features, full_matrices=False)
    largest = values[..., 0]
    kept = values > rank_tolerance(n, d, epsilon) * largest[..., None]
    inverse = xp.where(kept, 1.0 / xp.where(kept, values, 1.0), 0.0)
    coefficients = ((labels[..., None, :] @ left) * inverse[..., None, :] @ right)[..., 0, :]

    condition = xp.where(largest > 0, largest * xp.max(inverse, axis=-1), 1.0)
    residual = xp.linalg.vector_norm((features @ coefficients[..., None])[..., 0] - labels, axis=-1)
    size = largest * xp.linalg.vector_norm(coefficients, axis=-1)
    # x = 0 is exact for labels that are all zero and worth nothing for others.
    share = xp.where((size > 0) | (residual == 0), residual / xp.where(size > 0, size, 1.0), math.inf)
    return LeastSquares(
        coefficients=coefficients,
        rank=xp.sum(xp.astype(kept, xp.int64), axis=-1),
        condition=condition,
        error=xp.clip(epsilon * condition * (1.0 + condition * share), max=1.0),
    )
