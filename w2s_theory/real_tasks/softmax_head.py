"""Softmax heads on one set of rows, and how much what is measured elsewhere depends on each of these rows. Generic in the array library.

    minimise over W, c:   Σ_j KL(y_j ‖ softmax(x_jᵀW + c)) + (λ/2)‖W‖²        λ by the log loss on a held-out fifth of the same labels,
                                                                       on five folds of whole groups where rows come in groups

At the minimum the head moves with the labels as dW = H⁻¹ Σ_j z_j ⊗ dy_j, H the Hessian. So a number q with derivatives g_i by the scores
at other points i has ∂q/∂y_j = z_jᵀ H⁻¹ Σ_i z_i ⊗ g_i (``sensitivity``), and giving row j the weight 1 + ε changes it by ε ∂q/∂y_j·(y_j − p_j).
H is never formed: conjugate gradients need products with it only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._array import array_namespace, to_numpy
from ..design.folds import group_folds
from ..problems.classification import stratified
from ..students.classifiers import FLOOR, HELD_TOLERANCE, PENALTIES, TOLERANCE
from ..students.feature_space import FeatureSpace, feature_space
from ..students.softmax import SoftmaxHeads, fit_softmax

#: Relative residual of the conjugate gradients: they only make widths of intervals. And the most steps they get.
SOLVED, STEPS = 1e-4, 200


@dataclass(frozen=True, eq=False)
class SoftmaxHead:
    """A fitted head for C classes: with two there is one score per row, that of class 1. ``penalty`` λ; ``left_out`` (n, q) = y − p."""

    space: SoftmaxSpace
    heads: SoftmaxHeads
    penalty: float
    fitted: Any
    left_out: Any

    def predict(self, features: Any) -> Any:
        """Probabilities (m, C), none below 1e-12 (the floor), rows sum to 1."""
        return _probabilities(self.heads, features)[:, 0, :]

    def sensitivity(self, features: Any, gradient: Any) -> Any:
        """∂/∂labels (n, q, k) of k numbers whose derivatives by the scores at ``features`` (m, d) are ``gradient`` (m, q, k)."""
        coordinates = self.space.coordinates
        xp = array_namespace(gradient)
        m, q, k = gradient.shape
        right = xp.reshape(self.space.map(features).T @ xp.reshape(gradient, (m, q * k)), (-1, q, k))
        solved = self._solve(right)
        return xp.reshape(coordinates.rows @ xp.reshape(solved, (-1, q * k)), (-1, q, k))

    def _hessian(self, point: Any) -> Any:
        xp, space = array_namespace(point), self.space.coordinates
        p, q, k = point.shape
        z = xp.reshape(space.rows @ xp.reshape(point, (p, q * k)), (-1, q, k))
        fitted = self.fitted[:, :, None]
        if q == 1:
            z = fitted * (1.0 - fitted) * z
        else:
            z = fitted * (z - xp.sum(fitted * z, axis=1)[:, None, :])
        back = xp.reshape(space.rows.T @ xp.reshape(z, (-1, q * k)), (p, q, k))
        return back + self.penalty * space.penalised[:, None, None] * point

    def _solve(self, right: Any) -> Any:
        """H⁻¹ ``right`` (p, q, k) by conjugate gradients, preconditioned by the features' spectrum at the mean curvature."""
        xp, space = array_namespace(right), self.space.coordinates
        curvature = float(xp.mean(self.fitted * (1.0 - self.fitted)))

        def precondition(r: Any) -> Any:
            # The mean over classes of a score is not penalised by an intercept and has no curvature; no right side has any of it.
            return space.precondition(r, max(curvature, 1e-12), self.penalty)

        def dot(a: Any, b: Any) -> Any:
            return xp.sum(a * b, axis=(0, 1))

        point, residual = xp.zeros_like(right), right
        z = precondition(residual)
        direction, rz, start = z, dot(residual, z), dot(right, precondition(right))
        for _ in range(STEPS):
            if not bool(xp.any(rz > SOLVED**2 * start)):
                break
            image = self._hessian(direction)
            bend = dot(direction, image)
            step = xp.where(bend > 0, rz / xp.where(bend > 0, bend, 1.0), 0.0)
            point, residual = point + step * direction, residual - step * image
            z = precondition(residual)
            new = dot(residual, z)
            direction = z + xp.where(rz > 0, new / xp.where(rz > 0, rz, 1.0), 0.0) * direction
            rz = new
        return point


class SoftmaxSpace:
    """Features (n, d) of the rows that heads are fitted to, and their coordinates, factorised once; ``groups`` (n,) of rows that say the same."""

    def __init__(self, features: Any, groups: np.ndarray | None = None) -> None:
        self.features, self.groups = features, groups
        self.coordinates: FeatureSpace = feature_space(features, None, True)

    def map(self, features: Any) -> Any:
        """Coordinates (m, p) of other rows, the last a one."""
        xp = array_namespace(features)
        rows = features - self.coordinates.mean
        if self.coordinates.lift is not None:
            rows = rows @ self.coordinates.lift
        return xp.concat([rows, xp.ones_like(rows[:, :1])], axis=1)

    def fit(self, labels: Any, *, rng: np.random.Generator) -> SoftmaxHead:
        """The head for ``labels`` (n, C): probabilities. ``rng`` draws the held-out fifth, of every class that the labels name.

        A class without any weight, as a hard supervisor leaves who never names it, gets that of half a row, spread over all rows:
        the intercept is not penalised, so that without it there would be no minimum.
        """
        xp = array_namespace(labels)
        unnamed = xp.astype(xp.sum(labels, axis=0) == 0.0, labels.dtype) * (0.5 / labels.shape[0])
        labels = labels * (1.0 - xp.sum(unnamed)) + unnamed
        losses = np.zeros(len(PENALTIES))
        for parts in self._held_out(to_numpy(xp.argmax(labels, axis=1)), rng):
            held, kept = (xp.asarray(part, device=labels.device) for part in parts)
            seen, unseen = (xp.take(self.features, rows, axis=0) for rows in (kept, held))
            tried = _fit(seen, xp.take(labels, kept, axis=0), PENALTIES * _spread(seen), HELD_TOLERANCE)
            logs = xp.log(_probabilities(tried, unseen))
            losses -= to_numpy(xp.sum(xp.take(labels, held, axis=0)[:, None, :] * logs, axis=(0, 2)))
        penalty = float(PENALTIES[np.argmin(losses)] * _spread(self.features))
        heads = _fit(self.features, labels, np.array([penalty]), TOLERANCE)
        fitted = _probabilities(heads, self.features)[:, 0, :]
        scores = slice(1, None) if labels.shape[1] == 2 else slice(None)
        return SoftmaxHead(self, heads, penalty, fitted[:, scores], (labels - fitted)[:, scores])

    def _held_out(self, named: np.ndarray, rng: np.random.Generator) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Rows to hold out and rows to fit, which hold every class of ``named`` (n,): a random fifth, or folds of groups in turn."""
        folds = None if self.groups is None else group_folds(self.groups, named)
        if folds is not None:
            for fold in np.unique(folds[folds >= 0]):
                yield np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
            return
        order = stratified(named, rng=rng)
        last = np.unique(len(order) - 1 - np.unique(named[order][::-1], return_index=True)[1])
        order = np.concatenate([np.delete(order, last), order[last]])
        yield order[: len(order) // 5], order[len(order) // 5 :]


def _spread(features: Any) -> float:
    """Σ ‖x − x̄‖², the unit of penalties."""
    xp = array_namespace(features)
    return float(xp.sum((features - xp.mean(features, axis=0)) ** 2))


def _fit(features: Any, labels: Any, penalties: np.ndarray, tolerance: float) -> SoftmaxHeads:
    """A head per penalty, all in one fit."""
    xp = array_namespace(features)
    tasks = xp.stack([labels] * len(penalties), axis=1)
    if labels.shape[1] == 2:
        tasks = tasks[:, :, 1]
    penalty = xp.asarray(penalties, dtype=features.dtype, device=features.device)
    return fit_softmax(features, tasks, penalty=penalty, intercept=True, tolerance=tolerance)


def _probabilities(heads: SoftmaxHeads, features: Any) -> Any:
    """(m, T, C), at least ``FLOOR``."""
    xp = array_namespace(features)
    predicted = heads.predict(features)
    if predicted.ndim == 2:
        predicted = xp.stack([1.0 - predicted, predicted], axis=-1)
    raised = xp.clip(predicted, min=FLOOR)
    return raised / xp.sum(raised, axis=-1, keepdims=True)
