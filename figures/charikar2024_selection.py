"""Weak error − misfit, known without the student's gold labels, against the student's true error, for every teacher."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from experiments.charikar2024_selection import scores
from figures._style import COLOURS, LINES, caption, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLES = {
    "realizable": "Realizable: the criterion is\nthe student's error",
    "pretrained": "Not realizable: the criterion is\ntoo low by the cross term",
}


def draw(table: dict[str, np.ndarray]) -> Figure:
    """One panel per strong network; a marker per world and teacher, the best student and the chosen one of each world marked."""
    figure, panels = new_figure(1, 2, height=4.6)
    trials = len(np.unique(table["trial"]))
    for axes, (strong, title) in zip(panels, TITLES.items(), strict=True):
        numbers = scores(table, strong)
        x, y = numbers["criterion"], numbers["student_error"]
        axes.plot(
            x.ravel(), y.ravel(), "o", color=COLOURS["student"], alpha=0.5, markersize=5, markeredgewidth=0, label="a teacher"
        )
        worlds, chosen, best = np.arange(len(x)), np.argmin(x, axis=1), np.argmin(y, axis=1)
        axes.plot(
            x[worlds, chosen],
            y[worlds, chosen],
            "o",
            markersize=9,
            fillstyle="none",
            color=COLOURS["theory"],
            label="chosen by the criterion",
        )
        axes.plot(x[worlds, best], y[worlds, best], "x", markersize=8, color=COLOURS["weak"], label="best student of its world")
        ends = np.array([min(x.min(), y.min()), max(x.max(), y.max())])
        axes.plot(ends, ends, **LINES["theory"], label="zero residual")
        axes.set(xlabel="weak error − misfit, / task variance")
        axes.set_title(title)
    panels[0].set_ylabel("student's true error / task variance")
    panels[0].legend(fontsize=8.5, loc="upper left")
    caption(
        figure,
        f"Synthetic: {trials} worlds per panel, teachers of 1 to 4 layers pretrained for 50 or 150 epochs; medians over 100 tasks. The student "
        "is fitted to weak labels only; its true error is drawn to judge the choice, not to make it.",
    )
    return figure
