"""A sample on which a softmax-linear head is fitted to soft weak labels, and the head that made the true ones.

float64 of the array library of ``features``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from .._array import array_namespace
from .._validation import kept, positive, sample_weights
from ..divergences import KL


@dataclass(frozen=True, eq=False)
class SoftmaxSample:
    """n points, the weak labels' probabilities, and a target = softmax(X W*): realizable by construction.

    ``features`` X (n, d), with a column of ones where an intercept is wanted; ``weak`` (..., n, C) strictly positive probabilities, any
    number of tasks in front; ``target_head`` W* (..., d, C); ``penalty`` λ ≥ 0 of the student's objective

        Σ_i v_i KL(weak_i ‖ softmax(x_iᵀW)) + (λ/2)‖W‖²

    with ``weights`` v (n,), scaled to sum to n; one each when ``None``. Raises ``ValueError`` for NaN, shapes that do not belong together, labels
    that are no positive probabilities, λ < 0, or a target head so large that a probability of the target is 0 in floating point.
    """

    features: Any
    weak: Any
    target_head: Any
    penalty: float = 0.0
    weights: Any = None

    lives_on_devices: ClassVar[bool] = True

    def __post_init__(self) -> None:
        features = kept("features", self.features, ndim=2)
        weak = kept("weak", self.weak, min_ndim=2)
        head = kept("target_head", self.target_head, min_ndim=2)
        n, d = features.shape
        if weak.shape[-2] != n or head.shape[-2:] != (d, weak.shape[-1]):
            raise ValueError(
                f"weak must be (..., {n}, C) and target_head (..., {d}, C) beside features {(n, d)}; their shapes are "
                f"{tuple(weak.shape)} and {tuple(head.shape)}."
            )
        KL().validate("weak", weak)
        positive("penalty", self.penalty, strict=False)
        weights = n * sample_weights(self.weights, features, (n,))
        for name, array in (
            ("features", features),
            ("weak", weak),
            ("target_head", head),
            ("weights", kept("weights", weights)),
        ):
            object.__setattr__(self, name, array)
        xp = array_namespace(features)
        if float(xp.min(self.target)) <= 0.0:
            raise ValueError(
                f"target_head must keep every probability of the target positive; logits reach ±{float(xp.max(xp.abs(features @ head))):.3g}, and "
                "one is 0 in floating point. Scale target_head down."
            )

    @property
    def target(self) -> Any:
        """softmax(X W*), (..., n, C)."""
        return KL().inverse_gradient(self.features @ self.target_head)
