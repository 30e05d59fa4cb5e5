"""For every Bregman divergence the gain is the misfit plus an inner product, whatever the three predictors are.

Let D_φ be a Bregman divergence, and w (weak), s (student), f (target) any three points of its domain. Then

    gain = misfit + ⟨f − s, ∇φ(s) − ∇φ(w)⟩,

where gain = D(f, w) − D(f, s) and misfit = D(s, w). No convexity of a class and no optimality of the student is asked for.

Proof: the three-point identity. Expand D(f, w) − D(f, s) − D(s, w); every φ cancels.

The theorems of Mulgund and Pabbaraju (2025) are conditions under which the last term is non-negative on average. The reverse order D(q, p)
is the Bregman divergence of the conjugate generator, so it is covered, with the residual ⟨∇φ(f) − ∇φ(s), s − w⟩.
"""

from __future__ import annotations

import numpy as np

from ...divergences import KL, Bregman, Dual, ItakuraSaito, Mahalanobis, ReverseKL
from ...quantities.gain import report, rounding_scale
from ...statements import Assumption, Sides, Source, Statement
from ...triple import Triple


def _sides(triple: Triple) -> Sides:
    numbers = report(triple)
    return Sides(numbers.gain, numbers.misfit + numbers.residual, rounding_scale(triple))


def _examples(rng: np.random.Generator) -> tuple[Triple, ...]:
    root = rng.standard_normal((3, 3))
    return (
        Triple(*rng.standard_normal((3, 2, 15, 3)), divergence=Mahalanobis(root @ root.T)),
        Triple(*rng.lognormal(size=(3, 2, 15)), divergence=ItakuraSaito()),
        Triple(*rng.lognormal(size=(3, 2, 15)), divergence=Dual(ItakuraSaito())),
        Triple(*rng.dirichlet(np.ones(4), size=(3, 2, 15)), divergence=ReverseKL()),
        Triple(*rng.dirichlet(np.ones(4), size=(3, 2, 15)), divergence=KL()),
    )


BREGMAN = Statement(
    name="identities.bregman",
    says="gain equals misfit plus the residual ⟨target − student, ∇φ(student) − ∇φ(weak)⟩",
    relation="==",
    sides=_sides,
    about=Triple,
    assumptions=(Assumption("the loss is a Bregman divergence", lambda triple: isinstance(triple.loss, Bregman)),),
    source=Source("mulgund2025", "three-point identity behind its theorems", derived=True),
    tightness="an identity",
    examples=_examples,
)
