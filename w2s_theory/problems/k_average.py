"""Students that mix the members of a hull: any mixture, and the average of k members drawn from a mixture. NumPy float64."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._validation import generator, shares, whole
from ..divergences import KL
from .hull_population import HullPopulation, mixture_of


@dataclass(frozen=True, eq=False)
class KAverage:
    """The average of ``size`` = k members drawn independently from ``mixture`` (m,) of the ``population``'s m members.

    Averages are taken in the divergence's coordinates: of probabilities for "kl", of their logarithms for "reverse-kl". The population
    has one task: weak labels (n,) or (n, c). Raises ``ValueError`` for more tasks or a mixture that is none.
    """

    population: HullPopulation
    mixture: np.ndarray
    size: int

    def __post_init__(self) -> None:
        world = self.population
        if world.weak.ndim != world.members.ndim - 1 or world.target_mixture.ndim != 1:
            raise ValueError(f"population must have one task; its weak labels have shape {world.weak.shape}. Take one of them.")
        mixture = shares("mixture", self.mixture)
        if mixture.shape != (len(world.members),):
            raise ValueError(f"mixture must have {len(world.members)} weights, one per member; its shape is {mixture.shape}.")
        object.__setattr__(self, "mixture", mixture)
        object.__setattr__(self, "size", whole("size", self.size))

    @property
    def centre(self) -> np.ndarray:
        """The mixture itself, to which averages converge: g, (n,) or (n, c)."""
        return mixture_of(self.population.members, self.mixture, self.population.loss)

    def averages(self, count: int, *, rng: np.random.Generator) -> np.ndarray:
        """``count`` independent averages of k drawn members, (count, n) or (count, n, c)."""
        counts = generator(rng).multinomial(self.size, self.mixture / self.mixture.sum(), size=whole("count", count))
        return mixture_of(self.population.members, counts / self.size, self.population.loss)

    def is_kl(self) -> bool:
        """True for probabilities averaged as such, compared by KL."""
        return isinstance(self.population.loss, KL)


@dataclass(frozen=True, eq=False)
class HullStudent:
    """Two mixtures of the members of a ``population``: a ``student`` (..., m) and a ``reference`` (..., m), for instance the best one.

    Raises ``ValueError`` for weights that are negative, do not sum to one or do not fit the members.
    """

    population: HullPopulation
    student: np.ndarray
    reference: np.ndarray

    def __post_init__(self) -> None:
        for name in ("student", "reference"):
            mixture = shares(name, getattr(self, name), ndim=np.ndim(getattr(self, name)))
            if mixture.shape[-1] != len(self.population.members):
                raise ValueError(
                    f"{name} must have {len(self.population.members)} weights on its last axis; its shape is {mixture.shape}."
                )
            object.__setattr__(self, name, mixture)

    def is_kl(self) -> bool:
        """True for mixtures of probabilities, compared by KL."""
        return isinstance(self.population.loss, KL)
