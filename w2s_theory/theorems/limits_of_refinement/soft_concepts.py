"""Soft concepts, orthogonal prompts: the refiner's expected error is a Gaussian mean over the directions in which concepts differ.

The answer s β̂ + (1 − s) B w mixes the least-squares head, which carries the weak bias and the label noise, with the concepts; its weights
see β̂ through those directions only. One concept: s²(ε_w² + τ² d/n) when it is exact, the ridge of a Gaussian prior. Derived in
``quantities.soft_concepts``. A check computes the left side from the posterior on raw examples, with an n × n covariance, the right side
from quadrature.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...problems.concepts import ConceptWorld, orthonormal_world
from ...problems.prompting import Prompting
from ...quantities.soft_concepts import SOFT_RISK
from ...statements import InExpectation, Sides, Statement
from .._limits import ORTHOGONAL, SOFT, SOURCE


def _sides(prompting: Prompting, count: int, rng: np.random.Generator) -> Sides:
    return Sides(SOFT_RISK.trials(prompting, count, rng), SOFT_RISK.exact(prompting).value)


def _examples(rng: np.random.Generator) -> tuple[Prompting, ...]:
    """One concept off the target, three in general position, and two that are hard to tell apart."""
    concepts = rng.standard_normal((3, 4))
    ridge = ConceptWorld(concepts[:1], concepts[1], 0.8, 1.0, target=concepts[0] + 0.3, spread=0.7)
    general = ConceptWorld(concepts, concepts[1] + 0.5, 0.8, 1.2, np.array([0.5, 0.3, 0.2]), aligned=1, spread=0.5)
    plain = replace(orthonormal_world(2, alignment=0.6, length=0.8, weak_noise=0.7), spread=0.4)
    return Prompting(ridge, 5), Prompting(general, 6), Prompting(plain, 8)


SOFT_CONCEPTS = Statement(
    name="limits_of_refinement.soft_concepts",
    says="orthogonal prompts, soft concepts: E error = E‖s β̂ + (1 − s) B w(β̂) − β_*‖², β̂ ~ N(β_w, τ²I/n), s = n/(n + σ²/ψ²)",
    relation="==",
    sides=_sides,
    about=Prompting,
    kind=InExpectation(),
    assumptions=(SOFT, ORTHOGONAL),
    source=SOURCE,
    tightness="exact",
    examples=_examples,
)
