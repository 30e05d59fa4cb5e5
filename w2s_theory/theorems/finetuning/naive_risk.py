"""Naive fine-tuning copies the weak model's error, however many labels there are, and adds noise.

Let a student be fitted by least squares to n weak labels of Gaussian points with d features, n > d + 1. Then

    E risk = ε_w² + τ² d/(n − d − 1).

Proof: the fitted head is β_w + τ(XᵀX)⁻¹Xᵀξ, with ξ standard noise, and E tr (XᵀX)⁻¹ = d/(n − d − 1).

More labels remove the second term, never the first. Derived here.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...problems.finetuning import FineTuning
from ...quantities.naive_finetuning import NAIVE
from ...statements import Assumption, InExpectation, Sides, Source, Statement
from .._finetuning import NOISY, concept_worlds


def _sides(tuning: FineTuning, count: int, rng: np.random.Generator) -> Sides:
    return Sides(NAIVE.trials(tuning, count, rng), NAIVE.closed_form(tuning))


def _examples(rng: np.random.Generator) -> tuple[FineTuning, ...]:
    drawn, paper = concept_worlds(rng)
    return FineTuning(replace(drawn, weak_noise=3.0), 24), FineTuning(paper, 16)


NAIVE_RISK = Statement(
    name="finetuning.naive_risk",
    says="least squares on n weak labels: E risk = ε_w² + τ² d/(n − d − 1)",
    relation="==",
    sides=_sides,
    about=FineTuning,
    # The excess is an F variable, which has a fourth moment for n > d + 7.
    kind=InExpectation(resolution=0.04, is_calibrated=lambda tuning: tuning.labels > tuning.world.d + 7),
    assumptions=(
        Assumption("features are Gaussian", lambda tuning: tuning.world.is_gaussian()),
        Assumption("nothing pulls towards the source", lambda tuning: tuning.eta == 0.0),
        Assumption("n > d + 1", lambda tuning: tuning.labels > tuning.world.d + 1),
        NOISY,
    ),
    source=Source("somerstep2025", "naive fine-tuning in its model of concepts", derived=True),
    tightness="an equality",
    examples=_examples,
)
