"""Published PGRs with the intervals that they must have had, medians beside what guessing prints, and one difference between losses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from experiments import _burns2023 as published
from experiments._tables import part
from experiments.burns2023_tables import CORRELATIONS
from figures._style import COLOURS, LINES, caption, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOSS_LOOKS = {"xent": (COLOURS["student"], "o", "cross-entropy"), "logconf": (COLOURS["control"], "D", "log-confidence")}


def draw(table: dict[str, np.ndarray]) -> Figure:
    """Left: PGR on ImageNet. Middle: median PGRs of the language sweep. Right: log-confidence minus cross-entropy on sciq."""
    figure, (left, middle, right) = new_figure(1, 3, height=5.0, width_ratios=(1.0, 1.25, 0.8))
    _vision(left, table)
    _language(middle, table)
    _points(right, table)
    chance = part(table, "chance")
    caption(
        figure,
        "Published numbers; only the grey bars (middle) were simulated here. Left: AlexNet teaches probes on DINO features; "
        f"{published.VISION_TEST:,} test images; "
        f"Fieller's 95 % intervals, thin: errors of the models independent, thick: correlated (ρ = {CORRELATIONS[-1]:g}, or "
        "what the accuracies allow). Between the two "
        "tables a learning-rate schedule was mended. Middle: medians over pairs of seven models as printed, which carry no "
        "interval; grey: 95 % of the medians that the "
        f"same recipe prints when all models guess ({int(chance['trials'][0])} simulated sweeps); ceilings of anthropic_hh are "
        "at chance. Right: log-confidence minus cross-entropy, "
        f"GPT-2 teaches; {published.TEST['sciq']} test examples, values read off a picture, ± 2 standard errors, thin: "
        f"independent, thick: ρ = {CORRELATIONS[-1]:g}.",
    )
    return figure


def _vision(axes, table):
    at = np.arange(len(published.VISION))
    for correlation, width in ((CORRELATIONS[0], 1.0), (CORRELATIONS[-1], 3.5)):
        rows = part(table, "vision", correlation=correlation)
        reach = np.abs(np.stack([rows["low"], rows["high"]]) - rows["pgr"])
        axes.errorbar(
            at,
            rows["pgr"],
            yerr=reach,
            fmt="o",
            color=COLOURS["student"],
            elinewidth=width,
            capsize=3 if width < 2 else 0,
            zorder=3,
        )
    axes.axhline(0.0, **LINES["weak"])
    axes.axhline(1.0, **LINES["ceiling"])
    axes.text(-0.4, 0.015, "weak", fontsize=9, color=COLOURS["weak"], va="bottom")
    axes.text(-0.4, 0.985, "ceiling", fontsize=9, color=COLOURS["ceiling"], va="top")
    names = [f"{student.split(' ')[0]},\n{version}" for version, student in published.VISION]
    axes.set_xticks(at, names, fontsize=8.5, rotation=45, ha="right", rotation_mode="anchor")
    axes.set(ylim=(-0.06, 1.06), xlim=(-0.5, at[-1] + 0.5), ylabel="PGR")
    axes.set_title("ImageNet: PGR and the\ninterval that it had")


def _language(axes, table):
    at = np.arange(len(published.MEDIAN_PGR))
    chance = part(table, "chance")
    axes.bar(
        at, chance["high"] - chance["low"], bottom=chance["low"], width=0.7, color="#DDDDDD", zorder=1, label="guessing, 95 %"
    )
    axes.hlines(chance["pgr"], at - 0.35, at + 0.35, color=COLOURS["bound"], linewidth=1.4, linestyle="--", zorder=2)
    for shift, (loss, (colour, marker, label)) in zip((-0.12, 0.12), LOSS_LOOKS.items(), strict=True):
        rows = part(table, "language", loss=loss)
        axes.plot(at + shift, rows["pgr"], marker, color=colour, label=label, zorder=3)
    axes.set_xticks(at, list(published.MEDIAN_PGR), fontsize=8.5, rotation=45, ha="right", rotation_mode="anchor")
    axes.set(ylabel="median PGR", ylim=(-1.5, 3.4))
    axes.legend(fontsize=8.5, loc="upper left", borderaxespad=0.1)
    axes.set_title("Median PGRs, and what\nguessing prints")


def _points(axes, table):
    at = np.arange(len(published.POINTS))
    for correlation, width in ((CORRELATIONS[0], 1.0), (CORRELATIONS[-1], 3.5)):
        rows = part(table, "points", correlation=correlation)
        axes.errorbar(
            at,
            100 * rows["difference"],
            yerr=200 * rows["stderr"],
            fmt="o",
            color=COLOURS["student"],
            elinewidth=width,
            capsize=3 if width < 2 else 0,
            zorder=3,
        )
    axes.axhline(0.0, **LINES["zero"])
    axes.set_xticks(
        at, [f"to {student}" for _, student in published.POINTS], fontsize=8.5, rotation=45, ha="right", rotation_mode="anchor"
    )
    axes.set(xlim=(-0.6, at[-1] + 0.6), ylabel="accuracy (points)")
    axes.set_title("sciq, two losses\ncompared")
