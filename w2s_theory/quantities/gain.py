"""The five numbers of a Triple: weak error, student error, gain, misfit, residual; and the ceiling's four when it is known.

Generic in the array library: NumPy, torch (CPU or GPU) and other array-API arrays. Shorter floats are raised to float64 before anything
is subtracted, which is exact, so that errors are as good as the predictions they are made of.
"""

from __future__ import annotations

from typing import Any

from .._array import array_namespace, mean_over_samples
from .._validation import sample_weights
from ..divergences import Bregman, Divergence
from ..outcomes import GainReport
from ..triple import Triple


def gain_report(
    weak: Any, student: Any, target: Any, weights: Any = None, divergence: str | Divergence = "squared", *, ceiling: Any = None
) -> GainReport:
    """Errors of weak and student against target, the student's gain, the misfit between them, and the residual.

        gain = D(target, weak) − D(target, student),   misfit = D(student, weak),   gain = misfit + residual

    each a weighted average over samples (weights are normalised to sum to one; squared errors are not halved).

    ``weak``, ``student``, ``target``, ``ceiling``: arrays (..., n) of numbers or class labels, or (..., n, c) for a divergence on
    vectors ("kl", "reverse-kl", ``Squared(vector=True)``, ``Mahalanobis``), any number of tasks in front; NumPy or torch. ``weights``:
    (n,) or broadcastable to (..., n). ``divergence``: "squared", "kl", "reverse-kl", "itakura-saito", "zero-one" or a
    ``divergences.Divergence``.
    ``ceiling``: the strong model trained on the truth; adds ceiling_error, pgr, cross_term and penalty_term (see ``GainReport``).

    Raises ``ValueError`` for NaN, infinity, empty samples, mismatched shapes, negative weights or values outside the divergence's
    domain; ``TypeError`` for non-numeric or mixed-library arrays. Source: three-point identity, see ``divergences``.

    >>> import numpy as np
    >>> report = gain_report(weak=[1.0, 3.0], student=[1.0, 1.0], target=[1.0, 1.0])
    >>> float(report.gain), float(report.misfit), float(report.residual)
    (2.0, 2.0, 0.0)
    """
    return report(Triple(weak, student, target, weights, ceiling, divergence))


def report(triple: Triple) -> GainReport:
    """The GainReport of a Triple; see ``gain_report``."""
    loss = triple.loss
    weak, student, target, ceiling = (_double(values) for values in (triple.weak, triple.student, triple.target, triple.ceiling))
    shape = tuple(weak.shape)
    weights = sample_weights(triple.weights, weak, shape[:-1] if loss.event_ndim else shape)

    def mean(values: Any) -> Any:
        return mean_over_samples(values, weights)

    weak_error = mean(loss.between(target, weak))
    student_error = mean(loss.between(target, student))
    gain = weak_error - student_error
    extra: dict[str, Any] = {}
    if ceiling is not None:
        ceiling_error = mean(loss.between(target, ceiling))
        xp = array_namespace(gain)
        gap = weak_error - ceiling_error
        recoverable = gap > 0
        pgr = xp.where(recoverable, gain / xp.where(recoverable, gap, xp.ones_like(gap)), xp.full_like(gap, xp.nan))
        extra = {"ceiling_error": ceiling_error, "pgr": pgr}
        if isinstance(loss, Bregman):
            slope = loss.slope_between(student, weak)
            extra["cross_term"] = mean(loss.inner(loss.displacement(target, ceiling), slope))
            extra["penalty_term"] = mean(loss.inner(loss.displacement(ceiling, student), slope))
    return GainReport(
        weak_error=weak_error,
        student_error=student_error,
        gain=gain,
        misfit=mean(loss.between(student, weak)),
        residual=mean(loss.residual(target, student, weak)),
        divergence=loss.name,
        **extra,
    )


def rounding_scale(triple: Triple) -> Any:
    """Size of the numbers that gain, misfit and residual are differences of, (tasks...): their rounding error is a few units of it."""
    loss = triple.loss
    weak, student, target = (_double(values) for values in (triple.weak, triple.student, triple.target))
    xp = array_namespace(weak)
    weights = sample_weights(triple.weights, weak, tuple(weak.shape[: weak.ndim - loss.event_ndim]))
    size = xp.abs(loss.residual(target, student, weak))
    for first, second in ((target, weak), (target, student), (student, weak)):
        size = size + xp.abs(loss.rounding_size(first, second))
    return mean_over_samples(size, weights)


def _double(values: Any) -> Any:
    if values is None:
        return None
    xp = array_namespace(values)
    return xp.astype(values, xp.float64)
