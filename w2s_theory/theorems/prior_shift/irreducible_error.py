"""Label refinement keeps an error however many weak labels it gets: ‖q_ref − q‖ ≥ (1 − λ₂) ‖q − π‖, ‖v‖² = Σ v_k²/π_k.

Proof: q − q_ref = (I − Cᵀ)(q − π). The bound is zero only when some components don't overlap (λ₂ = 1); the error is zero exactly when q/π is
constant on every group of overlapping concepts. Faithful weak labels. Derived here.
"""

from __future__ import annotations

from ...problems.mixtures import FiniteMixture, Refinement
from ...quantities.prior_shift import prior_norm, refined_prior, spectrum
from ...statements import Assumption, Sides, Statement
from .._mixtures import FAITHFUL, SOURCE, faithful_worlds


def _sides(world: FiniteMixture) -> Sides:
    error = refined_prior(Refinement(world)) - world.target
    right = (1.0 - spectrum(world)[1]) * prior_norm(world, world.target - world.source)
    return Sides(prior_norm(world, error), right, scale=1.0 / world.source.min())


IRREDUCIBLE_ERROR = Statement(
    name="prior_shift.irreducible_error",
    says="f^w = f, unlimited weak labels: ‖q_ref − q‖ ≥ (1 − λ₂) ‖q − π‖, in the norm √(Σ v_k²/π_k)",
    relation=">=",
    sides=_sides,
    about=FiniteMixture,
    assumptions=(FAITHFUL, Assumption("at least two concepts", lambda world: world.count > 1)),
    source=SOURCE,
    tightness="an equality for two concepts",
    examples=faithful_worlds,
)
