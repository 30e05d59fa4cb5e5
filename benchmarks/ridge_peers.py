"""The contenders of the ridge benchmark: ours, and each named peer called as its documentation says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from w2s_theory._array import to_numpy
from w2s_theory.design import Design

from ._place import Place
from ._problems import Reference, RidgeProblem
from ._timing import Contender, peer, relative_error

#: Leave-one-out errors are those of the heads over (1 − leverage)², and leverages are at most 0.1 here.
SAME_LEFT_OUT = 1e-9
#: An interior-point solver stops at relative residuals of 1e-8 of an objective; the head is known to its square root.
SAME_CONIC = 1e-3
#: Tasks and penalties that the per-task loop is timed on.
LOOP_TASKS, LOOP_PENALTIES = 5, 4


def _heads_error(reference: Reference, chosen: np.ndarray, tasks: slice = slice(None)) -> Callable[[Any], float]:
    return lambda answer: relative_error(answer, reference.heads(chosen, tasks))


def ours(features: Any, weak: Any, problem: RidgeProblem, reference: Reference, precision: str) -> tuple[Contender, set[str]]:
    """``Design(X).solve(Y, penalties)``, and the routes that it took (filled when it has run)."""
    routes: set[str] = set()

    def solve() -> Any:
        heads = Design(features).solve(weak, penalties=problem.penalties)
        routes.add(heads.route)
        return heads.coefficients

    return Contender("ours", solve, _heads_error(reference, problem.penalties), reference.allowed(precision)), routes


def by_hand(features: Any, weak: Any, problem: RidgeProblem, reference: Reference, precision: str, here: Place) -> Contender:
    """The normal equations, formed once, solved by a Cholesky factorisation per penalty."""

    def numpy() -> Any:
        from scipy.linalg import cho_factor, cho_solve

        gram, cross = features.T @ features, features.T @ weak
        identity = np.eye(len(gram))
        return np.stack([cho_solve(cho_factor(gram + penalty * identity), cross) for penalty in problem.penalties])

    def torch() -> Any:
        import torch

        gram, cross = features.T @ features, features.T @ weak
        identity = torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
        penalties = torch.as_tensor(problem.penalties, dtype=gram.dtype, device=gram.device)[:, None, None]
        return torch.cholesky_solve(cross.expand(len(penalties), -1, -1), torch.linalg.cholesky(gram + penalties * identity))

    name, run = ("SciPy, by hand", numpy) if here.name == "cpu" else ("torch, by hand, batched", torch)
    return Contender(name, run, _heads_error(reference, problem.penalties), reference.allowed(precision))


def multi_output(problem: RidgeProblem, reference: Reference, goal: float | None) -> Contender:
    """scikit-learn's ``Ridge``, all tasks in one fit, one fit per penalty."""

    def build() -> Contender:
        from sklearn.linear_model import Ridge

        def run() -> Any:
            fits = [Ridge(alpha=value, fit_intercept=False).fit(problem.features, problem.weak) for value in problem.penalties]
            return np.stack([fit.coef_.T for fit in fits])

        return Contender(name, run, _heads_error(reference, problem.penalties), reference.allowed("float64"), goal=goal)

    name = "scikit-learn Ridge, multi-output"
    return peer(name, build)


def task_loop(problem: RidgeProblem, reference: Reference, goal: float | None) -> Contender:
    """scikit-learn's ``Ridge``, one fit per task and penalty, on a sample."""

    def build() -> Contender:
        from sklearn.linear_model import Ridge

        chosen = problem.penalties[:: max(len(problem.penalties) // LOOP_PENALTIES, 1)][:LOOP_PENALTIES]
        labels = [np.ascontiguousarray(problem.weak[:, task]) for task in range(LOOP_TASKS)]

        def run() -> Any:
            fits = [
                [Ridge(alpha=value, fit_intercept=False).fit(problem.features, column).coef_ for column in labels]
                for value in chosen
            ]
            return np.swapaxes(np.array(fits), 1, 2)

        timed, whole = len(chosen) * LOOP_TASKS, problem.weak.shape[1] * len(problem.penalties)
        note = f"timed on {timed} of {whole:,} fits, extrapolated"
        error = _heads_error(reference, chosen, slice(LOOP_TASKS))
        return Contender(name, run, error, reference.allowed("float64"), timed / whole, note, goal)

    name = "scikit-learn Ridge, a loop over tasks"
    return peer(name, build)


def himalaya(problem: RidgeProblem, reference: Reference, goal: float | None) -> Contender:
    """himalaya's documented solver of heads, one call per penalty, on a sample of them."""

    def build() -> Contender:
        from himalaya.ridge import solve_ridge_svd

        chosen = problem.penalties[[0, -1]]

        def run() -> Any:
            return np.stack([solve_ridge_svd(problem.features, problem.weak, alpha=float(value)) for value in chosen])

        share = len(chosen) / len(problem.penalties)
        note = f"timed on {len(chosen)} of {len(problem.penalties)} penalties, extrapolated"
        return Contender(name, run, _heads_error(reference, chosen), reference.allowed("float64"), share, note, goal)

    name = "himalaya solve_ridge_svd"
    return peer(name, build)


def himalaya_inside(problem: RidgeProblem, reference: Reference) -> Contender:
    """himalaya's fastest route to all heads: its private decomposition, then one product per penalty, one penalty at a time in memory."""

    def build() -> Contender:
        from himalaya.ridge._random_search import _decompose_ridge

        def run() -> Any:
            parts = _decompose_ridge(problem.features, problem.penalties, n_alphas_batch=1)
            return np.concatenate([matrices @ problem.weak for matrices, _ in parts])

        return Contender(
            name, run, _heads_error(reference, problem.penalties), reference.allowed("float64"), note="private function"
        )

    name = "himalaya _decompose_ridge"
    return peer(name, build)


def cvxpy(problem: RidgeProblem, reference: Reference) -> Contender:
    """cvxpy with CLARABEL: one task and one penalty, the program built anew as a loop would."""

    def build() -> Contender:
        import cvxpy as cp

        label, penalty = problem.weak[:, 0], problem.penalties[-1]

        def run() -> Any:
            head = cp.Variable(problem.features.shape[1])
            loss = cp.sum_squares(problem.features @ head - label) + penalty * cp.sum_squares(head)
            cp.Problem(cp.Minimize(loss)).solve(solver=cp.CLARABEL)
            return head.value[None, :, None]

        whole = problem.weak.shape[1] * len(problem.penalties)
        error = _heads_error(reference, problem.penalties[-1:], slice(1))
        return Contender(name, run, error, SAME_CONIC, 1.0 / whole, f"timed on 1 of {whole:,} problems, extrapolated")

    name = "cvxpy, CLARABEL"
    return peer(name, build)


def least_squares(problem: RidgeProblem, reference: Reference) -> Contender:
    """Ours, without a penalty."""
    return Contender(
        "ours",
        lambda: Design(problem.features).solve(problem.weak, penalties=0.0).coefficients,
        _heads_error(reference, np.zeros(1)),
        reference.allowed("float64", 0.0),
    )


def lstsq(problem: RidgeProblem, reference: Reference) -> list[Contender]:
    """LAPACK's least squares: by singular values (gelsd) and by pivoted QR (gelsy)."""
    import scipy.linalg

    def by(driver: str) -> Contender:
        return Contender(
            f"scipy.linalg.lstsq, {driver}",
            lambda: scipy.linalg.lstsq(problem.features, problem.weak, lapack_driver=driver)[0][None],
            _heads_error(reference, np.zeros(1)),
            reference.allowed("float64", 0.0),
        )

    return [by("gelsd"), by("gelsy")]


def leave_one_out(problem: RidgeProblem, errors: np.ndarray) -> Contender:
    """Ours: all leave-one-out errors (L, T)."""
    return Contender(
        "ours, Design.leave_one_out",
        lambda: Design(problem.features).leave_one_out(problem.weak, penalties=problem.penalties),
        lambda answer: relative_error(to_numpy(answer), errors),
        SAME_LEFT_OUT,
        note="every error (L, T)",
    )


def ridge_cv(problem: RidgeProblem, errors: np.ndarray) -> Contender:
    """scikit-learn's ``RidgeCV``, which scores every penalty by leave-one-out and reports each task's best."""

    def build() -> Contender:
        from sklearn.linear_model import RidgeCV

        def run() -> Any:
            fit = RidgeCV(problem.penalties, fit_intercept=False, alpha_per_target=True).fit(problem.features, problem.weak)
            return -fit.best_score_

        def error(answer: Any) -> float:
            return relative_error(answer[None], errors.min(axis=0)[None])

        return Contender(
            name, run, error, SAME_LEFT_OUT, note="scores them all and returns the best of each task, with its heads"
        )

    name = "scikit-learn RidgeCV"
    return peer(name, build)
