"""Both directions at once, by the profile: err(f, ỹ) ≥ max{(1 − α)φ(a − ρ) + α(1 − a), (1 − α)b + αψ(1 − b − ρ')}.

φ and ψ are the expansion profiles from bad to good and from good to bad: the largest convex functions below the neighbours' share of a set, as
functions of its own share. a, b = P(student wrong | bad), P(student wrong | good), ρ and ρ' the fragile errors and hits. No hypothesis
at all: single points without neighbours, which make the expansion constants zero, cost the profiles little. With φ(t) ≥ ct it
contains the bounds by constants. Proof: as there, with φ in the place of c: P(wrong | good) ≥ φ(a − ρ), P(right | bad) ≥ ψ(1 − b − ρ'). Derived
here; φ(q)/q is a lower bound on the constant of sets larger than q, the kind of constant that Lang et al. are reported to ask for.
"""

from __future__ import annotations

import numpy as np

from ...problems.expansion import LP_ERROR
from ...problems.pseudolabels import PseudolabelledGraph
from ...statements import Sides, Source, Statement
from .._lang2024 import from_bad, from_good


def _sides(world: PseudolabelledGraph) -> Sides:
    alpha, a, b = world.weak_error, world.error_on_bad, world.error_on_good
    spoilt = world.bad_to_good.profile(max(a - world.fragile_errors, 0.0))
    repaired = world.good_to_bad.profile(max(1.0 - b - world.fragile_hits, 0.0))
    least = np.array([(1.0 - alpha) * spoilt + alpha * (1.0 - a), (1.0 - alpha) * b + alpha * repaired])
    return Sides(np.full(2, world.training_error), least, scale=1.0, solver_error=LP_ERROR)


def _examples(rng: np.random.Generator) -> tuple[PseudolabelledGraph, ...]:
    return from_good(rng) + from_bad(rng)


EXPANSION_PROFILE = Statement(
    name="lang2024.profile",
    says="expansion profiles φ, ψ: error on the pseudolabels ≥ (1 − α)φ(a − ρ) + α(1 − a) and ≥ (1 − α)b + αψ(1 − b − ρ')",
    relation=">=",
    sides=_sides,
    about=PseudolabelledGraph,
    source=Source("lang2024", "relative expansion of large sets", derived=True),
    tightness="attained on even clusters, all linked, where the student is wrong on whole clusters, or also on single bad points",
    examples=_examples,
)
