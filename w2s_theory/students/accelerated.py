"""Least squares over a box or a simplex, all tasks at once: accelerated projected gradient, and a step on the face it has found.

    minimise over w in C:   ‖R w − z‖²        R (r, d), one column w and z per task

FISTA with adaptive restart (Beck and Teboulle 2009; O'Donoghue and Candès 2015) on the Gram matrix RᵀR: one d × d by d × T product
per iteration. It needs a few iterations per unit of the condition number κ of R. Now and then the heads at no end are moved to the
minimiser over their face, by one linear system per task; once the face is right, that is the answer to rounding. A task leaves when
its gap says so. Gaps and the right sides of the systems come from R, so they feel κ and not κ². Generic in the array library; float64.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .._array import array_namespace, machine_epsilon
from ..design.rows import slices
from .polytopes import Goal, Members, largest_eigenvalue

#: Iterations between two looks at the gaps.
BURST = 20

#: Steps on faces in a row. The second one removes the rounding of the first, others mend a face that was nearly right.
FACE_STEPS = 3

#: A ridge on the systems of the faces, relative to the largest eigenvalue: repeated columns get a system that can be solved.
FACE_RIDGE = 1e-14

#: Numbers in a block of systems (64 MiB of float64).
FACE_BLOCK = 2**23

#: A step on a face may be halved so often.
HALVINGS = 10


class Solution(NamedTuple):
    """``heads`` (d, T); ``gap`` (T,), the bound of ``Members.certify``; ``converged`` and ``iterations`` (T,)."""

    heads: Any
    gap: Any
    converged: Any
    iterations: Any


def solve(members: Members, goal: Goal, *, tolerance: float, limit: int) -> Solution:
    """The heads of every task, stopped when gap ≤ ``tolerance`` (‖labels‖² + ‖R w‖²), after ``limit`` iterations, or when stuck.

    The heads are the ones of least gap that were seen. A task is stuck when doubling the iterations, steps on faces
    included, has not lowered its objective by more than rounding.
    """
    xp = array_namespace(members.matrix)
    gram = members.gram
    pace = 1.0 / (largest_eigenvalue(gram) or 1.0)
    d, tasks = gram.shape[0], goal.values.shape[1]
    heads = members.project(xp.zeros((d, tasks), dtype=gram.dtype, device=gram.device))
    index = xp.arange(tasks, device=gram.device)
    best, (least, square) = heads, members.certify(heads, goal)
    point, momentum, before = heads, xp.ones_like(least), xp.full_like(least, float("inf"))
    stopped: list[tuple[Any, ...]] = []
    done, faces, due = 0, 0, max(d // 2, BURST)
    while True:
        converged = least <= tolerance * (goal.square + square)
        stuck = xp.full_like(converged, done >= limit)
        if done >= due and faces == 0:
            now = _error(members, goal, heads)
            stuck, before = stuck | (now >= before * (1.0 - 4.0 * machine_epsilon(heads))), now
            faces, due = FACE_STEPS + 1, 2 * done
        over = converged | stuck
        if bool(xp.any(over)):
            gone, rest = xp.nonzero(over)[0], xp.nonzero(~over)[0]
            count = xp.full_like(gone, done)
            stopped.append((*(_take(array, gone) for array in (index, best, least, converged)), count))
            if rest.shape[0] == 0:
                break
            goal = goal.take(rest)
            index, best, least, square, before = (_take(array, rest) for array in (index, best, least, square, before))
            heads, point, momentum = (_take(array, rest) for array in (heads, point, momentum))
        faces = max(faces - 1, 0)
        if faces:
            heads = _face_step(members, goal, heads, pace)
            point, momentum = heads, xp.ones_like(momentum)
        else:
            side = members.matrix.T @ goal.values
            for _ in range(BURST):
                new = members.project(point + pace * (side - gram @ point))
                moved = new - heads
                again = xp.sum((point - new) * moved, axis=0) > 0
                momentum = xp.where(again, 1.0, momentum)
                following = 0.5 * (1.0 + xp.sqrt(1.0 + 4.0 * momentum**2))
                point = new + xp.where(again, 0.0, (momentum - 1.0) / following) * moved
                heads, momentum = new, following
            done += BURST
        gap, length = members.certify(heads, goal)
        better = gap < least
        best, least, square = xp.where(better, heads, best), xp.where(better, gap, least), xp.where(better, length, square)
    order = xp.argsort(xp.concat([part[0] for part in stopped]))
    return Solution(*(_take(xp.concat(parts, axis=-1), order) for parts in list(zip(*stopped, strict=True))[1:]))


def _face_step(members: Members, goal: Goal, heads: Any, pace: float) -> Any:
    """A gradient step, then one towards the minimiser over the face it ends on, as long as the objective does not rise."""
    xp = array_namespace(heads)
    matrix = members.matrix
    heads = members.project(heads + pace * (matrix.T @ (goal.values - matrix @ heads)))
    residual = goal.values - matrix @ heads
    direction = _to_face_minimum(members, members.is_free(heads), matrix.T @ residual, FACE_RIDGE / pace)
    most = xp.sum(residual**2, axis=0) * (1.0 + 4.0 * machine_epsilon(heads))
    open_, step = xp.ones_like(most) > 0, 1.0
    for _ in range(HALVINGS):
        trial = members.project(heads + step * direction)
        accepted = open_ & (xp.sum((goal.values - matrix @ trial) ** 2, axis=0) <= most)
        heads, open_ = xp.where(accepted, trial, heads), open_ & ~accepted
        if not bool(xp.any(open_)):
            break
        step *= 0.5
    return heads


def _to_face_minimum(members: Members, free: Any, slopes: Any, ridge: float) -> Any:
    """The step (d, T) of the ``free`` heads to the minimum over their face; ``slopes`` is minus the gradient.

    The free heads of a block of tasks are brought to the front and padded to the same number, by rows of the identity.
    """
    xp = array_namespace(slopes)
    d, device = slopes.shape[0], slopes.device
    counts = xp.sum(xp.astype(free, xp.int64), axis=0)
    by_count = xp.argsort(counts)
    widest = max(int(xp.max(counts)), 1)
    steps = []
    for block in slices(slopes.shape[1], max(FACE_BLOCK // widest**2, 1)):
        tasks = by_count[block]
        mask, slope = _take(free, tasks).T, _take(slopes, tasks).T
        size = max(int(xp.max(_take(counts, tasks))), 1)
        order = xp.argsort(xp.astype(mask, xp.int64), axis=1, descending=True)
        front = order[:, :size]
        offset = xp.arange(tasks.shape[0], device=device)[:, None] * d
        kept = xp.astype(_pick(mask, front + offset), slopes.dtype)
        systems = _pick(members.gram, front[:, :, None] * d + front[:, None, :]) * (kept[:, :, None] * kept[:, None, :])
        diagonal = xp.eye(size, dtype=slopes.dtype, device=device) * (1.0 - kept + ridge)[:, None, :]
        sides = xp.stack([_pick(slope, front + offset) * kept, kept], axis=2)
        moves = xp.linalg.solve(systems + diagonal, sides)
        step = moves[:, :, 0]
        if members.sums_to_one:
            total = xp.sum(moves, axis=1)
            step = step - (total[:, 0] / total[:, 1])[:, None] * moves[:, :, 1]
        rest = xp.zeros((tasks.shape[0], d - size), dtype=slopes.dtype, device=device)
        steps.append(_pick(xp.concat([step * kept, rest], axis=1), xp.argsort(order, axis=1) + offset))
    return _take(xp.concat(steps, axis=0).T, xp.argsort(by_count))


def _error(members: Members, goal: Goal, heads: Any) -> Any:
    """‖R w − z‖² (T,)."""
    return array_namespace(heads).sum((goal.values - members.matrix @ heads) ** 2, axis=0)


def _take(array: Any, tasks: Any) -> Any:
    return array_namespace(array).take(array, tasks, axis=-1)


def _pick(array: Any, places: Any) -> Any:
    """Entries of ``array`` by their flat positions."""
    xp = array_namespace(array)
    return xp.reshape(xp.take(xp.reshape(array, (-1,)), xp.reshape(places, (-1,)), axis=0), places.shape)
