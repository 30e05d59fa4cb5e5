"""Gain minus misfit against the band 2√(misfit·ε): inside it for linear heads, above its lower edge for a convex class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from figures._style import COLOURS, LINES, caption, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOOKS = {
    "random": (COLOURS["student"], "o", "target misses at random"),
    "aligned": (COLOURS["weak"], "v", "target and weak labels miss alike"),
    "opposed": (COLOURS["ceiling"], "^", "target and weak labels miss in opposite ways"),
}


def draw(table: dict[str, np.ndarray]) -> Figure:
    """Two panels, linear heads and a ball of heads; one marker per task."""
    figure, panels = new_figure(1, 2, height=4.4, sharey=True)
    for axes, kind, title in (
        (panels[0], "linear", "Linear heads: the band is two-sided,\nand attained on both sides"),
        (panels[1], "ball", "A ball of heads: only the lower edge\nbinds; gain may exceed misfit"),
    ):
        here = (table["strong_class"] == kind) & (table["trial"] < 4)
        edge = np.array([0.0, table["band"][here].max() * 1.05])
        top = edge if kind == "linear" else np.full(2, 2.0)
        axes.fill_between(edge, -edge, top, color="#EFEFEF", zorder=0)
        axes.plot(edge, -edge, **LINES["bound"], label="the bound, ± 2√(misfit·ε)")
        if kind == "linear":
            axes.plot(edge, edge, **LINES["bound"])
        axes.axhline(0.0, **LINES["theory"], zorder=1)
        for direction, (colour, marker, label) in LOOKS.items():
            rows = here & (table["direction"] == direction)
            axes.plot(
                table["band"][rows],
                (table["gain"] - table["misfit"])[rows],
                marker,
                color=colour,
                alpha=0.45,
                markersize=4,
                markeredgewidth=0,
                label=label,
            )
        axes.set(xlabel="2√(misfit·ε)")
        axes.set_title(title)
    panels[0].set_ylabel("gain − misfit")
    panels[0].set_ylim(-1.05, 1.75)
    panels[0].legend(fontsize=9, loc="upper left")
    caption(
        figure,
        "Synthetic populations of 60 points, 6 features; a marker is one task (4 seeds × 12 tasks × 6 values of ε). Shaded: what the "
        "bound allows. ε is the exact approximation error, the target's squared distance from the class; where only a held-out "
        "ceiling error is known, it over-states ε and the band is wider than it need be. The dark line is gain = misfit.",
    )
    return figure
