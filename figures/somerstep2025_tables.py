"""Content, style and accuracy reported by Somerstep et al. (2025), and what the styles would mean as posterior mass."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from experiments import _somerstep2025 as published
from experiments.somerstep2025_tables import PRIORS, TASKS, expected_mass, scores, separation
from figures._style import COLOURS, LINES, caption, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOOKS = {
    "naive": (COLOURS["weak"], "naive fine-tuning"),
    "intent": (COLOURS["student"], "intent refinement"),
    "icl": (COLOURS["control"], "in-context refinement"),
}
MARKERS = dict(zip(TASKS, "os^", strict=True))


def draw(table: dict[str, np.ndarray]) -> Figure:
    """Top: content against the teacher's, a panel for each task. Bottom: style, the mass it would imply, mathematics."""
    figure, panels = new_figure(2, 3, height=7.6)
    for i, task in enumerate(TASKS):
        _content(panels[0, i], table, i)
        panels[0, i].set_title(task)
    panels[0, 0].set_ylabel("student's content")
    _style(panels[1, 0], table)
    _mass(panels[1, 1], table)
    _mathematics(panels[1, 2], table)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=5, fontsize=8.5, columnspacing=1.2)
    caption(
        figure,
        f"Published scores, nothing was run here; standard errors at most {published.STDERR} (bars, top right). A marker is one teacher and "
        "student: filled GPT-3.5, hollow GPT-4o mini; circles tinyTruthfulQA, squares tinyAlpacaEval, triangles explanation. Green lines: "
        "the untuned students (solid GPT-3.5, dotted GPT-4o mini). Bottom middle, an interpretation, not a fit that proves anything: markers "
        "are mean implied masses of in-context refinement, bars its range over teachers and students; lines the mean posterior mass of the right "
        f"one of two concepts, their distance chosen to pass through the marker, for a prior of {PRIORS[0]:g} (solid) and {PRIORS[1]:g} (dotted). "
        "Bottom right: 100 questions, ± 2 standard errors; the crossed-out number is defective (scores added twice, about twice the accuracy).",
    )
    return figure


def _content(axes, table, i):
    teacher = scores(table, "naive", "teacher_content")[i]
    low, high = 1.5, 10.0
    axes.plot((low, high), (low, high), **LINES["bound"], label="as the teacher")
    for student, pattern in ((0, "-"), (1, ":")):
        untuned = scores(table, "naive", "untuned_content")[i, student, 0]
        label = "untuned student" if student == 0 else None
        axes.axhline(untuned, color=COLOURS["ceiling"], linewidth=1.1, linestyle=pattern, label=label)
    for method, (colour, label) in LOOKS.items():
        content = scores(table, method, "content")[i]
        for student in range(len(published.STUDENTS)):
            face = colour if student == 0 else "white"
            axes.plot(
                teacher[student],
                content[student],
                MARKERS[TASKS[i]],
                color=colour,
                markerfacecolor=face,
                label=label if student == 0 else None,
                zorder=3,
            )
    if i == len(TASKS) - 1:
        axes.errorbar(9.3, 3.2, yerr=published.STDERR, fmt="none", ecolor="#444444")
    axes.set(xlim=(low, high), ylim=(low, high), xlabel="teacher's content", xticks=(2, 4, 6, 8, 10), yticks=(2, 4, 6, 8, 10))


def _style(axes, table):
    axes.plot((0, 10), (0, 10), **LINES["bound"])
    for i, task in enumerate(TASKS):
        for method, (colour, _) in LOOKS.items():
            style = scores(table, method, "style")[i]
            for student in range(len(published.STUDENTS)):
                face = colour if student == 0 else "white"
                teacher = scores(table, method, "teacher_style")[i, student]
                axes.plot(teacher, style[student], MARKERS[task], color=colour, markerfacecolor=face, markersize=4.5, zorder=3)
    axes.set(xlim=(2.5, 9.8), ylim=(0, 10), xlabel="teacher's style", ylabel="student's style", xticks=(4, 6, 8))
    axes.set_title("Intent refinement keeps the\nstyle, in-context loses some")


def _mass(axes, table):
    n = np.arange(0, 33)
    for i, task in enumerate(TASKS):
        mass, shown = scores(table, "icl", "implied_mass")[i], published.EXAMPLES[task]
        mean = float(mass.mean())
        for prior, pattern in zip(PRIORS, ("-", ":"), strict=True):
            apart = separation(mean, shown, prior)
            axes.plot(n, [expected_mass(apart, int(k), prior) for k in n], color="#777777", linewidth=1.2, linestyle=pattern)
        at = shown + (0.35 if task == "tinyAlpacaEval" else 0.0)
        axes.errorbar(
            at,
            mean,
            yerr=[[mean - mass.min()], [mass.max() - mean]],
            fmt=MARKERS[task],
            color=COLOURS["control"],
            elinewidth=1.2,
            zorder=4,
        )
    intent = scores(table, "intent", "implied_mass")
    axes.axhline(float(intent.mean()), color=COLOURS["student"], linewidth=0.9)
    axes.text(32, 1.02, "intent refinement", ha="right", va="bottom", fontsize=8.5, color=COLOURS["student"])
    axes.set(xlim=(0, 32), ylim=(-0.05, 1.15), xlabel="in-context examples", ylabel="implied mass", xticks=(0, 4, 8, 16, 24, 32))
    axes.set_title("If the missing style is mass\nelsewhere, examples help")


def _mathematics(axes, table):
    rows = np.isfinite(table["accuracy"])
    teachers = list(dict.fromkeys(table["teacher"][rows].tolist()))
    ticks = []
    for block, task in enumerate(published.MATH_UNTUNED):
        start = block * (len(teachers) + 0.6)
        axes.hlines(
            published.MATH_UNTUNED[task], start - 0.4, start + len(teachers) - 0.6, color=COLOURS["ceiling"], linewidth=1.1
        )
        for method, shift in (("naive", -0.12), ("icl", 0.12)):
            here = rows & (table["task"] == task) & (table["method"] == method)
            at = start + np.array([teachers.index(name) for name in table["teacher"][here].tolist()]) + shift
            accuracy, bad = table["accuracy"][here], table["is_defective"][here]
            half = 2.0 * np.sqrt(accuracy * (1.0 - accuracy) / published.MATH_QUESTIONS)
            colour = LOOKS[method][0]
            axes.errorbar(
                at[~bad], accuracy[~bad], yerr=half[~bad], fmt="D", markersize=4, color=colour, elinewidth=1.2, zorder=3
            )
            axes.plot(at[bad], accuracy[bad], "D", markersize=4, color=colour, markerfacecolor="white", zorder=3)
            axes.plot(at[bad], accuracy[bad], "x", markersize=10, color="#444444", zorder=4)
        axes.text(start + 1, 1.05, task, ha="center", fontsize=9.5)
        ticks += [(start + k, name) for k, name in enumerate(teachers)]
    axes.set(ylim=(0, 1.12), ylabel="accuracy", yticks=(0, 0.25, 0.5, 0.75, 1.0))
    axes.set_xticks(
        [at for at, _ in ticks], [name for _, name in ticks], rotation=55, ha="right", rotation_mode="anchor", fontsize=9
    )
    axes.set_title("Mathematics: back to the\nuntuned accuracy")
