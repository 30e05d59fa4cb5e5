"""Fine-tuning and refinement on real tasks: errors and identification against the examples in a prompt, and each concept on its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from experiments._real import mean_by
from experiments._real_concepts import CONCEPTS
from experiments._tables import pick
from experiments.refinement_real import SIZES, errors_of, mean_error, saved
from figures._style import COLOURS, LINES, caption, errorbar, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLES = {"digits": "Ten digits", "emobank": "Three emotions of a sentence"}
#: How the students that see no prompt are drawn: a level each.
LEVELS: dict[str, tuple[str, dict[str, Any]]] = {
    "weak": ("weak model", LINES["weak"]),
    "naive": ("naive fine-tuning", {"color": COLOURS["control"], "linewidth": 1.4, "linestyle": "-"}),
    "best pull": ("best pull to the source (hindsight)", {"color": COLOURS["control"], "linewidth": 1.4, "linestyle": ":"}),
    "hull": ("mixture of the strong heads", {"color": COLOURS["control"], "linewidth": 1.4, "linestyle": "-."}),
    "intent": ("intent of the whole batch", {"color": COLOURS["student"], "linewidth": 1.4, "linestyle": ":"}),
    "ceiling": ("ceiling (gold labels)", LINES["ceiling"]),
    "told": ("strong head, told the concept", {"color": COLOURS["theory"], "linewidth": 0.9, "linestyle": (0, (5, 4))}),
}


def draw(table: dict[str, np.ndarray]) -> Figure:
    """A row per task, errors on the left and identification on the right; below, what each concept gains or loses."""
    tasks = [task for task in CONCEPTS if task in table["task"]]
    figure, rows = new_figure(len(tasks) + 1, 2, height=3.9 * (len(tasks) + 1), squeeze=False)
    for task, (errors, identified) in zip(tasks, rows, strict=False):
        part = pick(table, task=task)
        _errors(errors, part, TITLES[task])
        _identification(identified, part, task)
    _concepts(rows[-1][0], table, tasks)
    _law(rows[-1][1], table, tasks)
    _legends(rows)
    trials = len(set(table["trial"].tolist()))
    sizes = "; ".join(f"{task} {a}, {b}, {c} and {d}" for task, (a, b, c, d) in SIZES.items() if task in tasks)
    caption(
        figure,
        f"Real data: scikit-learn's digits and the sentences of EmoBank. Means over concepts and {trials} random splits, bars: 95 % "
        "Student-t intervals over splits (lower left: of paired differences; lower right: means alone). "
        f"Errors in units of the label's variance, on test rows. Rows ({sizes}): gold labels of every "
        "concept for the strong model, of one concept for the weak one, weakly labelled rows, test rows. Strong: ridge heads on 96 kernel "
        "components, or on layer 6 of a small encoder; weak: 4 × 4 block means, or layer 0. Law: the same refiner in a Gaussian world with the "
        "predictions' second moments, which these features do not follow; dashed: its exact Student-t bounds, by the worst rival and by the "
        "sum over rivals. Hollow: shuffled weak labels.",
    )
    return figure


def _errors(axes: Axes, table: dict[str, np.ndarray], title: str) -> None:
    rows = pick(table, control="none")
    for student, (label, look) in LEVELS.items():
        axes.axhline(mean_error(rows, student), label=label, **look)
    refined = pick(rows, student="refined")
    key = refined["n"] * 1000 + refined["trial"]
    errorbar(axes, np.unique(key) // 1000, mean_by(key, refined["error"]), role="student", label="refined, n examples a prompt")
    axes.set_title(f"{title}:\nrefinement against fine-tuning")
    _log_axis(axes, refined["n"])
    axes.set_ylabel("test error, mean over concepts")


def _identification(axes: Axes, table: dict[str, np.ndarray], task: str) -> None:
    rows = pick(table, student="refined", control="none")
    n = np.unique(rows["n"])
    axes.plot(n, mean_by(rows["n"], rows["law"]), label="law, Gaussian features", **LINES["theory"])
    for bound, label in (("law_high", "its Student-t bounds"), ("law_low", None)):
        axes.plot(n, np.maximum(mean_by(rows["n"], np.maximum(rows[bound], 0.0)), 0.0), label=label, **LINES["bound"])
    key = rows["n"] * 1000 + rows["trial"]
    errorbar(axes, np.unique(key) // 1000, mean_by(key, rows["identified"]), role="student", label="measured")
    control = pick(table, student="refined", control="shuffled labels")
    axes.plot(
        n,
        mean_by(control["n"], control["identified"]),
        "D",
        color=COLOURS["control"],
        markerfacecolor="none",
        linestyle="none",
        label="measured, shuffled labels",
    )
    chance = 1.0 / len(CONCEPTS[task])
    axes.axhline(chance, color="#999999", linewidth=0.8)
    axes.text(1.02, chance, "chance", transform=axes.get_yaxis_transform(), va="center", fontsize=8.5, color="#777777")
    axes.set(ylim=(0.0, 1.0), ylabel="share of prompts")
    axes.set_title("Prompts that make the meant\nconcept the likeliest")
    _log_axis(axes, n)


def _concepts(axes: Axes, table: dict[str, np.ndarray], tasks: list[str]) -> None:
    names, place = [], 0
    for task in tasks:
        rows = pick(table, task=task, control="none")
        sizes = np.unique(rows["n"])
        few, most = int(sizes[1]), int(sizes[-1])
        for n, shift, colour in ((few, -0.17, COLOURS["bound"]), (most, 0.17, COLOURS["student"])):
            estimates = saved(rows, n)
            at = place + np.arange(len(estimates)) + shift
            value = np.array([e.value for e in estimates.values()])
            half = np.array([e.high - e.value for e in estimates.values()])
            label = f"n = {n}" if place == 0 else None
            axes.errorbar(value, at, xerr=half, fmt="o", color=colour, elinewidth=1.1, markersize=4, label=label)
        names += list(errors_of(rows, "naive"))
        place += len(CONCEPTS[task])
    axes.axvline(0.0, color="#999999", linewidth=0.8)
    axes.set_yticks(range(len(names)), names, fontsize=8.5)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlabel("error saved against naive fine-tuning")
    axes.set_title("Right of 0 refinement wins,\nleft of it it hurts")
    axes.legend(fontsize=8.5, loc="lower right")


def _law(axes: Axes, table: dict[str, np.ndarray], tasks: list[str]) -> None:
    axes.plot([0, 1], [0, 1], label="law", **LINES["theory"])
    for task, marker, colour in zip(tasks, "os", (COLOURS["student"], COLOURS["weak"]), strict=False):
        rows = pick(table, task=task, control="none", student="refined")
        cells = np.char.add(np.char.add(rows["concept"], " "), rows["n"].astype(str))
        x, y = mean_by(cells, rows["law"]), mean_by(cells, rows["identified"])
        axes.plot(x, y, marker, color=colour, markersize=3.5, alpha=0.8, label=task)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="identified, law for Gaussian features", ylabel="identified, measured")
    axes.set_title("How far the law is off, for each\nconcept and number of examples")
    axes.legend(fontsize=8.5, loc="upper left")


def _log_axis(axes: Axes, n: np.ndarray) -> None:
    axes.set_xscale("log", base=2)
    sizes = np.unique(n)
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.minorticks_off()
    axes.set_xlabel("weakly labelled examples in a prompt, n")


def _legends(rows: Any) -> None:
    """One legend for each column, under the last task: nothing hides data."""
    for axes in rows[-2]:
        axes.legend(fontsize=8, ncols=1, loc="upper left", bbox_to_anchor=(0.0, -0.2))
