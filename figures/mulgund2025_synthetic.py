"""Gain against misfit in KL over synthetic worlds, and their difference in sample and on fresh inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from experiments._tables import pick
from experiments.mulgund2025_synthetic import CLASSES, FORWARD, MIXTURE, PUBLISHED, PUBLISHED_ERROR, PUBLISHED_GAIN, SINGLE, WIDTH
from figures._style import COLOURS, LINES, caption, mean_interval, new_figure, shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOOK = {
    MIXTURE: (COLOURS["student"], "o"),
    SINGLE: (COLOURS["ceiling"], "^"),
    FORWARD: (COLOURS["weak"], "s"),
}


def draw(table: dict[str, np.ndarray]) -> Figure:
    """Left: gain against misfit on fresh inputs, a marker per world. Right: gain − misfit by student, order and place."""
    figure, (scatter, differences) = new_figure(1, 2, height=5.0, width_ratios=(1.0, 1.1))
    smallest = largest = PUBLISHED_GAIN
    for name, (colour, marker) in LOOK.items():
        rows = pick(table, student=name, where="fresh", order="primal")
        scatter.plot(rows["misfit"], rows["gain"], marker, color=colour, label=name, alpha=0.9, zorder=3)
        largest = max(largest, float(rows["misfit"].max()), float(rows["gain"].max()))
        smallest = min(smallest, float(rows["misfit"].min()), float(rows["gain"].min()))
    scatter.plot(
        [PUBLISHED.misfit], [PUBLISHED_GAIN], "*", color=COLOURS["theory"], markersize=11, label="published run", zorder=4
    )
    ends = (smallest - 0.1 * (largest - smallest), largest + 0.1 * (largest - smallest))
    scatter.plot(ends, ends, label="gain = misfit", zorder=1, **LINES["theory"])
    scatter.set(xlim=ends, ylim=ends, xlabel="misfit, KL(student ‖ weak)", ylabel="gain, in KL(truth ‖ ·)")
    rows = pick(table, student=MIXTURE, where="fresh", order="primal")
    apart = float(rows["residual"].mean() / rows["gain"].mean())
    share = f"{apart:.1%}".replace("-", "−")
    scatter.set_title(f"{MIXTURE[0].upper()}{MIXTURE[1:]}: gain −\nmisfit is {share} of the gain")
    scatter.legend(fontsize=8.5, loc="upper left")

    lines = [(name, "primal", name) for name in LOOK] + [(FORWARD, "dual", "the same,\nother order of KL")]
    for place, (name, order, _) in enumerate(lines):
        colour, marker = LOOK[name]
        for where, shift, filled in (("train", -0.14, "none"), ("fresh", 0.14, colour)):
            rows = pick(table, student=name, where=where, order=order)
            share = rows["residual"] / rows["misfit"]
            bars = mean_interval(np.zeros(len(share)), 100.0 * share)
            half = shown(bars)
            label = None if place else {"train": "in sample (theorems)", "fresh": "fresh inputs"}[where]
            differences.errorbar(
                bars.mean,
                [place + shift],
                xerr=half,
                fmt=marker,
                color=colour,
                markerfacecolor=filled,
                elinewidth=1.2,
                label=label,
            )
    ours = 100.0 * PUBLISHED.residual / PUBLISHED.misfit
    error = 200.0 * PUBLISHED_ERROR / PUBLISHED.misfit
    differences.errorbar([ours], [len(lines)], xerr=[error], fmt="*", color=COLOURS["theory"], markersize=11, elinewidth=1.2)
    differences.axvline(0.0, **LINES["zero"])
    names = [text.replace(", ", ",\n") for *_, text in lines] + ["published run\n(± 2 s.e.)"]
    differences.set_yticks(range(len(names)), names, fontsize=8.5)
    differences.set_ylim(len(names) - 0.5, -0.5)
    differences.set_xlabel("gain − misfit, per cent of the misfit")
    differences.set_title("What separates them,\nby training loss")
    differences.legend(fontsize=8.5, loc="lower left")
    worlds = len(set(table["trial"].tolist()))
    caption(
        figure,
        f"Synthetic: {worlds} worlds. Truth: softmax of a random network with {WIDTH} hidden units at Gaussian inputs, {CLASSES} classes; weak: "
        "the same network cut to half of its units; student: mixture of softmax heads on a representation on which the truth, but not the weak "
        f"model, is a head, fitted to {int(table['n'][0]):,} inputs by KL(student ‖ weak) (reverse) or KL(weak ‖ student) (forward, "
        f"cross-entropy). Fresh: {int(table['fresh'][0]):,} inputs. Bars: 95 % t-intervals over worlds (none below three). "
        "Other order: KL(weak ‖ truth) − "
        "KL(student ‖ truth) against KL(weak ‖ student), equal in sample. Published run: another network, more inputs; levels are not "
        "comparable.",
    )
    return figure
