"""Methods side by side on four tasks: accuracy between teacher and ceilings, and PGR with its interval, or refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from experiments._protocol import NEIGHBOURS, TASKS, Table, tested
from experiments._tables import pick
from experiments.burns2023_protocol import COMPONENTS, CONTROLS, METHODS
from figures._style import COLOURS, DRAWN, caption, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: PGR beyond these is off the axis; an arrow says so.
SHOWN = (-1.0, 1.6)
TITLES = {"openai_moderation": "moderation"}
#: How a word is set beside a method, and in the place of a refused PGR.
WORD: dict[str, Any] = {"fontsize": 6.5, "color": "#666666", "style": "italic", "va": "center"}
#: Ceiling -> its marker and its name.
CEILINGS = {"transfer": ("o", "of the transfer rows"), "weak": ("^", "of the weak rows")}


def draw(table: Table) -> Figure:
    """Accuracy of the methods, of the controls, and PGR of both by both ceilings. A column per task, a line per method."""
    shares = {"height_ratios": [len(METHODS), len(CONTROLS) + 0.6, len(METHODS) + len(CONTROLS)]}
    tasks = [task for task in TASKS if np.any(table["task"] == task)]
    figure, axes = new_figure(3, len(tasks), height=9.6, sharey="row", squeeze=False, gridspec_kw=shares)
    if int(table["splits"].min()) < DRAWN:
        table = _without_intervals(table)
    for column, task in enumerate(tasks):
        rows = pick(table, task=task, metric="accuracy")
        methods, controls, recovered = axes[:, column]
        _range(methods, pick(rows, method="naive"))
        for panel, is_control in ((methods, False), (controls, True)):
            _accuracies(panel, pick(rows, is_control=is_control, ceiling="transfer"))
            panel.set_xlabel("accuracy", fontsize=9.5)
        _recovered(recovered, rows)
        recovered.set_xlabel("PGR, in accuracy", fontsize=9.5)
        recovered.axhline(0.5 - len(METHODS), color="#999999", linewidth=0.6)
        methods.set_title(TITLES.get(task, task))
        for panel in axes[:, column]:
            panel.grid(visible=False, axis="y")
            panel.tick_params(labelsize=9)
    for panel, names in zip(axes[:, 0], (list(METHODS), list(CONTROLS), [*METHODS, *CONTROLS]), strict=True):
        panel.set_yticks(-np.arange(len(names)), names)
        panel.set_ylim(0.6 - len(names), 0.6)
    handles, names = axes[0, 0].get_legend_handles_labels()
    more, others = axes[1, 0].get_legend_handles_labels()
    last, pgrs = axes[2, 0].get_legend_handles_labels()
    figure.legend(handles + more + last, names + others + pgrs, loc="outside upper left", ncols=2, fontsize=8.5)
    texts = (
        f"; on texts {COMPONENTS} principal components of the strong features stand in for a middle model" if tasks[1:] else ""
    )
    caption(
        figure,
        f"Real data, frozen features, softmax heads. {int(table['splits'].min())} splits with {tested(table)} test rows in common; bars and "
        f"bands are 95 % intervals (none below {DRAWN} splits) over test rows and splits (PGR: Fieller), not over the pool of rows "
        "that splits are drawn from. "
        "Hollow: "
        "negative controls. A PGR is refused, whatever its value, when the ceiling is not told from the teacher; "
        "a control can have one, where its teacher is worse than naming the commonest "
        "class. Each interval is by itself; those of the ledger are joint, and wider. Arrows: the interval goes on. "
        f"PGR 0: the teacher, 1: the ceiling. Chain: 4 × 4 pixels on digits{texts}. Rounds: students taught by students. "
        f"Relabelled, filtered: by {NEIGHBOURS} nearest neighbours. Better, worse: than the naive student, "
        "beyond the interval of their difference on the same rows and splits, at 95 % for all methods, tasks and both metrics together.",
    )
    return figure


def _without_intervals(table: Table) -> Table:
    """Those of two splits can be wider than what an accuracy can be."""
    ends = {
        f"{name}{end}": table[name]
        for name in ("weak_value", "student_value", "ceiling_value", "pgr")
        for end in ("_low", "_high")
    }
    return table | ends


def _range(axes: Axes, naive: Table) -> None:
    """The weak teacher and both ceilings, which all methods share."""
    for name, model, ceiling, colour, line in (
        ("weak teacher, with its interval", "weak", "transfer", COLOURS["weak"], "-"),
        ("ceiling on gold labels of the transfer rows, with its interval", "ceiling", "transfer", COLOURS["ceiling"], "-"),
        ("ceiling on gold labels of the weak rows", "ceiling", "weak", COLOURS["ceiling"], ":"),
    ):
        value, low, high = (float(pick(naive, ceiling=ceiling)[f"{model}_value{end}"][0]) for end in ("", "_low", "_high"))
        axes.axvline(value, color=colour, linestyle=line, linewidth=1.3, label=name, zorder=2)
        if line == "-":
            axes.axvspan(low, high, color=colour, alpha=0.12, linewidth=0)


def _accuracies(axes: Axes, rows: Table) -> None:
    """Students with their intervals; controls with the teacher that each of them had."""
    is_control = bool(rows["is_control"][0])
    names = list(CONTROLS if is_control else METHODS)
    at = [-names.index(method) for method in rows["method"]]
    value, low, high = (rows[f"student_value{end}"] for end in ("", "_low", "_high"))
    label = "student of a negative control" if is_control else "student"
    axes.errorbar(
        value, at, xerr=[value - low, high - value], fmt="o", label=label, elinewidth=1.2, zorder=3, **_look(is_control)
    )
    for method, low, high in zip(rows["method"], rows["over_naive_low"], rows["over_naive_high"], strict=True):
        if not is_control and (low > 0.0 or high < 0.0):
            word = "better" if low > 0.0 else "worse"
            axes.annotate(
                word, (1.0, -names.index(method)), (2, 0), xycoords=("axes fraction", "data"), textcoords="offset points", **WORD
            )
    if is_control:
        axes.plot(
            rows["weak_value"],
            at,
            "s",
            markerfacecolor="white",
            color=COLOURS["weak"],
            markersize=4.5,
            label="teacher of a negative control",
        )


def _look(is_control: bool) -> dict[str, Any]:
    return {"color": COLOURS["control"], "markerfacecolor": "white"} if is_control else {"color": COLOURS["student"]}


def _recovered(axes: Axes, rows: Table) -> None:
    """PGR by both ceilings, an arrow where the interval leaves the axis, and the word where it is refused."""
    for line in (0.0, 1.0):
        axes.axvline(line, color="#999999", linewidth=0.9)
    axes.set_xlim(*SHOWN)
    for place, method in enumerate([*METHODS, *CONTROLS]):
        for (ceiling, (marker, name)), side in zip(CEILINGS.items(), (0.17, -0.17), strict=True):
            one = {column: values[0] for column, values in pick(rows, method=method, ceiling=ceiling).items()}
            at, look = side - place, _look(bool(one["is_control"]))
            if one["is_refused"]:
                axes.text(0.5, at, "refused", ha="center", **WORD)
                continue
            ends = np.clip([one["pgr_low"], one["pgr_high"]], *SHOWN)
            axes.plot(ends, [at, at], color=look["color"], linewidth=1.2, zorder=2)
            beyond = (one["pgr_low"] < SHOWN[0], one["pgr_high"] > SHOWN[1])
            for end, is_beyond, arrow in zip(ends, beyond, "<>", strict=True):
                axes.plot(end, at, arrow if is_beyond else "|", color=look["color"], markersize=4, zorder=3, clip_on=False)
            if SHOWN[0] <= one["pgr"] <= SHOWN[1]:
                label = f"PGR, ceiling on gold labels {name}" if place == 0 else None
                axes.plot(one["pgr"], at, marker, linestyle="none", markersize=4.5, zorder=4, label=label, **look)
