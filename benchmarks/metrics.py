"""Errors of all heads from sufficient statistics, against forming the heads first."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from w2s_theory._array import array_namespace, to_numpy
from w2s_theory.design import Design

from ._place import Place
from ._problems import Reference, RidgeProblem, ridge_problem
from ._record import Section
from ._timing import Contender, contest, relative_error

MODULES = ("scipy.linalg", "torch")
SIZES = {"quick": (300, 24, 40, 4), "full": (5000, 384, 1000, 20)}
GOAL = 1.8
#: Rounding times the squared condition (3 here), with room, times what is lost in a difference of sums (at most three digits).
SAME = {"float64": 1e-9, "float32": 1e-2, "tf32": None}


class Answer(NamedTuple):
    """What the contenders are asked for, stacked: misfit and GCV, or misfit, student error and ceiling error: (k, L, T)."""

    misfit_gcv: np.ndarray
    errors: np.ndarray


def run(scale: str, here: Place) -> Section:
    """``Design.report`` with and without a target, on new features and on factorised ones."""
    n, d, tasks, count = SIZES[scale]
    shape = f"n={n} d={d} T={tasks} L={count}"
    section = Section(
        "Metrics only",
        "The same heads, but only their errors are wanted, (L, T) each, and no head is kept. `report(weak)` gives misfit, effective "
        "dimension and generalised cross-validation; `report(weak, target)` the nine numbers of a GainReport as well. Errors are the "
        "worst over misfit and GCV, or over misfit, student error and ceiling error, against predictions made from the singular value "
        "decomposition of X.",
    )
    problem = ridge_problem(n, d, tasks, count)
    answer = reference(problem)
    for precision in here.precisions:
        with here.multiplying(precision):
            for has_target in (False, True):
                what = "report(weak, target)" if has_target else "report(weak)"
                for is_new in (True, False):
                    entries = contenders(problem, answer, precision, here, has_target=has_target, is_new=is_new)
                    outcomes = contest(entries, scale, here)
                    where = "features new, construction included" if is_new else "features factorised before"
                    section.add_contest(f"{shape}, {precision}: {what}, {where}", outcomes, scale, f"{what}, {shape}")
    section.notes += [
        "Forming heads: `solve` alone gives no error yet; the rows below it add the cheapest errors from heads, by the Gram matrix "
        "(‖Xw‖² = wᵀGw), and the plain ones, by predictions, one penalty at a time.",
        "With a target, the ceiling's heads are formed too: `solve` with weak and target labels side by side.",
    ]
    return section


def reference(problem: RidgeProblem) -> Answer:
    """From predictions, by the singular value decomposition."""
    n = len(problem.features)
    student, ceiling = Reference(problem), Reference(problem._replace(weak=problem.target))
    misfit, gcv, student_error, ceiling_error = [], [], [], []
    for penalty in problem.penalties:
        s, c = (problem.features @ known.heads(np.array([penalty]))[0] for known in (student, ceiling))
        misfit.append(np.mean((s - problem.weak) ** 2, axis=0))
        dimension = np.sum(student.values**2 / (student.values**2 + penalty))
        gcv.append(misfit[-1] / (1.0 - dimension / n) ** 2)
        student_error.append(np.mean((s - problem.target) ** 2, axis=0))
        ceiling_error.append(np.mean((c - problem.target) ** 2, axis=0))
    return Answer(np.array([misfit, gcv]), np.array([misfit, student_error, ceiling_error]))


def contenders(
    problem: RidgeProblem, answer: Answer, precision: str, here: Place, *, has_target: bool, is_new: bool
) -> list[Contender]:
    """Ours, and three ways to form heads: heads alone, errors by the Gram matrix, errors by predictions."""
    features, weak, target = (here.array(a, precision) for a in (problem.features, problem.weak, problem.target))
    xp = array_namespace(features)
    count, tasks = len(problem.penalties), problem.weak.shape[1]
    known = Design(features)
    known.solve(weak[:, :1], penalties=problem.penalties)  # factorises it
    labels = xp.concat([weak, target], axis=1) if has_target else weak

    def design() -> Design:
        return Design(features) if is_new else known

    def report() -> Any:
        got = design().report(weak, target if has_target else None, penalties=problem.penalties)
        if got.gain is None:
            return np.stack([to_numpy(got.misfit), to_numpy(got.gcv)])
        return np.stack([to_numpy(values) for values in (got.misfit, got.gain.student_error, got.gain.ceiling_error)])

    def solve() -> Any:
        return design().solve(labels, penalties=problem.penalties).coefficients

    def by_gram() -> Any:
        heads = solve()
        gram, cross, n = features.T @ features, features.T @ labels, len(features)
        squares = xp.sum(heads * (gram @ heads), axis=1)
        pairs = [(slice(0, tasks), slice(0, tasks), weak)]
        if has_target:
            pairs += [(slice(0, tasks), slice(tasks, None), target), (slice(tasks, None), slice(tasks, None), target)]
        found = [
            squares[:, mine] - 2.0 * xp.sum(heads[:, :, mine] * cross[:, theirs], axis=1) + xp.sum(values**2, axis=0)
            for mine, theirs, values in pairs
        ]
        return np.stack([to_numpy(each) / n for each in found])

    def by_predictions() -> Any:
        heads, found = solve(), []
        for l in range(count):
            predictions = features @ heads[l, :, :]
            student, ceiling = predictions[:, :tasks], predictions[:, tasks:]
            pairs = [(student, weak), (student, target), (ceiling, target)] if has_target else [(student, weak)]
            found.append(np.stack([to_numpy(xp.mean((a - b) ** 2, axis=0)) for a, b in pairs]))
        return np.stack(found, axis=1)

    wanted = answer.errors if has_target else answer.misfit_gcv

    def error(got: Any) -> float:
        return relative_error(got, wanted[: len(got)])

    allowed = SAME[precision]
    goal = GOAL if is_new and precision == "float64" else None
    note = "" if has_target else "misfit only"
    return [
        Contender("ours, Design.report", report, error, allowed),
        Contender("forming heads, Design.solve", solve, goal=goal, note="no errors yet"),
        Contender("heads, then errors by the Gram matrix", by_gram, error, allowed, note=note),
        Contender("heads, then errors by predictions", by_predictions, error, allowed, note=note),
    ]
