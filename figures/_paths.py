"""The figure that the experiments on regularisation paths share: a panel per task, and what the choice of the penalty leaves behind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from experiments._paths import by_target, chosen, paths
from experiments._real import mean_by
from experiments._tables import pick
from figures._style import COLOURS, LINES, caption, mean_interval, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: How a choice of the penalty is drawn. Those that see weak labels only agree nearly everywhere: two hollow marks around a dot.
_HOLLOW = {"color": COLOURS["theory"], "markerfacecolor": "none", "markersize": 9, "zorder": 4}
MARKS = {
    "GCV": {"marker": "^", **_HOLLOW},
    "leave-one-out": {"marker": "o", "color": COLOURS["theory"], "markersize": 4, "zorder": 6},
    "held-out misfit": {"marker": "v", **_HOLLOW},
    "teacher's gold rows": {"marker": "D", "color": COLOURS["weak"], "markersize": 5.5, "zorder": 5},
    "oracle": {"marker": "*", "color": COLOURS["ceiling"], "markersize": 9, "zorder": 5},
}


def draw_paths(table: Mapping[str, np.ndarray], about: str) -> Figure:
    """Five tasks, and the gain left behind against what strong features know of the weak errors; ``about`` opens the caption."""
    figure, panels = new_figure(2, 3, height=7.4)
    tasks = list(dict.fromkeys(table["task"].tolist()))
    for axes, task in zip(panels.flat, tasks, strict=False):
        _path(axes, pick(table, task=task), task)
    _left(panels.flat[len(tasks)], table, tasks)
    for axes in panels[:, 0]:
        axes.set_ylabel("in units of label variance")
    for axes in panels.flat[: len(tasks)]:
        axes.set_xlabel("λ / mean eigenvalue")
    handles, labels = panels.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=5, fontsize=9, columnspacing=1.2, handlelength=1.8)
    trials = len(set(table["trial"].tolist()))
    caption(
        figure,
        f"{about} The student is ridge on weak labels, λ in units of the mean eigenvalue of its features. Lines: means over the targets of "
        f"a task and over {trials} random splits; bands and bars: 95 % Student-t intervals over the splits. A mark stands at the median λ "
        "chosen and at the mean gain that the choices bring: by GCV, leave-one-out and 5-fold held-out misfit, which see weak labels "
        "only; by the gold labels the teacher was trained on; and by an oracle that sees the test rows. Ceiling: the strong model trained "
        "on gold labels, at its best λ. Last panel: what leave-one-out loses to the oracle, a point per target, against the share of the "
        "weak labels' errors on test rows that a head on the strong features can be trained to predict.",
    )
    return figure


def _path(axes: Axes, table: Mapping[str, np.ndarray], task: str) -> None:
    trial, penalty = (paths(table)[name] for name in ("trial", "penalty"))
    key = np.unique(trial * 100 + np.arange(penalty.shape[1])[None, :]) % 100
    mean = {
        name: mean_interval(penalty[0, key], mean_by((trial * 100 + np.arange(penalty.shape[1])).ravel(), table[name]))
        for name in ("gain", "misfit", "flow_gain", "ceiling_error", "weak_error")
    }
    gain = mean["gain"]
    axes.fill_between(gain.at, gain.mean - gain.half, gain.mean + gain.half, color=COLOURS["student"], alpha=0.2, linewidth=0)
    axes.plot(gain.at, gain.mean, color=COLOURS["student"], linewidth=1.8, label="gain")
    axes.plot(gain.at, mean["flow_gain"].mean, ":", color=COLOURS["control"], linewidth=1.6, label="gain, stopped at t = 1/λ")
    axes.plot(gain.at, mean["misfit"].mean, label="misfit", **LINES["bound"])
    axes.axhline(0.0, label="weak model", **LINES["weak"])
    ceiling = float(np.max(mean["weak_error"].mean - mean["ceiling_error"].mean))
    top = [float(np.mean(chosen(table, "leave-one-out", "misfit"))), mean["flow_gain"].mean.max()]
    bottom = []
    for name, mark in MARKS.items():
        at, value = float(np.median(chosen(table, name, "penalty"))), float(np.mean(chosen(table, name, "gain")))
        axes.plot(at, value, linestyle="none", label=name, **mark)
        top.append(value)
        bottom.append(value)
    high, low = 1.25 * max(top), min(0.0, *bottom)
    low -= 0.35 * (high - low)
    told = {"s": f"ceiling {ceiling:+.2f}", "fontsize": 8.5, "color": COLOURS["ceiling"]}
    if ceiling <= high:
        axes.axhline(ceiling, **LINES["ceiling"])
        above = ceiling < low + 0.85 * (high - low)
        axes.text(1.1 * gain.at[0], ceiling + (0.01 if above else -0.01) * (high - low), va="bottom" if above else "top", **told)
    else:
        axes.text(0.02, 0.985, transform=axes.transAxes, va="top", **told)
    axes.set(xscale="log", ylim=(low, high))
    axes.set_xticks([1e-4, 1e-2, 1.0, 1e2], ["$10^{-4}$", "$10^{-2}$", "1", "100"])
    axes.minorticks_off()
    axes.set_title(task.replace(", ", ",\n"), fontsize=10.5)


def _left(axes: Axes, table: Mapping[str, np.ndarray], tasks: list[str]) -> None:
    palette = [COLOURS[role] for role in ("bound", "theory", "weak", "student", "ceiling")]
    for task, colour, marker in zip(tasks, palette, "^sDov", strict=False):
        rows = pick(table, task=task)
        left = by_target(rows, chosen(rows, "oracle", "gain") - chosen(rows, "leave-one-out", "gain"))
        share = by_target(rows, paths(rows)["predictable"][:, 0])
        value = np.array([one.value for one in left])
        axes.errorbar(
            [one.value for one in share],
            value,
            yerr=[value - [one.low for one in left], [one.high for one in left] - value],
            fmt=marker,
            color=colour,
            markersize=4.5,
            elinewidth=0.9,
            label=task,
        )
    axes.axhline(0.0, color="#999999", linewidth=0.8)
    axes.xaxis.set_major_formatter("{x:.0%}")
    axes.set(xlabel="weak errors predictable", ylim=(None, 1.75 * axes.get_ylim()[1]))
    axes.set_title("gain that leave-one-out\nleaves on the table", fontsize=10.5)
    axes.legend(fontsize=7.5, loc="upper left", handletextpad=0.2, borderaxespad=0.1)
