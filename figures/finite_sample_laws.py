"""Gain and misfit of least-squares students against n/d: exact laws as lines, simulated students as markers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from figures._style import COLOURS, LINES, caption, new_figure
from w2s_theory.quantities.finite_sample import overfitting_ratio

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(table: dict[str, np.ndarray]) -> Figure:
    """Left: the three laws and the label-free estimate. Right: the law of the gain against a world outside its hypotheses."""
    many, few = int(table["d"].max()), int(table["d"].min())
    figure, (laws, outside) = new_figure(1, 2, height=4.6)
    n, r = _ratios(many, 1.42, 21)
    gaussian = (table["residual"] == "gaussian") & (table["d"] == many)
    for name, law, role, label in (
        ("test_misfit", 1 + r, "weak", "misfit on fresh points, 1 + r"),
        ("train_misfit", 1 - many / n, "ceiling", "misfit on training points, 1 − d/n"),
        ("gain", 1 - r, "student", "gain on fresh points, 1 − r"),
    ):
        laws.plot(n / many, law, color=COLOURS[role], linewidth=1.6)
        _markers(laws, table, gaussian, name, COLOURS[role], "o", label)
    _markers(laws, table, gaussian, "label_free_gain", COLOURS["theory"], "x", "gain estimated from weak labels only")
    laws.axhline(0.0, color="#999999", linewidth=0.8)
    laws.axvline((2 * many + 1) / many, **LINES["bound"])
    laws.annotate("n = 2d + 1", (2.1, -1.25), fontsize=9, color=COLOURS["bound"])
    laws.set(xscale="log", xlabel="weak labels per feature, n/d", ylabel="in units of M∞, the misfit at n = ∞", ylim=(-1.4, 4.6))
    laws.set_title(f"Below n = 2d + 1 the student loses (d = {many})")
    laws.legend(fontsize=8.5, loc="upper right")
    laws.set_xticks([1.5, 2, 3, 5, 10, 20], ["1.5", "2", "3", "5", "10", "20"])

    n, r = _ratios(few, 3.4, 21)
    outside.plot(n / few, 1 - r, color=COLOURS["theory"], linewidth=1.6, label="exact law, 1 − r")
    small = table["d"] == few
    _markers(
        outside, table, small & (table["residual"] == "gaussian"), "gain", COLOURS["student"], "o", "gain, Gaussian residual"
    )
    _markers(outside, table, small & (table["residual"] == "cubic"), "gain", COLOURS["control"], "s", "gain, cubic residual")
    outside.set(xscale="log", xlabel="weak labels per feature, n/d", ylim=(0.0, 1.05))
    outside.set_title(f"A residual that depends on the features\nbreaks the law (d = {few})")
    outside.legend(fontsize=8.5, loc="lower right")
    outside.set_xticks([4, 5, 7, 10, 15, 20], ["4", "5", "7", "10", "15", "20"])
    for axes in (laws, outside):
        axes.minorticks_off()
    students = int(table["students"][0])
    caption(
        figure,
        f"Synthetic. Lines: closed forms with r = d/(n − d − 1). Markers: means over {students} least-squares students, each fitted to n "
        "weakly labelled Gaussian points; bars: ± 2 standard errors (often smaller than the marker). The target is realizable. "
        "Cubic: the weak residual is uncorrelated with every feature and of the same size, but depends on one of them.",
    )
    return figure


def _ratios(d, first, last):
    """Sizes between ``first`` and ``last`` features, and r = d/(n − d − 1) there."""
    n = np.geomspace(first * d, last * d, 400)
    return n, np.array([overfitting_ratio(d, k) for k in n])


def _markers(axes, table, rows, name, colour, marker, label):
    axes.errorbar(
        table["n"][rows] / table["d"][rows],
        table[name][rows],
        yerr=2 * table[f"{name}_stderr"][rows],
        fmt=marker,
        color=colour,
        elinewidth=1.2,
        label=label,
        zorder=3,
    )
