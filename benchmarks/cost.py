"""Time against n, d, T and L, one at a time, next to scikit-learn's multi-output ridge: a picture."""

from __future__ import annotations

import io
from typing import Any, NamedTuple

import numpy as np

from figures._style import COLOURS, caption, new_figure, style
from w2s_theory.design import Design

from ._place import Place
from ._problems import RidgeProblem, ridge_problem
from ._record import Section, Table
from ._timing import Contender, contest, peer, yardstick

MODULES = ("scipy.linalg", "sklearn.linear_model", "matplotlib")


class Base(NamedTuple):
    """The point that all four lines go through."""

    n: int
    d: int
    tasks: int
    penalties: int


BASES = {"quick": Base(200, 8, 10, 3), "full": Base(4000, 128, 300, 10)}
#: Factors on each quantity of the base, and the flops of scikit-learn's fits beyond which they are not run.
FACTORS = {"quick": (0.5, 1, 2), "full": (0.1, 0.2, 0.5, 1, 2, 5, 10)}
AFFORDABLE = {"quick": 1e9, "full": 6e10}
#: Tasks whose gradient is looked at, and the largest that is rounding.
CHECKED, SAME = 10, 1e-11
AXES = {"n": "rows n", "d": "features d", "tasks": "tasks T", "penalties": "penalties L"}


def run(scale: str, here: Place) -> Section:
    """Four sweeps through one point."""
    base = BASES[scale]
    section = Section(
        "Cost",
        f"Ridge heads as in the first benchmark; n={base.n}, d={base.d}, T={base.tasks}, L={base.penalties}, one of them varied.",
    )
    product, product_flops = yardstick(here, "float64", scale)
    rate = product_flops / contest([product], scale, here)[0].median
    rows = []
    for axis in AXES:
        for factor in FACTORS[scale]:
            size = base._replace(**{axis: max(int(getattr(base, axis) * factor), 1)})
            flops = _flops(size)
            ours, multi = contest(_contenders(size, scale), scale, here)
            for each in (ours, multi):
                if each.is_wrong:
                    section.wrong.append(f"{size}: {each.contender.name}: {each.failure or f'relative gradient {each.error}'}")
            rows.append(
                {
                    "varied": axis,
                    **size._asdict(),
                    "ours, seconds": ours.median,
                    "scikit-learn, seconds": multi.median,
                    "×": multi.median / ours.median,
                    "relative gradient": ours.error,
                    "of a product": flops / ours.median / rate,
                }
            )
    section.tables.append(Table("Medians", rows))
    section.pictures = picture(rows, rate, scale)
    section.notes.append(
        f"scikit-learn (Ridge, multi-output, one fit per penalty) is left out beyond {AFFORDABLE[scale]:.0e} flops."
    )
    return section


def _flops(size: Base) -> float:
    return size.n * size.d**2 + 2.0 * size.n * size.d * size.tasks + 2.0 * size.d**2 * size.tasks * (1 + size.penalties)


def _contenders(size: Base, scale: str) -> list[Contender]:
    problem = ridge_problem(*size)

    def ours() -> Any:
        return Design(problem.features).solve(problem.weak, penalties=problem.penalties).coefficients

    first = Contender("ours", ours, lambda heads: relative_gradient(problem, heads), SAME)
    if size.penalties * (size.n * size.d**2 + 2.0 * size.n * size.d * size.tasks) > AFFORDABLE[scale]:
        return [first, Contender("scikit-learn", None, absent="too slow")]
    return [first, peer("scikit-learn", lambda: _multi_output(problem))]


def _multi_output(problem: RidgeProblem) -> Contender:
    from sklearn.linear_model import Ridge

    def run() -> Any:
        fits = [Ridge(alpha=value, fit_intercept=False).fit(problem.features, problem.weak) for value in problem.penalties]
        return [fit.coef_.T for fit in fits]

    return Contender("scikit-learn", run, lambda heads: relative_gradient(problem, heads), SAME)


def relative_gradient(problem: RidgeProblem, heads: Any) -> float:
    """Largest ‖Xᵀ(Xw − y) + λw‖/‖Xᵀy‖ over the penalties, on the first ``CHECKED`` tasks: a head with none is the solution."""
    labels = problem.weak[:, :CHECKED]
    cross = problem.features.T @ labels
    gradients = [
        problem.features.T @ (problem.features @ head[:, :CHECKED]) - cross + penalty * head[:, :CHECKED]
        for head, penalty in zip(heads, problem.penalties, strict=True)
    ]
    return float(max(np.linalg.norm(gradient) for gradient in gradients) / np.linalg.norm(cross))


def picture(rows: list[dict[str, Any]], rate: float, scale: str) -> dict[str, bytes]:
    """``cost.svg`` and ``cost.png``: four panels with logarithmic axes."""
    figure, panels = new_figure(2, 2, height=6.6, sharey=True)
    for panel, (axis, name) in zip(panels.flat, AXES.items(), strict=True):
        mine = [row for row in rows if row["varied"] == axis]
        at = [row[axis] for row in mine]
        flops = [_flops(Base(*(row[key] for key in Base._fields))) for row in mine]
        panel.plot(at, [each / rate for each in flops], "--", color=COLOURS["bound"], label="as many flops in a matrix product")
        panel.plot(at, [row["ours, seconds"] for row in mine], "o-", color=COLOURS["student"], label="ours")
        panel.plot(
            at, [row["scikit-learn, seconds"] for row in mine], "s-", color=COLOURS["weak"], label="scikit-learn, multi-output"
        )
        panel.set(xscale="log", yscale="log", xlabel=name)
    for panel in panels[:, 0]:
        panel.set_ylabel("seconds")
    with style():
        figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    base = BASES[scale]
    caption(
        figure,
        f"Ridge heads for all tasks and penalties, one BLAS thread, float64, medians. n={base.n}, d={base.d}, T={base.tasks}, "
        f"L={base.penalties}, one varied at a time.",
    )
    with style():
        found = {}
        for ending, options in (("svg", {"metadata": {"Date": None}}), ("png", {})):
            data = io.BytesIO()
            figure.savefig(data, format=ending, **options)
            found[f"cost.{ending}"] = data.getvalue()
    return found
