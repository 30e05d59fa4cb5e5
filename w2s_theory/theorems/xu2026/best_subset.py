"""E gain ≤ E misfit for the student that keeps the teacher's s largest coordinates, the target being s-sparse and the noise
independent.

Proof: the residual is −2⟨w − s, f⟩ = −2 Σ f_i w_i over dropped coordinates; given the others a coordinate is dropped when |w_i| is below
a threshold, and E[w_i; |w_i| < t] has the sign of f_i, the mean of w_i. So a best-subset student always gains less than its
misfit on average, at every noise. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.gaussian_teachers import SparseTeacher
from ...statements import InExpectation, Sides, Source, Statement


def _sides(world: SparseTeacher, count: int, rng: np.random.Generator) -> Sides:
    gain, misfit = world.simulate(count, rng)
    return Sides(gain, misfit)


BEST_SUBSET = Statement(
    name="xu2026.best_subset",
    says="the s largest coordinates of a teacher with an s-sparse mean: E gain ≤ E misfit",
    relation="<=",
    sides=_sides,
    about=SparseTeacher,
    kind=InExpectation(),
    source=Source("xu2026", "a class that is not convex", derived=True),
    tightness="attained as noise tends to zero, where the support is found; 2 s r E[w; dropped] apart else",
    examples=lambda rng: (SparseTeacher(10, 2, 1.0, 0.6), SparseTeacher(4, 1, 1.0, 2.0), SparseTeacher(10, 2, 1.0, 0.15)),
)
