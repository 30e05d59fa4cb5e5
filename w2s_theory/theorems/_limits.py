"""What the statements about the limits of refinement share: hypotheses, sizes of limits, and a search for the size at which a concept flips.

A limit is checked at the first sizes at which its envelope is at stated levels or below. Simulating a prompt takes time in proportion to its
examples, or to their cube, so the search for those sizes ends, and a statement about worlds that need longer prompts declines.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ..problems.concepts import ConceptWorld
from ..quantities.phase_boundaries import flip_size, identification_radius
from ..statements import Assumption, Source

SOURCE = Source("somerstep2025", "refinement as Bayesian in-context learning", derived=True)
SOFT = Assumption("concepts are soft (spread ψ > 0)", lambda prompting: prompting.world.spread > 0.0)
ORTHOGONAL = Assumption("n ≥ d, so that features can be orthogonal", lambda prompting: prompting.examples >= prompting.world.d)
AHEAD = Assumption("a competitor lies ahead: u_k·b > 0 for some k", lambda world: _is_ahead(world))
#: The longest prompts that checks simulate: read one example after another, and read through the n × n covariance of their labels.
MOST_EXAMPLES, MOST_ORTHOGONAL = 256, 64
#: Steps of a bisection from a bracket of factor two: the last one moves the answer by less than its rounding.
BISECTIONS = 60
#: Room for the rounding of squared distances at the flip, as a share of its size.
SLIP = 1e-12


@dataclass(frozen=True)
class Reach:
    """The sizes 1 … ``most`` at which ``envelope(problem, n)``, decreasing in n, first is at each of the ``levels`` or below it."""

    envelope: Callable[[Any, int], float]
    levels: tuple[float, ...]
    most: int

    def sizes(self, problem: Any) -> tuple[int, ...]:
        """Those sizes in increasing order; none when the smallest level is beyond ``most``."""
        found = [first_at(partial(self._is_within, problem, level), self.most) for level in self.levels]
        return () if None in found else tuple(sorted({size for size in found if size is not None}))

    def within(self, covers: Callable[[Any], bool]) -> Assumption:
        """The hypothesis that there are such sizes; said of problems that ``covers`` has an envelope for, since others fail elsewhere."""
        says = f"prompts of at most {self.most} examples bring the sides within {min(self.levels):.0%} of each other"
        return Assumption(says, lambda problem: not covers(problem) or bool(self.sizes(problem)))

    def _is_within(self, problem: Any, level: float, n: int) -> bool:
        return self.envelope(problem, n) <= level


def first_at(is_below: Callable[[int], bool], most: int) -> int | None:
    """The smallest n in 1 … ``most`` with ``is_below(n)``, which stays true, by doubling and bisection; ``None`` when there is none."""
    low, high = 0, 1
    while not is_below(high):
        if high >= most:
            return None
        low, high = high, min(2 * high, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_below(middle) else (middle, high)
    return high


def searched_flip(world: ConceptWorld) -> float:
    """The size at which a bias in the world's direction makes another concept the nearest one, by bisection on a search of all concepts."""
    concepts = world.concepts[world.alpha > 0.0]
    meant = world.concepts[world.aligned]
    direction = (world.weak - meant) / np.linalg.norm(world.weak - meant)

    def is_lost(size: float) -> bool:
        weak = meant + size * direction
        return bool(np.min(np.sum(np.square(concepts - weak), axis=-1)) < size**2 * (1.0 - SLIP))

    high = float(np.max(np.linalg.norm(concepts - meant, axis=-1)))
    while not is_lost(high):
        high *= 2.0
    low = 0.0
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if is_lost(middle) else (middle, high)
    return high


def search_error(world: ConceptWorld, flip: float) -> float:
    """What ``SLIP`` moves a flip by: SLIP · flip³/‖u‖² for a competitor at u, which is at least twice the identification radius away."""
    return SLIP * flip * (1.0 + (flip / identification_radius(world)) ** 2)


def _is_ahead(world: ConceptWorld) -> bool:
    if np.array_equal(world.weak, world.concepts[world.aligned]):
        return False
    return identification_radius(world) > 0.0 and bool(np.isfinite(flip_size(world)))
