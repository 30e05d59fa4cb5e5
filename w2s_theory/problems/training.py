"""How far training went: a member of the class that is not the exact projection, and a student fitted to n sampled points."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from .._array import array_namespace
from .._validation import kept, probability, whole
from .population import Population


@dataclass(frozen=True, eq=False)
class ApproximateTraining:
    """A population and some member of the strong class that approximately fits the weak labels: ``student``, shape of weak.

    That ``student`` is a member is the caller's word; ``is_member`` checks it by projecting.
    """

    population: Population
    student: Any

    lives_on_devices: ClassVar[bool] = True

    def __post_init__(self) -> None:
        student = kept("student", self.student, min_ndim=1)
        if student.shape != self.population.weak.shape:
            raise ValueError(
                f"student must have the shape of weak, {tuple(self.population.weak.shape)}; its shape is {tuple(student.shape)}."
            )
        object.__setattr__(self, "student", student)

    @cached_property
    def member(self) -> Any:
        """The member of the class closest to ``student``: itself, without the rounding it came with."""
        return self.population.strong_class.project(self.student, self.population.weights).values

    def is_member(self) -> bool:
        """True when ``student`` lies in the strong class, up to 1e-7 of its own and the weak labels' norm."""
        world = self.population
        distance = world.squared_norm(self.student - self.member)
        return bool(
            array_namespace(distance).all(distance <= 1e-14 * (world.squared_norm(self.student) + world.squared_norm(world.weak)))
        )

    @property
    def excess_misfit(self) -> Any:
        """E = ‖member − weak‖² − min_{s in V} ‖s − weak‖² ≥ 0, shape (tasks...)."""
        world = self.population
        best = world.squared_norm(world.student.values - world.weak)
        return array_namespace(best).clip(world.squared_norm(self.member - world.weak) - best, min=0.0)


@dataclass(frozen=True, eq=False)
class SampledTraining:
    """A student fitted by empirical risk minimisation on ``n_pseudo`` i.i.d. points of a single-task population; confidence 1 − δ."""

    population: Population
    n_pseudo: int
    delta: float = 0.05

    lives_on_devices: ClassVar[bool] = True

    def __post_init__(self) -> None:
        whole("n_pseudo", self.n_pseudo)
        probability("delta", self.delta)
        if self.population.weak.ndim != 1:
            raise ValueError(f"population must hold one task; its weak labels have shape {self.population.weak.shape}.")

    def students(self, count: int, *, rng: np.random.Generator) -> Any:
        """Values (count, n) on the whole population of ``count`` students, each fitted to its own sample of n_pseudo points.

        The class must extend its members to points that were not drawn (it does when it has coefficients).
        """
        return array_namespace(self.population.weak).stack(
            [self.population.sample(self.n_pseudo, rng=rng).student.values for _ in range(count)]
        )
