"""Deconvolution is unbiased: E C⁻ᵀ (share of each concept among refined labels) = q, for any weak components, if C is known and invertible.

The oracle of latent concept shift. It needs C, hence the weak model's components, which nobody who lacks the labels has. Checked on the share of
the first concept. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.mixtures import FiniteMixture, Refinement
from ...quantities.prior_shift import confusion, refined_concepts
from ...statements import InExpectation, Sides, Statement
from ...students.label_refinement import deconvolve
from .._mixtures import INVERTIBLE, SOURCE, biased_triple, pair


def _sides(world: FiniteMixture, count: int, rng: np.random.Generator) -> Sides:
    each = deconvolve(np.eye(world.count), confusion(world))
    return Sides(each[refined_concepts(Refinement(world), count, rng), 0], world.target[0])


def _examples(rng: np.random.Generator) -> tuple[FiniteMixture, ...]:
    other = biased_triple(rng)
    return type(other)(other.source, other.target[::-1], 2.0 * other.means, 1.0, 2.0 * other.weak_centres, 1.3), pair(rng)


DECONVOLUTION = Statement(
    name="prior_shift.deconvolution",
    says="E C⁻ᵀ (shares of refined labels) = q: with C known the target prior is recovered without bias",
    relation="==",
    sides=_sides,
    about=FiniteMixture,
    kind=InExpectation(resolution=0.05),
    assumptions=(INVERTIBLE,),
    source=SOURCE,
    tightness="an equality",
    examples=_examples,
)
