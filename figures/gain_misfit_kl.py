"""Gain against KL misfit: where theory speaks, on real tasks, under controls; and forward against reverse KL as a training loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from experiments._gain_misfit import CROSS_ENTROPY, HULL, IGNORANT, SINGLE, TASKS, losses, of_task, of_theory, tasks
from experiments._tables import pick
from experiments.gain_misfit_kl import SIZES
from figures._style import COLOURS, LINES, caption, mean_interval, new_figure, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STUDENTS = (
    (CROSS_ENTROPY, "dual", "cross-entropy, order KL(· ‖ truth): =", COLOURS["weak"], "s"),
    (HULL, "primal", "reverse KL, convex mixtures: ≥", COLOURS["student"], "o"),
    (SINGLE, "primal", "reverse KL, one head: no guarantee", COLOURS["ceiling"], "^"),
)
MARKERS: dict[str, str] = dict(zip(TASKS, ("o", "s", "^", "D"), strict=True))


def draw(table: dict[str, np.ndarray]) -> Figure:
    """Four panels: synthetic worlds, real tasks, ignorant teachers, forward against reverse KL."""
    figure, ((theory, real), (controls, menu)) = new_figure(2, 2, height=9.4)
    _theory(theory, table)
    _real(real, table)
    _controls(controls, table)
    _menu(menu, table)
    worlds = len(set(pick(table, task="synthetic")["trial"].tolist()))
    splits = len(set(pick(table, task=tasks(table)[0], control="none")["trial"].tolist()))
    controlled = len(set(pick(table, task=tasks(table)[0], control="permuted labels")["trial"].tolist()))
    caption(
        figure,
        f"Nats. Upper left, synthetic: {worlds} worlds, in sample, target realizable; the weak model is a network cut to half of its units. "
        "The others: scikit-learn's digits (weak: 2 × 2 pixels, strong: kernel components) and, in the full run, texts (weak: layer 0 of a "
        "sentence encoder, strong: layer 6), softmax heads with penalties chosen on held-out labels, "
        f"{SIZES['digits'][0]} (digits) or {SIZES['sst2'][0]} gold labels for the weak head; test rows; means over {splits} random "
        f"splits (controls: {controlled}) with 95 % t-intervals (none below three splits), which cover the choice of "
        "split and not of data set. Filled: errors by gold labels, "
        "KL(one-hot ‖ ·), the cross-entropy. Hollow: the probabilities of the strong model trained on gold labels stand for a "
        "realizable truth. Lower left, same shapes: permuted weak labels, or a teacher that saw noise; their students know the shares of the "
        "classes and nothing else.",
    )
    return figure


def _theory(axes: Axes, table: dict[str, np.ndarray]) -> None:
    largest = 0.0
    for name, order, label, colour, marker in STUDENTS:
        rows = of_theory(table, name, order)
        axes.plot(rows["misfit"], rows["gain"], marker, color=colour, markersize=4, alpha=0.75, label=label, zorder=3)
        largest = max(largest, float(rows["misfit"].max()), float(rows["gain"].max()))
    _diagonal(axes, 0.0, 1.05 * largest)
    axes.set(xlabel="misfit", ylabel="gain")
    axes.set_title("Students of which theory\nspeaks, and one (synthetic)")
    axes.legend(fontsize=8, loc="upper left")


def _real(axes: Axes, table: dict[str, np.ndarray]) -> None:
    names = tasks(table)
    right = 0.0
    for task in names:
        for target, filled in (("gold", COLOURS["student"]), ("ceiling", "none")):
            rows = of_task(table, task, target=target)
            x, y = (mean_interval(np.zeros(len(rows["gain"])), rows[name]) for name in ("misfit", "gain"))
            axes.errorbar(
                x.mean,
                y.mean,
                xerr=shown(x),
                yerr=shown(y),
                fmt=MARKERS[task],
                color=COLOURS["student"],
                markerfacecolor=filled,
                elinewidth=0.9,
                label=task if target == "gold" else None,
            )
            right = max(right, float(x.mean[0]))
    _diagonal(axes, 0.0, 1.15 * right)
    axes.axhline(0.0, **LINES["zero"])
    axes.set(xlabel="misfit, KL(student ‖ weak)", ylabel="gain, student trained by reverse KL")
    axes.set_title("Real tasks: by gold labels,\nand by the ceiling (hollow)")
    axes.legend(fontsize=8, loc="upper left")


def _controls(axes: Axes, table: dict[str, np.ndarray]) -> None:
    values = [1.0]
    for control, filled in zip(IGNORANT, (COLOURS["control"], "none"), strict=True):
        parts = [of_task(table, task, target="gold", control=control) for task in tasks(table)]
        (x, across), (y, up) = (_means([part[name] for part in parts]) for name in ("misfit", "gain"))
        hidden = int(np.sum(y <= 0))  # a logarithmic axis has no place for them
        label = control + (f" ({hidden} of {len(y)} below 0)" if hidden else "")
        for place, task in enumerate(tasks(table)):
            if y[place] > 0 or not place:
                one = slice(place, place + 1)
                look: dict[str, Any] = {"color": COLOURS["control"], "markerfacecolor": filled, "elinewidth": 0.9}
                bars = {"xerr": across[one], "yerr": up[one], "label": None if place else label}
                axes.errorbar(x[one], y[one], fmt=MARKERS[task], zorder=3, **bars, **look)
        values += [*x, *y[y > 0]]
    _diagonal(axes, min(values) / 1.6, 1.6 * max(values))
    axes.set(xscale="log", yscale="log", xlabel="misfit", ylabel="gain")
    axes.set_title("Controls: students of\nignorant teachers")
    axes.legend(fontsize=8, loc="lower right")


def _means(samples: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Mean of each sample, and half of its interval."""
    bars = [mean_interval(np.zeros(len(values)), values) for values in samples]
    return np.concatenate([b.mean for b in bars]), np.concatenate([shown(b) for b in bars])


def _menu(axes: Axes, table: dict[str, np.ndarray]) -> None:
    names = tasks(table)
    for what, shift, colour, label in (
        ("accuracy", -0.14, COLOURS["student"], "accuracy, share of test rows"),
        ("cross-entropy", 0.14, COLOURS["weak"], "cross-entropy saved, nats"),
    ):
        for place, task in enumerate(names):
            values = losses(table, task, what)
            bars = mean_interval(np.zeros(len(values)), values)
            axes.errorbar(
                bars.mean,
                [place + shift],
                xerr=shown(bars),
                fmt=MARKERS[task],
                color=colour,
                elinewidth=1.2,
                label=label if place == 0 else None,
            )
    axes.axvline(0.0, **LINES["zero"])
    axes.set_yticks(range(len(names)), [task.replace("_", "\n") for task in names], fontsize=9)
    axes.set_ylim(len(names) - 0.4, -1.0)
    axes.set_xlabel("reverse KL better than forward KL by")
    axes.set_title("Which loss makes the better\nstudent of weak labels")
    axes.legend(fontsize=8, loc="upper right")


def _diagonal(axes: Axes, low: float, high: float) -> None:
    axes.plot([low, high], [low, high], label="gain = misfit", zorder=1, **LINES["theory"])
