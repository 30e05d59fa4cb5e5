"""gain = misfit + ⟨target − student, ∇φ(student) − ∇φ(weak)⟩ for any Bregman divergence D_φ and any three points of its domain.

The three-point identity: expand D(f, w) − D(f, s) − D(s, w); every φ cancels. No convexity of a class, no optimality of the student:
the theorems of Mulgund & Pabbaraju (2025) are conditions under which the last term is non-negative on average. The reverse order
D(q, p) is the Bregman divergence of the conjugate generator, so it is covered, with ⟨∇φ(target) − ∇φ(student), student − weak⟩.
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
