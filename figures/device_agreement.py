"""How far apart NumPy and torch are on every statement, in units of the error that the checks state."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from experiments.device_agreement import where
from figures._style import COLOURS, LINES, caption, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Differences below this are drawn here.
LEAST = 1e-6


def draw(table: dict[str, np.ndarray]) -> Figure:
    """One line per statement; a marker per check for its margin, one for its sides; the dashed line is the stated error."""
    moved = table["device_verdict"] != ""
    names = list(dict.fromkeys(table["statement"][moved].tolist()))
    at = np.array([names.index(name) for name in table["statement"][moved].tolist()], dtype=np.float64)
    figure, axes = new_figure(height=2.3 + 0.19 * len(names))
    for column, role, marker, shift in (("sides", "student", "o", -0.15), ("margins", "theory", "D", 0.15)):
        values = np.maximum(table[column][moved], LEAST)
        axes.plot(values, at + shift, marker, color=COLOURS[role], markersize=4, alpha=0.6, label=column, zorder=3)
    different = moved & (table["verdict"] != table["device_verdict"])
    wrong = np.array([names.index(name) for name in table["statement"][different].tolist()], dtype=np.float64)
    if wrong.size:
        axes.plot(np.full(wrong.size, 1.0), wrong, "X", color=COLOURS["weak"], markersize=9, label="verdicts differ", zorder=4)
    axes.axvline(1.0, **LINES["bound"], label="stated error")
    axes.set_xscale("log")
    axes.set_xlim(LEAST / 2.0, 5.0)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel("difference NumPy − torch, in units of the error that both checks state")
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=4, borderpad=0.2)
    device = " and ".join(where(name) for name in sorted(set(table["device"].tolist())))
    trials = len(set(table["trial"].tolist()))
    caption(
        figure,
        f"NumPy against {device}, float64, on the statements' own synthetic examples, "
        f"{trials} seed{'s' if trials > 1 else ''}, with the same draws; "
        f"{int(np.sum(different))} of {int(moved.sum())} verdicts differ. Markers at the left edge: less than a millionth. "
        "Where a statement is about expectations its error is statistical, and margins of the same draws are much "
        "closer than that.",
    )
    return figure
