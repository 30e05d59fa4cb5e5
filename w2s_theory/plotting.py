"""Plots of your own results: sweeps, gains, phase maps, margins of checks. Each function draws into matplotlib axes and returns them.

    from w2s_theory.plotting import new_figure, sweep_lines, style

    with style():
        figure, axes = new_figure()
        sweep_lines(axes, sweep(run_one, grid, trials=20), "noise", "gain", by="method")
        figure.savefig("gain.svg")

Any axes will do, outside ``style`` too; ``new_figure`` and ``style`` give the look of this library: colours by role (weak, student,
ceiling, target, theory, bound), theory a line, a measurement a marker with its interval, a bound dashed. A table is what ``sweep``
returns, a mapping from names to columns, a list of rows (mappings), a pandas ``DataFrame`` or a pyarrow ``Table``. Legends stand outside
the data: beside the axes for ``sweep_lines``, above them for the others (there, use ``figure.suptitle`` for a title). A figure without
a layout is given matplotlib's constrained one, so that a legend is not cut off. Needs the extra ``figures``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np

from ._validation import probability
from .outcomes import Check, Verdict
from .report.columns import column, columns, failed, known_cells, mean_interval, numbers
from .report.pictures import gain_against_misfit, gain_by_loss, gain_by_penalty, teachers_ranked, width_by_labels
from .report.style import COLOURS, LINES, MARKERS, colours, fitted, legend_above, legend_beside, new_figure, short, style

__all__ = [
    "COLOURS",
    "LINES",
    "check_margins",
    "gain_against_misfit",
    "gain_by_loss",
    "gain_by_penalty",
    "new_figure",
    "phase_map",
    "style",
    "sweep_lines",
    "teachers_ranked",
    "width_by_labels",
]

#: A logarithmic axis with at most so many values shows each of them, and no others.
MOST_TICKS = 8
#: How a verdict looks: marker, colour. A verdict that comes without a margin is hollow.
_VERDICTS = {
    Verdict.HOLDS: ("o", COLOURS["ceiling"]),
    Verdict.VIOLATED: ("X", COLOURS["weak"]),
    Verdict.INCONCLUSIVE: ("s", COLOURS["student"]),
    Verdict.NONFINITE: ("^", COLOURS["control"]),
    Verdict.OUT_OF_SCOPE: ("D", COLOURS["bound"]),
    Verdict.UNSOLVED: ("v", COLOURS["theory"]),
}


def sweep_lines(
    axes: Any,
    table: Any,
    x: str,
    y: str,
    by: str | None = None,
    level: float = 0.95,
    *,
    interval: Literal["bars", "band"] = "bars",
) -> Any:
    """Mean of ``y`` over trials against ``x``, with its Student-t interval at ``level``; a line, colour and marker per value of ``by``.

    Rows of the same ``x`` and ``by`` are the trials: what else varies between them is averaged over. ``x`` and ``y`` name columns of
    numbers, ``by`` one of numbers or text, whose values that are roles (weak, student, ...) get the role's colour. A single trial has no
    interval. Rows that failed (a text in the column ``error``), or lack a finite ``x`` or ``y``, or a ``by``, are left out; the legend
    says how many. The x axis is logarithmic where the values of ``x`` are spread evenly on it.

    Raises ``KeyError`` for a column that is not there, ``TypeError`` for numbers that are none, ``ValueError`` when nothing is left to draw
    or ``by`` has more values than can be told apart.
    """
    probability("level", level)
    if interval not in ("bars", "band"):
        raise ValueError(f"interval must be 'bars' or 'band'; it is {interval!r}.")
    known = columns(table)
    has_failed = failed(known)
    at, value = numbers(known, "x", x, ~has_failed), numbers(known, "y", y, ~has_failed)
    finite = np.isfinite(at) & np.isfinite(value)
    group = np.zeros(at.shape) if by is None else column(known, "by", by)
    finite &= known_cells(group)
    _some(finite, x, y)
    at, value, group = at[finite], value[finite], group[finite]
    lines = _distinct(group)
    handles: list[Any] = []
    for value_of_by, colour, marker in zip(lines, colours(lines), MARKERS, strict=False):
        here = group == value_of_by
        bars = mean_interval(at[here], value[here], level=level)
        look = {
            "color": colour,
            "marker": marker,
            "linewidth": 1.0,
            "label": short(y if by is None else value_of_by),
            "zorder": 3,
        }
        if interval == "band":
            handles += axes.plot(bars.at, bars.mean, markersize=3, **look)
            axes.fill_between(bars.at, bars.mean - bars.half, bars.mean + bars.half, color=colour, alpha=0.18, linewidth=0.0)
            known = np.pad(np.isfinite(bars.half), 1)
            alone = known[1:-1] & ~known[:-2] & ~known[2:]  # a band of one point would not be seen
            axes.errorbar(bars.at[alone], bars.mean[alone], yerr=bars.half[alone], fmt="none", ecolor=colour, alpha=0.5)
        else:
            handles.append(axes.errorbar(bars.at, bars.mean, yerr=bars.half, elinewidth=1.2, **look))
    for note in _left_out(has_failed, finite):
        handles += axes.plot([], [], " ", label=note)
    places = np.unique(at)
    if _is_geometric(places):
        axes.set_xscale("log")
        if places.size <= MOST_TICKS:
            axes.set_xticks(places, [f"{place:.3g}" for place in places])
            axes.minorticks_off()
    axes.set_xlabel(short(x))
    axes.set_ylabel(f"{short(y)} (mean, {100 * level:g} % interval)")
    legend_beside(axes, handles, title=None if by is None else short(by))
    return axes


def phase_map(axes: Any, table: Any, x: str, y: str, value: str, level: float = 0.95) -> Any:
    """Mean of a signed ``value`` (a gain, say) over trials on the grid of ``x`` and ``y``, as colours, with the contour where it is zero.

    Blue is positive, red negative, white zero. A dot marks the cells whose sign the trials do not tell: there are two or more, and their
    Student-t interval at ``level`` covers zero. Cells without a result are grey. The columns named are numbers; rows that failed or are
    not finite are left out, and the colour bar says how many. An axis whose values are spread evenly on a logarithmic scale has that scale.

    Raises as ``sweep_lines``, and ``ValueError`` unless ``x`` and ``y`` have two values each and half of their pairs have a result.
    """
    from matplotlib.colors import LinearSegmentedColormap

    probability("level", level)
    known = columns(table)
    has_failed = failed(known)
    across, up = numbers(known, "x", x, ~has_failed), numbers(known, "y", y, ~has_failed)
    values = numbers(known, "value", value, ~has_failed)
    finite = np.isfinite(across) & np.isfinite(up) & np.isfinite(values)
    _some(finite, x, y, value)
    xs, column_of = np.unique(across[finite], return_inverse=True)
    ys, row_of = np.unique(up[finite], return_inverse=True)
    bars = mean_interval(row_of * xs.size + column_of, values[finite], level=level)
    if min(xs.size, ys.size) < 2 or 2 * bars.at.size < xs.size * ys.size:
        raise ValueError(
            f"table must cover a grid of {x} and {y}: {bars.at.size} of {xs.size} × {ys.size} pairs have a result. "
            "Sweep a product of both axes, or draw sweep_lines."
        )
    mean, half = np.full((2, ys.size, xs.size), np.nan)
    mean.flat[bars.at], half.flat[bars.at] = bars.mean, bars.half
    most = np.nanmax(np.abs(mean)) or 1.0
    shades = LinearSegmentedColormap.from_list("gain", [COLOURS["weak"], "white", COLOURS["student"]]).with_extremes(
        bad="#D9D9D9"
    )
    for which, places in (("x", xs), ("y", ys)):
        if _is_geometric(places):
            getattr(axes, f"set_{which}scale")("log")
    fitted(axes)
    axes.grid(False)
    mesh = axes.pcolormesh(
        _edges(xs), _edges(ys), np.ma.masked_invalid(mean), cmap=shades, vmin=-most, vmax=most, shading="flat", rasterized=True
    )
    if np.nanmin(mean) < 0.0 < np.nanmax(mean):
        axes.contour(xs, ys, np.ma.masked_invalid(mean), levels=[0.0], colors=[COLOURS["theory"]], linewidths=1.6)
        axes.plot([], [], **LINES["theory"], label=f"{short(value)} = 0")
    untold = np.argwhere(np.abs(mean) <= half)
    if untold.size:
        axes.plot(
            xs[untold[:, 1]],
            ys[untold[:, 0]],
            ".",
            color=COLOURS["theory"],
            markersize=3,
            label=f"sign not told at {100 * level:g} %",
        )
    axes.set_xlabel(short(x))
    axes.set_ylabel(short(y))
    notes = "".join(f"; {note}" for note in _left_out(has_failed, finite))
    axes.figure.colorbar(mesh, ax=axes, label=f"{short(value)} (mean{notes})")
    if axes.get_legend_handles_labels()[1]:
        legend_above(axes)
    return axes


def check_margins(axes: Any, checks: Iterable[Check]) -> Any:
    """The margin of each Check with its error, in units of its larger side, one row each; the verdict is marker and colour.

    Right of zero there is room, at zero the statement is attained, left of it it is broken, unless the error (the bar) reaches zero; an
    equality has no room, and holds at zero up to its error. A check without a margin is hollow, at zero. Raises ``ValueError`` without checks,
    ``TypeError`` for anything that is none.
    """
    checks = list(checks)
    wrong = next((check for check in checks if not isinstance(check, Check)), None)
    if not checks or wrong is not None:
        kind = ValueError if not checks else TypeError
        raise kind(
            f"checks must be a list of Check, with one at least; {'it is empty' if not checks else f'it holds {wrong!r}'}."
        )
    rows = np.arange(len(checks))[::-1]
    axes.axvline(0.0, **LINES["bound"])
    for verdict, (marker, colour) in _VERDICTS.items():
        here = [(check, row) for check, row in zip(checks, rows, strict=True) if check.verdict is verdict]
        for hollow in (False, True):
            group = [(check, row) for check, row in here if np.isfinite(check.margin) != hollow]
            if not group:
                continue
            size = np.array([max(abs(check.left), abs(check.right)) if not hollow else 1.0 for check, _ in group])
            size[size == 0.0] = 1.0  # both sides are zero: so are margin and error, up to rounding
            margin = np.array([0.0 if hollow else check.margin for check, _ in group]) / size
            error = np.array([0.0 if hollow else check.error for check, _ in group]) / size
            axes.errorbar(
                margin,
                [row for _, row in group],
                xerr=np.where(np.isfinite(error), error, 0.0),
                fmt=marker,
                color=colour,
                markerfacecolor="white" if hollow else colour,
                markersize=7,
                elinewidth=1.4,
                capsize=3,
                zorder=3,
                label=verdict.name.replace("_", " ").lower() + (", no margin" if hollow else ""),
            )
    axes.set_yticks(rows, [short(check.statement, 48) for check in checks])
    axes.set_ylim(-0.6, len(checks) - 0.4)
    axes.set_xlabel("margin ÷ larger side")
    legend_above(axes, columns=3)
    return axes


def _some(finite: np.ndarray, *names: str) -> None:
    """Raise ``ValueError`` unless a row is left."""
    if not finite.any():
        raise ValueError(
            f"table must have a row with a finite {' and '.join(names)}; none of its {finite.size} rows has. Look at its errors."
        )


def _left_out(has_failed: np.ndarray, finite: np.ndarray) -> list[str]:
    """What is said of the rows that are not drawn."""
    counts = (("failed", np.count_nonzero(has_failed)), ("without a number", np.count_nonzero(~has_failed & ~finite)))
    return [f"{count} {what}, left out" for what, count in counts if count]


def _distinct(cells: np.ndarray) -> list[Any]:
    """The values of a column: numbers in increasing order, others in the order of their first row."""
    try:
        found = list(dict.fromkeys(cells.tolist()))
    except TypeError:
        raise TypeError(f"by must be a column of numbers or text; it holds {cells[0]!r}. Convert it.") from None
    return sorted(found) if all(isinstance(cell, int | float) for cell in found) else found


def _is_geometric(places: np.ndarray) -> bool:
    """Whether three or more positive places, the last at least four times the first, are spread more evenly on a logarithmic scale."""
    places = np.unique(places)
    if places.size < 3 or places[0] <= 0.0 or places[-1] < 4.0 * places[0]:
        return False
    steps = np.stack([np.diff(places), np.diff(np.log(places))])
    even = steps.std(axis=1) / steps.mean(axis=1)
    return bool(even[1] < even[0])


def _edges(places: np.ndarray) -> np.ndarray:
    """The borders of cells about ``places``, half-way on the axis' scale."""
    scale, back = (np.log, np.exp) if _is_geometric(places) else (np.asarray, np.asarray)
    at = scale(places)
    middle = (at[1:] + at[:-1]) / 2.0
    return back(np.concatenate([[2.0 * at[0] - middle[0]], middle, [2.0 * at[-1] - middle[-1]]]))
