"""Dropping pairs whose ceiling does not beat the weak model overstates the gap: E[ĝ; ĝ > 0] = P(ĝ > 0)·(g + s φ(g/s)/Φ(g/s)), s = σ√2.

The practice of the published plots. Where the gap is well above its noise nothing is dropped and nothing happens; where there is none, every
second pair is kept, with a measured gap of 0.8 s that is noise alone, and its PGR is a ratio of noises. Proof: the mean of a
truncated normal law. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.noisy_runs import NoisyRuns
from ...quantities.pgr_selection import kept_gap, kept_share
from ...statements import InExpectation, Sides, Source, Statement
from .._pgr import HAS_GAP, noisy_runs


def _sides(world: NoisyRuns, count: int, rng: np.random.Generator) -> Sides:
    weak, _, ceiling = world.measured(count, rng=rng)
    return Sides(np.maximum(ceiling - weak, 0.0), np.full(count, kept_share(world) * kept_gap(world)))


KEPT_GAP = Statement(
    name="pgr.kept_gap",
    says="normal noise σ in both performances: E of the measured gap over kept pairs (measured gap > 0) = gap + s·φ(gap/s)/Φ(gap/s), s = σ√2",
    relation="==",
    sides=_sides,
    about=NoisyRuns,
    kind=InExpectation(resolution=0.02),
    assumptions=HAS_GAP,
    source=Source("burns2023", "pairs with ceiling below weak are dropped", derived=True),
    tightness="an identity",
    examples=noisy_runs,
)
