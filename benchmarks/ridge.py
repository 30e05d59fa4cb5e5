"""Ridge heads for many tasks and penalties, against everything that is usually called for them."""

from __future__ import annotations

from typing import NamedTuple

from . import ridge_peers as peers
from ._place import Place
from ._problems import Reference, RidgeProblem, ridge_problem
from ._record import Section
from ._timing import Contender, contest, yardstick

MODULES = ("scipy.linalg", "sklearn.linear_model", "himalaya.ridge", "cvxpy", "torch")


class Size(NamedTuple):
    """A problem (n, d, T, L), the condition number of its population, and the goals that go with it."""

    n: int
    d: int
    tasks: int
    penalties: int
    condition: float = 1.0
    of_product: float | None = None
    multi_output: float | None = None
    himalaya: float | None = None
    loop: float | None = None


SIZES = {
    "quick": [Size(300, 24, 40, 4), Size(200, 8, 30, 3), Size(300, 24, 40, 4, condition=1e4)],
    "full": [
        Size(5000, 384, 1000, 20, of_product=0.85, multi_output=10, himalaya=40, loop=2000),
        Size(2000, 64, 1000, 20, of_product=0.50, multi_output=20, himalaya=25),
        Size(5000, 384, 1000, 20, condition=1e4),
    ],
}


def run(scale: str, here: Place) -> Section:
    """Heads for every penalty and task; then two special cases, least squares and leave-one-out errors."""
    section = Section(
        "Ridge",
        "Minimise ‖Xw − y‖² + λ‖w‖² for T label vectors and L penalties on the same features X (n, d). Ours is "
        "`Design(X).solve(Y, penalties=…)`, construction included: (L, d, T) heads. Errors are ‖W − W*‖/‖W*‖, the worst over the "
        "penalties, with W* by the singular value decomposition of X in float64.",
    )
    for size in SIZES[scale]:
        problem = ridge_problem(size.n, size.d, size.tasks, size.penalties, condition=size.condition)
        reference = Reference(problem)
        for precision in here.precisions:
            with here.multiplying(precision):
                heads(section, problem, reference, size, precision, scale, here)
    first = SIZES[scale][0]
    if here.name == "cpu":
        problem = ridge_problem(first.n, first.d, first.tasks, first.penalties)
        reference = Reference(problem)
        special_cases(section, problem, reference, scale, here)
    section.notes += [
        "Fraction of a matrix product: (n d² + 2 n d T + 2 d² T + 2 d² T L) flops over the median time, against 2 m³ flops over that "
        "of the m × m product timed in the same rounds. The Gram matrix counts n d², half of 2 n d² by symmetry; the "
        "eigendecomposition, checks and copies count nothing.",
        "himalaya: `himalaya.ridge.solve_ridge_svd`, its documented solver of heads, one call per penalty (one per-target array of "
        "penalties would give each target one penalty only; its `RidgeCV` returns the best penalty's heads only). The row of "
        "`_decompose_ridge` is its fastest route inside, private: one decomposition, then one product per penalty.",
        "By hand: XᵀX and XᵀY once, a Cholesky factorisation and solve per penalty. It has about as few flops as ours; it doesn't look at the "
        "condition number.",
    ]
    return section


def heads(
    section: Section, problem: RidgeProblem, reference: Reference, size: Size, precision: str, scale: str, here: Place
) -> None:
    """One contest for all heads."""
    n, d, tasks, count = size.n, size.d, size.tasks, size.penalties
    features, weak = here.array(problem.features, precision), here.array(problem.weak, precision)
    ours, routes = peers.ours(features, weak, problem, reference, precision)
    product, product_flops = yardstick(here, precision, scale)
    entries = [ours, product, peers.by_hand(features, weak, problem, reference, precision, here)]
    if here.name == "cpu":
        entries += [
            peers.multi_output(problem, reference, size.multi_output),
            peers.himalaya(problem, reference, size.himalaya),
            peers.himalaya_inside(problem, reference),
            peers.task_loop(problem, reference, size.loop),
            peers.cvxpy(problem, reference),
        ]
    if size.condition > 100.0:  # what is shown here is the other route of ours; the peers have only one
        entries = entries[:4]
    outcomes = contest(entries, scale, here)
    flops = n * d**2 + 2.0 * n * d * tasks + 2.0 * d**2 * tasks * (1 + count)
    fraction = flops / outcomes[0].median / (product_flops / outcomes[1].median)
    shape = f"n={n} d={d} T={tasks} L={count}"
    caption = f"{shape}, {precision}, features of condition {reference.condition:.2g}: route {' and '.join(sorted(routes))}"
    section.add_contest(caption, outcomes, scale, f"ridge, {shape}")
    section.notes.append(f"{caption}: {fraction:.1%} of the matrix product.")
    if size.of_product is not None and precision == "float64":
        wanted = f"≥ {size.of_product:.0%} of an in-process matrix product"
        is_met = fraction >= size.of_product and not outcomes[0].is_wrong
        section.add_goal(f"ridge, {shape}", wanted, f"{fraction:.1%}", is_met, scale)


def special_cases(section: Section, problem: RidgeProblem, reference: Reference, scale: str, here: Place) -> None:
    """Least squares (λ = 0) against LAPACK's lstsq, and leave-one-out errors against RidgeCV."""
    n, d = problem.features.shape
    shape = f"n={n} d={d} T={problem.weak.shape[1]}"
    entries: list[Contender] = [peers.least_squares(problem, reference), *peers.lstsq(problem, reference)]
    section.add_contest(f"{shape}, least squares (λ = 0)", contest(entries, scale, here), scale, "")
    errors = reference.leave_one_out(problem.penalties)
    entries = [peers.leave_one_out(problem, errors), peers.ridge_cv(problem, errors)]
    section.add_contest(f"{shape} L={len(problem.penalties)}, leave-one-out errors", contest(entries, scale, here), scale, "")
