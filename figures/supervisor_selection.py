"""Regret of rules that pick a teacher against the gold labels they use, by task; and how many teachers are left as perhaps the
best.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from experiments._tables import part
from experiments.supervisor_selection import LABEL_FREE, RULES, regrets, tasks_of
from figures._style import COLOURS, LINES, caption, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOOKS = {
    "student error": (COLOURS["student"], "o"),
    "student error, corrected": (COLOURS["ceiling"], "^"),
    "weak error − misfit": (COLOURS["weak"], "s"),
    "weak error": (COLOURS["control"], "D"),
}
FLAT = {"smallest misfit": "--", "consensus": ":"}
COLUMNS = 2


def draw(table: dict[str, np.ndarray]) -> Figure:
    """A panel per task, and one of the confidence sets."""
    tasks = tasks_of(table)
    rows = (len(tasks) + COLUMNS) // COLUMNS
    figure, axes = new_figure(rows, COLUMNS, height=2.75 * rows + 1.3, squeeze=False)
    panels = axes.ravel()
    for panel, task in zip(panels, tasks, strict=False):
        _regret(panel, table, task)
    _sets(panels[len(tasks)], table)
    for panel in panels[len(tasks) + 1 :]:
        panel.set_axis_off()
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=4, fontsize=9, columnspacing=1.2)
    pool = part(table, "teachers")
    caption(
        figure,
        f"Real tasks; {pool['k'].max()} teachers (ridge heads on lower layers of a small encoder, on a small causal model, on TF-IDF, with "
        "fewer gold labels, and one with permuted labels), students on the encoder's last layer; "
        f"{len(np.unique(table['trial']))} random splits. Regret: pool error of the student picked less that of the best, units of the label's "
        "variance; markers: mean over splits and draws of gold points, bars ± 2 standard errors over splits; lines across: rules without "
        "gold labels, and a random pick. Last panel: teachers that t tests at "
        "α/(k − 1) leave as perhaps the best, level 0.95.",
    )
    return figure


def _regret(axes, table, task):
    for rule, (colour, marker) in LOOKS.items():
        sizes = np.unique(part(table, "rules", task=task, rule=rule)["n"])
        each = [regrets(table, task, rule, int(n)) for n in sizes]
        mean = [values.mean() for values in each]
        error = [2 * values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 2 else 0.0 for values in each]
        axes.errorbar(
            sizes, mean, yerr=error, fmt=marker + "-", color=colour, elinewidth=1.0, linewidth=1.2, label=rule, zorder=3
        )
    for rule in LABEL_FREE:
        axes.axhline(
            regrets(table, task, rule, 0).mean(), color=COLOURS["theory"], linestyle=FLAT[rule], linewidth=1.1, label=rule
        )
    axes.axhline(regrets(table, task, "at random", 0).mean(), color="#999999", linewidth=0.9, label="at random")
    axes.set(xscale="log", xlabel="gold labels", ylabel="regret")
    axes.set_ylim(0.0, None)
    _sizes(axes)
    axes.set_title(task)
    assert set(LOOKS) | set(LABEL_FREE) == set(RULES)


def _sets(axes, table):
    colours = [*(colour for role, colour in COLOURS.items() if role != "target"), "#8C6D31", "#5254A3"]
    for task, colour in zip(tasks_of(table), colours, strict=False):
        rows = part(table, "set", task=task)
        sizes = np.unique(rows["n"])
        axes.plot(sizes, [rows["value"][rows["n"] == n].mean() for n in sizes], "o-", color=colour, linewidth=1.2, label=task)
    axes.axhline(1.0, **LINES["zero"])
    axes.set(xscale="log", xlabel="gold labels", ylabel="teachers left")
    axes.set_ylim(0.0, 1.6 * float(part(table, "set")["k"].max()))  # room for the legend
    _sizes(axes)
    axes.legend(fontsize=8, loc="upper right", ncols=2, columnspacing=0.8)
    axes.set_title("Perhaps the best, by task")


def _sizes(axes):
    axes.set_xticks([5, 10, 20, 40, 80, 160], ["5", "10", "20", "40", "80", "160"])
    axes.minorticks_off()
