"""What no gold label at all can say: the range of the gain that an assumption on realizability leaves, and when that is nothing.

Squared loss, points with weights that sum to one, w weak labels, s student, M = ‖w − s‖² the misfit, f the target. With any
member v of the strong class,

    gain = ‖w − f‖² − ‖s − f‖² = M + 2⟨w − s, s − v⟩ − 2⟨w − s, f − v⟩                                                    (1)

The last term is at most 2√(Mε) in size when ‖f − v‖² ≤ ε, and reaches it, with either sign, at f = v ± √ε (w − s)/√M. The
middle term depends on what the student is:

* the projection of w on a linear or affine class, on these very points: zero for every v. M − 2√(Mε) ≤ gain ≤ M + 2√(Mε), and
  both ends are attained whatever v is (then ε is the distance of f from the class, as w − s is orthogonal to it);
* the projection on a convex class, on these points: ≥ 0, no more is known. gain ≥ M − 2√(Mε), attained at v = s; nothing from
  above;
* any linear head s = Xβ (ridge, early stopping, or a head fitted elsewhere: held-out points): with the target's head β_v and c
  = Xᵀ(w − s), weighted, 2⟨w − s, s − v⟩ = 2⟨c, β − β_v⟩. Nothing is known without a bound on β_v; with ‖β_v‖ ≤ r it lies in
  2⟨c, β⟩ ± 2r‖c‖, both ends attained. For ridge in sample c = (λ/n)β (sums of squares penalised by λ‖β‖²), so that r = ‖β‖
  makes it ≥ 0: ridge is a projection on the ball of its own radius. A projection in sample has c = 0.

The points may be a sample or, weighted, a population; "on these points" means that the projection was made over the same ones:
a head fitted to a sample is a population's projection only up to its estimation error. Points that the student was not fitted
to, or another student than these, are not covered by the first two: use the third, or read ε as something it is not. ε is the
squared distance of the *target* from the class: if f are the gold labels themselves, noise that no model can know is part of
it. (Noise that is independent of w − s moves the gain by no more than chance, so that over a population ε may leave it out.)

Accuracy: gain = P(s = f ≠ w) − P(w = f ≠ s) lies in ±P(s ≠ w), attained at f = s and f = w: no assumption on a class narrows
it, but shares of classes or a range of the weak model's error do (a linear program over what f can be where weak and student
say (w, s)). Cross-entropy: gain = E log(s_f/w_f) lies between the means of the smallest and of the largest log ratio. NumPy;
scipy for accuracy with side information. Derived here, after Charikar et al. (2024).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..._validation import class_probabilities, finite, positive, sample_weights, shares


@dataclass(frozen=True)
class GainRange:
    """Between what the gain must lie: ``low``, ``high`` (``inf`` where nothing bounds it), the ``misfit``, the ``loss``.

    ``assumes``: what was assumed, a sentence; ``warning``: a plain sentence when the range holds both signs, else "".
    """

    low: float
    high: float
    misfit: float
    loss: str
    assumes: str

    @property
    def is_vacuous(self) -> bool:
        """True when both signs are possible: then nothing is said about whether the student beats its teacher."""
        return self.low < 0.0 < self.high

    @property
    def warning(self) -> str:
        """What to say when nothing is said."""
        if not self.is_vacuous:
            return ""
        return (
            f"without gold labels nothing is known about the sign of the gain here: all from {self.low:.4g} to {self.high:.4g} is possible "
            "under the assumption. Label some points."
        )

    def __str__(self) -> str:
        return f"gain ({self.loss}) in [{self.low:.6g}, {self.high:.6g}], misfit {self.misfit:.6g}, if {self.assumes}" + (
            f"; {self.warning}" if self.is_vacuous else ""
        )


def settling_epsilon(misfit: float) -> float:
    """M/4: the largest ε at which the band M ± 2√(Mε) does not reach below zero. An ε beyond it leaves the sign open."""
    return positive("misfit", misfit, strict=False) / 4.0


def projected_range(
    weak: Any, student: Any, *, epsilon: float, strong_class: Literal["affine", "convex"] = "affine", weights: Any = None
) -> GainRange:
    """The range for a student that is the projection of the weak labels on the strong class, on these very points.

    ``weak``, ``student`` (n,); ``epsilon`` ≥ 0: assumed squared distance (a mean over points) of the target from the class, in
    squared units of the labels; ``weights`` (n,). "affine" (linear heads without a penalty): M ± 2√(Mε); "convex": M − 2√(Mε)
    from below, nothing from above. Sharp.
    """
    epsilon = positive("epsilon", epsilon, strict=False)
    if strong_class not in ("affine", "convex"):
        raise ValueError(f"strong_class must be 'affine' or 'convex'; it is {strong_class!r}.")
    gap, mass = _pair(weak, student, weights)
    misfit = float(mass @ gap**2)
    band = 2.0 * math.sqrt(misfit * epsilon)
    high = misfit + band if strong_class == "affine" else math.inf
    assumes = (
        f"the student is the projection of the weak labels on the {strong_class} strong class on these points, and the target's mean "
        f"squared distance from that class is at most {epsilon:.4g}"
    )
    return GainRange(misfit - band, high, misfit, "squared", assumes)


def head_range(
    weak: Any, features: Any, head: Any, *, epsilon: float, radius: float, intercept: float = 0.0, weights: Any = None
) -> GainRange:
    """The range for any linear student s = Xβ + b, on any points: M + 2⟨c, β⟩ ± 2r‖c‖ ± 2√(Mε), c = Xᵀ(w − s), weighted.

    ``features`` (n, d), ``head`` β (d,), ``intercept`` b, known; ``radius`` r ≥ 0: assumed bound on ‖β_v‖ of a head whose
    predictions Xβ_v + b' are within ``epsilon`` (mean square) of the target, b' being any intercept if w − s has mean zero (in
    sample, with an intercept that is not penalised) and the student's own b otherwise; for a free one give a column of ones as
    a feature. Sharp.
    """
    epsilon, radius = positive("epsilon", epsilon, strict=False), positive("radius", radius, strict=False)
    features = np.asarray(finite("features", features, ndim=2), dtype=np.float64)
    head = np.asarray(finite("head", head, ndim=1), dtype=np.float64)
    if head.shape != features.shape[1:]:
        raise ValueError(
            f"head must have one entry per feature, {features.shape[1]}; its shape is {head.shape}. Pass the coefficients."
        )
    gap, mass = _pair(weak, features @ head + intercept, weights)
    misfit = float(mass @ gap**2)
    pull = features.T @ (mass * gap)
    middle = misfit + 2.0 * float(pull @ head)
    half = 2.0 * radius * float(np.linalg.norm(pull)) + 2.0 * math.sqrt(misfit * epsilon)
    assumes = (
        f"some linear head of norm at most {radius:.4g}, with the student's intercept, is within a mean squared distance of {epsilon:.4g} "
        "from the target on these points"
    )
    return GainRange(middle - half, middle + half, misfit, "squared", assumes)


def slope_range(weak: Any, student: Any, *, labels: tuple[float, float], weights: Any = None) -> GainRange:
    """Squared loss with no assumption but the range of the target: the means of the smallest and the largest (w − s)(w + s −
    2f). Sharp.
    """
    weak, student = (np.asarray(finite(name, v, ndim=1), dtype=np.float64) for name, v in (("weak", weak), ("student", student)))
    gap, mass = _pair(weak, student, weights)
    if not labels[0] < labels[1]:
        raise ValueError(f"labels must be a range (low, high) with low < high; it is {labels!r}.")
    ends = np.sort([gap * (weak + student - 2.0 * end) for end in labels], axis=0)
    low, high = (float(mass @ end) for end in ends)
    return GainRange(low, high, float(mass @ gap**2), "squared", f"the target lies between {labels[0]:.4g} and {labels[1]:.4g}")


def cross_entropy_range(weak: Any, student: Any, *, weights: Any = None) -> GainRange:
    """Cross-entropy with no assumption: between the means of the smallest and of the largest log(s_k/w_k) over classes k. Sharp.

    ``weak``, ``student`` (n, C), positive. ``misfit`` is E KL(s‖w), what gain is if the student is its own target.
    """
    weak, student = class_probabilities("weak", weak), class_probabilities("student", student)
    if weak.shape != student.shape or min(weak.min(), student.min()) <= 0.0:
        raise ValueError(
            f"weak and student must be positive and of one shape; they are {weak.shape} and {student.shape}, the smallest entry is "
            f"{min(weak.min(), student.min()):.3g}. Clip probabilities of 0, and say so."
        )
    mass = np.asarray(sample_weights(weights, weak[:, 0], weak[:, 0].shape))
    ratio = np.log(student) - np.log(weak)
    misfit = float(mass @ np.sum(student * ratio, axis=1))
    return GainRange(float(mass @ ratio.min(axis=1)), float(mass @ ratio.max(axis=1)), misfit, "cross-entropy", "nothing")


def accuracy_range(
    weak: Any, student: Any, *, class_shares: Any = None, weak_error: tuple[float, float] | None = None, weights: Any = None
) -> GainRange:
    """Accuracy: ± misfit with no assumption; narrower where ``class_shares`` (C,) of the gold labels, or a range of the
    ``weak_error``, are known.

    ``weak``, ``student`` (n,): class indices 0, 1, … . The gold labels are of the same classes (or of those of
    ``class_shares``) and otherwise free: the ends are the two optima of a linear program over P(gold = k, weak = i, student =
    j), which is sharp up to the points being finitely many. Raises ``ValueError`` when nothing is compatible.
    """
    weak, student = (_classes(name, v) for name, v in (("weak", weak), ("student", student)))
    mass = np.asarray(sample_weights(weights, weak.astype(np.float64), weak.shape))
    if weak.shape != student.shape:
        raise ValueError(f"weak and student must have one shape; they are {weak.shape} and {student.shape}. Align the rows.")
    misfit = float(mass @ (weak != student))
    if class_shares is None and weak_error is None:
        return GainRange(-misfit, misfit, misfit, "accuracy", "nothing")
    known = None if class_shares is None else shares("class_shares", class_shares)
    classes = max(int(max(weak.max(), student.max())) + 1, 2 if known is None else len(known))
    if known is not None and len(known) < classes:
        raise ValueError(f"class_shares must have one entry per class, {classes}; it has {len(known)}. Add the missing ones.")
    return _accuracy_program(weak, student, mass, misfit, classes, known, weak_error)


def _accuracy_program(
    weak: np.ndarray,
    student: np.ndarray,
    mass: np.ndarray,
    misfit: float,
    classes: int,
    known: np.ndarray | None,
    weak_error: tuple[float, float] | None,
) -> GainRange:
    from scipy.optimize import linprog

    pairs, index = np.unique(np.stack([weak, student]), axis=1, return_inverse=True)
    weight = np.bincount(np.reshape(index, -1), mass)
    gold = np.arange(classes)
    won = (pairs[1][:, None] == gold).astype(np.float64) - (pairs[0][:, None] == gold)
    equal, fixed = [np.kron(np.eye(len(weight)), np.ones(classes))], [weight]
    assumed = []
    if known is not None:
        equal.append(np.tile(np.eye(classes), len(weight)))
        fixed.append(known)
        assumed.append("the gold labels have the stated shares of classes")
    bounds, limits = None, None
    if weak_error is not None:
        if not 0.0 <= weak_error[0] <= weak_error[1] <= 1.0:
            raise ValueError(f"weak_error must be a range within [0, 1]; it is {weak_error!r}. Swap its ends?")
        wrong = (pairs[0][:, None] != gold).astype(np.float64).reshape(1, -1)
        bounds, limits = np.vstack([wrong, -wrong]), np.array([weak_error[1], -weak_error[0]])
        assumed.append(f"the weak model's error is between {weak_error[0]:.4g} and {weak_error[1]:.4g}")
    ends = []
    for sign in (1.0, -1.0):
        found = linprog(sign * won.reshape(-1), A_ub=bounds, b_ub=limits, A_eq=np.vstack(equal), b_eq=np.concatenate(fixed))
        if found.status == 2:
            raise ValueError("no gold labels are compatible with class_shares and weak_error on these points. Check both.")
        if not found.success:
            raise ValueError(f"the linear program of the accuracy range failed: {found.message} Pass fewer classes.")
        ends.append(sign * float(found.fun))
    return GainRange(min(ends), max(ends), misfit, "accuracy", " and ".join(assumed))


def _pair(weak: Any, student: Any, weights: Any) -> tuple[np.ndarray, np.ndarray]:
    """w − s and the weights, both (n,)."""
    weak, student = (np.asarray(finite(name, v, ndim=1), dtype=np.float64) for name, v in (("weak", weak), ("student", student)))
    if weak.shape != student.shape:
        raise ValueError(f"weak and student must have one shape; they are {weak.shape} and {student.shape}. Align the rows.")
    return weak - student, np.asarray(sample_weights(weights, weak, weak.shape))


def _classes(name: str, value: Any) -> np.ndarray:
    """Class indices (n,) as whole numbers."""
    array = np.asarray(finite(name, value, ndim=1), dtype=np.float64)
    if array.min() < 0 or np.any(array != np.rint(array)):
        raise ValueError(
            f"{name} must be class indices 0, 1, …; it reaches from {array.min():.6g} to {array.max():.6g}. Number the classes."
        )
    return array.astype(np.int64)
