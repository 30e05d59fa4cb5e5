"""Convex students in bulk: heads of all tasks at once on a ``Design``, in a ball, in a box, or mixing the features.

    minimise over w in C, c:   Σ_i v_i (x_iᵀ w + c − y_i)²        (c free where the design has an intercept, else 0)

The rows enter through the design's eigenbasis X = U S Vᵀ alone (of √v X, centred where there is an intercept): r ≤ d numbers UᵀY per task
instead of n. Columns are tasks, as in ``design``. The classes of ``convex`` and ``shapes`` solve the same problems one task at
a time and are exact at any condition number; ``parametrised`` takes any set of heads that cvxpy can write.

**The gap.** With P the weights normalised to sum to one, s the student and s* the exact one, ``gap`` bounds

    ⟨y − s, f − s⟩_P   for every f of the class with ‖f‖_P ≤ ‖y‖_P + ‖s‖_P (for every f where the class is bounded),

as in ``problems.convexity``. f = s* is among them (it lies in the ball with diameter from y to s), and ⟨y − s*, s − s*⟩_P ≤ 0; the two
add up to ‖s − s*‖²_P ≤ gap. It is computed from the heads returned, whatever found them, and includes an estimate of the rounding
of its own arithmetic, but not that of the design's factorisation. Generic in the array library; heads and gaps are float64.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._array import array_namespace, machine_epsilon, to_numpy
from .._validation import as_float, finite, positive, whole
from ..design import Design
from ..design.filters import path
from ..design.rows import as_fitted, changed_basis
from ..linalg import rank_tolerance
from .accelerated import solve
from .polytopes import Ends, Goal, Mixtures
from .spans import secular_root

#: A student counts as converged when gap ≤ this times ‖y‖² + ‖s‖², so that ‖s − s*‖ ≤ 1e-5 of them; most are far closer.
TOLERANCE = 1e-10

#: Most iterations of a task; κ = 1e4 can take as many.
LIMIT = 10_000


@dataclass(frozen=True, eq=False)
class ConstrainedHeads:
    """One head per task: prediction = features @ coefficients + intercept.

    ``coefficients`` (d, T), ``intercept`` (T,). ``gap`` (T,): the certified bound of the module, ‖s − s*‖²_P ≤ gap. ``converged``
    (T,): gap ≤ tolerance · (‖y‖²_P + ‖s‖²_P), without the means of y and s where there is an intercept, and without what all members of a
    hull share; where False, the head is the
    best that was found, and not the answer. ``iterations`` (T,) of projected gradient and ``multiplier`` λ (T,) of the ball, where
    there are any. A single task, with labels (n,), has no task axis.
    """

    coefficients: Any
    intercept: Any
    gap: Any
    converged: Any
    iterations: Any = None
    multiplier: Any = None

    def predict(self, features: Any) -> Any:
        """Predictions (n, T) at ``features`` (n, d); (n,) for a single task. Raises ``ValueError`` for NaN or other columns."""
        heads = self.coefficients
        features = as_fitted(features, heads, heads.shape[0])
        return features @ heads + self.intercept


def solve_ball(design: Design, labels: Any = None, *, radius: Any) -> ConstrainedHeads:
    """Heads with ‖w‖ ≤ ``radius`` (√(wᵀAw) ≤ radius where the design has a metric A): ridge regression in its constrained form.

    ``labels`` (n,) or (n, T); ``None`` takes the weak labels of the design. ``radius`` > 0: a number, or one per task (T,). The head is
    (XᵀX + λI)⁻¹Xᵀy with the λ ≥ 0, the ``multiplier``, that gives it length ``radius``; λ = 0 and the least-squares head of least norm
    where that is short enough. Exact to rounding at any condition number that the design can take.

    Raises ``ValueError`` for radii that are not positive, and what ``Design.solve`` raises.

    >>> heads = solve_ball(Design([[1.0, 0.0], [0.0, 1.0]]), [3.0, 4.0], radius=2.5)
    >>> heads.coefficients.round(12).tolist(), round(float(heads.multiplier), 12)
    ([1.5, 2.0], 1.0)
    """
    data = reduced(design, labels)
    xp, tasks = array_namespace(data.basis), data.goal.square.shape[0]
    radius = to_numpy(finite("radius", radius))
    if radius.shape not in ((), (tasks,)) or not np.all(radius > 0):
        raise ValueError(f"radius must be positive, a number or of shape ({tasks},); it is {radius}. Pass one per task.")
    radius = xp.asarray(radius, dtype=data.basis.dtype, device=data.basis.device)
    z, scales = data.goal.values.T, data.scales
    multiplier = secular_root(z, scales, radius)
    short = z * scales / (scales**2 + multiplier[:, None])
    length = xp.linalg.vector_norm(short, axis=1)
    short = short * xp.where(length > radius, radius / xp.where(length > radius, length, 1.0), 1.0)[:, None]
    gap, square = ball_gap(z, scales, short, radius)
    converged = gap <= TOLERANCE * (data.goal.square + square)
    return data.answer(data.basis @ short.T, gap, converged, multiplier=multiplier)


def ball_gap(z: Any, scales: Any, heads: Any, radius: Any) -> tuple[Any, Any]:
    """radius ‖Rᵀ(z − R w)‖ − (z − R w)ᵀR w, the gap of any heads with ‖w‖ ≤ radius, with its rounding, and ‖R w‖²: (T,) each.

    In the eigenbasis, tasks in front: R = diag(``scales``), ``heads`` w and labels ``z`` (T, r).
    """
    xp = array_namespace(heads)
    student = heads * scales
    residual = z - student
    support = radius * xp.linalg.vector_norm(residual * scales, axis=1)
    longest = xp.max(scales) if scales.shape[0] else 0.0
    rounding = rank_tolerance(scales.shape[0], scales.shape[0], machine_epsilon(heads)) * longest
    rounding = 2.0 * radius * rounding * xp.linalg.vector_norm(residual, axis=1)
    return xp.clip(support - xp.sum(residual * student, axis=1), min=0.0) + rounding, xp.sum(student**2, axis=1)


def solve_box(
    design: Design,
    labels: Any = None,
    *,
    lower: Any = 0.0,
    upper: Any = math.inf,
    tolerance: float = TOLERANCE,
    limit: int = LIMIT,
) -> ConstrainedHeads:
    """Heads with ``lower`` ≤ w ≤ ``upper`` entry by entry, by default w ≥ 0 (non-negative least squares).

    ``labels`` (n,) or (n, T); ``None`` takes the weak labels of the design. ``lower`` and ``upper``: numbers or (d,), infinities and
    equal ends allowed. Columns are scaled to one length, and what then counts is the condition number κ of the features: up to 1e3 the
    answer comes in hundreds of iterations with a gap of rounding size, 1e4 takes thousands, and from 1e5 on tasks may end with
    ``converged`` False: ``convex.Box`` solves those. Rounding in the gap grows with ``upper`` − ``lower`` (say infinity where you mean it)
    and, for infinite ends, with κ. Where there are many answers (n < d, repeated columns), it is one of them.

    Raises ``ValueError`` for ends that are no box and for a design with a metric, and what ``Design.solve`` raises.

    >>> solve_box(Design([[1.0, 0.0], [0.0, 1.0]]), [3.0, -4.0]).coefficients.round(12).tolist()
    [3.0, 0.0]
    """
    tolerance, limit = positive("tolerance", tolerance), whole("limit", limit)
    data = reduced(design, labels)
    xp = array_namespace(data.basis)
    data.refuse_metric("a box")
    low, high = _ends(lower, upper, data.basis)
    matrix = data.matrix
    lengths = xp.linalg.vector_norm(matrix, axis=0)
    lengths = xp.where(lengths > 0, lengths, 1.0)[:, None]
    ends = Ends(matrix / lengths.T, low * lengths, high * lengths)
    found = solve(ends, data.goal, tolerance=tolerance, limit=limit)
    heads = xp.minimum(xp.maximum(found.heads / lengths, low), high)
    return data.answer(heads, found.gap, found.converged, iterations=found.iterations)


def solve_hull(design: Design, labels: Any = None, *, tolerance: float = TOLERANCE, limit: int = LIMIT) -> ConstrainedHeads:
    """Mixtures of the features: w ≥ 0, Σ_j w_j = 1. The columns of the features are the members of the hull.

    ``labels`` (n,) or (n, T); ``None`` takes the weak labels of the design. With an intercept, the class is that of mixtures plus a constant.
    What counts for convergence is the condition number of the members with their mean taken out, as in ``solve_box``.

    Raises ``ValueError`` for a design with a metric, and what ``Design.solve`` raises.

    >>> solve_hull(Design([[1.0, 0.0], [0.0, 1.0]]), [0.9, 0.3]).coefficients.round(12).tolist()
    [0.8, 0.2]
    """
    tolerance, limit = positive("tolerance", tolerance), whole("limit", limit)
    data = reduced(design, labels)
    data.refuse_metric("a hull")
    mixtures = Mixtures(data.matrix)
    values = data.goal.values - mixtures.centre
    # What all members share is no part of the task, and must not count in the size that a gap is small against.
    goal = data.goal._replace(values=values, square=array_namespace(values).sum(values**2, axis=0))
    found = solve(mixtures, goal, tolerance=tolerance, limit=limit)
    return data.answer(found.heads, found.gap, found.converged, iterations=found.iterations)


@dataclass(frozen=True, eq=False)
class Reduced:
    """The squared loss in r rows: Σ_i v_i (x_iᵀw + c − y_i)² = ‖R w − z‖² + a constant, with c at its best.

    ``matrix`` R = diag(``scales``) ``basis``ᵀ (r, d); ``goal`` has z (r, T). ``means`` of features and labels give the intercept. ``change`` is
    what a metric did to the basis: heads here are M⁻¹w.
    """

    basis: Any
    scales: Any
    goal: Goal
    means: tuple[Any, Any]
    mass: float
    change: Any
    single: bool

    @property
    def matrix(self) -> Any:
        return self.scales[:, None] * self.basis.T

    def refuse_metric(self, kind: str) -> None:
        if self.change is not None:
            raise ValueError(
                f"a design for {kind} must have no metric: it would turn the constraint. Build Design(…, metric=None)."
            )

    def answer(self, heads: Any, gap: Any, converged: Any, *, iterations: Any = None, multiplier: Any = None) -> ConstrainedHeads:
        """The result, from ``heads`` (d, T) and a ``gap`` on the scale of sums over rows."""
        intercept = self.means[1] - self.means[0] @ heads
        parts = [changed_basis(heads, self.change), intercept, gap / self.mass, converged, iterations, multiplier]
        if self.single:
            parts = [part if part is None else part[..., 0] for part in parts]
        return ConstrainedHeads(*parts)


def reduced(design: Design, labels: Any) -> Reduced:
    """The sufficient statistics of a design and labels (n,) or (n, T), ``None`` for those that it carries."""
    if not isinstance(design, Design):
        raise TypeError(f"design must be a Design; it is a {type(design).__name__}. Pass Design(features).")
    spectrum = design.spectrum(path(0.0, None))
    coordinates = design.coordinates(labels, None, spectrum, products=True)
    xp = array_namespace(spectrum.squares)
    rank = int(xp.sum(xp.astype(spectrum.squares > 0, xp.int64)))
    scales, basis = xp.sqrt(spectrum.squares[:rank]), spectrum.basis[:, :rank]
    mass, labelled = design.mass, coordinates.moments
    means = labelled.mean[0, :]
    goal = Goal(coordinates.values[0, :rank, :] / scales[:, None], xp.clip(labelled.products[0, 0, :], min=0.0), mass * means**2)
    return Reduced(basis, scales, goal, (design.mean, means), mass, design.change, labelled.single)


def _ends(lower: Any, upper: Any, basis: Any) -> tuple[Any, Any]:
    """Ends of a box as (d, 1) each."""
    d, ends = basis.shape[0], []
    for name, given, wrong in (("lower", lower, math.inf), ("upper", upper, -math.inf)):
        value = to_numpy(as_float(name, given))
        if value.shape not in ((), (d,)) or np.any(np.isnan(value)) or np.any(value == wrong):
            raise ValueError(
                f"{name} must be a number or have shape ({d},), without NaN or {wrong}; it is {value}. Pass one per head."
            )
        ends.append(np.broadcast_to(value, (d,)).astype(np.float64))
    if np.any(ends[0] > ends[1]):
        j = int(np.argmax(ends[0] > ends[1]))
        raise ValueError(f"lower must be <= upper; at head {j} they are {ends[0][j]} and {ends[1][j]}. Swap them.")
    xp = array_namespace(basis)
    low, high = (xp.asarray(end, dtype=basis.dtype, device=basis.device)[:, None] for end in ends)
    return low, high
