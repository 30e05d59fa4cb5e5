"""Shortfall of the student from gain = misfit against n: measured, allowed at the measured excess, allowed by Theorem 2."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from figures._style import COLOURS, LINES, caption, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(table: dict[str, np.ndarray]) -> Figure:
    """Two panels: a realizable target, where the shortfall vanishes with n, and an unrealizable one, where √ε stays."""
    figure, panels = new_figure(1, 2, height=4.4, sharey=True)
    for axes, realizable, title in (
        (panels[0], True, "Realizable: the shortfall vanishes,\nthe bound follows slowly"),
        (panels[1], False, "Not realizable: a shortfall remains,\nwhich only the √ε term covers"),
    ):
        here = table["realizable"] == realizable
        sizes = np.unique(table["n"][here])
        groups = [here & (table["n"] == n) for n in sizes]
        high = [np.quantile(table["shortfall"][g], 0.95) for g in groups]
        measured = [np.quantile(table["allowed_at_measured_excess"][g], 0.95) for g in groups]
        axes.plot(sizes, [table["allowed"][g][0] for g in groups], **LINES["bound"], label="Theorem 2 with explicit constants")
        axes.plot(
            sizes, measured, linestyle="--", color=COLOURS["theory"], label="before sampling: at the measured excess misfit"
        )
        axes.axhline(table["trivial"][here][0], color="#BBBBBB", linewidth=1.0, label="8B²: a bound above it says nothing")
        if not realizable:
            rest = [table["allowed_without_epsilon"][g][0] for g in groups]
            axes.plot(
                sizes, rest, color=COLOURS["control"], linestyle=":", label="Theorem 2 without its √ε term: ends up violated"
            )
        axes.plot(sizes, high, "o", color=COLOURS["student"], label="students: 95 % stay below", zorder=3)
        axes.set(xscale="log", yscale="log", xlabel="weak labels n", ylim=(1e-6, 1e7))
        axes.set_xticks(sizes, [f"$10^{{{round(np.log10(n))}}}$" if n >= 100 else str(int(n)) for n in sizes])
        axes.minorticks_off()
        axes.set_title(title)
        axes.legend(fontsize=8, loc="upper right")
    panels[0].set_ylabel("shortfall: misfit − gain")
    students = int(table["students"][0])
    caption(
        figure,
        f"Synthetic population of 400 points, 6 bounded features, a ball of heads; {students} students per size, each fitted to its own "
        "sample; their errors on the population are exact. The bound holds for every student; it is dashed because it is only an upper bound.",
    )
    return figure
