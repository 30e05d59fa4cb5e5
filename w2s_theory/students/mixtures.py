"""Convex combinations of k softmax heads on shared features, all tasks at once: a class as close to convex as k is large.

    p(x) = Σ_j a_j softmax(xᵀW_j + c_j)        a on the simplex

    minimise over a, W, c:   Σ_i v_i loss(y_i, p_i) + (λ/2) Σ_j a_j ‖W_j‖²

with the losses of ``softmax``; two classes have one logit, softmax there being (1 − σ, σ). The penalty is weighted by a, so that
copies of one head cost what the head costs: k = 1 is ``fit_softmax``, and many heads are never worse than one. The problem is not
convex. It is descended (``descent``) from several starts, the best is kept, and the single head is itself a candidate; what is
found can still be worse for k + 1 heads than for k, though the minimum can't.

This is the strong class of Mulgund and Pabbaraju 2025 (arXiv 2501.19105): trained by reverse KL, its gain exceeds its misfit up to an
error that vanishes as k grows. Columns are tasks. Generic in the array library.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._array import array_namespace, machine_epsilon
from .._validation import generator, positive, whole
from ..design.rows import as_features, as_fitted
from .descent import Evaluation, minimise
from .feature_space import FeatureSpace, feature_space
from .softmax import HeadsProblem, as_penalty, as_probabilities, refuse_one_class
from .softmax_losses import Loss, log_softmax, sigmoid, terms_of

#: Size of the scores by which the heads of a start differ: those around the single head, and those around nothing.
NEAR, FAR = 0.5, 2.0

#: Curvatures are taken to be at least this, relative to order one: a head with no share would see none.
FLAT = 1e-3


@dataclass(frozen=True, eq=False)
class MixtureHeads:
    """A mixture per task: ``weights`` a (k, T), and heads ``coefficients`` (k, d, T), ``intercept`` (k, T), or (k, d, T, C), (k, T, C).

    ``objective`` (T,) is Σ v loss + (λ/2) Σ a ‖W‖², with KL itself and not the cross-entropy. ``residual`` (T,) is the size of its gradient in
    (W, c, log a), relative to the gradient of a single head at 0; ``converged`` (T,) says where it is at most the tolerance.
    A single task, with labels (n,), has no task axis.
    """

    weights: Any
    coefficients: Any
    intercept: Any
    objective: Any
    residual: Any
    converged: Any
    iterations: Any

    def predict(self, features: Any) -> Any:
        """Probabilities at ``features`` (n, d): of class 1, (n, T); with C classes, (n, T, C). Raises ``ValueError`` for other columns."""
        heads = self.coefficients
        xp = array_namespace(heads)
        k, d = heads.shape[:2]
        features = as_fitted(features, heads, d)
        scores = xp.reshape(features @ xp.reshape(heads, (k, d, -1)), (k, -1, *heads.shape[2:])) + self.intercept[:, None, ...]
        p = log_softmax(scores, axis=-1)[0] if heads.ndim == 4 else sigmoid(scores)
        share = xp.reshape(self.weights, (k, 1, *self.weights.shape[1:], *(1,) * (heads.ndim == 4)))
        return xp.sum(share * p, axis=0)


def fit_mixture(
    features: Any,
    labels: Any,
    *,
    heads: int,
    penalty: Any = 1.0,
    loss: Loss = "reverse_kl",
    weights: Any = None,
    intercept: bool = False,
    starts: int = 3,
    tolerance: float | None = None,
    max_iterations: int = 1000,
    rng: np.random.Generator,
) -> MixtureHeads:
    """Mixtures of ``heads`` k softmax heads for every task; arguments and errors as ``fit_softmax``, reverse KL by default.

    The first of ``starts`` lies around the single head of ``fit_softmax``, the others at random. ``tolerance`` on ``residual`` is 1e-6 by
    default. The arithmetic is float64, the answer has the dtype of the features. A mixture may have more heads than the labels
    need, and then takes many iterations to settle what does not matter. Memory is about 20 · starts · k · d · C · T numbers: cut T for
    more.
    """
    features = as_features(features)
    xp, dtype = array_namespace(features), features.dtype
    features = xp.astype(features, xp.float64)  # float32 gradients can't settle shares that hardly matter
    labels, single = as_probabilities(labels, features, strictly=loss == "reverse_kl")
    penalty = as_penalty(penalty, features, labels.shape[2])
    tolerance = 1e-6 if tolerance is None else positive("tolerance", tolerance)
    k, starts, (q, _, tasks) = whole("heads", heads), whole("starts", starts), labels.shape
    whole("max_iterations", max_iterations)
    generator(rng)
    terms = terms_of(loss, q)
    space = feature_space(features, weights, intercept)
    refuse_one_class(labels, space, loss)

    alone = HeadsProblem(space, xp.astype(terms.prepare(labels), features.dtype), penalty, terms)
    alone = alone.solve(tolerance, max_iterations)
    copies = xp.concat([xp.reshape(alone.points, (space.size, q, tasks))] * k, axis=1)
    # The single head is a stationary point, where the descent stops at once: a candidate that needs no care of its own.
    candidates = [copies]
    for start in range(starts if k > 1 else 0):
        move = _scores_of_size_one(space, k * q, tasks, rng)
        candidates.append(copies + NEAR * move if start == 0 else FAR * move)
    table = xp.concat([1.0 - labels, labels]) if q == 1 else labels
    problem = _Mixture(space, xp.astype(table, features.dtype), penalty, loss, k, q == 1)
    even = xp.zeros((k, tasks * len(candidates)), dtype=xp.float64, device=penalty.device)
    result = minimise(
        [(problem.take(xp.arange(even.shape[1], device=penalty.device) % tasks), tolerance)],
        problem.join(xp.concat(candidates, axis=2), even),
        max_iterations=max_iterations,
        scale=xp.concat([alone.scale] * len(candidates)),
    )
    best = xp.argmin(xp.reshape(result.loss, (-1, tasks)), axis=0) * tasks + xp.arange(tasks, device=penalty.device)
    points, objective, residual, iterations = (
        xp.take(array, best, axis=-1) for array in (result.points, result.loss, result.residual, result.iterations)
    )
    points, logs = problem.split(points)
    coefficients, offset = space.restore(points)
    coefficients = xp.permute_dims(xp.reshape(coefficients, (-1, k, q, tasks)), (1, 0, 3, 2))
    offset = xp.permute_dims(xp.reshape(offset, (k, q, tasks)), (0, 2, 1))
    if q == 1:
        coefficients, offset = coefficients[..., 0], offset[..., 0]
    share, coefficients, offset = (xp.astype(array, dtype) for array in (xp.exp(logs), coefficients, offset))
    if single:
        share, coefficients, offset = share[:, 0], coefficients[:, :, 0], offset[:, 0]
        objective, residual, iterations = objective[0], residual[0], iterations[0]
    return MixtureHeads(share, coefficients, offset, objective, residual, residual <= tolerance, iterations)


def _scores_of_size_one(space: FeatureSpace, q: int, tasks: int, rng: np.random.Generator) -> Any:
    """Random heads (p, q, t) whose scores on the rows have mean square about one."""
    xp = array_namespace(space.squares)
    draw = xp.asarray(rng.standard_normal((space.size, q * tasks)), dtype=xp.float64, device=space.squares.device)
    largest = float(xp.max(space.squares)) or space.mass
    spread = xp.sqrt(space.mass / (space.size * xp.clip(space.squares, min=1e-6 * largest)))
    return xp.reshape(space.basis @ (spread[:, None] * draw), (space.size, q, tasks))


@dataclass(frozen=True, eq=False)
class _Mixture:
    """The objective as a ``descent.Problem``: points are heads (p · k · q, t), then k logits of a.

    ``labels`` (C, n, t) are probabilities, of two classes where the heads have one score (``binary``).
    """

    space: FeatureSpace
    labels: Any
    penalty: Any
    loss: Loss
    k: int
    binary: bool

    @property
    def rounding(self) -> float:
        """A few units of the last place for every row."""
        return 16.0 * machine_epsilon(self.space.rows) * self.space.mass

    def take(self, tasks: Any) -> _Mixture:
        """The same for some of the tasks."""
        xp = array_namespace(self.labels)
        return dataclasses.replace(self, labels=xp.take(self.labels, tasks, axis=2), penalty=xp.take(self.penalty, tasks))

    def join(self, heads: Any, logits: Any) -> Any:
        """Points (P, t) of ``heads`` (p, k · q, t) and ``logits`` (k, t)."""
        xp = array_namespace(heads)
        return xp.concat([xp.reshape(heads, (-1, heads.shape[2])), logits])

    def split(self, points: Any) -> tuple[Any, Any]:
        """Heads (p, k · q, t) and log a (k, t) of ``points``."""
        xp = array_namespace(points)
        logits = points[-self.k :, :] - xp.max(points[-self.k :, :], axis=0, keepdims=True)
        heads = xp.reshape(points[: -self.k, :], (self.space.size, -1, points.shape[1]))
        return heads, logits - xp.log(xp.sum(xp.exp(logits), axis=0, keepdims=True))

    def precondition(self, gradient: Any, curvature: Any) -> Any:
        """Head by head as if it were alone; ``curvature`` (3k, t) is that of the scores, that of the logits, and a."""
        xp = array_namespace(gradient)
        k, q = self.k, (gradient.shape[0] - self.k) // (self.k * self.space.size)
        heads = xp.reshape(gradient[:-k, :], (self.space.size, k * q, -1))
        wide = (xp.repeat(part, q, axis=0) for part in (curvature[:k, :], curvature[2 * k :, :]))
        heads = self.space.precondition(heads, next(wide), self.penalty * next(wide))
        return self.join(heads, gradient[-k:, :] / (self.space.mass * curvature[k : 2 * k, :]))

    def evaluate(self, points: Any) -> Evaluation:
        """Objective, gradient and curvatures, from the log-probabilities of the heads and of the mixture."""
        xp = array_namespace(points)
        heads, logs = self.split(points)
        rows, v, (p, _, t) = self.space.rows, self.space.weights, heads.shape
        share, dtype = xp.exp(logs), rows.dtype
        flat, logs = xp.reshape(xp.astype(heads, dtype), (p, -1)), xp.astype(logs, dtype)
        loss, pull = xp.zeros_like(share[0, :]), xp.zeros_like(share)
        bends = xp.zeros_like(xp.concat([share, share]))
        gradient = xp.zeros_like(xp.reshape(heads, (p, -1)))
        k, q = self.k, heads.shape[1] // self.k
        for block, pieces in self.space.blocks(heads.shape[1] * t):
            part = rows[block, :]
            scores = xp.reshape(part @ flat, (-1, k, q, t))
            for inside, piece in pieces:
                given = xp.reshape(xp.permute_dims(scores[inside, ...], (1, 2, 0, 3)), (k, q, -1))  # in this order also in memory
                terms = self._terms(xp.reshape(given, (k, q, -1, t)), logs, self.labels[:, piece, :])
                if v is not None:
                    terms = tuple(v[piece][:, None] * term for term in terms)
                value, slope, total, bend = terms
                loss += xp.sum(value, axis=0)
                pull += xp.sum(total, axis=1)
                bends += xp.sum(bend, axis=1)
                scores[inside, ...] = xp.permute_dims(slope, (2, 0, 1, 3))
            gradient += part.T @ xp.reshape(scores, (-1, k * q * t))
        gradient = xp.reshape(gradient, heads.shape)
        weighted = self.penalty * self.space.penalised[:, None, None] * heads
        costs = 0.5 * xp.sum(xp.reshape(weighted * heads, (p, k, q, t)), axis=(0, 2))
        wide = xp.repeat(share, q, axis=0)
        pull = pull + share * costs
        pull = pull - share * xp.sum(pull, axis=0, keepdims=True)
        curvature = xp.concat([xp.clip(bends / self.space.mass, min=FLAT), xp.clip(share, min=FLAT)])
        return Evaluation(loss + xp.sum(share * costs, axis=0), self.join(gradient + wide * weighted, pull), curvature)

    def _terms(self, scores: Any, logs: Any, labels: Any) -> tuple[Any, ...]:
        """Per row: the loss (m, t), its slopes in the scores (k, q, m, t) and in log a (k, m, t), and the curvatures of both (2k, m, t).

        With p_jc the heads, p_c the mixture, r_jc = a_j p_jc / p_c and h_c = p_c ∂loss/∂p_c, the slope in log a_j is τ_j = Σ_c r_jc h_c and
        that in score c of head j is r_jc h_c − p_jc τ_j. Curvatures are Gauss–Newton: means of squared slopes of log p_c.
        """
        xp = array_namespace(scores)
        if self.binary:
            softplus = xp.log(1.0 + xp.exp(-xp.abs(scores)))
            heads = xp.concat([xp.clip(-scores, max=0.0) - softplus, xp.clip(scores, max=0.0) - softplus], axis=1)
        else:
            heads = log_softmax(scores, axis=1)[1]
        joint = heads + logs[:, None, None, :]
        top = xp.max(joint, axis=0, keepdims=True)
        log_p = top + xp.log(xp.sum(xp.exp(joint - top), axis=0, keepdims=True))
        share, log_p, own = xp.exp(joint - log_p), log_p[0, ...], xp.exp(heads)
        p = xp.exp(log_p)
        if self.loss == "squared":
            value, h, size = (p - labels) ** 2, 2.0 * p * (p - labels), 2.0 * p * p
        else:
            apart = log_p - xp.log(xp.where(labels > 0, labels, 1.0))
            value, h, size = (p * apart, p * apart, p) if self.loss == "reverse_kl" else (-labels * apart, -labels, p)
        slope = share * h
        total = xp.sum(slope, axis=1, keepdims=True)
        slope = slope - own * total
        spread = 1.0 - 2.0 * own + xp.sum(own * own, axis=1, keepdims=True)
        degrees = 2 if self.binary else labels.shape[0] - 1
        bend = xp.sum(size * share**2 * spread, axis=1) / degrees
        tilt = xp.sum(size * (share - xp.exp(logs)[:, None, None, :]) ** 2, axis=1)
        slope = slope[:, 1:, ...] if self.binary else slope
        return xp.sum(value, axis=0), slope, total[:, 0, ...], xp.concat([bend, tilt])
