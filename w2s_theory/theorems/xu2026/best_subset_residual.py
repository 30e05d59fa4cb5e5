"""E gain − E misfit = −2 s r E[w g(|w|)] for best subset, w ~ N(r, σ²), g(t) = P(s or more of the others exceed t in absolute value).

The size of the shortfall, by quadrature. Where the noise is so small that hardly a coordinate of the target is dropped, simulation
says nothing of it. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...checking import is_met
from ...problems.gaussian_teachers import SparseTeacher
from ...quantities.nonconvex_residual import dropped_coordinates, sparse_numbers
from ...statements import InExpectation, Sides, Source, Statement


def _sides(world: SparseTeacher, count: int, rng: np.random.Generator) -> Sides:
    gain, misfit = world.simulate(count, rng)
    return Sides(gain - misfit, np.full(count, sparse_numbers(world).residual))


BEST_SUBSET_RESIDUAL = Statement(
    name="xu2026.best_subset_residual",
    says="best subset of size s, mean r on its support: E gain − E misfit = −2 s r E[w g(|w|)]",
    relation="==",
    sides=_sides,
    about=SparseTeacher,
    kind=InExpectation(is_calibrated=lambda world: is_met(dropped_coordinates(world))),
    source=Source("xu2026", "a class that is not convex", derived=True),
    tightness="an equality",
    examples=lambda rng: (SparseTeacher(20, 3, 1.0, 0.6), SparseTeacher(40, 3, 1.0, 0.5)),
)
