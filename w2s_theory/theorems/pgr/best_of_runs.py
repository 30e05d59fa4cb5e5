"""The best of m noisy runs overstates PGR: E[(max_j ŝ_j − ŵ)/g] = PGR + σ e_m/g, e_m the mean of the largest of m standard normals.

All performances are measured with independent normal noise of standard deviation σ; g = ceiling − weak is the true gap. With a
gap inside its noise the excess is of the order of one, whatever the student does: a PGR that was chosen as the best of a few seeds, losses or
checkpoints on the test points it is reported on says how many there were. Proof: the noise of the maximum is σ times the maximum of the noise.
Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.noisy_runs import NoisyRuns
from ...quantities.pgr_selection import best_of_runs
from ...statements import InExpectation, Sides, Source, Statement
from .._pgr import HAS_GAP, noisy_runs


def _sides(world: NoisyRuns, count: int, rng: np.random.Generator) -> Sides:
    weak, students, _ = world.measured(count, rng=rng)
    return Sides((students.max(axis=1) - weak) / world.gap, np.full(count, best_of_runs(world)))


BEST_OF_RUNS = Statement(
    name="pgr.best_of_runs",
    says="normal noise σ in every performance: E PGR of the best of m runs = PGR + σ·E max of m standard normals/gap",
    relation="==",
    sides=_sides,
    about=NoisyRuns,
    kind=InExpectation(resolution=0.02),
    assumptions=HAS_GAP,
    source=Source("burns2023", "performance gap recovered", derived=True),
    tightness="an identity",
    examples=noisy_runs,
)
