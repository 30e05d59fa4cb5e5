"""Softmax and logistic heads on shared features with soft labels: all tasks at once, by one factorisation and matrix products.

    minimise over W, c:   Σ_i v_i loss(y_i, p_i) + (λ/2)‖W‖²        p_i = softmax(x_iᵀW + c)      (a sum over rows; c is not penalised)

so that λ = 1/C of scikit-learn's ``LogisticRegression``. With two classes there is one logit per task, p = σ(x·w + c), as there. Losses:

    forward_kl   KL(label ‖ model)   cross-entropy up to the entropy of the labels; convex
    reverse_kl   KL(model ‖ label)   the labels must be strictly positive; not convex
    squared      ‖model − label‖²    between probability vectors, 2 (p − y)² with two classes; not convex

The Hessian of forward_kl is ¼XᵀX at W = 0 with two classes, (I − 11ᵀ/C)/C ⊗ XᵀX with C, and nowhere above ¼XᵀX, ½(I − 11ᵀ/C) ⊗ XᵀX
(Böhning 1992). So one eigendecomposition of XᵀX, scaled for every task to the mean curvature of its loss where it stands, with λ
added, preconditions them all; limited-memory BFGS over all tasks (``descent``) does the rest. An iteration is two matrix products, X W and
XᵀR. float64 problems go through float32 as far as that leads, and is never trusted: the gradient that is reported is measured, and
where need be reduced, in float64.

Columns are tasks: features (n, d), labels (n, T). Generic in the array library.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from .._array import array_namespace, machine_epsilon
from .._validation import finite, positive, whole
from ..design.rows import as_features, as_fitted, beside, slices
from .descent import Descent, Evaluation, Problem, minimise
from .feature_space import FeatureSpace, feature_space
from .softmax_losses import Loss, Terms, log_softmax, sigmoid, terms_of

#: ‖gradient‖ relative to that at W = 0, by default: what double and single precision reach without a struggle.
TOLERANCE = {64: 1e-8, 32: 1e-5}

#: float64 problems leave float32 at this relative gradient; its own rounding is a few 1e-7 of the gradient at W = 0.
SHORT_TOLERANCE = 3e-6

#: Numbers in the heads of the tasks that go together (32 MiB, of which the history keeps 16 copies).
TOGETHER = 2**22


@dataclass(frozen=True, eq=False)
class SoftmaxHeads:
    """One head per task. With two classes ``coefficients`` (d, T) and ``intercept`` (T,); with C classes (d, T, C) and (T, C).

    ``residual`` (T,) is ‖gradient‖ of the objective relative to its size at W = 0, c = 0, on centred features where there is an
    intercept; ``converged`` (T,) says where it is at most the tolerance. Where hard labels are separable and λ is less than the
    tolerance's share of that gradient, heads are determined no further. ``iterations`` (T,) counts evaluations of the gradient. A
    single task, with labels (n,), has no task axis.
    """

    coefficients: Any
    intercept: Any
    residual: Any
    converged: Any
    iterations: Any

    def predict(self, features: Any) -> Any:
        """Probabilities at ``features`` (n, d): of class 1, (n, T); with C classes, (n, T, C). Raises ``ValueError`` for other columns."""
        heads = self.coefficients
        xp = array_namespace(heads)
        features = as_fitted(features, heads, heads.shape[0])
        if heads.ndim < 3:
            return sigmoid(features @ heads + self.intercept)
        d, tasks, classes = heads.shape
        scores = xp.reshape(features @ xp.reshape(heads, (d, tasks * classes)), (-1, tasks, classes)) + self.intercept
        return log_softmax(scores, axis=-1)[0]


def fit_softmax(
    features: Any,
    labels: Any,
    *,
    penalty: Any = 1.0,
    loss: Loss = "forward_kl",
    weights: Any = None,
    intercept: bool = False,
    tolerance: float | None = None,
    max_iterations: int = 500,
) -> SoftmaxHeads:
    """The heads that minimise Σ_i v_i loss(y_i, p_i) + (λ/2)‖W‖² for every task (see the module), from W = 0.

    ``features`` (n, d); ``labels`` (n, T), or (n,) for one task: probabilities of class 1; or (n, T, C): probabilities of C classes.
    Hard labels are probabilities 0 and 1. ``penalty`` λ > 0: a number, or (T,). ``weights`` v ≥ 0 (n,): a weight of 2 is a row seen
    twice. The losses that are not convex end in the stationary point that lies downhill of W = 0. ``tolerance`` on ``residual`` is
    1e-8 by default, 1e-5 for float32 features. A task that does not get there is not an error: ``converged`` says so.

    Raises ``ValueError`` for NaN, shapes that do not belong together, labels that are no probabilities, labels that touch 0 for
    reverse_kl, or λ ≤ 0; ``TypeError`` for arrays of different libraries.

    >>> fit = fit_softmax([[-1.0], [1.0]], [0.25, 0.75], penalty=1e-6)
    >>> fit.coefficients.round(3).tolist(), bool(fit.converged)
    ([1.099], True)
    """
    features = as_features(features)
    xp = array_namespace(features)
    labels, single = as_probabilities(labels, features, strictly=loss == "reverse_kl")
    penalty = as_penalty(penalty, features, labels.shape[2])
    tolerance = as_tolerance(tolerance, features)
    whole("max_iterations", max_iterations)
    terms = terms_of(loss, labels.shape[0])
    space = feature_space(features, weights, intercept)
    refuse_one_class(labels, space, loss)
    parts = []
    for block in slices(labels.shape[2], max(TOGETHER // (space.size * labels.shape[0]), 1)):
        prepared = xp.astype(terms.prepare(labels[:, :, block]), features.dtype)
        heads = HeadsProblem(space, prepared, penalty[block], terms)
        parts.append(heads.solve(tolerance, max_iterations))
    points, residual, iterations = (
        xp.concat([getattr(part, name) for part in parts], axis=-1) for name in ("points", "residual", "iterations")
    )
    coefficients, offset = space.restore(xp.reshape(points, (space.size, labels.shape[0], -1)))
    if labels.shape[0] == 1:
        coefficients, offset = coefficients[:, 0, :], offset[0, :]
    else:
        coefficients, offset = xp.permute_dims(coefficients, (0, 2, 1)), offset.T
    fit = (coefficients, offset, residual, residual <= tolerance, iterations)
    return SoftmaxHeads(*(array[..., 0] for array in fit)) if single else SoftmaxHeads(*fit)


# ---- the objective ------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class HeadsProblem:
    """The objective of t tasks as a ``descent.Problem``: points are heads (p · q, t), with q = 1 or C scores per task.

    ``labels`` (q, n, t) are as ``terms.prepare`` makes them, in the dtype of the rows; ``penalty`` (t,).
    """

    space: FeatureSpace
    labels: Any
    penalty: Any
    terms: Terms

    def solve(self, tolerance: float, max_iterations: int) -> Descent:
        """Descend from heads of zero; in float32 first where there is one."""
        xp = array_namespace(self.penalty)
        q, _, t = self.labels.shape
        start = xp.zeros((self.space.size * q, t), dtype=xp.float64, device=self.penalty.device)
        stages: list[tuple[Problem, float]] = [(self, tolerance)]
        if self.space.has_short(self.penalty):
            stages.insert(0, (self.short(), max(0.9 * tolerance, SHORT_TOLERANCE)))
        return minimise(stages, start, max_iterations=max_iterations)

    @property
    def rounding(self) -> float:
        """A few units of the last place for every row."""
        return 16.0 * machine_epsilon(self.space.rows) * self.space.mass

    def take(self, tasks: Any) -> HeadsProblem:
        """The same for some of the tasks."""
        xp = array_namespace(self.labels)
        return dataclasses.replace(self, labels=xp.take(self.labels, tasks, axis=2), penalty=xp.take(self.penalty, tasks))

    def short(self) -> HeadsProblem:
        """The same in float32."""
        xp = array_namespace(self.labels)
        return dataclasses.replace(self, space=self.space.short(), labels=xp.astype(self.labels, xp.float32))

    def precondition(self, gradient: Any, curvature: Any) -> Any:
        """(c XᵀX + λ)⁻¹ of the gradient."""
        xp = array_namespace(gradient)
        shaped = xp.reshape(gradient, (self.space.size, -1, gradient.shape[1]))
        return xp.reshape(self.space.precondition(shaped, curvature, self.penalty), gradient.shape)

    def evaluate(self, points: Any) -> Evaluation:
        """Loss, gradient and mean curvature: X W and XᵀR by blocks of rows, and in cache what lies between them."""
        xp = array_namespace(points)
        rows, v, p, (q, _, t) = self.space.rows, self.space.weights, self.space.size, self.labels.shape
        heads = xp.reshape(xp.astype(points, rows.dtype), (p, q * t))
        loss, curvature = xp.zeros_like(self.penalty), xp.zeros_like(self.penalty)
        gradient = xp.zeros((p, q * t), dtype=xp.float64, device=points.device)
        for block, pieces in self.space.blocks(q * t):
            part = rows[block, :]
            scores = xp.reshape(part @ heads, (-1, q, t))
            for inside, piece in pieces:
                given = xp.reshape(xp.permute_dims(scores[inside, :, :], (1, 0, 2)), (q, -1))
                terms = self.terms.evaluate(given, xp.reshape(self.labels[:, piece, :], (q, -1)))
                value, slope, bend = (xp.reshape(term, (term.shape[0], -1, t)) for term in terms)
                if v is not None:
                    weight = v[piece][:, None]
                    value, slope, bend = weight * value, weight * slope, weight * bend
                loss += xp.sum(value, axis=(0, 1))
                curvature += xp.sum(bend, axis=(0, 1))
                scores[inside, :, :] = xp.permute_dims(slope, (1, 0, 2))  # the scores have served
            gradient += part.T @ xp.reshape(scores, (-1, q * t))
        shrink = xp.reshape(xp.reshape(points, (p, q, t)) * (self.penalty * self.space.penalised[:, None, None]), points.shape)
        loss = loss + 0.5 * xp.sum(points * shrink, axis=0)
        curvature = xp.clip(curvature / self.space.mass, min=1e-12)[None, :]
        return Evaluation(loss, xp.reshape(gradient, points.shape) + shrink, curvature)


# ---- arguments ----------------------------------------------------------------------------------------------------------------------


def as_probabilities(labels: Any, features: Any, *, strictly: bool) -> tuple[Any, bool]:
    """Labels (1, n, T) or (C, n, T) beside ``features``, and whether they came as (n,). ``strictly``: none may touch 0."""
    labels = finite("labels", beside("labels", labels, features))
    xp = array_namespace(labels)
    n, single, binary = features.shape[0], labels.ndim == 1, labels.ndim < 3
    if labels.ndim not in (1, 2, 3) or labels.shape[0] != n or (not binary and labels.shape[2] < 2):
        raise ValueError(
            f"labels must have shape ({n},), ({n}, T) or ({n}, T, C) with C >= 2, one row per row of features; the shape is "
            f"{tuple(labels.shape)}. Columns are tasks; one task of C classes is (n, 1, C)."
        )
    smallest, largest = float(xp.min(labels)), float(xp.max(labels))
    if smallest < 0 or largest > 1:
        raise ValueError(
            f"labels must be probabilities, in [0, 1]; they reach from {smallest:.6g} to {largest:.6g}. Turn classes into 0 and 1 first."
        )
    if strictly and (smallest == 0 or (binary and largest == 1)):
        raise ValueError(
            "labels must be strictly between 0 and 1 for reverse_kl, which is infinite otherwise; some are 0 or 1. "
            "Mix in a little of the uniform distribution, or use forward_kl."
        )
    if not binary:
        worst = float(xp.max(xp.abs(xp.sum(labels, axis=2) - 1.0)))
        if worst > max(1e-6, 8.0 * labels.shape[2] * machine_epsilon(labels)):
            raise ValueError(f"labels must sum to 1 over their last axis; the worst sum is off by {worst:.3g}. Renormalise them.")
        # Exactly, in the arithmetic to come: a gradient p − y of what does not sum to 0 drifts.
        labels = xp.astype(labels, xp.float64)
        labels = labels / xp.sum(labels, axis=2, keepdims=True)
    labels = labels[None, :, None] if single else labels[None, :, :] if binary else xp.permute_dims(labels, (2, 0, 1))
    return labels, single


def refuse_one_class(labels: Any, space: FeatureSpace, loss: str) -> None:
    """Raise where an unpenalised intercept runs away: a class without weight in some task, ``labels`` (1 or C, n, T)."""
    if not space.intercept or loss == "reverse_kl":
        return
    xp = array_namespace(labels)
    v = xp.ones(labels.shape[1], dtype=labels.dtype, device=labels.device) if space.weights is None else space.weights
    v = xp.astype(v, labels.dtype)[None, :, None]
    empty = xp.any(xp.sum(v * labels, axis=1) == 0, axis=0)
    if labels.shape[0] == 1:
        empty = empty | (xp.sum(v * (1.0 - labels), axis=1)[0, :] == 0)
    if bool(xp.any(empty)):
        raise ValueError(
            f"labels must give weight to every class when there is an intercept, or there is no minimum; "
            f"{int(xp.count_nonzero(empty))} of {labels.shape[2]} tasks leave one out. Drop the class or the task, or pass intercept=False."
        )


def as_penalty(penalty: Any, features: Any, tasks: int) -> Any:
    """λ > 0 per task, (T,) float64."""
    xp = array_namespace(features)
    array = finite("penalty", beside("penalty", penalty, features))
    if array.shape not in ((), (1,), (tasks,)):
        raise ValueError(f"penalty must be a number or have shape ({tasks},), one per task; the shape is {tuple(array.shape)}.")
    positive("penalty", float(xp.min(array)))
    return xp.astype(array, xp.float64) * xp.ones(tasks, dtype=xp.float64, device=features.device)


def as_tolerance(tolerance: float | None, features: Any) -> float:
    """``tolerance`` if it is a number > 0, and the default of the dtype for ``None``."""
    if tolerance is not None:
        return positive("tolerance", tolerance)
    return TOLERANCE[array_namespace(features).finfo(features.dtype).bits]
