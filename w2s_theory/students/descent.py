"""Minimise many functions of the same shape at once: limited-memory BFGS over columns, one column per task.

No loop runs over tasks. Every iteration evaluates all tasks of the working set together, each at its own trial point; a task whose
point is refused tries a shorter step in the next iteration, beside the others. Tasks that are done leave the working set, so that
the matrix products shrink. Generic in the array library; points and gradients are float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from .._array import array_namespace

#: Pairs of steps and changes of gradient kept. Fewer cost iterations (4: up to a fifth more), more gained nothing.
MEMORY = 8

#: Sufficient decrease (Armijo), as a share of what the slope promises.
DECREASE = 1e-4

#: Where decrease drowns in rounding, a step is accepted if it reduces the slope to this share (Hager and Zhang 2005).
SLOPE = 0.9

#: A task gives up when its step would have to be shorter than this share of the quasi-Newton step: rounding has the last word.
SHORTEST = 1e-6

#: The working set is cut when one task in so many is done.
CUT = 8


class Evaluation(NamedTuple):
    """``loss`` (t,) and ``gradient`` (P, t) at the points of t tasks, and ``curvature`` (m, t), which ``precondition`` will be given."""

    loss: Any
    gradient: Any
    curvature: Any


class Problem(Protocol):
    """t functions of P numbers each, bounded below and differentiable."""

    @property
    def rounding(self) -> float:
        """Size of the rounding errors of ``loss``: decreases below it can't be seen."""
        ...

    def evaluate(self, points: Any) -> Evaluation:
        """The functions at ``points`` (P, t), one column each."""
        ...

    def precondition(self, gradient: Any, curvature: Any) -> Any:
        """A symmetric positive definite matrix per task, near the inverse of the Hessian, times ``gradient`` (P, t)."""
        ...

    def take(self, tasks: Any) -> Problem:
        """The same problem for the ``tasks`` given by their positions."""
        ...


@dataclass(frozen=True, eq=False)
class Descent:
    """Where T tasks stopped: ``points`` (P, T), ``loss``, ``residual`` = ‖gradient‖/``scale`` and ``iterations`` = evaluations made, (T,)."""

    points: Any
    loss: Any
    residual: Any
    scale: Any
    iterations: Any


class _Pair(NamedTuple):
    """s (P, t), y (P, t) and 1/sᵀy (t,); the last is 0 where a task has nothing to remember."""

    step: Any
    change: Any
    inverse: Any


def minimise(stages: Sequence[tuple[Problem, float]], start: Any, *, max_iterations: int, scale: Any = None) -> Descent:
    """Descend from ``start`` (P, T) until ‖gradient‖ ≤ tolerance · ``scale`` (T,), by default ‖gradient at the start‖, for every task.

    ``stages`` are (problem, tolerance): one, or cheap approximations of a problem first and the problem last. What was learnt of its
    curvature serves the next stage. A task also stops when rounding leaves it no step, or after ``max_iterations`` evaluations: nothing
    is raised, its residual tells. The loss never rises by more than ``problem.rounding``.
    """
    xp = array_namespace(start)
    stage, (problem, tolerance) = 0, stages[0]
    points = start
    loss, gradient, curvature = problem.evaluate(points)
    unit = _norm(gradient) if scale is None else scale
    # A scale that is no number can't make a gradient small.
    unit = xp.where(xp.isfinite(unit), xp.where(unit > 0, unit, 1.0), xp.finfo(unit.dtype).smallest_normal)
    tasks = xp.arange(start.shape[1], device=start.device)
    steps, stalled = xp.ones_like(loss), xp.zeros_like(loss) > 0
    history: list[_Pair] = []
    stopped: list[tuple[Any, ...]] = []
    iteration = 1
    while True:
        residual = _norm(gradient) / unit
        left = len(stages) - 1 - stage
        done = (residual <= tolerance) | stalled | (iteration + left >= max_iterations)
        size, finished = tasks.shape[0], int(xp.count_nonzero(done))
        if left > 0:
            if CUT * (size - finished) <= size:
                stage += 1
                problem, tolerance = stages[stage]
                loss, gradient, curvature = problem.evaluate(points)
                steps, stalled = xp.ones_like(loss), xp.zeros_like(loss) > 0
                iteration += 1
                continue
        elif CUT * finished >= size:
            gone, rest = xp.nonzero(done)[0], xp.nonzero(~done)[0]
            count = xp.full_like(gone, iteration)
            stopped.append((*(_take(array, gone) for array in (tasks, points, loss, residual, unit)), count))
            if finished == size:
                break
            problem = problem.take(rest)
            tasks, loss, unit, steps, stalled = (_take(array, rest) for array in (tasks, loss, unit, steps, stalled))
            points, gradient, curvature = (_take(array, rest) for array in (points, gradient, curvature))
            history = [_Pair(*(_take(array, rest) for array in pair)) for pair in history]

        direction = -_inverse_hessian(problem, history, gradient, curvature)
        slope = _dot(gradient, direction)
        trial = points + steps * direction
        new = problem.evaluate(trial)
        new_slope = _dot(new.gradient, direction)
        fall = loss - new.loss
        accepted = fall >= -DECREASE * steps * slope
        accepted = accepted | ((fall >= -problem.rounding) & (xp.abs(new_slope) <= -SLOPE * slope))
        bend = new_slope - slope
        remembered = accepted & (bend > -1e-6 * slope)
        history.append(
            _Pair(
                xp.where(remembered, steps * direction, 0.0),
                xp.where(remembered, new.gradient - gradient, 0.0),
                xp.where(remembered, 1.0 / xp.where(remembered, steps * bend, 1.0), 0.0),
            )
        )
        history = history[-MEMORY:]
        # The minimum of the parabola through both values and the first slope, kept between a tenth and a half.
        above = -fall - steps * slope
        parabola = -0.5 * steps * slope / xp.where(above > 0, above, 1.0)
        shorter = steps * xp.where(parabola > 0.1, xp.where(parabola < 0.5, parabola, 0.5), 0.1)
        steps = xp.where(accepted, 1.0, shorter)
        stalled = steps < SHORTEST
        points, gradient = xp.where(accepted, trial, points), xp.where(accepted, new.gradient, gradient)
        loss, curvature = xp.where(accepted, new.loss, loss), xp.where(accepted, new.curvature, curvature)
        iteration += 1

    order = xp.argsort(xp.concat([part[0] for part in stopped]))
    return Descent(*(_take(xp.concat(parts, axis=-1), order) for parts in list(zip(*stopped, strict=True))[1:]))


def _inverse_hessian(problem: Problem, history: list[_Pair], gradient: Any, curvature: Any) -> Any:
    """The two loops of limited-memory BFGS (Nocedal 1980) around the problem's own preconditioner."""
    shares = []
    for pair in reversed(history):
        share = pair.inverse * _dot(pair.step, gradient)
        gradient = gradient - share * pair.change
        shares.append(share)
    result = problem.precondition(gradient, curvature)
    for pair, share in zip(history, reversed(shares), strict=True):
        result = result + (share - pair.inverse * _dot(pair.change, result)) * pair.step
    return result


def _dot(first: Any, second: Any) -> Any:
    return array_namespace(first).sum(first * second, axis=0)


def _take(array: Any, tasks: Any) -> Any:
    return array_namespace(array).take(array, tasks, axis=-1)


def _norm(array: Any) -> Any:
    return array_namespace(array).linalg.vector_norm(array, axis=0)
