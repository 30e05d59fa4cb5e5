"""Who wins over direction and size of the weak bias, for short prompts (simulated) and in the limit, and along the way to another concept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from experiments.refinement_phases import COUNT, LONGEST, NAMES, NOISE, SHORT, biased_world, limit_errors, winners
from figures._style import COLOURS, LINES, caption, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Naive, refined, source, too close to call: tints of the roles' colours.
TINTS = ("#F2C1A0", "#9CC9E3", "#A6DBC8", "#DDDDDD")


def draw(table: dict[str, np.ndarray]) -> Figure:
    """Above: simulated maps for two lengths of prompt. Below: the exact map of the limit, and the cut towards the nearest competitor."""
    from matplotlib.patches import Patch

    figure, axes = new_figure(2, 2, height=8.0)
    for panel, n in zip(axes[0], SHORT, strict=True):
        rows = np.flatnonzero((table["part"] == "map") & (table["n"] == n))
        angles, size = np.unique(table["angle"][rows]), np.unique(table["size"][rows])
        order = np.lexsort((table["angle"][rows], table["size"][rows]))
        _map(panel, angles, size, winners(table, rows)[order].reshape(size.size, angles.size))
        panel.set_title(f"Prompts of {n} examples (simulated)")
    limit, cut = axes[1]
    angles, size = 180.0 * (np.arange(60) + 0.5) / 60, 1.25 * (np.arange(40) + 0.5) / 40
    _map(limit, angles, size, np.array([[np.argmin(limit_errors(a, s)) for a in angles] for s in size]))
    limit.set_title("Endless prompts (exact)")
    limit.text(118, 0.62, "refined:\nno error", ha="center", fontsize=10)
    limit.text(14, 1.0, "source", ha="center", fontsize=10)
    limit.annotate("naive", (9, 0.54), (28, 0.3), fontsize=10, arrowprops={"arrowstyle": "-", "color": "#555555"})
    _cut(cut, table)
    figure.legend(
        handles=[Patch(color=tint, label=name) for tint, name in zip(TINTS, NAMES, strict=True)],
        loc="outside upper center",
        ncols=4,
        title="smallest error",
        title_fontsize=10,
    )
    prompts = int(table["prompts"][0])
    caption(
        figure,
        f"Synthetic. {COUNT} orthonormal concepts with equal prior, weak noise and belief {NOISE}. Naive: fine-tuning on unlimited weak "
        "labels. Refined: the student of unlimited refined answers, a fresh prompt each. Source: the strong model untouched. Angle: between "
        "the bias (the weak vector minus the concept meant) and the direction to the nearest competitor. Lines in the maps: where the "
        "nearest concept changes (solid, n → ∞), and half the distance between concepts (dashed), below which no direction fails. Maps and "
        f"markers: {prompts} sampled prompts each; bars ± 2 standard errors; too close to call: within 3 of them.",
    )
    return figure


def _map(axes, angles, size, winner):
    from matplotlib.colors import ListedColormap

    axes.pcolormesh(angles, size, winner, cmap=ListedColormap(TINTS), vmin=-0.5, vmax=3.5, shading="nearest", rasterized=True)
    line = np.linspace(0.0, 70.0, 200)
    axes.plot(line, 0.5 / np.cos(np.deg2rad(line)), **LINES["theory"])
    axes.axhline(0.5, **LINES["bound"])
    axes.set(xlim=(0, 180), ylim=(0, 1.25), xlabel="angle of the bias (degrees)", ylabel="size / distance of concepts")
    axes.set_xticks([0, 45, 90, 135, 180])
    axes.grid(False)


def _cut(axes, table):
    share = np.linspace(0.0, 1.0, 201)
    exact = np.array([limit_errors(0.0, a) for a in share])
    axes.plot(share, exact[:, 0], color=COLOURS["weak"], linewidth=1.6, label="naive, 2a²")
    left = share < 0.5
    axes.plot(share[left], exact[left, 1], **LINES["theory"], label="refined, n = ∞")
    axes.plot(share[share > 0.5], exact[share > 0.5, 1], **LINES["theory"])
    worlds = [biased_world(0.0, a) for a in share[::4]]
    pulls = np.linspace(0.0, 1.0, 201)[:, None]
    best = [float(np.min(w.error((1 - pulls) * w.source + pulls * w.weak))) for w in worlds]
    axes.plot(share[::4], best, **LINES["bound"], label="best naive–source mix")
    axes.axhline(exact[0, 2], **LINES["ceiling"])
    axes.text(0.01, exact[0, 2] + 0.03, "source", fontsize=9, color=COLOURS["ceiling"])
    for n, marker, colour in zip((*SHORT, LONGEST), ("v", "s", "o"), ("#7FB8DA", "#3F94C6", COLOURS["student"]), strict=True):
        rows = (table["part"] == "segment") & (table["n"] == n)
        axes.errorbar(
            table["size"][rows],
            table["refined"][rows],
            yerr=2 * table["refined_stderr"][rows],
            fmt=marker,
            color=colour,
            elinewidth=1.2,
            label=f"refined, n = {n}",
            zorder=3,
        )
    axes.set(xlim=(0, 1), ylim=(-0.08, 3.3), xlabel=r"a, for $\beta_w = (1 - a)\,\beta_* + a\,\beta_k$", ylabel="error")
    axes.set_title("On the way to another concept")
    axes.legend(fontsize=8.5, loc="upper left", ncols=2, columnspacing=1.0)
    axes.set_yticks([0.0, 0.5, 1.0, 1.5, 2.0])
