"""What refinement gains on real tasks against its closed forms: by n, concept by concept, and where refinement is made to
fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from experiments._tables import pick
from experiments.refinement_gap_real import AS_IT_IS, CONDITIONS, ROWS, TASKS, cells
from figures._style import COLOURS, LINES, caption, errorbar, mean_interval, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLES = {"digits": "ten digits", "trec": "six question types", "emobank": "three emotions"}
ROLES = {"digits": ("student", "o"), "trec": ("weak", "s"), "emobank": ("control", "D")}


def draw(table: dict[str, np.ndarray]) -> Figure:
    """Mean gaps by n, each cell against its closed form by both truths, and the conditions."""
    tasks = [task for task in TASKS if task in table["task"]]
    figure, ((means, failing), (concept, gold)) = new_figure(2, 2, height=8.6)
    plain = pick(table, condition=AS_IT_IS)
    _means(means, plain, tasks)
    _scatter(concept, plain, tasks, "", "Every concept and n: truth is\nthe concept meant")
    _scatter(gold, plain, tasks, "gold_", "Every concept and n: truth is\nthe gold labels")
    _conditions(failing, table, tasks)
    splits = ", ".join(f"{TITLES[task]} {len(np.unique(pick(table, task=task)['trial']))}" for task in tasks)
    rows = "; ".join(f"{TITLES[task]} {a}, {b}, {c} and {d}" for task, (a, b, c, d) in ROWS.items() if task in tasks)
    caption(
        figure,
        "Real data: scikit-learn's digits, the questions of TREC and the sentences of EmoBank. Gap: error of naive fine-tuning "
        "less that of "
        f"refinement with unlimited answers, in units of the label's variance. Means over random splits ({splits}), bars: 95 % "
        "Student-t "
        "intervals over splits. Lines and ticks: closed forms of a Gaussian world with the second moments of the transfer rows. "
        f"Rows ({rows}): gold labels of every concept for the strong model, of one for the weak one, weakly labelled, test. "
        "Upper right: "
        "means over concepts at n = 16 examples; the truth is the concept meant, for a poor strong head the gold labels.",
    )
    return figure


def _means(axes: Axes, table: dict[str, np.ndarray], tasks: list[str]) -> None:
    for task in tasks:
        rows = pick(table, task=task)
        role, marker = ROLES[task]
        key = rows["n"] * 1000 + rows["trial"]
        index = np.unique(key, return_inverse=True)[1]
        gap, law = (np.bincount(index, weights=rows[name]) / np.bincount(index) for name in ("gap", "law"))
        at = np.unique(key) // 1000
        errorbar(axes, at, gap, role=role, label=TITLES[task], marker=marker)
        axes.plot(np.unique(at), mean_interval(at, law).mean, **{**LINES["theory"], "color": COLOURS[role]})
    axes.plot([], [], label="closed form", **LINES["theory"])
    axes.axhline(0.0, **LINES["zero"])
    sizes = np.unique(table["n"])
    axes.set_xscale("log", base=2)
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.minorticks_off()
    axes.set_xlabel("weakly labelled examples in a prompt, n")
    axes.set_ylabel("gap, mean over concepts")
    axes.set_title("Above 0 refinement wins")
    axes.legend(fontsize=8.5, loc="lower right")


def _scatter(axes: Axes, table: dict[str, np.ndarray], tasks: list[str], truth: str, title: str) -> None:
    ends: list[float] = []
    for task in tasks:
        role, marker = ROLES[task]
        found = cells(pick(table, task=task), truth)
        x, y = (np.array([getattr(cell, name).value for cell in found]) for name in ("law", "gap"))
        half = np.array([cell.gap.high - cell.gap.value for cell in found])
        half = np.where(np.isfinite(half), half, 0.0)
        axes.errorbar(
            x, y, yerr=half, fmt=marker, color=COLOURS[role], markersize=3.5, elinewidth=0.8, alpha=0.85, label=TITLES[task]
        )
        ends += [*x, *y]
    axes.plot([min(ends), max(ends)], [min(ends), max(ends)], label="closed form", **LINES["theory"])
    axes.axhline(0.0, **LINES["zero"])
    axes.axvline(0.0, **LINES["zero"])
    axes.set(xlabel="gap, closed form", ylabel="gap, measured")
    axes.set_title(title)


def _conditions(axes: Axes, table: dict[str, np.ndarray], tasks: list[str]) -> None:
    shifts = np.linspace(-0.22, 0.22, len(tasks))
    for task, shift in zip(tasks, shifts, strict=True):
        role, marker = ROLES[task]
        for place, condition in enumerate(CONDITIONS):
            rows = pick(table, task=task, condition=condition, n=16)
            if not len(rows["trial"]):
                continue
            kind = "gold_" if condition == "poor strong head" else ""
            by_split = [
                np.bincount(rows["trial"], weights=rows[f"{kind}{name}"]) / np.bincount(rows["trial"]) for name in ("gap", "law")
            ]
            bar = mean_interval(np.zeros(len(by_split[0])), by_split[0])
            axes.errorbar(
                bar.mean, [place + shift], xerr=np.nan_to_num(bar.half), fmt=marker, color=COLOURS[role], elinewidth=1.2
            )
            axes.plot(np.mean(by_split[1]), place + shift, "|", color=LINES["theory"]["color"], markersize=11, zorder=4)
    axes.axvline(0.0, **LINES["zero"])
    axes.set_yticks(range(len(CONDITIONS)), CONDITIONS, fontsize=9)
    axes.set_ylim(len(CONDITIONS) - 0.5, -0.5)
    axes.set_xlabel("gap, mean over concepts")
    axes.set_title("Made to fail (tick: closed form)")
