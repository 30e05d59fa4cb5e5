"""Bounds by expansion against the student's error, on synthetic clusters and on real representations, and what makes them loose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from experiments.expansion import CLUSTERS, CONTROLS, SIZE, TASKS, at_best, select
from figures._style import COLOURS, LINES, caption, mean_interval, new_figure, shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Bound -> label, colour, and how it is marked; those by constants are open and large, as they may lie on those by profiles.
OPEN = {"markersize": 11, "markerfacecolor": "none", "markeredgewidth": 1.5}
BOUNDS = {
    "constant forth": ("by c, bad to good", COLOURS["control"], {"fmt": "v", **OPEN}),
    "constant back": ("by c, good to bad", COLOURS["ceiling"], {"fmt": "^", **OPEN}),
    "bound": ("by profiles", COLOURS["theory"], {"fmt": "D", "markersize": 4}),
}


def draw(table: dict[str, np.ndarray]) -> Figure:
    """Above: synthetic clusters, even and scattered. Below: real tasks with controls, and fragile points against neighbours."""
    figure, axes = new_figure(2, 2, height=8.2)
    for panel, world, title in (
        (axes[0, 0], "even", "Synthetic: two bad points in each cluster"),
        (axes[0, 1], "scattered", "Synthetic: bad points at random"),
    ):
        _synthetic(panel, table, world, title)
    axes[0, 1].legend(*axes[0, 0].get_legend_handles_labels(), fontsize=8.5, loc="upper right")
    _real(axes[1, 0], table)
    _fragile(axes[1, 1], table)
    trials = np.unique(table["trial"][table["part"] == "real"]).size
    caption(
        figure,
        f"Above, synthetic: {CLUSTERS} clusters of {SIZE} points, a fifth with wrong pseudolabels; the student is wrong on a few clusters and on "
        "single points; bounds (dashed) need its training error and what the graph knows. A bound by c is left out where its hypothesis "
        "fails on half of the graphs or more. Means over "
        f"{np.unique(table['trial'][table['part'] == 'synthetic']).size} graphs with 95 % intervals. Below, real: neighbours in "
        f"the strong model's features, edges within a class, bounds per class, averaged; {trials} split{'s' * (trials > 1)}. Left: at the "
        "number of neighbours where the bound is smallest; dotted: the bound without expansion (training error + weak error). Right: bad "
        "points with a good neighbour on which the student is right where here it is wrong, or the reverse: the argument says nothing of "
        "them.",
    )
    return figure


def _synthetic(axes, table, world, title):
    every, error = select(table, part="synthetic", world=world, measure="error")
    bars = mean_interval(every, error)
    axes.errorbar(bars.at, bars.mean, yerr=shown(bars), fmt="o", color=COLOURS["student"], label="student's error", zorder=3)
    for name, (label, colour, mark) in BOUNDS.items():
        at, value = select(table, part="synthetic", world=world, measure=name)
        usual = np.array([2 * np.sum(at == x) > np.sum(every == x) for x in at], dtype=bool)
        at, value = at[usual], value[usual]
        if at.size:
            bars = mean_interval(at, value)
            axes.errorbar(
                bars.at,
                bars.mean,
                yerr=shown(bars),
                linestyle="--",
                color=colour,
                label=label,
                **mark,
            )
    axes.axhline(float(np.mean(select(table, part="synthetic", world=world, measure="weak")[1])), **LINES["weak"])
    at, triangle = select(table, part="synthetic", world=world, measure="triangle")
    bars = mean_interval(at, triangle)
    axes.plot(bars.at, bars.mean, ":", color=COLOURS["bound"], label="without expansion")
    axes.text(0.08, 0.195, "weak", color=COLOURS["weak"], fontsize=8.5, ha="left", va="top")
    axes.set(xlabel="share of good–bad pairs that are linked", ylabel="error", ylim=(0.0, 0.8))
    axes.set_title(title)


def _real(axes, table):
    names = [name for name in TASKS if select(table, world=name, control="none", measure="error")[1].size]
    places, labels = [], []
    for i, name in enumerate(names):
        for j, control in enumerate(CONTROLS):
            x = i * (len(CONTROLS) + 1) + j
            places.append(x)
            labels.append(control if control != "none" else "as it is")
            values = {m: at_best(table, name, control, m) for m in ("weak", "error", "bound", "triangle")}
            first = not places[1:]
            for measure, label, style in (
                ("weak", "weak", {"color": COLOURS["weak"], "linestyle": "-"}),
                ("bound", "bound", {"color": COLOURS["theory"], "linestyle": "--"}),
                ("triangle", "without expansion", {"color": COLOURS["bound"], "linestyle": ":"}),
            ):
                axes.hlines(values[measure].mean(), x - 0.42, x + 0.42, label=label if first else None, linewidth=1.6, **style)
            bars = mean_interval(np.full(values["error"].size, x), values["error"])
            axes.errorbar(
                bars.at, bars.mean, yerr=shown(bars), fmt="o", color=COLOURS["student"], markersize=4,
                label="student" if first else None,
            )  # fmt: skip
    axes.set_xticks(places, labels, rotation=90, fontsize=8)
    groups = np.reshape(places, (len(names), -1)).mean(axis=1)
    above = axes.secondary_xaxis("top")
    above.set_xticks(groups, [name.replace("_", "\n") for name in names], fontsize=8)
    above.tick_params(length=0)
    above.spines["top"].set_visible(False)
    axes.set(ylabel="error", ylim=(0.0, None))
    axes.set_title("Real representations:\nbounds per class, averaged")
    axes.legend(fontsize=8, ncols=2, loc="upper left")
    axes.set_ylim(0.0, 1.45 * axes.get_ylim()[1])


def _fragile(axes, table):
    colours = (COLOURS["student"], COLOURS["ceiling"], COLOURS["weak"], COLOURS["control"])
    for name, colour, marker in zip(TASKS, colours, "o^sD", strict=True):
        at, value = select(table, world=name, control="none", measure="fragile bad")
        if at.size:
            bars = mean_interval(at, value)
            axes.errorbar(
                bars.at,
                bars.mean,
                yerr=shown(bars),
                fmt=marker,
                linestyle="-",
                linewidth=0.8,
                color=colour,
                label=name,
            )
    axes.set(xscale="log", xlabel="neighbours that count as alike", ylabel="share of bad points, not robust", ylim=(0.0, 1.0))
    ticks = np.unique(table["at"][table["part"] == "real"])
    axes.set_xticks(ticks, [f"{k:g}" for k in ticks])
    axes.set_xticks([], minor=True)
    axes.set_title("The more points count as alike,\nthe fewer the student is robust on")
    axes.legend(fontsize=8.5)
