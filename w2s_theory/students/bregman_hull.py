"""The member of a hull closest to the weak labels in a Bregman divergence, in either order, with a certificate of how close it is.

    minimise over a on the simplex:   F(a) = E D(q_a, weak),     θ(q_a) = Σ_j a_j θ(m_j)

where θ are the divergence's coordinates (see ``problems.hull_population``). With "kl" the student is a mixture of probabilities fitted
by reverse KL, E KL(q ‖ weak); with "reverse-kl" a geometric mixture fitted by forward KL, E KL(weak ‖ q). F is convex in a, because D is
convex in the coordinates of its first argument, and its slope is g_j = E⟨θ(m_j), ∇(q_a) − ∇(weak)⟩. The certificate is

    gap = ⟨g, a⟩ − min_j g_j ≥ 0,     F(a) ≤ min F + gap,     E⟨θ(f) − θ(q_a), ∇(q_a) − ∇(weak)⟩ ≥ −gap for every f of the hull,

for any a, whatever found it (Frank & Wolfe 1956); the last is what the three-point identity asks for: gain ≥ misfit − gap.

Solved for all tasks at once by a primal-dual interior-point method in the k weights (Boyd & Vandenberghe 2004, section 11.7). The
curvature of F comes from differences of the map ∇ along the members, which stay in its domain. float64 of the array library of the
members; ``hull_gap`` NumPy only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._array import array_namespace
from .._validation import positive, sample_weights, shares, whole
from ..divergences import Bregman, Divergence
from ..problems.hull_population import as_bregman, as_labels, as_members

#: Share of the way to a member along which the curvature is measured: rounding 2⁻⁵²/STEP and truncation STEP are both small.
STEP = 1e-7

#: Numbers held at once while the curvature is measured (8 MiB).
TOGETHER = 2**20

#: Of the average product of a weight and its multiplier, what the next step aims at; and of the way to the boundary, what it takes.
CENTRING, SHORT_OF_BOUNDARY = 0.05, 0.99

#: No product of a weight and its multiplier may fall below this share of their mean: steps would be cut short for ever.
CENTRAL = 1e-3


@dataclass(frozen=True, eq=False)
class HullProjection:
    """One student per task, (...) tasks in front.

    ``values`` (..., n) or (..., n, c); ``coefficients`` a (..., k), > 0 and of sum one; ``gap`` (...) ≥ 0, the certificate, in the units
    of the divergence; ``converged`` (...) where it is at most the tolerance; ``iterations`` (...).
    """

    values: Any
    coefficients: Any
    gap: Any
    converged: Any
    iterations: Any


def project_on_hull(
    members: Any,
    weak: Any,
    *,
    divergence: str | Divergence = "kl",
    weights: Any = None,
    tolerance: float = 1e-9,
    limit: int = 400,
) -> HullProjection:
    """argmin over mixtures q of the members of E D(q, weak), for every task (see the module).

    ``members`` (k, n) or (k, n, c); ``weak`` (..., n) or (..., n, c); ``weights`` (n,), equal when ``None``. ``tolerance``: a gap of that
    share of E D(centre, weak) + max_j E D(m_j, centre), the centre being the equal mixture, is small enough. A task that does not get
    there in ``limit`` steps, or before rounding stops it, is not an error: ``converged`` and ``gap`` say so.

    Raises ``ValueError`` for NaN, shapes that do not belong together or values outside the divergence's domain; ``TypeError`` for a
    loss that is no Bregman divergence.

    >>> members = [[[0.1, 0.8, 0.1]], [[0.3, 0.4, 0.3]]]
    >>> project_on_hull(members, [[0.1, 0.7, 0.2]], divergence="kl").coefficients.round(4).tolist()
    [0.7805, 0.2195]
    """
    loss = as_bregman(divergence)
    members = as_members(members, loss)
    weak = as_labels(weak, members, loss)
    front = tuple(weak.shape[: weak.ndim - members.ndim + 1])
    p = sample_weights(weights, members, (members.shape[1],))
    positive("tolerance", tolerance)
    objective = Objective.on(loss, members, weak.reshape((-1, *members.shape[1:])), p)
    a, gap, iterations = minimise(objective, tolerance, whole("limit", limit))
    return HullProjection(
        objective.at(a).reshape(tuple(weak.shape)),
        a.reshape((*front, a.shape[-1])),
        (gap * objective.scale).reshape(front),
        (gap <= tolerance).reshape(front),
        iterations.reshape(front),
    )


def hull_gap(
    members: Any, student_mixture: Any, weak: Any, *, divergence: str | Divergence = "kl", weights: Any = None
) -> np.ndarray:
    """The certificate (...) of mixtures ``student_mixture`` (..., k) as students of ``weak``, wherever they come from (see the module).

    Mixtures and weak labels (..., n) or (..., n, c) are broadcast over tasks. Raises as ``project_on_hull``.
    """
    loss = as_bregman(divergence)
    members = as_members(members, loss)
    mixture = shares("student_mixture", student_mixture, ndim=np.ndim(student_mixture))
    weak = as_labels(weak, members, loss)
    if mixture.shape[-1] != len(members):
        raise ValueError(f"student_mixture must have {len(members)} weights on its last axis; its shape is {mixture.shape}.")
    front = np.broadcast_shapes(weak.shape[: weak.ndim - members.ndim + 1], mixture.shape[:-1])
    a = np.broadcast_to(mixture, (*front, len(members))).reshape(-1, len(members))
    labels = np.broadcast_to(weak, (*front, *members.shape[1:])).reshape(-1, *members.shape[1:])
    objective = Objective.on(loss, members, labels, sample_weights(weights, members, (members.shape[1],)))
    return (gap_of(a, objective.slope(a)) * objective.scale).reshape(front)


@dataclass(frozen=True, eq=False)
class Objective:
    """F of t tasks in units of ``scale`` (t,): members in coordinates around their ``centre``, samples and outputs in one row (k, m)."""

    loss: Bregman
    centre: Any
    spread: Any
    weak: Any
    p: Any
    scale: Any

    @classmethod
    def on(cls, loss: Bregman, members: Any, weak: Any, p: Any) -> Objective:
        """For members (k, n[, c]), weak labels (t, n[, c]) and normalised weights (n,)."""
        xp = array_namespace(members)
        coordinates = loss.coordinates(members)
        centre = xp.mean(coordinates, axis=0)
        middle = loss.at(centre)
        scale = loss.between(middle, weak) @ p + xp.max(loss.between(members, middle) @ p)
        spread = (coordinates - centre).reshape((len(members), -1))
        repeated = xp.repeat(p, spread.shape[1] // p.shape[0])
        return cls(loss, centre, spread, weak, repeated, xp.clip(scale, min=float(np.finfo(np.float64).tiny)))

    def take(self, tasks: Any) -> Objective:
        """The same for some of the tasks."""
        return Objective(self.loss, self.centre, self.spread, self.weak[tasks], self.p, self.scale[tasks])

    def at(self, a: Any) -> Any:
        """The mixtures, (t, n[, c])."""
        return self.loss.at(self.centre + (a @ self.spread).reshape((-1, *self.centre.shape)))

    def slope(self, a: Any) -> Any:
        """g up to a constant per task, (t, k)."""
        change = self.loss.slope_between(self.at(a), self.weak).reshape((len(a), -1))
        return (self.p * change) @ self.spread.T / self.scale[:, None]

    def curvature(self, a: Any) -> Any:
        """Second derivatives (t, k, k) of F along differences of weights, from differences of the slopes towards each member."""
        xp = array_namespace(a)
        here, mean = self.at(a), a @ self.spread

        def rows(members: slice) -> Any:
            towards = self.spread[members, None, :] - mean
            moved = self.loss.at(self.centre + (mean + STEP * towards).reshape((-1, *here.shape)))
            change = self.loss.slope_between(moved, here).reshape((-1, mean.shape[1])) / STEP
            products = (self.p * change) @ self.spread.T  # one product of matrices: a stack of thin ones is many times slower
            return products.reshape((*towards.shape[:2], -1)) / self.scale[:, None]

        block = max(1, TOGETHER // math.prod(mean.shape))
        parts = [rows(slice(start, start + block)) for start in range(0, len(self.spread), block)]
        second = xp.permute_dims(xp.concat(parts), (1, 0, 2))
        second = second - xp.einsum("tjl,tl->tj", second, a)[:, :, None]
        return (second + xp.permute_dims(second, (0, 2, 1))) / 2.0


def gap_of(a: Any, slope: Any) -> Any:
    """⟨g, a⟩ − min g per task, clipped at 0 (rounding)."""
    xp = array_namespace(a)
    return xp.clip(xp.sum(a * slope, axis=-1) - xp.min(slope, axis=-1), min=0.0)


def minimise(objective: Objective, tolerance: float, limit: int) -> tuple[Any, Any, Any]:
    """Weights (t, k) on the simplex, their gaps (t,) in units of the objective's scale, and the steps taken (t,)."""
    t, k = len(objective.weak), len(objective.spread)
    xp, beside = array_namespace(objective.weak), {"device": objective.weak.device}
    best, iterations = xp.full((t, k), 1.0 / k, dtype=xp.float64, **beside), xp.zeros(t, dtype=xp.int64, **beside)
    best_gap = gap_of(best, objective.slope(best))
    active = xp.nonzero(best_gap > tolerance)[0]
    a, z = best[active], xp.ones((active.shape[0], k), dtype=xp.float64, **beside)
    for _ in range(limit):
        if active.shape[0] == 0:
            break
        before, (a, z) = a, newton_step(objective.take(active), a, z)
        iterations[active] += 1
        gap = gap_of(a, objective.take(active).slope(a))
        better = gap < best_gap[active]
        best[active[better]], best_gap[active[better]] = a[better], gap[better]
        unfinished = (best_gap[active] > tolerance) & xp.any(a != before, axis=-1)
        active, a, z = active[unfinished], a[unfinished], z[unfinished]
    return best, best_gap, iterations


def newton_step(objective: Objective, a: Any, z: Any) -> tuple[Any, Any]:
    """One step towards g − z = constant, a z = μ, Σ a = 1, shortened until the residual of these equations falls.

    z (t, k) are the multipliers of a ≥ 0. Weights are scaled by themselves, so that the system stays well conditioned when some vanish.
    """
    xp = array_namespace(a)
    slope = objective.slope(a)
    members = xp.arange(a.shape[-1], device=a.device)
    aim = CENTRING * xp.mean(a * z, axis=-1, keepdims=True)
    # The curvature is blind to the direction a, along which Σ a changes: any positive number there gives the same step.
    system = a[:, :, None] * (objective.curvature(a) + 1.0) * a[:, None, :]
    system[:, members, members] += a * z
    columns = xp.linalg.solve(system, xp.stack([aim - a * slope, a], axis=-1))
    level = xp.sum(a * columns[..., 0], axis=-1, keepdims=True) / xp.sum(a * columns[..., 1], axis=-1, keepdims=True)
    step_a = a * (columns[..., 0] - level * columns[..., 1])
    step_z = aim / a - z - z * step_a / a

    fastest = xp.clip(xp.max(xp.maximum(-step_a / a, -step_z / z), axis=-1), min=1e-300)
    shrink = xp.clip(SHORT_OF_BOUNDARY / fastest, max=1.0)
    before = _left_over(slope, a, z, aim)
    waiting = xp.arange(a.shape[0], device=a.device)
    new_a, new_z = xp.asarray(a, copy=True), xp.asarray(z, copy=True)
    for _ in range(40):
        s = shrink[waiting, None]
        trial_a, trial_z = a[waiting] + s * step_a[waiting], z[waiting] + s * step_z[waiting]
        trial_a = trial_a / xp.sum(trial_a, axis=-1, keepdims=True)
        after = _left_over(objective.take(waiting).slope(trial_a), trial_a, trial_z, aim[waiting])
        products = trial_a * trial_z
        is_central = xp.min(products, axis=-1) >= CENTRAL * xp.mean(products, axis=-1)
        good = is_central & (after <= (1.0 - 0.01 * shrink[waiting]) * before[waiting])
        done = waiting[good]
        new_a[done], new_z[done] = trial_a[good], trial_z[good]
        waiting = waiting[~good]
        if waiting.shape[0] == 0:
            break
        shrink[waiting] /= 2.0
    return new_a, new_z


def _left_over(slope: Any, a: Any, z: Any, aim: Any) -> Any:
    """Length (t,) of what is left of the equations."""
    stationary = slope - z
    xp = array_namespace(a)
    stationary = stationary - xp.mean(stationary, axis=-1, keepdims=True)
    return xp.sqrt(xp.sum(stationary**2 + (a * z - aim) ** 2, axis=-1))
