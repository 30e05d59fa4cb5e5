"""A student of fresh prompts tends to error R(n) = ‖B w̄ − β_*‖², w̄ the mean posterior over concepts after n weakly labelled examples.

A check computes the left side from the raw mechanism: two prompts are sampled, example by example, each read by Bayes; the inner product of
the errors of the two answers is unbiased for the error of the averaged head. It computes the right side with w̄ from the integrated law of
the log-odds, which samples no example. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.prompting import Prompting
from ...quantities.posterior_weights import weight_moments
from ...quantities.refined_risk import refined_risk
from ...statements import InExpectation, Sides, Source, Statement
from ...students.refiner import simulate_evidence, weights_of
from .._prompting import GAUSSIAN, SHARP, prompting_examples


def _sides(prompting: Prompting, count: int, rng: np.random.Generator) -> Sides:
    world = prompting.world
    weights = weights_of(world, simulate_evidence(world, [prompting.examples], 2 * count, rng=rng)[0])
    errors = (weights @ world.concepts - world.truth).reshape(2, count, -1)
    return Sides(np.sum(errors[0] * errors[1], axis=-1), refined_risk(world, prompting.examples), scale=_size(prompting))


def _size(prompting: Prompting) -> float:
    """The error with which the refiner starts, or with which it ends: what resolution is relative to."""
    world = prompting.world
    mean = weight_moments(world, prompting.examples).mean
    return float(mean @ world.error(world.concepts))


REFINED_RISK = Statement(
    name="refinement.refined_risk",
    says="a student of fresh prompts tends to error R(n) = ‖B w̄ − β_*‖², w̄ = E[posterior after n weak examples]",
    relation="==",
    sides=_sides,
    about=Prompting,
    kind=InExpectation(resolution=0.01),
    assumptions=(GAUSSIAN, SHARP),
    source=Source("somerstep2025", "refined labels", derived=True),
    tightness="an equality",
    examples=prompting_examples,
)
