"""The log-odds of concept k over the aligned one, prior left out, have E exp(λL) = Δ_k(λ)^(−n/2) where Δ_k(λ) > 0.

Δ_k(λ) = 1 + λ(U − 2V)/σ² − λ²(U(W + τ²) − V²)/σ⁴: a Gaussian integral, first over the labels and then over the features. Checked at one λ, on
raw log-odds averaged over competitors; the check is calibrated where Δ_k(4λ) > 0.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...problems.prompting import Prompting
from ...quantities.evidence_mgf import evidence_mgf
from ...quantities.identification import posterior_odds
from ...statements import InExpectation, Sides, Statement
from .._identification import ASSUMPTIONS, DERIVED, has_fourth_moment, unequal_examples

TILT = 0.25


def _sides(prompting: Prompting, count: int, rng: np.random.Generator) -> Sides:
    world = prompting.world
    without_prior = replace(prompting, world=replace(world, prior=None))
    raw = np.mean(np.exp(TILT * posterior_odds(without_prior, count, rng)), axis=-1)
    return Sides(raw, np.mean(evidence_mgf(world, prompting.examples, TILT)))


def _examples(rng: np.random.Generator) -> tuple[Prompting, ...]:
    """The worlds with unequal priors, believed noisy enough for a fourth moment."""
    return tuple(replace(p, world=replace(p.world, belief=2.0 * p.world.belief)) for p in unequal_examples(rng))


EVIDENCE_MGF = Statement(
    name="identification.evidence_mgf",
    says="E exp(λ L_k) = Δ_k(λ)^(−n/2), Δ_k(λ) = 1 + λ(U − 2V)/σ² − λ²(U(W + τ²) − V²)/σ⁴",
    relation="==",
    sides=_sides,
    about=Prompting,
    kind=InExpectation(is_calibrated=lambda prompting: has_fourth_moment(prompting, TILT)),
    assumptions=ASSUMPTIONS,
    source=DERIVED,
    tightness="an equality",
    examples=_examples,
)
