"""Which statements of the catalogue are about a run on real data, and what their checks say of it.

In sample, on the transfer rows, a student is a projection on what the strong features span, and theorems speak without estimation error. On
test rows only identities hold. What a theorem asks for and real data lack is a verdict too: OUT_OF_SCOPE, with the assumption that fails.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from .._array import array_namespace, to_numpy
from ..outcomes import Check, Verdict
from ..pipelines import Run
from ..problems.empirical import EmpiricalTask, reduced_dimension
from ..problems.linear_sample import LinearSample
from ..problems.population import Population
from ..problems.softmax_sample import SoftmaxSample
from ..students.convex import Subspace
from ..students.linear import OLS
from ..students.softmax import fit_softmax
from ..theorems import STATEMENTS, check
from ..triple import Triple
from .measure import Outcome, Trained

#: Statements about a projection are checked on at most so many transfer rows: they hold on any, and their solvers write down matrices.
MOST_ROWS = 1000
#: Components that the softmax statements see, at most: Newton's method writes down the Hessian.
MOST_COMPONENTS = 12


def student_checks(task: EmpiricalTask, outcome: Run, *, rng: np.random.Generator) -> list[dict[str, Check]]:
    """For each target of a ``pipelines.Run``, the checks of the statements about the run's student on its transfer rows.

    Least squares: the transfer rows as a ``Population``, all targets in one check, which is listed with the first. Ridge: a
    ``LinearSample`` per target, as each has its penalty; centring features and labels removes the intercept, and the head to
    compare with is the ceiling's.
    """
    features, train, rows = task.strong_features[outcome.split.transfer], outcome.train, len(outcome.split.transfer)
    weak, target = (np.reshape(values, (-1, rows)) for values in (train.weak, train.target))
    if isinstance(outcome.rule, OLS):
        world = Population(weak, target, Subspace(features))
        names = ("charikar2024.nonrealizable_linear", "charikar2024.cross_term")
        return [{name: check(name, world, rng=rng) for name in names}] + [{}] * (len(weak) - 1)
    penalty = np.reshape(outcome.strong_fit.penalty[0], -1)
    ceiling = np.reshape(outcome.strong_fit.coefficients[1], (-1, features.shape[1]))
    return [{"ridge.penalty": each} for each in penalty_checks(features, weak, target, penalty, ceiling, rng=rng)]


def penalty_checks(features: Any, weak: Any, target: Any, penalty: Any, heads: Any, *, rng: np.random.Generator) -> list[Check]:
    """``ridge.penalty`` for each of T tasks: ``features`` (n, d), ``weak`` and ``target`` (T, n), ``penalty`` (T,), ``heads`` (T, d)."""
    xp = array_namespace(features)
    features = features - xp.mean(features, axis=0)
    weak, target = (labels - xp.mean(labels, axis=1)[:, None] for labels in (weak, target))
    samples = (LinearSample(features, weak[t, :], target[t, :], float(penalty[t]), heads[t, :]) for t in range(len(penalty)))
    return [check("ridge.penalty", sample, rng=rng) for sample in samples]


def split_verdicts(outcome: Outcome, *, rng: np.random.Generator) -> list[Check]:
    """The checks of every statement that is about this split, those out of scope last."""
    found = _of_ridge(outcome.linear, rng)
    if outcome.softmax is not None:
        found += _of_softmax(outcome.softmax, rng)
    return sorted(found, key=lambda each: each.verdict is Verdict.OUT_OF_SCOPE)


def _of_ridge(trained: Trained, rng: np.random.Generator) -> list[Check]:
    weak, student, ceiling, target = (_tasks(part[1]) for part in (trained.weak, trained.student, trained.ceiling, trained.gold))
    on_test = Triple(weak, student, target, ceiling=ceiling)
    found = [_check("identities.squared", on_test, "test rows", rng)]
    head = trained.student_head
    rows = min(head.space.centred.shape[0], MOST_ROWS)
    basis = head.space.spectrum.basis
    components = (
        head.space.centred[:rows, :] @ basis[:, : max(1, min(reduced_dimension(rows) if rows >= 8 else 1, basis.shape[1]))]
    )
    of_weak, of_gold = (_tasks(part[0])[:, :rows] for part in (trained.weak, trained.gold))
    where = f"{rows} transfer rows, {components.shape[1]} components"
    for name in ("nonrealizable_linear", "cross_term", "theorem_1_affine"):
        found.append(_check(f"charikar2024.{name}", Population(of_weak, of_gold, Subspace(components)), where, rng))
    heads = trained.ceiling_head.coefficients.T
    ridge = penalty_checks(head.space.features[:rows, :], of_weak, of_gold, head.penalty, heads, rng=rng)
    return [*found, _worst(ridge, f"{rows} transfer rows, the student's penalty")]


def _of_softmax(trained: Trained, rng: np.random.Generator) -> list[Check]:
    weak, student, ceiling, gold = (part[1] for part in (trained.weak, trained.student, trained.ceiling, trained.gold))
    xp = array_namespace(weak)
    named = [xp.argmax(part, axis=1) for part in (weak, student, gold)]
    classes = Triple(*named, divergence="zero-one")
    found = [_check(f"identities.{name}", classes, "test rows", rng) for name in ("zero_one", "zero_one_binary")]
    soft = bool(xp.all(weak > 0.0)) and bool(xp.all(trained.weak[0] > 0.0))
    if not soft:
        why = "the weak labels are hard: a weak model that rules a class out has no cross-entropy"
        names = ("identities.bregman", "mulgund2025.softmax_penalty", "mulgund2025.softmax_head")
        return found + [Check(name, Verdict.OUT_OF_SCOPE, relation=STATEMENTS[name].relation, why=why) for name in names]
    triple = Triple(weak, student, gold, ceiling=ceiling, divergence="kl")
    found.append(_check("identities.bregman", triple, "test rows, KL(target ‖ ·)", rng))
    sample = _softmax_sample(trained)
    where = (
        f"{len(sample.features)} transfer rows, {sample.features.shape[1] - 1} components, target: the ceiling's probabilities"
    )
    found.append(_check("mulgund2025.softmax_penalty", sample, where, rng))
    found.append(_check("mulgund2025.softmax_head", replace(sample, penalty=0.0), where + ", no penalty", rng))
    return found


def _softmax_sample(trained: Trained) -> SoftmaxSample:
    """The transfer rows by their leading components, the weak probabilities, and a head fitted to the gold labels as the truth. NumPy."""
    space, labels = trained.student_head.space, to_numpy(trained.gold[0])
    rows = min(len(labels), MOST_ROWS)
    coordinates = space.coordinates
    centred = to_numpy(space.map(space.features))[:, :-1]
    order = np.argsort(to_numpy(coordinates.squares)[:-1])[::-1]
    basis = to_numpy(coordinates.basis)[:-1, :-1][:, order[: min(MOST_COMPONENTS, max(1, rows // 8))]]
    components = (centred @ basis)[:rows]
    components = np.column_stack([components / components.std(), np.ones(rows)])
    # A penalty of one row's weight: without one, separable classes would have no head.
    two = labels.shape[1] == 2
    target = fit_softmax(components, labels[:rows, None, 1] if two else labels[:rows, None, :], penalty=1.0).coefficients
    head = np.column_stack([np.zeros(len(target)), target]) if two else target[:, 0, :]
    return SoftmaxSample(components, to_numpy(trained.weak[0])[:rows], head, 1.0)


def _tasks(columns: Any) -> Any:
    """(n, q) as q tasks (q, n)."""
    return columns.T


def _check(name: str, problem: Any, where: str, rng: np.random.Generator) -> Check:
    return replace(check(name, problem, rng=rng), method=where)


def _worst(checks: list[Check], where: str) -> Check:
    """The check to report of several alike: one that does not hold, else the one with the smallest margin."""
    return replace(min(checks, key=lambda each: (each.verdict is Verdict.HOLDS, each.margin)), method=where)
