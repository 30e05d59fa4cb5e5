"""Heads whose sample weights differ between tasks: each task then has a Gram matrix of its own, and nothing is shared.

The slow path: n d² work per task where a ``Design`` has it once. Tasks are factorised together, ``BLOCK`` numbers at a time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._array import array_namespace, machine_epsilon, to_numpy
from .._validation import finite
from ..linalg import rank_tolerance
from .filters import path
from .heads import Heads
from .rows import as_features, as_labels, slices

#: Numbers in a block of weighted features (64 MiB of float64).
BLOCK = 2**23


def solve_task_weights(features: Any, labels: Any, weights: Any, *, penalties: Any, intercept: bool = False) -> Heads:
    """Heads (L, d, T) that minimise Σ_i v_it (x_iᵀ w + c − y_it)² + λ‖w‖² for each task t, by the SVD of √v_t X.

    ``features`` (n, d), ``labels`` (n, T), ``weights`` v ≥ 0 (n, T). Any n, d, rank and λ ≥ 0; λ = 0 gives the head of least norm.
    ``Heads.rank`` is the smallest of the tasks' numerical ranks, and ``error`` the worst.
    Raises ``ValueError`` for NaN, other shapes, negative weights, or a task whose weights are all zero.
    """
    features = finite("features", as_features(features))
    xp, along, dtype = array_namespace(features), path(penalties, None), features.dtype
    features = xp.astype(features, xp.float64)
    n, d = features.shape
    labels, single = as_labels("labels", labels, features)
    weights = as_labels("weights", weights, features)[0]
    labels, weights = (xp.astype(finite(name, values), xp.float64) for name, values in (("labels", labels), ("weights", weights)))
    if weights.shape != labels.shape:
        raise ValueError(f"weights must have the shape of labels, {tuple(labels.shape)}; it is {tuple(weights.shape)}.")
    if float(xp.min(weights)) < 0:
        raise ValueError(
            f"weights must be non-negative; the smallest is {float(xp.min(weights)):.6g}. Clip or drop those samples."
        )
    if not bool(xp.all(xp.max(weights, axis=0) > 0)):
        raise ValueError("weights must have a positive sum for every task; some task has none. Drop that task.")
    parts = []
    step = max(BLOCK // (n * d), 1)
    for block in slices(labels.shape[1], step):
        parts.append(_solve(features, labels[:, block].T, weights[:, block].T, along.values, intercept))
    coefficients, offsets, ranks, errors = (list(part) for part in zip(*parts, strict=True))
    heads, offset = xp.concat(coefficients, axis=2), xp.concat(offsets, axis=1)
    if single:
        heads, offset = heads[:, :, 0], offset[:, 0]
    worst = np.max(np.stack(errors), axis=0)
    return Heads(xp.astype(heads, dtype), xp.astype(offset, dtype), along.values, "svd", min(ranks), worst)


def _solve(features: Any, labels: Any, weights: Any, penalties: np.ndarray, intercept: bool) -> tuple[Any, Any, int, np.ndarray]:
    """A block of tasks, in front: labels and weights (t, n)."""
    xp = array_namespace(features)
    epsilon = machine_epsilon(features)
    root = xp.sqrt(weights)
    mean, label_mean = xp.zeros_like(labels[:, :1] * features[:1, :]), xp.zeros_like(labels[:, 0])
    if intercept:
        share = weights / xp.sum(weights, axis=1, keepdims=True)
        mean, label_mean = share @ features, xp.sum(share * labels, axis=1)
    rows = root[:, :, None] * (features[None, :, :] - mean[:, None, :])
    left, values, right = xp.linalg.svd(rows, full_matrices=False)
    scale = values[:, 0] + xp.sqrt(xp.sum(weights, axis=1)) * xp.linalg.vector_norm(mean, axis=1)
    kept = values > rank_tolerance(features.shape[0], features.shape[1], epsilon) * scale[:, None]
    safe = xp.where(kept, values, 1.0)
    along = ((root * (labels - label_mean[:, None]))[:, None, :] @ left)[:, 0, :]
    lam = xp.asarray(penalties, dtype=features.dtype, device=features.device)[:, None, None]
    inverse = xp.where(kept, 1.0 / (safe + lam / safe), 0.0)  # (L, t, r): s/(s² + λ)
    heads = ((inverse * along)[:, :, None, :] @ right[None, :, :, :])[:, :, 0, :]
    offset = label_mean - xp.sum(heads * mean, axis=2)
    magnified = to_numpy(xp.max(scale * xp.max(inverse, axis=2), axis=1))
    ranks = xp.sum(xp.astype(kept, xp.int64), axis=1)
    return xp.permute_dims(heads, (0, 2, 1)), offset, int(xp.min(ranks)), np.minimum(epsilon * (1.0 + magnified), 1.0)
