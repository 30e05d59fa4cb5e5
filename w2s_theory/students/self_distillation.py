"""Self-distillation: a student of the same kind as its teacher, trained on a mixture of the labels and the teacher's predictions.

Step i trains on (1 − ξ_i)·labels + ξ_i·(predictions of step i − 1), step 0 being the plain student; ξ > 1 extrapolates away from the labels
and ξ < 0 away from the teacher. ``SelfDistilled`` does just that, for any linear student. ``self_distilled_heads`` has every penalty
and every sequence of mixings of ridge students from one factorisation: what a ridge student keeps of a direction, φ = s²/(s² + λ), becomes
φ(1 − ξ(1 − φ_teacher)).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._array import array_namespace, to_numpy
from .._validation import finite
from ..design import Design, Heads
from ..design.filters import path
from ..design.heads import combine
from ..design.rows import changed_basis
from .linear import LinearFit, LinearStudent


@dataclass(frozen=True)
class SelfDistilled:
    """``student`` distilled into itself once for each of ``mixings`` ξ_1, …, ξ_k; none of them gives the student itself.

    Each step fits the student anew, so a penalty chosen by leave-one-out is chosen at every step. Raises ``ValueError`` for mixings that
    are not a sequence of finite numbers.
    """

    student: LinearStudent
    mixings: tuple[float, ...]

    def __post_init__(self) -> None:
        if np.shape(self.mixings) != (0,):
            finite("mixings", self.mixings, ndim=1)

    def fit(self, features: Any, labels: Any, weights: Any = None) -> LinearFit:
        """The last student of each task: ``features`` (n, d), ``labels`` (..., n), ``weights`` (n,) or ``None`` for one each."""
        labels = finite("labels", labels, min_ndim=1)
        fit = self.student.fit(features, labels, weights)
        for mixing in self.mixings:
            fit = self.student.fit(features, (1.0 - mixing) * labels + mixing * fit.predict(features), weights)
        return fit


def self_distilled_heads(design: Design, labels: Any = None, *, penalties: Any, mixings: Any) -> Heads:
    """Self-distilled ridge heads for every penalty and every sequence of mixings, without refitting.

    ``labels`` (n,) or (n, T), ``None`` for those that the design carries; ``penalties`` λ > 0, a number or (L,); ``mixings`` ξ, a number,
    (M,) one-step mixings, or (M, k) sequences. The answer has L·M rows, penalties outermost: reshape its first axis to (L, M); ``path`` has
    the penalty of each row. Generic in the array library of the design.

    Raises ``ValueError`` for mixings that are not finite or have more than two axes, a penalty that is not positive (there
    distillation changes nothing), and what ``Design.solve`` refuses.

    >>> design = Design([[1.0, 0.0], [0.0, 2.0]])
    >>> self_distilled_heads(design, [1.0, 2.0], penalties=1.0, mixings=[0.0, 1.0]).coefficients.round(3).tolist()
    [[0.5, 0.8], [0.25, 0.64]]
    """
    along = path(penalties, None)
    if not along.values.min() > 0:
        raise ValueError(
            f"penalties must be > 0; the smallest is {along.values.min():.6g}. Without a penalty a student is its teacher: use Design.solve."
        )
    steps = np.atleast_1d(np.asarray(to_numpy(finite("mixings", mixings)), dtype=np.float64))
    if steps.ndim > 2:
        raise ValueError(f"mixings must be a number, (M,) or (M, k); its shape is {steps.shape}. Put one sequence in a row.")
    steps = steps.reshape(len(steps), -1)
    teacher = design.solve(labels, penalties=along.values)
    spectrum = design.spectrum(along)
    ours = design.coordinates(labels, None, spectrum, products=False)
    squares = spectrum.squares
    xp = array_namespace(squares)
    inverse, kept = along.on(squares)
    relative = xp.ones((len(along.values), len(steps), squares.shape[0]), dtype=squares.dtype, device=squares.device)
    for mixing in xp.asarray(
        steps.T, dtype=squares.dtype, device=squares.device
    ):  # kept by the student, relative to the ridge head
        relative = 1.0 - mixing[None, :, None] * (1.0 - kept[:, None, :] * relative)
    inverse = xp.reshape(inverse[:, None, :] * relative, (-1, squares.shape[0]))
    b, dtype = ours.values[0, :, :], teacher.coefficients.dtype
    coefficients = combine(changed_basis(spectrum.basis, design.change), inverse, b, dtype)
    intercept = xp.astype(ours.moments.mean[0, :] - ((design.mean @ spectrum.basis) * inverse) @ b, dtype)
    if ours.moments.single:
        coefficients, intercept = coefficients[:, :, 0], intercept[:, 0]
    largest = np.max(np.abs(to_numpy(relative)), axis=-1, initial=1.0)
    error = np.minimum(teacher.error[:, None] * largest, 1.0).reshape(-1)
    return Heads(coefficients, intercept, np.repeat(along.values, len(steps)), teacher.route, teacher.rank, error)
