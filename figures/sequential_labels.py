"""Stopping when one likes: misses by stopping rule, widths beside fixed intervals, labels until the sign is settled, and one
stream.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from experiments._tables import part
from experiments.sequential_labels import BUDGET, MISS, REAL, RULES, WORLDS
from figures._style import COLOURS, LINES, caption, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOOKS = {"sequence": (COLOURS["student"], "o"), "fixed": (COLOURS["weak"], "s")}
#: Worlds of the panel of widths, and the one whose first stream is shown.
SHOWN = {"two classes": "o", "three classes": "s", "squared loss": "^", REAL[0]: "D", "no range": "v"}
STREAM = "two classes"


def draw(table: dict[str, np.ndarray]) -> Figure:
    """Top: misses, one stream. Bottom: widths, labels at the stop."""
    figure, ((misses, stream), (widths, stops)) = new_figure(2, 2, height=8.0)
    _misses(misses, table)
    _stream(stream, table)
    _widths(widths, table)
    _stops(stops, table)
    trials = int(part(table, "miss", rule="at any time")["seen"].min())
    caption(
        figure,
        f"Gold labels one at a time, up to {BUDGET}; {' and '.join(REAL)}: real (test rows drawn from again and again, ridge heads on layers 0 and "
        f"6 of a small encoder), all else synthetic. Top left: share of {trials} trials or more whose interval misses the gain when "
        f"labelling stops, ± 2 standard errors, dashed: {MISS:.0%}; hollow: at the end only. "
        "Top right: one stream of two classes, the interval after each number of labels. Bottom left: mean width over that of the fixed interval. "
        "Bottom right: labels until the sequence settles the sign, median and 10 to 90 % of the trials; bars: a fixed plan with power 0.8 "
        "that knows the gain.",
    )
    return figure


def _misses(axes, table):
    worlds = list(WORLDS)
    for method, (colour, marker) in LOOKS.items():
        for rule, offset in (("at any time", -0.16), ("sign settled", 0.16), ("at the end", 0.0)):
            rows = part(table, "miss", method=method, rule=rule)
            at = np.array([worlds.index(world) for world in rows["world"]]) + offset
            hollow = rule == "at the end"
            axes.errorbar(
                rows["value"],
                at,
                xerr=2 * rows["stderr"],
                fmt=marker if rule != "sign settled" else "x",
                color=colour,
                markerfacecolor="white" if hollow else colour,
                elinewidth=1.0,
                label={"at any time": f"{method}, at any time", "sign settled": f"{method}, sign settled"}.get(rule),
                zorder=3,
            )
    axes.plot([MISS, MISS], [-0.6, len(worlds) - 0.5], **LINES["bound"])
    axes.set_yticks(range(len(worlds)), worlds)
    axes.tick_params(axis="y", labelsize=8.5)
    axes.set(xlabel="share of trials that miss", xlim=(-0.005, 1.0), ylim=(len(worlds) + 1.6, -0.6))  # room for the legend
    axes.set_xscale("symlog", linthresh=0.1, linscale=1.0)
    axes.set_xticks([0.0, 0.05, 0.1, 0.3, 1.0], ["0", "5 %", "10 %", "30 %", "100 %"])
    axes.minorticks_off()
    axes.legend(fontsize=7.5, loc="lower right", ncols=2, columnspacing=0.6, handletextpad=0.1, borderaxespad=0.1)
    axes.set_title("Misses when one stops at will")
    assert set(rows["rule"]) <= set(RULES)


def _stream(axes, table):
    truth = part(table, "width", world=STREAM)["truth"][0]
    for method, (colour, _) in LOOKS.items():
        rows = part(table, "width", world=STREAM, method=method)
        style = {"sequence": "-", "fixed": "--"}[method]
        axes.plot(rows["n"], rows["low"], color=colour, linestyle=style, label=method)
        axes.plot(rows["n"], rows["high"], color=colour, linestyle=style)
    axes.axhline(truth, **LINES["theory"])
    axes.axhline(0.0, **LINES["zero"])
    axes.text(21, truth + 0.02, "truth", fontsize=9)
    axes.set(xscale="log", xlabel="gold labels", ylabel="advantage δ where they disagree")
    _sizes(axes)
    axes.legend(fontsize=9, loc="upper right")
    axes.set_title("One stream of labels")


def _widths(axes, table):
    colours = [COLOURS["student"], COLOURS["weak"], COLOURS["ceiling"], COLOURS["control"], COLOURS["theory"]]
    for (world, marker), colour in zip(SHOWN.items(), colours, strict=True):
        ours, fixed = (part(table, "width", world=world, method=method) for method in ("sequence", "fixed"))
        ratio = ours["value"] / fixed["value"]
        finite = np.isfinite(ratio)
        axes.plot(ours["n"][finite], ratio[finite], marker=marker, color=colour, label=world, linewidth=1.2)
    axes.axhline(1.0, **LINES["zero"])
    axes.set(xscale="log", xlabel="gold labels", ylabel="width over fixed width")
    axes.set_ylim(0.8, None)
    _sizes(axes)
    axes.legend(fontsize=8.5)
    axes.set_title("What stopping at will costs")


def _stops(axes, table):
    rows = part(table, "stop")
    some = rows["n"] > 0
    at = np.arange(int(some.sum()))
    middle, low, high, plan = (rows[name][some] for name in ("value", "low", "high", "n"))
    axes.errorbar(
        middle,
        at,
        xerr=[middle - low, high - middle],
        fmt="o",
        color=COLOURS["student"],
        elinewidth=1.2,
        label="sequence",
        zorder=3,
    )
    axes.plot(plan, at, "|", color=COLOURS["weak"], markersize=14, markeredgewidth=2, label="fixed plan")
    axes.set_yticks(at, rows["world"][some].tolist())
    axes.tick_params(axis="y", labelsize=8.5)
    axes.set(xscale="log", xlabel="gold labels until the sign is settled", ylim=(len(at) + 0.3, -0.6))
    ticks = [20, 50, 100, 200, 400, 1000]
    axes.set_xticks(ticks, [str(n) for n in ticks])
    axes.minorticks_off()
    axes.legend(fontsize=9, loc="lower center", ncols=2)
    axes.set_title("Labels until the sign is settled")


def _sizes(axes):
    axes.set_xticks([20, 50, 100, 200, 400], ["20", "50", "100", "200", "400"])
    axes.minorticks_off()
