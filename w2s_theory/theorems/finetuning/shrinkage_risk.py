"""Shrinkage towards the source, orthogonal design: E risk = (1−s)² ε_P² + s² (ε_w² + τ² d/n) + 2s(1−s) r with s = 1/(1 + η).

r = ⟨β_P − β_*, β_w − β_*⟩. The left side fits students by penalised least squares on sampled labels of points with XᵀX = n I. Unlimited
labels are n = ∞. Derivation in ``quantities.naive_finetuning``. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.finetuning import FineTuning
from ...quantities.naive_finetuning import SHRUNKEN, best_pull
from ...statements import InExpectation, Sides, Source, Statement
from .._finetuning import NOISY, ORTHOGONAL, concept_worlds


def _sides(tuning: FineTuning, count: int, rng: np.random.Generator) -> Sides:
    return Sides(SHRUNKEN.trials(tuning, count, rng), SHRUNKEN.closed_form(tuning))


def _examples(rng: np.random.Generator) -> tuple[FineTuning, ...]:
    drawn, paper = concept_worlds(rng)
    return FineTuning(drawn, 9, 0.7), FineTuning(drawn, 5), FineTuning(paper, 30, best_pull(paper, labels=30).eta)


SHRINKAGE_RISK = Statement(
    name="finetuning.shrinkage_risk",
    says="held at the source with strength η on an orthogonal design: E risk = (1−s)² ε_P² + s² (ε_w² + τ² d/n) + 2s(1−s) r, s = 1/(1+η)",
    relation="==",
    sides=_sides,
    about=FineTuning,
    kind=InExpectation(resolution=0.04),
    assumptions=(ORTHOGONAL, NOISY),
    source=Source("somerstep2025", "its shrinkage estimators", derived=True),
    tightness="an equality",
    examples=_examples,
)
