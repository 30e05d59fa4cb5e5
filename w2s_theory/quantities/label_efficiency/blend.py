"""What a gain is without labels: an affine function of the truth; and the blend ŷ of weak and student that stands in for the truth.

For a Bregman divergence with the truth first, D(y, ·) with generator φ, the three-point identity gives at each point

    D(y, w) − D(y, s) = D(s, w) + ⟨y − s, h⟩,   h = ∇φ(s) − ∇φ(w),

affine in y. So with any guess ŷ the gain is  a + t,  a = D(s, w) + ⟨ŷ − s, h⟩ known at every point, t = ⟨y − ŷ, h⟩ at the
labelled ones. Squared loss: h = 2(s − w), a = w² − s² − 2(w − s)ŷ, t = −2(w − s)(y − ŷ). With the truth second (reverse KL)
the gain is affine in ∇φ(y), not in y: the mean of ∇φ(y) over a pool isn't what a label of class or number tells (it is
infinite for a one-hot label), and such a loss is refused.

*The blend.* ŷ = (w + s)/2 + a combination of s − w, of the deviation of (w + s)/2 from its mean, and of a constant per output.
Only ⟨ŷ, h⟩ matters. Its coefficients minimise the estimated variance, Σ (⟨y − ŷ, h⟩/rate)² over the labelled points of the
*other* folds, with a ridge of RIDGE draws towards (w + s)/2. NumPy only.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..._validation import finite
from ...divergences import Bregman, Divergence, Dual, as_divergence

#: Draws that the plain mean of weak and student counts for against fitted coefficients.
RIDGE = 8.0
#: Share of the uniform law mixed into the classes' probabilities where a spread is taken over them, so that it is 0 only where
#: w = s. How much a sure point is looked at nevertheless is the floor's business (``draws``): more doubt saved fewer labels.
DOUBT = 1e-3


def with_truth_first(divergence: str | Divergence) -> Bregman:
    """The divergence, if a gain in it is affine in the truth; raises ``ValueError`` with the reason where it is not."""
    loss = as_divergence(divergence)
    if isinstance(loss, Dual):
        raise ValueError(
            f"divergence must have the truth first; in {loss.name!r} it is second, and the gain is affine in the gradient at the truth, not in "
            f"the truth, so labels at a few points don't correct a guess without bias. Use {loss.base.name!r}."
        )
    if not isinstance(loss, Bregman):
        raise ValueError(
            f"divergence must be a Bregman divergence; {loss.name!r} is none. For accuracy use accuracy_gain, which needs labels only "
            "where weak and student disagree."
        )
    return loss


@dataclass(frozen=True, eq=False)
class Affine:
    """The gain as an affine function of the truth: ``misfit`` D(s, w) (N,) and ``slopes`` h (N,) or (N, C), with the answers
    they came from."""

    loss: Bregman
    weak: np.ndarray
    student: np.ndarray
    misfit: np.ndarray
    slopes: np.ndarray

    @staticmethod
    def of(weak: Any, student: Any, divergence: str | Divergence = "squared") -> Affine:
        """From the answers (N,), or (N, C) for a divergence on vectors; raises ``ValueError`` for NaN, misaligned arrays or
        values outside its domain."""
        loss = with_truth_first(divergence)
        ndim = 1 + loss.event_ndim
        weak, student = (np.asarray(finite(n, x, ndim=ndim), dtype=np.float64) for n, x in (("weak", weak), ("student", student)))
        if weak.shape != student.shape:
            raise ValueError(f"weak and student must have one shape; they are {weak.shape} and {student.shape}. Align them.")
        loss.validate("weak", weak)
        loss.validate("student", student)
        slopes, misfit = np.asarray(loss.slope_between(student, weak)), np.asarray(loss.between(student, weak))
        if not (np.all(np.isfinite(slopes)) and np.all(np.isfinite(misfit))):
            raise ValueError(f"weak and student must be inside the domain of {loss.name}: a gain there is infinite. Floor them.")
        return Affine(loss, weak, student, misfit, slopes)

    @property
    def size(self) -> int:
        """Number of points N."""
        return len(self.misfit)

    @cached_property
    def has_classes(self) -> bool:
        """The answers are probabilities of classes, so the truth is one of the corners."""
        both = np.stack([self.weak, self.student])
        return self.loss.event_ndim == 1 and bool(both.min() >= 0.0 and np.all(np.abs(both.sum(axis=-1) - 1.0) < 1e-6))

    @cached_property
    def chances(self) -> np.ndarray:
        """Of each class at each point (N, C), as far as weak and student know: their middle, mixed with DOUBT of the uniform law."""
        return (1.0 - DOUBT) * (self.weak + self.student) / 2.0 + DOUBT / self.slopes.shape[1]

    @cached_property
    def spread(self) -> np.ndarray:
        """``spread_of`` these answers, (N,)."""
        if self.slopes.ndim == 1:
            return np.abs(self.slopes)
        if not self.has_classes:
            return np.sqrt(np.sum(self.slopes**2, axis=1))
        means = np.sum(self.chances * self.slopes, axis=1, keepdims=True)
        return np.sqrt(np.sum(self.chances * (self.slopes - means) ** 2, axis=1))

    def gain(self, gold: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """D(y, w) − D(y, s) at ``rows``."""
        return self.misfit[rows] + self.loss.inner(gold - self.student[rows], self.slopes[rows])

    @cached_property
    def basis(self) -> tuple[np.ndarray, np.ndarray]:
        """⟨m, h⟩ (N,) of the middle m = (w + s)/2, and ⟨b, h⟩ (N, K) of the directions b in which the blend may leave it."""
        middle = (self.weak + self.student) / 2.0
        inner = self.loss.inner
        moves = [inner(self.student - self.weak, self.slopes), inner(middle - middle.mean(axis=0), self.slopes)]
        constants = self.slopes.reshape(self.size, -1)
        return inner(middle, self.slopes), np.column_stack([*moves, constants])


def spread_of(weak: Any, student: Any, divergence: str | Divergence = "squared") -> np.ndarray:
    """What a label is worth at each point (N,), up to a factor: the spread of the gain there, as far as it is known without
    labels.

    Numbers and vectors: |h| or ‖h‖, h = ∇φ(s) − ∇φ(w), for squared loss 2|w − s|. Classes: the standard deviation of h_Y, Y
    one class drawn from the middle of weak and student mixed with DOUBT of the uniform law; it is 0 only where w = s.
    """
    return Affine.of(weak, student, divergence).spread


def fitted_coefficients(directions: np.ndarray, misses: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Coefficients (K,) that minimise Σ (miss − directions·c)² + ridge, for draws (n, K) and (n,) that are divided by their
    rates.

    The ridge of a coefficient is RIDGE·``size``², ``size`` (K,) being what is expected of a draw's direction, root mean
    square: as if RIDGE more draws had been met by the middle alone. Zeros for no draw.
    """
    safe = np.where(size > 0.0, size, 1.0)
    scaled = directions / safe
    gram = scaled.T @ scaled + RIDGE * np.eye(safe.size)
    return np.linalg.solve(gram, scaled.T @ misses) / safe
