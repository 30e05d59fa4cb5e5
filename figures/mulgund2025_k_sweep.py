"""The error term of the gain–misfit inequality against the number of heads: averages of known heads, and learned heads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from experiments._tables import pick
from experiments.mulgund2025_k_sweep import AVERAGED, DIMENSION, MEMBERS, SEEN, exponents, proved, published_order
from figures._style import COLOURS, LINES, caption, mean_interval, new_figure, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PALETTE = (COLOURS["student"], COLOURS["ceiling"], COLOURS["weak"], COLOURS["control"])
MARKERS = ("o", "^", "s", "D")
DOTTED: dict[str, Any] = LINES["bound"] | {"linestyle": ":"}


def draw(table: dict[str, np.ndarray]) -> Figure:
    """Left: what drawing k members costs. Then gain − misfit of learned mixtures, target realizable or not."""
    figure, (averages, realizable, lacking) = new_figure(1, 3, height=5.2, width_ratios=(1.35, 1.0, 1.0))
    classes = np.unique(table["classes"])
    look = {int(c): (PALETTE[i], MARKERS[i]) for i, c in enumerate(classes)}
    _averages(averages, table, look)
    _learned(realizable, table, look, "realizable")
    realizable.set_title("Learned heads,\ntarget realizable")
    realizable.set_ylabel("(gain − misfit) / misfit")
    _learned(lacking, table, look, "not realizable")
    lacking.set_title("Learned heads,\nfeatures missing")
    worlds = len(set(pick(table, kind="average")["trial"].tolist()))
    slope = exponents(table, "excess")
    caption(
        figure,
        f"Synthetic: {worlds} worlds for every number of classes c; markers: means over worlds. Left: k members are drawn from the mixture "
        f"of {MEMBERS} known softmax heads that is closest to the weak labels in KL(· ‖ weak); E KL(average ‖ mixture) is what the misfit "
        f"loses; bars: ± 2 standard errors of the draws. Fitted power of k: {slope.mean():.2f}. Dashed and dotted are shown for the "
        "smallest and the largest c; the published order has the constant √((c − 1)/c) here. Middle and right: students of k heads "
        "trained by reverse KL, in sample; 95 % t-intervals over worlds (none below three); line: gain = misfit. Middle: "
        "the truth is a head on the student's "
        f"representation, and the inequality asks for values ≥ 0 up to the error of k. Right: the representation "
        f"lacks {DIMENSION - SEEN} of {DIMENSION} coordinates, and the inequality asks for nothing.",
    )
    return figure


def _averages(axes: Axes, table: dict[str, np.ndarray], look: dict[int, tuple[str, str]]) -> None:
    k = np.array(AVERAGED, dtype=float)
    for place, (c, (colour, marker)) in enumerate(look.items()):
        rows = pick(table, kind="average", classes=c, measure="excess")
        law = pick(table, kind="average", classes=c, measure="law")
        mean = [float(np.mean(rows["value"][rows["k"] == each])) for each in AVERAGED]
        error = [float(np.sqrt(np.sum(rows["stderr"][rows["k"] == each] ** 2)) / np.sum(rows["k"] == each)) for each in AVERAGED]
        axes.plot(k, mean_interval(law["k"], law["value"]).mean, color=colour, linewidth=1.6)
        axes.errorbar(k, mean, yerr=2.0 * np.array(error), fmt=marker, color=colour, elinewidth=1.2, label=f"c = {c}", zorder=3)
        if place in (0, len(look) - 1):
            axes.plot(k, published_order(c, k), color=colour, linewidth=1.2, linestyle="--")
            axes.plot(k, proved(c, k), color=colour, linewidth=1.2, linestyle=":")
    axes.plot([], [], label="χ²/(2k)", **LINES["theory"])
    axes.plot([], [], label="published order, √(c/k)", **LINES["bound"])
    axes.plot([], [], label="(c − 1)/k, proved here", **DOTTED)
    axes.set(xscale="log", yscale="log", xlabel="members drawn, k", ylabel="E KL(average ‖ mixture)")
    axes.set_ylim(bottom=axes.get_ylim()[0] / 30.0)
    axes.set_title("Heads drawn from the best mixture:\nwhat k of them cost")
    axes.legend(fontsize=7.5, loc="lower left", ncols=2, columnspacing=0.8, handlelength=1.5)


def _learned(axes: Axes, table: dict[str, np.ndarray], look: dict[int, tuple[str, str]], kind: str) -> None:
    for place, (c, (colour, marker)) in enumerate(look.items()):
        residual, misfit = (pick(table, kind=kind, classes=c, measure=name) for name in ("residual", "misfit"))
        bars = mean_interval(residual["k"], residual["value"] / misfit["value"])
        at = bars.at * 1.07 ** (place - (len(look) - 1) / 2)
        axes.errorbar(at, bars.mean, yerr=shown(bars), fmt=marker, color=colour, elinewidth=1.0, markersize=4)
        axes.plot(at, bars.mean, color=colour, linewidth=0.7, alpha=0.6)
    ks = np.unique(pick(table, kind=kind)["k"])
    axes.axhline(0.0, **LINES["theory"])
    axes.set(xscale="log", xlabel="heads of the student, k")
    axes.set_xticks(ks, [str(int(k)) for k in ks])
    axes.minorticks_off()
