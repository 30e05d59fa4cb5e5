"""Pictures of gains and misfits: each draws a table into matplotlib axes, with the look of ``style``, and returns the axes.

A table is rows (mappings), or any of the kinds that ``columns`` reads. A measurement is a marker with its interval, theory a line, a
bound dashed. Rows whose ``low`` or ``high`` is absent or NaN are drawn without an interval; rows whose number is are left out. Each
function raises ``ValueError`` when no row is left.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from .columns import rows_of
from .style import COLOURS, LINES, legend_above, short

#: More names than that would hide the picture.
MOST_NAMES = 12
#: Methods in the order of their first row: ours first.
_METHODS = (("student", "o", "-"), ("bound", "s", "--"), ("control", "^", ":"), ("ceiling", "D", "-."), ("weak", "v", "-"))


def gain_by_loss(axes: Any, rows: Any) -> Any:
    """Gain with its interval, one line per loss. Rows: ``loss, value, low, high`` and, where theory predicts the gain, ``misfit``."""
    rows = _known(rows, "value")
    at = np.arange(len(rows))[::-1]
    axes.axvline(0.0, **LINES["zero"])
    _markers(axes, [row["value"] for row in rows], at, rows, label="gain, measured", colour="student")
    theory = [(row["misfit"], y) for row, y in zip(rows, at, strict=True) if math.isfinite(row.get("misfit", math.nan))]
    if theory:
        places, heights = zip(*theory, strict=True)
        axes.plot(places, heights, "|", color=COLOURS["theory"], markersize=16, markeredgewidth=2, label="misfit (theory's gain)")
    axes.set_yticks(at, [short(row["loss"]) for row in rows])
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_xlabel("gain = error of weak − error of student (each in its own loss)")
    legend_above(axes)
    return axes


def gain_against_misfit(axes: Any, rows: Any) -> Any:
    """Gain against misfit in squared loss, with the line gain = misfit and the sharp band misfit ± 2√(misfit · ε).

    Rows: ``misfit, gain`` and, optionally, ``low, high`` of the gain, a ``name`` (shown where there are at most ``MOST_NAMES`` rows) and,
    where it is known or assumed, ``epsilon``: each task has a band of its own, drawn as a pale bar; where all tasks share one ε the
    band is drawn as a curve.
    """
    rows = _known(rows, "misfit", "gain")
    misfit = np.array([row["misfit"] for row in rows], dtype=np.float64)
    top = 1.1 * misfit.max() if misfit.max() > 0.0 else 1.0
    line = np.linspace(0.0, top, 200)
    axes.axhline(0.0, **LINES["zero"])
    axes.plot(line, line, **LINES["theory"], label="gain = misfit (realizable)")
    epsilon = np.array([row.get("epsilon", math.nan) for row in rows], dtype=np.float64)
    half = 2.0 * np.sqrt(misfit * epsilon)
    if np.ptp(epsilon) == 0.0:
        ends = 2.0 * np.sqrt(line * epsilon[0])
        axes.plot(line, line - ends, **LINES["bound"], label="misfit ± 2√(misfit · ε)")
        axes.plot(line, line + ends, **LINES["bound"])
    elif np.isfinite(half).any():
        axes.errorbar(
            misfit,
            misfit,
            yerr=np.nan_to_num(half),
            fmt="none",
            ecolor=COLOURS["bound"],
            elinewidth=6,
            alpha=0.35,
            capsize=0,
            label="misfit ± 2√(misfit · ε), each task's own ε",
        )
    for row in rows if len(rows) <= MOST_NAMES else ():
        axes.annotate(
            short(row.get("name", "")), (row["misfit"], row["gain"]), xytext=(6, -11), textcoords="offset points", fontsize=8
        )
    axes.errorbar(
        misfit,
        [row["gain"] for row in rows],
        yerr=_ends(rows, "gain"),
        fmt="o",
        color=COLOURS["student"],
        elinewidth=1.2,
        zorder=3,
        label="measured",
    )
    axes.set_xlim(0.0, top)
    axes.set_xlabel("misfit: mean squared distance of student and weak")
    axes.set_ylabel("gain in squared loss")
    legend_above(axes)
    return axes


def gain_by_penalty(axes: Any, rows: Any) -> Any:
    """Gain along the student's penalty: a thin line per split, their mean thick, a dot where a split's own choice lies.

    Rows: ``penalty, split, gain`` and ``chosen`` (bool, optional).
    """
    rows = _known(rows, "penalty", "gain")
    axes.axhline(0.0, **LINES["zero"])
    by_split = _grouped(rows, "split")
    for i, group in enumerate(by_split.values()):
        group = sorted(group, key=lambda row: row["penalty"])
        label = f"one split (of {len(by_split)})" if i == 0 else None
        places, gains = [row["penalty"] for row in group], [row["gain"] for row in group]
        axes.plot(places, gains, color=COLOURS["student"], linewidth=0.7, alpha=0.5, label=label)
    by_penalty = _grouped(rows, "penalty")
    shared = sorted(p for p, group in by_penalty.items() if len(group) == len(by_split))
    if len(by_split) > 1 and shared:
        means = [float(np.mean([row["gain"] for row in by_penalty[p]])) for p in shared]
        axes.plot(shared, means, color=COLOURS["student"], linewidth=2.4, label="mean over splits")
    chosen = [row for row in rows if row.get("chosen", False)]
    if chosen:
        places, gains = [row["penalty"] for row in chosen], [row["gain"] for row in chosen]
        axes.plot(places, gains, "o", color=COLOURS["theory"], markersize=4, label="chosen in its split")
    if min(row["penalty"] for row in rows) > 0.0:
        axes.set_xscale("log")
    axes.set_xlabel("penalty of the student")
    axes.set_ylabel("gain")
    legend_above(axes)
    return axes


def width_by_labels(axes: Any, rows: Any) -> Any:
    """Width of the gain's interval against the number of gold labels, one line per method, both axes logarithmic.

    Rows: ``labels, width, method``; the method of the first row is ours.
    """
    rows = [row for row in _known(rows, "labels", "width") if row["labels"] > 0 and row["width"] > 0]
    if not rows:
        raise ValueError("rows must hold a positive width at a positive number of labels; none does.")
    for i, (method, group) in enumerate(_grouped(rows, "method").items()):
        role, marker, line = _METHODS[i % len(_METHODS)]
        group = sorted(group, key=lambda row: row["labels"])
        places, widths = [row["labels"] for row in group], [row["width"] for row in group]
        axes.plot(places, widths, marker=marker, linestyle=line, color=COLOURS[role], label=short(method))
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(*_ticks([row["labels"] for row in rows], most=8))
    axes.set_yticks(*_ticks([row["width"] for row in rows], most=6))
    axes.minorticks_off()
    axes.set_xlabel("gold labels")
    axes.set_ylabel("width of the interval of the gain")
    legend_above(axes)
    return axes


def teachers_ranked(axes: Any, rows: Any, *, what: str = "student's gain") -> Any:
    """Teachers, best first, with their intervals; the dashed line is where the best one's interval begins.

    A teacher whose whole interval lies left of that line is told apart from the best. Rows: ``name, value, low, high``.
    """
    rows = sorted(_known(rows, "value"), key=lambda row: -row["value"])
    at = np.arange(len(rows))[::-1]
    _markers(axes, [row["value"] for row in rows], at, rows, label=what, colour="weak")
    start = rows[0].get("low", math.nan)
    if len(rows) > 1 and math.isfinite(start):
        axes.axvline(start, **LINES["bound"], label="lower end of the best")
    axes.set_yticks(at, [short(row["name"]) for row in rows])
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_xlabel(what)
    legend_above(axes)
    return axes


def _known(table: Any, *names: str) -> list[Mapping[str, Any]]:
    """The rows whose numbers ``names`` are finite."""
    rows = rows_of(table)
    absent = [name for name in names if not any(name in row for row in rows)] if rows else []
    if absent:
        raise KeyError(f"the table must have a column {absent[0]!r}; it has {', '.join(map(str, rows[0]))}. Rename yours.")
    kept = [row for row in rows if all(row.get(name) is not None and math.isfinite(row[name]) for name in names)]
    if not kept:
        raise ValueError(f"rows must hold a finite {' and '.join(names)}; none does, so there is nothing to draw.")
    return kept


def _ends(rows: list[Mapping[str, Any]], name: str) -> np.ndarray:
    """Distances from the number to the ends of its interval, (2, rows); 0 where an end is unknown or unbounded."""
    values, low, high = (np.array([row.get(key) for row in rows], dtype=np.float64) for key in (name, "low", "high"))
    ends = np.stack([values - low, high - values])
    return np.where(np.isfinite(ends), np.maximum(ends, 0.0), 0.0)


def _markers(axes: Any, values: list[float], at: np.ndarray, rows: list[Mapping[str, Any]], *, label: str, colour: str) -> None:
    axes.errorbar(
        values, at, xerr=_ends(rows, "value"), fmt="o", color=COLOURS[colour], elinewidth=1.4, capsize=3, zorder=3, label=label
    )


def _grouped(rows: list[Mapping[str, Any]], name: str) -> dict[Any, list[Mapping[str, Any]]]:
    groups: dict[Any, list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row[name], []).append(row)
    return groups


def _ticks(values: list[float], *, most: int) -> tuple[np.ndarray, list[str]]:
    """At most ``most`` places on a logarithmic axis, in even steps from the smallest value to the largest, and their labels."""
    low, high = min(values), max(values)
    places = np.geomspace(low, high, most) if len(set(values)) > most else np.array(sorted(set(values)), dtype=np.float64)
    labels = [f"{place:.2g}" if place < 100 else f"{place:.0f}" for place in places]
    return places, labels
