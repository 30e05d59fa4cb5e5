"""Interval width against gold labels on every real task, what is saved in each loss, and coverage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from experiments._label_savings import (
    AT,
    BAND,
    GOAL,
    GOAL_ACCURACY,
    LABELS,
    LEVEL,
    coverage,
    misfits,
    ratio_estimate,
    savings,
    tasks_of,
)
from experiments._tables import part, pick
from figures._style import COLOURS, LINES, WIDTH, caption, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

METHODS = {
    "paired": (COLOURS["weak"], "s", "paired estimate"),
    "uniform": (COLOURS["control"], "^", "uniform draws, blend"),
    "drawn": (COLOURS["student"], "o", "drawn where it pays"),
}
SHORT = {
    "openai_moderation": "moderation",
    "lexglue_tos_gpt35": "unfair terms",
    "stsb_en": "stsb",
    "tos (gpt-3.5)": "unfair terms\n(gpt-3.5)",
}
COLUMNS = 5


def draw(table: dict[str, np.ndarray]) -> Figure:
    """Small panels of widths (squared loss, a task each), below them savings and coverage."""
    from matplotlib.figure import Figure

    tasks = tasks_of(table, "squared")
    lines = -(-len(tasks) // COLUMNS)
    with style():
        figure = Figure(figsize=(WIDTH, 2.05 * lines + 6.9), layout="constrained")
        grid = figure.add_gridspec(3, 1, height_ratios=[2.05 * lines, 3.4, 3.2])
        # One figure a row, so that no row's labels narrow another's panels.
        top, middle, bottom = (figure.add_subfigure(grid[i]) for i in range(3))
        panels = top.subplots(lines, COLUMNS, squeeze=False).ravel()
        for i, (axes, task) in enumerate(zip(panels, tasks, strict=False)):
            _widths(axes, table, task, first=i % COLUMNS == 0, legend=i == 0)
        for axes in panels[len(tasks) :]:
            axes.remove()
        left, right = middle.subplots(1, 2)
        _savings(left, table)
        _accuracy(right, table)
        left, right = bottom.subplots(1, 2, width_ratios=[3, 2])
        _coverage(left, table, "real")
        _coverage(right, table, "simulated")
    real = part(table, "real")
    splits, draws = len(set(real["trial"].tolist())), int(real["repeats"][0])
    figure.legend(
        *_handles(figure.axes[0]),
        loc="outside upper center",
        ncols=len(METHODS),
        fontsize=9.5,
        handletextpad=0.3,
        columnspacing=1.4,
    )
    caption(
        figure,
        f"Top: mean width of 95 % intervals of the gain in squared loss (units: the label's variance), {splits} splits × {draws} "
        "draws of gold labels from the pool that trained nothing; line: 1/√labels through the paired estimate at "
        f"{AT}. Savings: labels that the paired estimate needs for intervals as wide, over ours, at {AT} labels; geometric mean "
        "and 95 % interval over splits; in accuracy times the misfit, the saving itself above each interval. "
        "Of several classes the commonest against the rest in squared loss. Coverage: all splits and "
        "draws of a task together with 95 % intervals (right: synthetic pools, drawn anew); shaded: 93 to 97 %.",
    )
    return figure


def _handles(axes):
    return axes.get_legend_handles_labels()


def _widths(axes, table, task, *, first, legend):
    rows = part(table, "real", task=task, loss="squared")
    anchor = np.nan
    for method, (colour, marker, label) in METHODS.items():
        mine = pick(rows, method=method)
        labels = np.array(LABELS)
        width = np.array([mine["width"][mine["labels"] == n].mean() for n in labels])
        if method == "paired":
            anchor = width[LABELS.index(AT)] * np.sqrt(AT / labels)
        axes.plot(labels, width, marker, color=colour, label=label if legend else None, zorder=3, markersize=4.5)
    axes.plot(LABELS, anchor, **(LINES["theory"] | {"linewidth": 0.9}))
    axes.set(xscale="log", yscale="log", xlim=(LABELS[0] / 1.3, LABELS[-1] * 1.3))
    axes.set_xticks(LABELS, [str(n) for n in LABELS], fontsize=8.5)
    low, high = axes.get_ylim()
    ticks = [tick for tick in (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0) if low <= tick <= high]
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks], fontsize=8.5)
    axes.minorticks_off()
    axes.set_title(SHORT.get(task, task), fontsize=10)
    if first:
        axes.set_ylabel("width", fontsize=10)
    axes.set_xlabel("labels", fontsize=9)


def _savings(axes, table):
    squared, entropy = tasks_of(table, "squared"), tasks_of(table, "cross-entropy")
    looks = (
        ("squared", "drawn", COLOURS["student"], "o", "squared"),
        ("squared", "uniform", COLOURS["control"], "^", "squared, uniform draws"),
        ("cross-entropy", "drawn", COLOURS["ceiling"], "D", "cross-entropy"),
    )
    for k, (loss, method, colour, marker, label) in enumerate(looks):
        names = squared if loss == "squared" else entropy
        found = [ratio_estimate(savings(table, task, loss, method)) for task in names]
        at = np.array([squared.index(task) for task in names]) + 0.22 * (k - 1)
        _bars(axes, at, found, colour, marker, label)
    axes.axhline(GOAL, **LINES["bound"])
    axes.axhline(1.0, **LINES["zero"])
    _names(axes, squared)
    axes.set(yscale="log", ylabel="times fewer labels")
    ticks = (0.7, 1.0, 1.5, 2.0, 3.0, 5.0)
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_ylim(bottom=0.55, top=12.0)
    axes.legend(fontsize=8.5, loc="upper left", ncols=1, labelspacing=0.2, handletextpad=0.2)
    axes.set_title(f"Saved against the paired estimate\n(goal {GOAL:g}, dashed)")


def _bars(axes, at, found, colour, marker, label):
    value = np.array([e.value for e in found])
    reach = np.clip(np.array([[e.value - e.low for e in found], [e.high - e.value for e in found]]), 0.0, None)
    axes.errorbar(at, value, yerr=reach, fmt=marker, color=colour, elinewidth=1.1, label=label, markersize=4.5, zorder=3)


def _names(axes, tasks):
    axes.set_xticks(range(len(tasks)), [SHORT.get(task, task) for task in tasks], fontsize=8.5, rotation=40, ha="right")
    axes.grid(visible=False, axis="x")


def _accuracy(axes, table):
    tasks = tasks_of(table, "accuracy")
    relative = {task: ratio_estimate(savings(table, task, "accuracy") * misfits(table, task)) for task in tasks}
    _bars(axes, np.arange(len(tasks)), list(relative.values()), COLOURS["student"], "o", None)
    axes.axhline(1.0, **LINES["theory"])
    axes.axhline(GOAL_ACCURACY, **LINES["bound"])
    for i, task in enumerate(tasks):
        saved = float(np.mean(savings(table, task, "accuracy")))
        axes.text(i, relative[task].high * 1.04, f"{saved:.1f}×", ha="center", va="bottom", fontsize=8.5)
    _names(axes, tasks)
    top = max(estimate.high for estimate in relative.values())
    axes.set(yscale="log", ylabel="times fewer × misfit", xlim=(-0.6, len(tasks) - 0.4), ylim=(0.7, max(2.2, top * 1.4)))
    ticks = [tick for tick in (0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0) if tick <= axes.get_ylim()[1]]
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_title(f"Accuracy, labels on disagreements\n(goal {GOAL_ACCURACY:g}, dashed; 1: by variances)")


def _coverage(axes, table, kind):
    axes.axhspan(*BAND, color="#E4EEF4", zorder=0)
    axes.axhline(LEVEL, **LINES["bound"])
    rows = part(table, kind)
    groups = (
        ("squared", ("drawn", "in pool", "replacement", "poisson", "systematic"), COLOURS["student"], "o", "squared"),
        ("cross-entropy", ("drawn", "in pool"), COLOURS["ceiling"], "D", "cross-entropy"),
        ("accuracy", ("drawn", "score"), COLOURS["weak"], "s", "accuracy, score"),
        ("accuracy", ("exact", "in pool"), COLOURS["control"], "^", "accuracy, exact"),
    )
    sizes = sorted(set(rows["labels"][rows["method"] != "paired"].tolist()))
    for k, (loss, methods, colour, marker, label) in enumerate(groups):
        mine = pick(rows, loss=loss)
        mine = {name: column[np.isin(mine["method"], methods)] for name, column in mine.items()}
        if not len(mine["labels"]):
            continue
        drawn = False
        for i, n in enumerate(sizes):
            keys = sorted(
                {
                    (t, m, g)
                    for t, m, g in zip(*(pick(mine, labels=n)[c].tolist() for c in ("task", "method", "target")), strict=True)
                }
            )
            found = [coverage(pick(mine, labels=n, task=t, method=m, target=g)) for t, m, g in keys]
            if not found:
                continue
            at = i + 0.2 * (k - 1.5) + np.linspace(-0.085, 0.085, len(found))
            reach = [[e.value - e.low for e in found], [e.high - e.value for e in found]]
            axes.errorbar(
                at, [e.value for e in found], yerr=reach, fmt=marker, color=colour, elinewidth=0.6, capsize=0, markersize=3,
                label=None if drawn else label, zorder=3,
            )  # fmt: skip
            drawn = True
    axes.set_xticks(range(len(sizes)), [str(n) for n in sizes])
    axes.grid(visible=False, axis="x")
    axes.set(xlabel="labels", ylabel="covers the true gain", xlim=(-0.5, len(sizes) - 0.5), ylim=(0.80, 1.01))
    axes.set_yticks([0.85, 0.9, 0.95, 1.0])
    axes.legend(fontsize=8, loc="lower right", ncols=2, columnspacing=0.8, handletextpad=0.1, labelspacing=0.2)
    axes.set_title("Coverage, real pools, every task" if kind == "real" else "Coverage, simulated pools")
