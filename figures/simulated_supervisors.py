"""Error after repair against the share of wrong labels: random, class-conditional and systematic errors, on clusters and on digits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import stdtrit

from experiments.simulated_supervisors import (
    CLASSES,
    CLUSTERS,
    CONTAMINATION,
    ERRORS,
    FEW,
    MANY,
    POINTS,
    WORLDS,
    bars,
    predicted,
)
from figures._style import COLOURS, caption, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOOK = {
    "few": (f"{FEW} neighbours", COLOURS["student"], "o"),
    "many": (f"{MANY} neighbours", COLOURS["ceiling"], "s"),
    "logistic": ("logistic probe", COLOURS["weak"], "^"),
    "filter": ("neighbour filter", COLOURS["control"], "D"),
    "topological": ("topological filter", COLOURS["bound"], "v"),
}
NAMES = {"clusters": "clusters (synthetic)", "digits": "digits 5 to 9"}


def draw(table: dict[str, np.ndarray]) -> Figure:
    """A row per world, a column per kind of errors."""
    figure, axes = new_figure(2, 3, height=7.6, sharex=True, sharey=True)
    for i, world in enumerate(WORLDS):
        for j, errors in enumerate(ERRORS):
            _panel(axes[i, j], table, world, errors)
            if i == 0:
                axes[i, j].set_title(f"{errors[0].upper()}{errors[1:]} errors")
            else:
                axes[i, j].set_xlabel("wrong labels before")
        axes[i, 0].set_ylabel(f"{NAMES[world]}\nwrong labels after")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    axes[0, 0].legend(handles, labels, fontsize=8, loc="upper left")
    draws = {world: np.unique(table["trial"][table["world"] == world]).size for world in WORLDS}
    caption(
        figure,
        f"Lines: exact laws of a vote in pure neighbourhoods ({FEW} and {MANY} neighbours, in their colours; all systematic errors "
        f"survive); dotted: no repair; dashed: the least that a filter of {CONTAMINATION:.0%} can leave. Markers: means over "
        f"{draws['clusters']} draws of clusters and {draws['digits']} of digits with "
        f"95 % intervals (Student's t). Above, synthetic: {CLASSES} classes of {CLUSTERS} clusters, {POINTS} points. Below: real images, "
        "frozen kernel features, simulated supervisors. Random: any other class; class-conditional: the next class; systematic: all of a "
        "region (a cluster; images of a digit near one of three) is one wrong class. Of the filters, the share of wrong labels among those "
        "kept.",
    )
    return figure


def _panel(axes, table, world, errors):
    x = np.linspace(0.0, 0.72, 37)
    axes.plot(x, x, ":", color=COLOURS["bound"], linewidth=1.2, label="no repair")
    axes.plot(
        x,
        np.maximum(0.0, (x - CONTAMINATION) / (1.0 - CONTAMINATION)),
        "--",
        color=COLOURS["bound"],
        linewidth=1.0,
        label="_least",
    )
    for rule, votes in (("few", FEW), ("many", MANY)):
        if errors != "systematic":
            axes.plot(x, [predicted(world, errors, float(e), votes) for e in x], color=LOOK[rule][1], linewidth=1.4)
    for rule, (label, colour, marker) in LOOK.items():
        group = bars(table, world, errors, rule)
        half = stdtrit(group["trials"] - 1.0, 0.975) * group["stderr"]
        axes.errorbar(
            group["before"], group["after"], yerr=np.nan_to_num(half), fmt=marker, color=colour, markersize=4.5, label=label
        )  # fmt: skip
    axes.set(xlim=(-0.02, 0.74), ylim=(-0.02, 1.04))
