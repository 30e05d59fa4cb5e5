"""Examples that the statements about measured PGR share."""

from __future__ import annotations

import numpy as np

from ..problems.noisy_runs import NoisyRuns
from ..statements import Assumption

HAS_GAP = (Assumption("the ceiling is better than the weak model", NoisyRuns.has_gap),)


def noisy_runs(rng: np.random.Generator) -> tuple[NoisyRuns, ...]:
    """A clear gap, a gap inside its noise, and many runs."""
    return (
        NoisyRuns(0.60, 0.72, 0.85, noise=0.03, runs=3),
        NoisyRuns(0.70, 0.71, 0.72, noise=0.01, runs=2),
        NoisyRuns(0.65, 0.70, 0.75, noise=float(rng.uniform(0.01, 0.03)), runs=10),
    )
