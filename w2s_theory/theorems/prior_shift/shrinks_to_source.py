"""Refinement with a frozen prior shrinks to the source: ‖q_m − π‖ ≤ λ₂ᵐ ‖q − π‖ after m rounds, ‖v‖² = Σ v_k²/π_k, λ₂ < 1 if all overlap.

So iterating refines the target prior away: q_m → π. Faithful weak labels. Proof: by detailed balance Cᵀ(q − π) = q_ref − π with Cᵀ
self-adjoint and positive semidefinite. In the plain norm a step can shrink it less. Derived here.
"""

from __future__ import annotations

import numpy as np

from ...problems.mixtures import Refinement
from ...quantities.prior_shift import prior_norm, refined_prior, spectrum
from ...statements import Assumption, Sides, Statement
from .._mixtures import SOURCE, faithful_worlds


def _sides(plan: Refinement) -> Sides:
    world = plan.effective
    shift, before = refined_prior(plan) - world.source, prior_norm(world, world.target - world.source)
    return Sides(prior_norm(world, shift), spectrum(world)[1] ** plan.rounds * before, scale=1.0 / world.source.min())


def _examples(rng: np.random.Generator) -> tuple[Refinement, ...]:
    token, three, two = faithful_worlds(rng)
    return Refinement(token, rounds=3), Refinement(three), Refinement(two, rounds=2, examples=2)


SHRINKS_TO_SOURCE = Statement(
    name="prior_shift.shrinks_to_source",
    says="f^w = f, m rounds with a frozen prior: ‖q_m − π‖ ≤ λ₂ᵐ ‖q − π‖, in the norm √(Σ v_k²/π_k)",
    relation="<=",
    sides=_sides,
    about=Refinement,
    assumptions=(
        Assumption("weak labels follow the strong model's components (f^w = f)", lambda plan: plan.world.is_faithful()),
        Assumption("at least two concepts", lambda plan: plan.world.count > 1),
    ),
    source=SOURCE,
    tightness="an equality for two concepts",
    examples=_examples,
)
