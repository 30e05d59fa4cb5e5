"""A sample with strong features, weak labels and target, and the penalty of the linear head that is fitted to it.

float64 of the array library of ``features``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .._array import array_namespace
from .._validation import kept, positive
from ..linalg import least_squares


@dataclass(frozen=True, eq=False)
class LinearSample:
    """n points on which a head b is fitted by min ‖X b − weak‖² + λ‖b‖² (unnormalised sums, as in scikit-learn's Ridge).

    ``features`` X: (n, d); ``weak``, ``target``: (n,) or (tasks..., n); ``penalty`` λ ≥ 0; ``reference_head``: any head v (d,) or
    (tasks..., d) to compare with, the least-squares head of the target when ``None``. Raises ``ValueError`` for NaN or wrong shapes.
    """

    features: Any
    weak: Any
    target: Any
    penalty: float = 0.0
    reference_head: Any = None

    lives_on_devices: ClassVar[bool] = True

    def __post_init__(self) -> None:
        features = kept("features", self.features, ndim=2)
        object.__setattr__(self, "features", features)
        positive("penalty", self.penalty, strict=False)
        for name in ("weak", "target"):
            values = kept(name, getattr(self, name), min_ndim=1)
            if values.shape[-1] != features.shape[0]:
                raise ValueError(
                    f"{name} must have {features.shape[0]} samples on its last axis, as features; its shape is {tuple(values.shape)}."
                )
            object.__setattr__(self, name, values)
        if self.reference_head is None:
            if isinstance(features, np.ndarray):
                tasks = self.target.reshape(-1, features.shape[0])
                head = np.linalg.lstsq(features, tasks.T)[0].T.reshape(*self.target.shape[:-1], features.shape[1])
            else:
                head = least_squares(features, self.target).coefficients
        else:
            head = kept("reference_head", self.reference_head, min_ndim=1)
            if head.shape[-1] != features.shape[1]:
                raise ValueError(f"reference_head must have {features.shape[1]} coefficients; its shape is {tuple(head.shape)}.")
        object.__setattr__(self, "reference_head", head)

    @property
    def unexplained(self) -> Any:
        """r = target − X v, what the reference head leaves over, shape of target."""
        return self.target - self.reference_head @ self.features.T

    def is_realizable(self) -> bool:
        """True when the reference head reproduces every task's target, up to 1e-9 of its norm."""
        xp = array_namespace(self.features)
        left_over, whole = (xp.linalg.vector_norm(values, axis=-1) for values in (self.unexplained, self.target))
        return bool(xp.all(left_over <= 1e-9 * whole))
