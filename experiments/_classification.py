"""What the experiments on gain and KL misfit share: the students, the rows in both orders of the divergence, and lines of the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy.special import softmax

from experiments._ledger import Finding
from w2s_theory._validation import SolverFailure
from w2s_theory.montecarlo import mean_estimate
from w2s_theory.outcomes import Estimate, Verdict
from w2s_theory.quantities.gain import report
from w2s_theory.students.bregman_hull import HullProjection, project_on_hull
from w2s_theory.students.mixtures import fit_mixture
from w2s_theory.students.softmax import fit_softmax
from w2s_theory.students.softmax_losses import Loss
from w2s_theory.theorems import check
from w2s_theory.triple import Triple

#: The order of the divergence: errors KL(target ‖ ·) and misfit KL(student ‖ weak), or errors KL(· ‖ target) and misfit KL(weak ‖ student).
ORDERS = {"primal": "kl", "dual": "reverse-kl"}
#: λ of a single head: against sums of hundreds of rows or more it moves no digit that is shown. λ of a mixture, per row: without it some
#: heads run off to probabilities of 1e-17 where others take over, and KL(target ‖ student), which nothing in reverse KL bounds, with them.
PENALTY, PENALTY_PER_ROW = 1e-4, 1e-4
#: Relative gradient at which the descent of a mixture ends, and the most steps it gets.
TOLERANCE, STEPS = 1e-3, 300
#: Certified gap of a mixture of known heads, relative to the divergences between them: far below any error that is shown.
GAP = 1e-8

Table = Mapping[str, np.ndarray]
Predict = Callable[[np.ndarray], np.ndarray]


def student(features: np.ndarray, labels: np.ndarray, *, loss: Loss, heads: int, rng: np.random.Generator) -> Predict:
    """Fit a softmax head, or a mixture of ``heads`` of them, to soft labels (n, C); return features (m, d) -> probabilities (m, C).

    A mixture is descended from around the single head and from one random start; the best of these and the single head is kept.
    """
    tasks = labels[:, None, :]
    if heads == 1:
        fit: Any = fit_softmax(features, tasks, loss=loss, penalty=PENALTY, intercept=True)
    else:
        settings = {"penalty": PENALTY_PER_ROW * len(features), "tolerance": TOLERANCE, "max_iterations": STEPS, "starts": 2}
        fit = fit_mixture(features, tasks, heads=heads, loss=loss, intercept=True, rng=rng, **settings)
    return lambda rows: fit.predict(rows)[:, 0]


def scattered_heads(
    features: np.ndarray, heads: np.ndarray, *, members: int, scatter: float, rng: np.random.Generator
) -> np.ndarray:
    """Probabilities (J, n, C) of ``members`` softmax heads, scattered around ``heads`` (C, d + 1), whose intercepts are left out."""
    classes, d = heads.shape[0], heads.shape[1] - 1
    scattered = heads[:, :-1] + scatter * rng.standard_normal((members, classes, d))
    return softmax(np.einsum("nd,jcd->jnc", features, scattered), axis=-1)


def best_mixture(members: np.ndarray, weak: np.ndarray) -> HullProjection:
    """The mixture of ``members`` with the least KL(mixture ‖ weak), certified; raises ``SolverFailure`` when it is not found."""
    best = project_on_hull(members, weak, divergence="kl", tolerance=GAP)
    if not best.converged:
        raise SolverFailure(f"the mixture was not found: its certified gap is {float(best.gap):.3g}")
    return best


def measured(
    weak: np.ndarray, learned: np.ndarray, target: np.ndarray, order: str, *, rng: np.random.Generator
) -> dict[str, Any]:
    """A row: the five numbers, the standard error of gain − misfit over the points, and the check of the identity between them."""
    triple = Triple(weak, learned, target, divergence=ORDERS[order])
    numbers = report(triple)
    values = {name: float(getattr(numbers, name)) for name in ("weak_error", "student_error", "gain", "misfit", "residual")}
    per_point = triple.loss.residual(triple.target, triple.student, triple.weak)
    found = check("identities.bregman", triple, rng=rng)
    return {
        "order": order,
        **values,
        "residual_stderr": float(np.std(per_point, ddof=1) / np.sqrt(len(per_point))),
        "identity": found.verdict.name,
        "identity_gap": -found.margin,
    }


def interval(values: np.ndarray) -> Estimate:
    """Mean with its 95 % Student-t interval."""
    return mean_estimate(np.asarray(values, dtype=np.float64))


def said(estimate: Estimate, digits: int = 4) -> str:
    """A mean with its interval, for the ledger."""
    return f"{estimate.value:+.{digits}f} [{estimate.low:+.{digits}f}, {estimate.high:+.{digits}f}]"


def identity(table: Table) -> Finding:
    """gain = misfit + residual, checked in every row."""
    counts = Counter(table["identity"].tolist())
    total, violated = len(table["identity"]), counts[Verdict.VIOLATED.name]
    undecided = total - violated - counts[Verdict.HOLDS.name]
    status = "counterexample found" if violated else "holds (derived here)"
    if undecided and not violated:
        status = f"not attempted (undecided in {undecided} of {total} checks)"
    return Finding(
        "`identities.bregman`: gain = misfit + residual in every row, both orders of KL",
        status,
        f"{total} checks: "
        + ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
        + f"; largest gap between the sides {np.max(table['identity_gap']):.1g}",
    )
