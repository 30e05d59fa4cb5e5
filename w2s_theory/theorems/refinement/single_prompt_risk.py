"""Answers that all come from one prompt of n examples have expected error E‖B w − β_*‖², from the second moments of the weights.

A check computes the left side from sampled prompts, read example by example, the right side from the integrated law of the log-odds. It is
never below R(n), the error of a student of fresh prompts: averaging prompts removes the variance of the weights. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.prompting import Prompting
from ...quantities.refined_risk import single_prompt_risk
from ...statements import InExpectation, Sides, Source, Statement
from ...students.refiner import simulate_evidence, weights_of
from .._prompting import GAUSSIAN, SHARP, prompting_examples


def _sides(prompting: Prompting, count: int, rng: np.random.Generator) -> Sides:
    world = prompting.world
    weights = weights_of(world, simulate_evidence(world, [prompting.examples], count, rng=rng)[0])
    return Sides(world.error(weights @ world.concepts), single_prompt_risk(world, prompting.examples))


SINGLE_PROMPT_RISK = Statement(
    name="refinement.single_prompt_risk",
    says="answers that all come from one prompt have expected error E‖B w − β_*‖² = Σ E[w_j w_k] (β_j − β_*)·(β_k − β_*)",
    relation="==",
    sides=_sides,
    about=Prompting,
    kind=InExpectation(resolution=0.05),
    assumptions=(GAUSSIAN, SHARP),
    source=Source("somerstep2025", "refined labels", derived=True),
    tightness="an equality",
    examples=prompting_examples,
)
