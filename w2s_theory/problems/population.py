"""A finite population: the weak model, the target and the strong model's class of functions, all known at every point.

The world of Charikar et al. (2024): functions are vectors of values on n points with probabilities p, inner product
⟨u, v⟩ = Σ_i p_i u_i v_i, and d(u, v) = ‖u − v‖². A sample of real data is such a world too, its empirical measure. float64 of the
library the labels come in, where the strong class lives in it too; NumPy for every class.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from .._array import array_namespace, to_numpy
from .._validation import generator, kept, sample_weights, squarable, whole
from .convexity import ConvexClass, Projection

#: A target this close to the class, relative to the weak error, counts as realizable; checks add what the remaining distance can do.
REALIZABLE_DISTANCE = 1e-6
EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class Population:
    """Points with probabilities, the weak model's labels, the truth, and the convex class the student is chosen from.

    ``weak``, ``target``: (n,) or (tasks..., n); ``strong_class``: a ``ConvexClass`` on the same n points; ``weights``: (n,)
    non-negative, normalised to probabilities (``None``: equal).

    Raises ``ValueError`` for NaN, wrong shapes, negative weights or labels whose squares overflow.
    """

    weak: Any
    target: Any
    strong_class: ConvexClass
    weights: Any = None

    lives_on_devices: ClassVar[bool] = True

    def __post_init__(self) -> None:
        weak, target = (squarable(name, kept(name, getattr(self, name), min_ndim=1)) for name in ("weak", "target"))
        if weak.shape[-1] != target.shape[-1]:
            raise ValueError(
                f"weak and target must share the last axis of samples; their shapes are {tuple(weak.shape)} and {tuple(target.shape)}."
            )
        if not isinstance(self.strong_class, ConvexClass):
            raise TypeError(f"strong_class must be a ConvexClass such as students.convex.Subspace; it is {self.strong_class!r}.")
        if self.strong_class.size != weak.shape[-1]:
            raise ValueError(
                f"strong_class must be built on the samples of weak; it has {self.strong_class.size} samples and weak has {weak.shape[-1]}. "
                "Build it on the same points."
            )
        try:
            weak, target = array_namespace(weak, target).broadcast_arrays(weak, target)
        except (ValueError, RuntimeError):
            raise ValueError(
                f"weak and target must broadcast; their shapes are {tuple(weak.shape)} and {tuple(target.shape)}. Align the tasks."
            ) from None
        object.__setattr__(self, "weak", weak)
        object.__setattr__(self, "target", target)
        object.__setattr__(self, "weights", sample_weights(self.weights, weak, (weak.shape[-1],)))

    @cached_property
    def student(self) -> Projection:
        """The member of the class closest to the weak labels under the population: argmin_{s in V} ‖s − weak‖²."""
        return self.strong_class.project(self.weak, self.weights)

    @cached_property
    def ceiling(self) -> Projection:
        """The member of the class closest to the target."""
        return self.strong_class.project(self.target, self.weights)

    @cached_property
    def approximation_error(self) -> Any:
        """ε = min_{v in V} ‖v − target‖², shape (tasks...)."""
        return self.squared_norm(self.target - self.ceiling.values)

    def squared_norm(self, values: Any) -> Any:
        """Σ_i p_i values_i², shape (tasks...)."""
        return (values * values) @ self.weights

    def inner(self, first: Any, second: Any) -> Any:
        """Σ_i p_i first_i second_i, shape (tasks...)."""
        return (first * second) @ self.weights

    @cached_property
    def optimality_gap(self) -> Any:
        """Upper bound of ⟨weak − student, v − student⟩ over the members v no farther from the student than the ceiling is, (tasks...).

        0 for an exact projection. It is computed without looking at how the student was found, or at the ceiling's direction.
        """
        reach = array_namespace(self.weak).sqrt(self.squared_norm(self.student.values - self.ceiling.values))
        return self.strong_class.local_gap(self.weak, self.student.values, self.weights, reach)

    @cached_property
    def magnitude(self) -> Any:
        """Norm of the functions themselves and of what the class is made of, (tasks...): projections are rounded relative to it."""
        functions = (self.weak, self.target, self.student.values, self.ceiling.values)
        xp = array_namespace(self.weak)
        start = xp.zeros_like(self.weak[..., 0]) + self.strong_class.magnitude(self.weights)
        return sum((xp.sqrt(self.squared_norm(values)) for values in functions), start=start)

    def is_realizable(self) -> bool:
        """True when every task's target lies in the class, up to ``REALIZABLE_DISTANCE`` of the weak error and rounding."""
        xp = array_namespace(self.weak)
        allowed = REALIZABLE_DISTANCE * xp.sqrt(self.squared_norm(self.weak - self.target)) + 64 * EPSILON * self.magnitude
        return bool(xp.all(xp.sqrt(self.approximation_error) <= allowed))

    def is_affine(self) -> bool:
        """True when the class is a linear subspace or a shifted one."""
        return self.strong_class.is_affine

    def sample(self, n: int, *, rng: np.random.Generator) -> Population:
        """n i.i.d. points as a Population: the same points, weighted by how often each was drawn (multinomial counts / n)."""
        counts = generator(rng).multinomial(whole("n", n), to_numpy(self.weights))
        return Population(self.weak, self.target, self.strong_class, counts / n)
