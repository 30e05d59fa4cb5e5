"""Weak layer × strong layer: gain and misfit as maps, and beside them what each layer knows by itself; a row per task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.layer_map import APART, MOST_WEAK, cells, kinds, signs, tasks_of, teachers_of
from figures._style import COLOURS, LINES, caption, mean_interval, new_figure, shown
from w2s_theory.design.folds import FOLDS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Colours of gains reach to this share of the largest, so that one cell does not bleach all others.
SHARE = 0.98


def draw(table: dict[str, np.ndarray]) -> Figure:
    """Three panels a task: gain, misfit, errors by layer."""
    tasks = tasks_of(table)
    figure, axes = new_figure(
        len(tasks), 3, height=2.35 * len(tasks) + 1.3, squeeze=False, gridspec_kw={"width_ratios": [1.0, 1.0, 0.9]}
    )
    gains, misfits = ({task: cells(table, task, name).mean(axis=2) for task in tasks} for name in ("gain", "misfit"))
    most = float(np.quantile(np.abs(np.concatenate([each.ravel() for each in gains.values()])), SHARE))
    largest = float(np.quantile(np.concatenate([each.ravel() for each in misfits.values()]), SHARE))
    for row, (task, (left, middle, right)) in enumerate(zip(tasks, axes, strict=True)):
        shade = _map(left, table, gains[task], {"cmap": "RdBu", "vmin": -most, "vmax": most})
        _marks(left, signs(table, task))
        left.set_title(f"gain\n{task}" if row == 0 else task)
        tone = _map(middle, table, misfits[task], {"cmap": "Greys", "vmin": 0.0, "vmax": largest})
        middle.set_yticklabels([])
        middle.set_title("misfit\n" if row == 0 else "")
        _errors(right, table, task)
        if row == 0:
            right.set_title("test error\n")
            right.legend(loc="best", fontsize=8.5, handlelength=1.4)
        left.set_ylabel("weak")
        if row == len(tasks) - 1:
            for each, values, ends in ((left, shade, "both"), (middle, tone, "max")):
                each.set_xlabel("strong layer")
                # Below the label, at a height that does not depend on how many rows there are.
                figure.colorbar(values, cax=each.inset_axes((0.0, -0.52, 1.0, 0.07)), orientation="horizontal", extend=ends)
            right.set_xlabel("layer")
    trials = len(set(table["trial"].tolist()))
    apart = (
        f' Templates of hatecheck stay in one part of a split and in one of {FOLDS} folds for the penalty; "rows apart" ignores them.'
        if APART in tasks
        else ""
    )
    caption(
        figure,
        f"Real data. Ridge heads on the layers of a 6-layer sentence encoder (0: token embeddings), on a small causal model and on TF-IDF; at most "
        f"{MOST_WEAK} gold labels for the weak head, half of the rows for the student. Errors in units of the label's variance, means over {trials} "
        "random splits. A dot: the joint 95 % interval of the gain over splits holds 0; outlined: a student on its teacher's own layer. Right: "
        "weak heads by their layer, ceilings by theirs (bars: 95 % over splits); the ceiling's error is an upper estimate of how far the task "
        f"is from realizable.{apart}",
    )
    return figure


def _map(axes: Axes, table: dict[str, np.ndarray], values: np.ndarray, look: dict[str, Any]) -> Any:
    """One map, (weak, strong), the lowest layer at the bottom and other models on top of the layers."""
    from matplotlib.patches import Rectangle

    axes.grid(False)
    shade = axes.imshow(values, origin="lower", aspect="auto", **look)
    names = [name.removeprefix("layer ") for name in teachers_of(table)]
    axes.set_yticks(range(len(names)), ["causal" if name == "causal model" else name for name in names], fontsize=8)
    layers = np.unique(table["strong"])
    axes.set_xticks(range(len(layers)), [str(layer) for layer in layers], fontsize=8)
    for row, column in np.argwhere(kinds(table)["same"]):
        axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=COLOURS["theory"], linewidth=0.7))
    others = sum(name.startswith("layer ") for name in teachers_of(table))
    axes.axhline(others - 0.5, color="white", linewidth=2.0)
    return shade


def _marks(axes: Axes, found: np.ndarray) -> None:
    """A dot in each cell whose sign is not told."""
    rows, columns = np.nonzero(found == 0)
    axes.plot(columns, rows, ".", color=COLOURS["bound"], markersize=2.5)


def _errors(axes: Axes, table: dict[str, np.ndarray], task: str) -> None:
    """What a weak head on each layer costs, and a ceiling."""
    layers, names = np.unique(table["strong"]), teachers_of(table)
    weak, ceiling = cells(table, task, "weak_error")[:, 0], cells(table, task, "ceiling_error")[0]
    places = [names.index(f"layer {layer}") for layer in layers]
    for values, role, label in ((weak[places], "weak", "weak head"), (ceiling, "ceiling", "ceiling")):
        bars = mean_interval(np.repeat(layers, values.shape[1]), values.ravel())
        axes.errorbar(bars.at, bars.mean, yerr=shown(bars), fmt="o", markersize=3.5, color=COLOURS[role], label=label)
    axes.axhline(1.0, **LINES["zero"])
    axes.set_xticks(layers)
    axes.tick_params(labelsize=8)
