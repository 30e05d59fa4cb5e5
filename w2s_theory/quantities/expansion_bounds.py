"""What expansion says of a student's error, from its error on the pseudolabels: the profiles' bounds, tighter than those by constants.

With e = err(f, ỹ), α = P(bad), φ and ψ the expansion profiles from bad to good and from good to bad, ρ and ρ' the shares of bad and of
good points on which the student is fragile (on a neighbour of the other kind it is right where here it is wrong, or the reverse):

    bad to good   err(f, y) ≤ e − α + 2α a,                       a the largest with (1 − α)φ(a − ρ) + α(1 − a) ≤ e
    good to bad   err(f, y) ≤ (1 − α)b + α(1 − ψ(1 − b − ρ')),    b the largest with (1 − α)b + αψ(1 − b − ρ') ≤ e

with φ = ψ = 0 below 0. Fragile points are counted whether the student is right on them or not: the share of fragile errors alone would give
tighter bounds, but where no point is robust it is the error itself. Without expansion, φ = 0 or ρ = 1, the first is the triangle
inequality err(f, y) ≤ e + α. Derived here, after Lang et al. (2024).
"""

from __future__ import annotations

from .._validation import SolverFailure
from ..problems.expansion import Expansion
from ..problems.pseudolabels import PseudolabelledGraph


def bad_to_good_bound(world: PseudolabelledGraph) -> float:
    """The bound on err(f, y) by expansion from bad to good points, at most e + α and 1."""
    alpha, error, fragile = world.weak_error, world.training_error, world.fragile_on_bad
    robust = _extreme(world.bad_to_good, 1.0 - alpha, alpha, error - alpha * (1.0 - fragile), largest=True)
    return min(1.0, error - alpha + 2.0 * alpha * min(1.0, fragile + robust))


def good_to_bad_bound(world: PseudolabelledGraph) -> float:
    """The bound on err(f, y) by expansion from good to bad points, at most e + α and 1."""
    alpha, error, fragile = world.weak_error, world.training_error, world.fragile_on_good
    budget = error - (1.0 - alpha) * (1.0 - fragile)
    if budget >= 0.0:  # the student may be wrong on all robust good points
        return min(1.0, error + alpha)
    robust = _extreme(world.good_to_bad, alpha, 1.0 - alpha, budget, largest=False)
    # (1 − α)b = e − αψ(t) at the smallest robust share t; e + α < 1 here.
    return error + alpha - 2.0 * alpha * world.good_to_bad.profile(robust)


def error_bound(world: PseudolabelledGraph) -> float:
    """The smaller of the two bounds."""
    return min(bad_to_good_bound(world), good_to_bad_bound(world))


def _extreme(way: Expansion, factor: float, slope: float, budget: float, *, largest: bool) -> float:
    """The extreme share that the training error allows; the student's own share is within it, so that there is always one."""
    share = way.extreme_share(factor=factor, slope=slope, budget=budget, largest=largest)
    if share is None:
        raise SolverFailure("the linear program says that no student has this training error, but there is one.")
    return share
