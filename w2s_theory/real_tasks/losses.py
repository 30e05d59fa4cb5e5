"""What is measured at every test row, under three losses, and how it changes with the predictions. Generic in the array library.

Each loss gives ``values`` (k, m), k numbers of ``NAMES`` at m rows, and their derivatives by what weak model (w), student (s) and ceiling
(c) say there: by numbers for squared loss, by scores (logits) z for classes, where dp = p ⊙ (dz − ⟨p, dz⟩).

    squared          weak (w−y)², student (s−y)², ceiling (c−y)², misfit (s−w)², cross term −2(w−s)(y−c); summed over outputs
    cross-entropy    −log w_y, −log s_y, −log c_y, misfit Σ s (log s − log w), cross term ⟨y − c, log s − log w⟩, in nats
    accuracy         1[w wrong], 1[s wrong], 1[c wrong], misfit 1[s ≠ w]; there is no cross term

Everything else is linear in these: gain = weak − student, residual = gain − misfit, penalty term = residual − cross term, gap = weak −
ceiling. Accuracy jumps, so it has no derivative at a row; its mean over rows does, the density of the margin at 0, here by a kernel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._array import array_namespace, to_numpy

NAMES = ("weak_error", "student_error", "ceiling_error", "misfit", "cross_term")
#: What is made of them: coefficients of ``NAMES``.
DERIVED = {
    "weak_error": (1, 0, 0, 0, 0),
    "student_error": (0, 1, 0, 0, 0),
    "ceiling_error": (0, 0, 1, 0, 0),
    "gain": (1, -1, 0, 0, 0),
    "misfit": (0, 0, 0, 1, 0),
    "residual": (1, -1, 0, -1, 0),
    "cross_term": (0, 0, 0, 0, 1),
    "penalty_term": (1, -1, 0, -1, -1),
    "gap": (1, 0, -1, 0, 0),
}


@dataclass(frozen=True, eq=False)
class Measured:
    """``values`` (k, m) at m test rows and derivatives (m, q, k) by the outputs of each model there; NaN where a number is not defined."""

    values: Any
    by_weak: Any
    by_student: Any
    by_ceiling: Any


def squared(weak: Any, student: Any, ceiling: Any, labels: Any) -> Measured:
    """Predictions and labels (m, q)."""
    xp = array_namespace(labels)
    w, s, c = weak - labels, student - labels, ceiling - labels
    apart = weak - student
    values = xp.stack([xp.sum(part, axis=1) for part in (w**2, s**2, c**2, apart**2, 2.0 * apart * c)])
    none = xp.zeros_like(w)
    return Measured(
        values,
        xp.stack([2.0 * w, none, none, 2.0 * apart, 2.0 * c], axis=-1),
        xp.stack([none, 2.0 * s, none, -2.0 * apart, -2.0 * c], axis=-1),
        xp.stack([none, none, 2.0 * c, none, 2.0 * apart], axis=-1),
    )


def cross_entropy(weak: Any, student: Any, ceiling: Any, labels: Any) -> Measured:
    """Probabilities (m, C) and one-hot labels (m, C). A weak model that gives a class no chance has no cross-entropy: NaN where it enters."""
    xp = array_namespace(labels)
    none = xp.zeros_like(student)
    unknown = none + float("nan")
    hard = bool(xp.any(weak <= 0.0))
    log_w = unknown if hard else xp.log(weak)
    log_s, log_c = xp.log(student), xp.log(ceiling)
    slope, short = log_s - log_w, labels - ceiling
    parts = (-labels * log_w, -labels * log_s, -labels * log_c, student * slope, short * slope)
    values = xp.stack([xp.sum(part, axis=1) for part in parts])
    return Measured(
        values,
        xp.stack([weak - labels, none, none, weak - student, -short], axis=-1),
        xp.stack([none, student - labels, none, _by_scores(student, slope), short], axis=-1),
        xp.stack([none, none, ceiling - labels, none, -_by_scores(ceiling, slope)], axis=-1),
    )


def _by_scores(p: Any, slope: Any) -> Any:
    """Derivative of Σ p·slope by the scores of p, slope held (that of slope itself sums to zero over classes)."""
    xp = array_namespace(p)
    return p * (slope - xp.sum(p * slope, axis=1)[:, None])


def accuracy(weak: Any, student: Any, ceiling: Any, labels: Any) -> Measured:
    """Probabilities (m, C) and one-hot labels (m, C); the most probable class counts."""
    xp = array_namespace(labels)
    named = [_one_hot(p) for p in (weak, student, ceiling)]
    wrong = [1.0 - xp.sum(n * labels, axis=1) for n in named]
    none = xp.zeros_like(student)
    values = xp.stack([*wrong, 1.0 - xp.sum(named[0] * named[1], axis=1), xp.sum(none, axis=1) + float("nan")])
    w, s, c = (-_crossing(p, labels) for p in (weak, student, ceiling))
    apart_w, apart_s = -_crossing(weak, named[1]), -_crossing(student, named[0])
    return Measured(
        values,
        xp.stack([w, none, none, apart_w, none], axis=-1),
        xp.stack([none, s, none, apart_s, none], axis=-1),
        xp.stack([none, none, c, none, none], axis=-1),
    )


def _one_hot(p: Any) -> Any:
    xp = array_namespace(p)
    classes = xp.arange(p.shape[1], device=p.device)
    return xp.astype(xp.argmax(p, axis=1)[:, None] == classes[None, :], p.dtype)


def _crossing(p: Any, chosen: Any) -> Any:
    """Derivative (m, C) by the scores of how often the ``chosen`` class (one-hot) is the most probable: the density of its margin at 0.

    margin = score of the chosen class − the largest other one; a normal kernel of width 1.06·spread·m^(−1/5) (Silverman's rule).
    """
    xp = array_namespace(p)
    if bool(xp.any(p <= 0.0)):  # hard answers of an outside supervisor do not move
        return xp.zeros_like(p)
    scores = xp.log(p)
    other = scores - 1e3 * chosen
    rival = _one_hot(other)
    margin = to_numpy(xp.sum(scores * chosen, axis=1) - xp.sum(scores * rival, axis=1))
    width = max(1.06 * float(np.std(margin)) * len(margin) ** -0.2, 1e-9)
    density = np.exp(-0.5 * (margin / width) ** 2) / (width * np.sqrt(2.0 * np.pi))
    return xp.asarray(density, dtype=p.dtype, device=p.device)[:, None] * (chosen - rival)
