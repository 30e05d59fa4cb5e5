"""Who should be the student? Gains of the two role assignments, with much and with little pretraining data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from experiments.charikar2024_low_sample import REGIMES, regime_numbers
from figures._style import COLOURS, LINES, caption, mean_interval, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STUDENTS = (("deep", "student", "o"), ("shallow", "ceiling", "s"))


def draw(table: dict[str, np.ndarray]) -> Figure:
    """Left: median gain per world, for either student, in both regimes. Right: gain against misfit with little data."""
    figure, (roles, line) = new_figure(1, 2, height=4.6)
    trials = np.unique(table["trial"])
    for position, regime in enumerate(REGIMES):
        for shift, (student, role, marker) in zip((-0.14, 0.14), STUDENTS, strict=True):
            gains = regime_numbers(table, regime, student)["gain"]
            at = position + shift + np.linspace(-0.05, 0.05, gains.size)
            label = f"{student} student, {'shallow' if student == 'deep' else 'deep'} teacher" if position == 0 else None
            roles.plot(at, gains, marker, color=COLOURS[role], alpha=0.5, markersize=4, markeredgewidth=0)
            bars = mean_interval(np.zeros(gains.size), gains)
            roles.errorbar(
                position + shift,
                bars.mean,
                yerr=np.nan_to_num(bars.half),
                fmt=marker,
                color=COLOURS[role],
                markersize=9,
                label=label,
            )
    roles.axhline(0.0, color="#999999", linewidth=0.8)
    roles.set_xticks(range(len(REGIMES)), [f"{name}\n({t} tasks × {n} points)" for name, (t, n) in REGIMES.items()])
    roles.set_ylabel("gain / task variance, median over tasks")
    roles.set_title("Who is the better student, with much\nand with little pretraining data")
    low, high = roles.get_ylim()
    roles.set_ylim(low, high + 0.3 * (high - low))
    roles.legend(fontsize=8.5, loc="upper right")

    few = table["regime"] == "little data"
    points = []
    for student, role, marker in STUDENTS:
        rows = few & (table["student"] == student)
        gain, misfit = table["gain"][rows] / table["variance"][rows], table["misfit"][rows] / table["variance"][rows]
        line.plot(
            gain, misfit, marker, color=COLOURS[role], alpha=0.3, markersize=3, markeredgewidth=0, label=f"{student} student"
        )
        points.append((gain, misfit))
    gains, misfits = (np.concatenate(values) for values in zip(*points, strict=True))
    low, high = float(np.quantile(gains, 0.02)), float(np.quantile(misfits, 0.98))
    line.plot([low, high], [low, high], **LINES["theory"], label="gain = misfit")
    line.set(xlim=(low, high), ylim=(0, high), xlabel="gain / task variance", ylabel="misfit / task variance")
    line.set_title("Little data: gain against misfit")
    line.legend(fontsize=8.5, loc="lower right", markerscale=2)
    caption(
        figure,
        f"Synthetic: networks of 2 (shallow) and 8 (deep) layers pretrained on tasks of a random 5-layer network; small markers are "
        f"{len(trials)} worlds, large ones their means with 95 % intervals; 100 tasks each. Right: every task, the outermost 2 % cut off.",
    )
    return figure
