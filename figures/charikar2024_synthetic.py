"""Gain against misfit on synthetic tasks: the published picture above, the same tasks in units of their own variance below."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from experiments.charikar2024_synthetic import PANELS, panel_numbers, usual
from figures._style import COLOURS, LINES, caption, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLES = dict(
    zip(
        PANELS,
        ("Realizable:\npretrained teacher", "Not realizable:\nboth pretrained", "Perturbed,\nσ = 0.1", "Perturbed,\nσ = 0.01"),
        strict=True,
    )
)


def draw(table: dict[str, np.ndarray]) -> Figure:
    """Top: raw, as published. Bottom: gain and misfit of each task divided by the variance of its target."""
    figure, axes = new_figure(2, 4, height=5.8)
    trials = len(np.unique(table["trial"]))
    for column, panel in enumerate(PANELS):
        rows = (table["panel"] == panel) & usual(table)
        numbers = panel_numbers(table, panel)
        for row, (name, scale) in enumerate((("raw", 1.0), ("free", table["variance"][rows]))):
            here = axes[row, column]
            gain, misfit = table["gain"][rows] / scale, table["misfit"][rows] / scale
            # The few largest tasks would leave an empty square around the rest; they are counted in the corner.
            top = float(np.quantile(np.maximum(gain, misfit), 0.98)) * 1.15
            low = min(0.0, float(np.quantile(gain, 0.01)) * 1.1)
            beyond = int(np.sum((gain > top) | (misfit > top) | (gain < low)))
            here.plot([0, top], [0, top], **LINES["theory"])
            here.plot(gain, misfit, "o", color=COLOURS["student"], alpha=0.35, markersize=3, markeredgewidth=0)
            here.set(xlim=(low, top), ylim=(0, top * 1.35), xlabel="gain" if row == 0 else "gain / variance")
            here.locator_params(nbins=3)
            text = f"Pearson {np.median(numbers[f'{name}_r']):.2f}\noff by {np.median(numbers[f'{name}_off']):.0%}"
            here.text(0.04, 0.98, text, transform=here.transAxes, va="top", fontsize=9)
            if beyond:
                here.text(0.97, 0.02, f"{beyond} beyond", transform=here.transAxes, ha="right", fontsize=7.5, color="#777777")
        axes[0, column].set_title(TITLES[panel], fontsize=11)
    axes[0, 0].set_ylabel("as published:\nmisfit")
    axes[1, 0].set_ylabel("scale-free:\nmisfit / variance")
    figure.suptitle(
        "Gain follows misfit where the target is nearly realizable; part of the line is task scale",
        x=0.01,
        ha="left",
        fontsize=13,
    )
    caption(
        figure,
        f"Synthetic: random tasks on a random 5-layer network, 100 tasks (markers) × {trials} worlds per panel; gain = weak error − student "
        "error, misfit = student against weak labels, squared errors on 2000 fresh points; line: gain = misfit. Corners: Pearson correlation and "
        "mean |gain − misfit| over mean misfit, medians over worlds. Heads: least squares, units active on < 5 points off; σ: the strong noise.",
    )
    return figure
